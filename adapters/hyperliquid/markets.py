"""Hyperliquid's markets: their rules, names and numbers.

A perpetual is known by its coin ("BTC"), a spot pair by the exchange's own name where it has one ("PURR/USDC") and else
by its tokens ("HYPE/USDC" for what the wire calls "@107"). Prices have at most five significant digits, and at most
6 decimals less the size's for perpetuals, 8 for spot; whole numbers are always allowed.

Source: Hyperliquid API documentation, "Tick and lot size", "Asset IDs", "Fees".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from adapters.errors import InvalidParam
from adapters.hyperliquid.network import VENUE
from adapters.hyperliquid.wire import PerpAsset, PerpMeta, SpotMeta
from adapters.market.instruments import MAJORS
from adapters.model import Instrument, InstrumentKind, MarketMode, Symbol

PRICE_FIGURES = 5
PERP_DECIMALS = 6
SPOT_DECIMALS = 8
SPOT_FIRST = 10_000  # the number of the first spot pair
MIN_NOTIONAL_USD = Decimal(10)
SPOT_MAKER_FEE = Decimal("0.0004")  # of the lowest tier, as are the instrument's own defaults for perpetuals
SPOT_TAKER_FEE = Decimal("0.0007")


@dataclass(frozen=True, slots=True)
class Market:
    """One market.

    Args:
        instrument: its rules, under our name.
        coin: its name on the wire.
        asset: its number on the wire.
        base: the token that is held after buying spot; empty for perpetuals.
        is_cross_allowed: whether positions may share the account's margin.
    """

    instrument: Instrument
    coin: str
    asset: int
    base: str = ""
    is_cross_allowed: bool = True

    @property
    def is_spot(self) -> bool:
        return self.instrument.kind is InstrumentKind.SPOT


class Markets:
    """All markets, by our name and by the exchange's."""

    def __init__(self, markets: Iterable[Market]) -> None:
        self._by_symbol = {market.instrument.symbol: market for market in markets}
        self._by_coin = {market.coin: market for market in self._by_symbol.values()}
        self.instruments: Mapping[Symbol, Instrument] = {
            symbol: market.instrument for symbol, market in self._by_symbol.items()
        }

    @classmethod
    def listed(cls, perps: PerpMeta, spot: SpotMeta) -> Markets:
        """The markets that the exchange lists."""
        return cls([*_perps(perps), *_spot(spot)])

    def of(self, symbol: Symbol) -> Market:
        """The market of our name. Raises ``InvalidParam`` when there is none."""
        if symbol not in self._by_symbol:
            raise InvalidParam(f"there is no market {symbol}", venue=VENUE)
        return self._by_symbol[symbol]

    def of_coin(self, coin: str) -> Market | None:
        """The market of the exchange's name; ``None`` for what we do not follow, such as other parties' exchanges."""
        return self._by_coin.get(coin)

    def symbol_of(self, coin: str) -> Symbol:
        """Our name, or the exchange's for a market that we do not follow."""
        market = self._by_coin.get(coin)
        return market.instrument.symbol if market else Symbol(coin)

    def spot(self) -> Iterable[Market]:
        """The spot pairs."""
        return (market for market in self._by_symbol.values() if market.is_spot)


def _perps(meta: PerpMeta) -> Iterable[Market]:
    for number, asset in enumerate(meta.universe):
        yield Market(
            Instrument(
                symbol=Symbol(asset.name),
                tick=Decimal(1).scaleb(asset.step_decimals - PERP_DECIMALS),
                price_figures=PRICE_FIGURES,
                step=Decimal(1).scaleb(-asset.step_decimals),
                min_notional_usd=MIN_NOTIONAL_USD,
                max_leverage=asset.max_leverage,
                maintenance_margin=Decimal(1) / (2 * max(asset.max_leverage, 1)),
                is_major=asset.name in MAJORS,
                mode=_mode(asset),
            ),
            coin=asset.name,
            asset=number,
            is_cross_allowed=not asset.only_isolated,
        )


def _spot(meta: SpotMeta) -> Iterable[Market]:
    tokens = {token.index: token for token in meta.tokens}
    names: set[str] = set()
    for pair in meta.universe:
        base, quote = (tokens.get(index) for index in pair.tokens)
        if base is None or quote is None:
            continue
        name = pair.name if "/" in pair.name else f"{base.name}/{quote.name}"
        if name in names:  # a second pair of the same tokens' names goes by the exchange's own
            name = pair.name
        names.add(name)
        yield Market(
            Instrument(
                symbol=Symbol(name),
                kind=InstrumentKind.SPOT,
                tick=Decimal(1).scaleb(base.step_decimals - SPOT_DECIMALS),
                price_figures=PRICE_FIGURES,
                step=Decimal(1).scaleb(-base.step_decimals),
                min_notional_usd=MIN_NOTIONAL_USD,
                max_leverage=1,
                maker_fee=SPOT_MAKER_FEE,
                taker_fee=SPOT_TAKER_FEE,
                maintenance_margin=Decimal(0),
                is_major=base.name in MAJORS,
            ),
            coin=pair.name,
            asset=SPOT_FIRST + pair.index,
            base=base.name,
        )


def _mode(asset: PerpAsset) -> MarketMode:
    return MarketMode.DELISTED if asset.is_delisted else MarketMode.OPEN
