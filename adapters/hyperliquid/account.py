"""Positions and worth of an account, from what the exchange says of its perpetuals and its spot balances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from adapters.errors import Temporary
from adapters.hyperliquid.markets import Market, Markets
from adapters.hyperliquid.network import VENUE
from adapters.hyperliquid.wire import Balance, ClearinghouseState, PositionLine, SpotState
from adapters.market.wire import at_ms
from adapters.model import ZERO, Account, Position

CASH = "USDC"
Mids = Mapping[str, Decimal]  # by the exchange's name of the market


def perp_positions(state: ClearinghouseState, markets: Markets) -> list[Position]:
    """What is held in perpetuals."""
    return [_perp(item.position, markets) for item in state.positions if item.position.size]


def spot_positions(spot: SpotState, markets: Markets, mids: Mids) -> list[Position]:
    """What is held of tokens that can be sold for USDC."""
    return [
        Position(
            symbol=market.instrument.symbol,
            size=balance.total,
            entry_price=balance.paid / balance.total,
            mark_price=mids.get(market.coin, ZERO),
        )
        for balance, market in _holdings(spot, markets)
    ]


def has_holdings(spot: SpotState, markets: Markets) -> bool:
    """Whether anything but cash is held."""
    return any(True for _ in _holdings(spot, markets))


def worth(state: ClearinghouseState, spot: SpotState, markets: Markets, mids: Mids) -> Account:
    """Perpetuals' equity, spot cash, and spot holdings at their mid prices.

    Raises:
        Temporary: the answer has no time, or a holding no price.
    """
    if state.time is None:
        raise Temporary("clearinghouseState without a time", venue=VENUE)
    margin = state.margin or state.cross
    cash = next((balance for balance in spot.balances if balance.coin == CASH), Balance(CASH, ZERO))
    holdings = ZERO
    for balance, market in _holdings(spot, markets):
        if market.coin not in mids:
            raise Temporary(f"no price of {market.instrument.symbol}", venue=VENUE)
        holdings += balance.total * mids[market.coin]
    return Account(
        equity_usd=margin.account_value + cash.total + holdings,
        cash_usd=state.withdrawable + cash.total - cash.hold,
        margin_used_usd=margin.margin_used,
        at=at_ms(state.time),
    )


def _perp(line: PositionLine, markets: Markets) -> Position:
    return Position(
        symbol=markets.symbol_of(line.coin),
        size=line.size,
        entry_price=line.entry_price or ZERO,
        mark_price=abs(line.value / line.size),
        leverage=line.leverage.value,
        liquidation_price=line.liquidation_price,
    )


def _holdings(spot: SpotState, markets: Markets) -> Iterable[tuple[Balance, Market]]:
    pairs = {
        market.base: market for market in markets.spot() if market.instrument.symbol.endswith(f"/{CASH}")
    }
    return (
        (balance, pairs[balance.coin])
        for balance in spot.balances
        if balance.total > 0 and balance.coin in pairs
    )
