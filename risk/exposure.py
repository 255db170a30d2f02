"""Worst-case exposure: what a market can become when any of the orders in it fills and the others do not.

Orders whose outcome is unknown count as open; those that can only reduce do not count. The same arithmetic serves
the review and the wallet's ledger, in base units as in USD. In USD, a position counts at its mark or at what it was
paid, whichever is more, and an order at its reserve price. So a fill never raises what is used, nor does a close, and
no move of the market lowers it below what was spent.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.model import ZERO, Account, Side

SELL_BAND = Decimal("0.02")  # fraction of the mark that a bid may rise while a sell is on its way


def worst_case(position: Decimal, buys: Decimal, sells: Decimal) -> Decimal:
    """The furthest that the position can get from flat: ``max(|q| + orders on its side, orders on the other side)``.

    A position does not pay for the orders on its other side, as ``|q - sells|`` would have it: its stop may fire first,
    and what is then left of it is those orders alone.

    Args:
        position: signed; base, or USD.
        buys: all buy orders that could add to it; base, or USD at their reserve prices.
        sells: the same of the sell orders.
    """
    return max(position + buys, sells) if position >= 0 else max(sells - position, buys)


def added(position: Decimal, buys: Decimal, sells: Decimal, side: Side, amount: Decimal) -> Decimal:
    """By how much one more order raises the worst case, in the unit of its arguments; 0 when it only offsets."""
    buys_after, sells_after = (buys + amount, sells) if side is Side.BUY else (buys, sells + amount)
    return worst_case(position, buys_after, sells_after) - worst_case(position, buys, sells)


def reserve_price(side: Side, limit: Decimal, mark: Decimal) -> Decimal:
    """The price at which an order's exposure is counted, frozen when it is written ahead.

    A buy fills at its limit at most, and is then worth its mark. A sell may fill above its limit, where the bid is by
    then: ``SELL_BAND`` above the mark at most.
    """
    return max(limit, mark) if side is Side.BUY else max(limit, mark * (1 + SELL_BAND))


def margin_usage_pct(account: Account, more_usd: Decimal = ZERO) -> Decimal:
    """The part of the equity that is bound as margin, %, with so much more of it; without equity, infinite."""
    if account.equity_usd <= 0:
        return Decimal("Infinity")
    return (account.margin_used_usd + more_usd) / account.equity_usd * 100
