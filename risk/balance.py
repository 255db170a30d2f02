"""Parent and children: what is sent for a wish never comes to more than the wish.

A parent is a quantity that was asked for once: an intent's size, a holding that shall be closed. Its children are the
orders that stand for it at the gateway. The lack of this check, in its place, is what cost Knight Capital its firm
(SEC release 34-70694).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from adapters.model import ZERO
from risk.verdict import Refusal


def child_room(parent: Decimal, children: Iterable[Decimal]) -> Decimal:
    """The largest further child; 0 once the children have come to the parent, or beyond it.

    Args:
        parent: what was asked for, base.
        children: what each order for it has taken: all of its size while it may still trade, then what it traded.
    """
    return max(ZERO, parent - sum(children, ZERO))


def parent_balance(parent: Decimal, children: Iterable[Decimal], size: Decimal) -> Refusal | None:
    """One more child of this size fits into what is left of the parent, to the last digit."""
    room = child_room(parent, children)
    if size <= room:
        return None
    return Refusal(
        detail=f"{size} asked, {room} of {parent} is left to send", limit=str(room), value=str(size)
    )
