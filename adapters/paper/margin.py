"""Cross margin: what an account has, what it must have, and where it breaks.

The scheme is Hyperliquid's ("Margining" and "Liquidations" in its documentation): all perpetuals of an account share
one collateral; a position needs notional / leverage to be opened and maintenance · notional to be kept.
Spot holdings are paid in full and back nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from adapters.model import ZERO, Side, Symbol
from adapters.paper.matching import Market
from adapters.paper.state import PaperAccount, Working

Markets = Mapping[Symbol, Market]


def equity_and_cash(account: PaperAccount, markets: Markets) -> tuple[Decimal, Decimal]:
    """All that the account is worth at the marks, and its cash as a trader reads it, USD.

    A perpetual's notional is not spent, so only its results count as cash.
    """
    equity = cash = account.ledger.cash
    for symbol, held in account.ledger.holdings.items():
        market = markets[symbol]
        equity += held.size * market.mark
        if not market.is_spot:
            cash += held.cost
    return equity, cash


def collateral(account: PaperAccount, markets: Markets) -> Decimal:
    """What stands behind the perpetuals and can pay for spot, USD."""
    perps = ((markets[symbol], held) for symbol, held in account.ledger.holdings.items())
    values = (held.size * market.mark for market, held in perps if not market.is_spot)
    return account.ledger.cash + sum(values, ZERO)


def maintenance(account: PaperAccount, markets: Markets) -> Decimal:
    """The collateral below which the account is liquidated, USD."""
    required = ZERO
    for symbol, held in account.ledger.holdings.items():
        market = markets[symbol]
        if held.size and not market.is_spot:
            required += abs(held.size) * market.mark * market.instrument.maintenance_margin
    return required


def initial(
    account: PaperAccount, markets: Markets, *, extra: Working | None = None, leverage: int | None = None
) -> Decimal:
    """The collateral that positions and orders tie up, USD.

    A perpetual counts with the largest position that its orders could lead to, max(|q|, |q + buys|, |q - sells|), at
    the mark. A spot buy counts with its price and taker fee. Reduce-only orders count nothing.

    Args:
        account: whose.
        markets: for marks and rules.
        extra: an order that is asked for and not in the book yet.
        leverage: for the symbol of ``extra``, instead of the account's own.
    """
    required = ZERO
    reach: dict[Symbol, tuple[Decimal, Decimal]] = {
        symbol: (held.size, held.size)
        for symbol, held in account.ledger.holdings.items()
        if held.size and not markets[symbol].is_spot
    }
    for working in (*account.arrived(), *((extra,) if extra is not None else ())):
        order = working.order
        market = markets[order.symbol]
        if order.reduce_only or (market.is_spot and order.side is Side.SELL):
            continue
        if market.is_spot:
            fee = max(market.instrument.taker_fee, market.instrument.maker_fee)
            required += working.remaining * working.worst_price * (1 + fee)
            continue
        low, high = reach.get(order.symbol, (ZERO, ZERO))
        if order.side is Side.BUY:
            reach[order.symbol] = low, high + working.remaining
        else:
            reach[order.symbol] = low - working.remaining, high
    for symbol, (low, high) in reach.items():
        held_size = account.ledger.size(symbol)
        asked = leverage if extra is not None and extra.order.symbol == symbol else None
        worst = max(abs(held_size), abs(low), abs(high)) * markets[symbol].mark
        required += worst / (asked or account.leverage.get(symbol, 1))
    return required


def is_breached(account: PaperAccount, markets: Markets) -> bool:
    """Whether the account must be liquidated: ``collateral`` below ``maintenance``, in one pass."""
    surplus, has_position = account.ledger.cash, False
    for symbol, held in account.ledger.holdings.items():
        market = markets[symbol]
        if held.size and not market.is_spot:
            value = held.size * market.mark
            surplus += value - abs(value) * market.instrument.maintenance_margin
            has_position = True
    return has_position and surplus < 0


def liquidation_price(account: PaperAccount, markets: Markets, symbol: Symbol) -> Decimal | None:
    """The mark of ``symbol`` at which the account is liquidated, all other marks as they are; None if there is none.

    Solves collateral + q · (p - mark) = other maintenance + rate · |q| · p for p.
    """
    market = markets[symbol]
    size = account.ledger.size(symbol)
    if not size or market.is_spot:
        return None
    rate = market.instrument.maintenance_margin
    others = maintenance(account, markets) - rate * abs(size) * market.mark
    price = (others - collateral(account, markets) + size * market.mark) / (size - rate * abs(size))
    return price if price > 0 else None
