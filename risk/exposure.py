"""Worst-case exposure: what a market can become when any of the orders in it fills and the others do not.

Orders whose outcome is unknown count as open; those that can only reduce do not count. The same arithmetic serves
the review and the wallet's ledger, in base units as in USD, so that what a review takes from the lease is to the
cent what the ledger then counts as used. In USD, a position counts at its mark or at what it was paid, whichever is
more, and an order at its reserve price: so a fill never raises what is used, and no move of the market lowers it below
what was spent.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.model import Side

SELL_BAND = Decimal("0.02")  # fraction of the mark that a bid may rise while a sell is on its way


def worst_case(position: Decimal, buys: Decimal, sells: Decimal, cover: Decimal | None = None) -> Decimal:
    """The furthest that the position can get from flat: ``max(|q|, |q + buys|, |q - sells|)``.

    Args:
        position: signed; base, or USD.
        buys: all buy orders that could add to it; base, or USD at their reserve prices.
        sells: the same of the sell orders.
        cover: how much of the opposite orders the position takes up before they turn it around; in USD that is its
            worth at the lowest price at which such an order is counted, its size in base.
    """
    offset = abs(position) if cover is None else cover
    if position >= 0:
        return max(position + buys, sells - offset)
    return max(sells - position, buys - offset)


def added(
    position: Decimal,
    buys: Decimal,
    sells: Decimal,
    side: Side,
    amount: Decimal,
    cover: Decimal | None = None,
) -> Decimal:
    """By how much one more order raises the worst case, in the unit of its arguments; 0 when it only offsets."""
    buys_after, sells_after = (buys + amount, sells) if side is Side.BUY else (buys, sells + amount)
    return worst_case(position, buys_after, sells_after, cover) - worst_case(position, buys, sells, cover)


def reserve_price(side: Side, limit: Decimal, mark: Decimal) -> Decimal:
    """The price at which an order's exposure is counted, frozen when it is written ahead.

    A buy fills at its limit at most; but one that turns a short position into a long one offsets a part that is worth
    its mark, and must not be worth less. A sell may fill above its limit, where the bid is by then: ``SELL_BAND``
    above the mark at most.
    """
    return max(limit, mark) if side is Side.BUY else max(limit, mark * (1 + SELL_BAND))
