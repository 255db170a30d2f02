"""Worst-case exposure: what a market can become when any of the orders in it fills and the others do not.

Orders whose outcome is unknown count as open; those that can only reduce do not count. The same arithmetic serves
the review and the wallet's ledger, in base units as in USD, so that what a review takes from the lease is to the
cent what the ledger then counts as used. In USD, positions are worth their mark and orders their reserve price.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.model import Side


def worst_case(position: Decimal, buys: Decimal, sells: Decimal) -> Decimal:
    """The furthest that the position can get from flat: ``max(|q|, |q + buys|, |q - sells|)``.

    Args:
        position: signed; base, or USD at the mark.
        buys: all buy orders that could add to it; base, or USD at their reserve prices.
        sells: the same of the sell orders.
    """
    return max(abs(position), abs(position + buys), abs(position - sells))


def added(position: Decimal, buys: Decimal, sells: Decimal, side: Side, amount: Decimal) -> Decimal:
    """By how much one more order raises the worst case, in the unit of its arguments; 0 when it only offsets."""
    buys_after, sells_after = (buys + amount, sells) if side is Side.BUY else (buys, sells + amount)
    return worst_case(position, buys_after, sells_after) - worst_case(position, buys, sells)


def reserve_price(limit: Decimal, mark: Decimal) -> Decimal:
    """The price at which a limit order's exposure is reserved: the higher of its limit and the mark.

    A sell may fill above its limit, where the mark is. A buy never does, but one that turns a short position into a
    long one offsets a part that is worth its mark, and must not be worth less.
    """
    return max(limit, mark)
