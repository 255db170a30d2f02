"""What is listed: assets by number and by name, and how exact their prices and sizes may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b

from adapters.model import Instrument, InstrumentKind, Symbol
from adapters.simulators.hyperliquid.wire import Json, number

SPOT_OFFSET = 10_000  # asset numbers of spot markets begin here
SIGNIFICANT_FIGURES = 5
PERP_DECIMALS = 6  # of a price, less the decimals of the size
SPOT_DECIMALS = 8
LEVERAGE_AT_FIRST = 20
_USDC: Json = {
    "name": "USDC",
    "szDecimals": 8,
    "weiDecimals": 8,
    "index": 0,
    "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
    "isCanonical": True,
    "evmContract": None,
    "fullName": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One market."""

    number: int  # in orders
    coin: str  # in everything else
    symbol: Symbol  # in the source of the market, and in the paper exchange
    size_decimals: int
    instrument: Instrument  # as the paper exchange has it

    @property
    def is_spot(self) -> bool:
        return self.instrument.kind is InstrumentKind.SPOT

    @property
    def token(self) -> str:
        """What is bought on a spot market: the PURR of "PURR/USDC"."""
        return self.coin.partition("/")[0]

    @property
    def leverage_at_first(self) -> int:
        return 1 if self.is_spot else min(LEVERAGE_AT_FIRST, self.instrument.max_leverage)

    def is_price(self, price: Decimal) -> bool:
        """Five significant figures and six (spot: eight) decimals less the size's; a whole number always may.

        Source: Hyperliquid documentation, "Tick and lot size".
        """
        digits = price.normalize().as_tuple()
        assert isinstance(digits.exponent, int)
        decimals = max(-digits.exponent, 0)
        finest = (SPOT_DECIMALS if self.is_spot else PERP_DECIMALS) - self.size_decimals
        return not decimals or (len(digits.digits) <= SIGNIFICANT_FIGURES and decimals <= finest)

    def is_size(self, size: Decimal) -> bool:
        return size % self.instrument.step == 0


class Listing:
    """All markets of the venue: the perpetuals from 0 on, the spot markets from 10,000 on.

    Args:
        instruments: what a market source lists, in its order. A symbol with a slash ("PURR/USDC") is a spot market.
            The step's decimals become ``szDecimals``; any price that is exact enough for the venue is on the tick.
    """

    def __init__(self, instruments: Mapping[Symbol, Instrument]) -> None:
        spot = [symbol for symbol in instruments if "/" in symbol]
        perps = [symbol for symbol in instruments if "/" not in symbol]
        self.perps = tuple(_asset(index, instruments[symbol]) for index, symbol in enumerate(perps))
        self.spot = tuple(
            _asset(SPOT_OFFSET + index, instruments[symbol]) for index, symbol in enumerate(spot)
        )
        self.assets = self.perps + self.spot
        self.by_number = {asset.number: asset for asset in self.assets}
        self.by_coin = {asset.coin: asset for asset in self.assets}
        self.by_symbol = {asset.symbol: asset for asset in self.assets}

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        """For the paper exchange."""
        return {asset.symbol: asset.instrument for asset in self.assets}

    def meta(self) -> Json:
        """The perpetuals."""
        leverages = sorted({asset.instrument.max_leverage for asset in self.perps}, reverse=True)
        return {
            "universe": [
                {
                    "szDecimals": asset.size_decimals,
                    "name": asset.coin,
                    "maxLeverage": asset.instrument.max_leverage,
                    "marginTableId": asset.instrument.max_leverage,
                }
                for asset in self.perps
            ],
            "marginTables": [[leverage, _one_tier(leverage)] for leverage in leverages],
            "collateralToken": 0,
        }

    def spot_meta(self) -> Json:
        """The spot markets and their tokens; USDC is token 0."""
        return {
            "universe": [
                {
                    "tokens": [self.token_index(asset), 0],
                    "name": asset.coin,
                    "index": asset.number - SPOT_OFFSET,
                    "isCanonical": True,
                }
                for asset in self.spot
            ],
            "tokens": [_USDC, *(self._token(asset) for asset in self.spot)],
        }

    def token_index(self, asset: Asset) -> int:
        """The number of a spot market's token."""
        return asset.number - SPOT_OFFSET + 1

    def _token(self, asset: Asset) -> Json:
        return {
            "name": asset.token,
            "szDecimals": asset.size_decimals,
            "weiDecimals": asset.size_decimals + 5,
            "index": self.token_index(asset),
            "tokenId": "0x" + blake2b(asset.token.encode(), digest_size=16).hexdigest(),
            "isCanonical": True,
            "evmContract": None,
            "fullName": None,
        }


def _asset(index: int, instrument: Instrument) -> Asset:
    exponent = instrument.step.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    decimals = max(-exponent, 0)
    is_spot = index >= SPOT_OFFSET
    tick = Decimal(1).scaleb(decimals - (SPOT_DECIMALS if is_spot else PERP_DECIMALS))
    kind = InstrumentKind.SPOT if is_spot else InstrumentKind.PERP
    return Asset(
        number=index,
        coin=instrument.symbol,
        symbol=instrument.symbol,
        size_decimals=decimals,
        instrument=replace(
            instrument,
            kind=kind,
            tick=min(tick, instrument.tick),
            step=Decimal(1).scaleb(-decimals),
            price_figures=SIGNIFICANT_FIGURES,
            max_leverage=1 if is_spot else instrument.max_leverage,
        ),
    )


def _one_tier(leverage: int) -> Json:
    return {"description": "", "marginTiers": [{"lowerBound": number(Decimal(0)), "maxLeverage": leverage}]}
