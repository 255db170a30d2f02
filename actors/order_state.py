"""The life of an order as its wallet knows it.

    INTENDED ──accept──► OPEN ──fill──► FILLED
       │ └──lose──► UNKNOWN ──accept──► OPEN        (the venue had it after all)
       │               └──reject──► REJECTED        (proof that it never arrived)
       └──reject──► REJECTED      OPEN ──cancel──► CANCELLED

Only a final state gives reserved exposure back, and only the venue's word or a proof leads to one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from adapters.model import OrderStatus


class IllegalTransition(Exception):
    """A bug of ours: the table has no row for what was applied."""


class OrderState(StrEnum):
    """Where an order stands in the wallet's ledger."""

    INTENDED = "intended"  # in the journal; it may or may not have been sent
    OPEN = "open"
    UNKNOWN = "unknown"  # sent, and nobody knows: the reservation stays
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


class OrderEvent(StrEnum):
    """What can be learned about an order."""

    ACCEPT = "accept"
    LOSE = "lose"  # timeout or broken connection after sending
    FILL = "fill"  # filled to the last step
    CANCEL = "cancel"
    REJECT = "reject"
    EXPIRE = "expire"


_FINAL = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED})

_S, _E = OrderState, OrderEvent
TRANSITIONS: Mapping[tuple[OrderState, OrderEvent], OrderState] = MappingProxyType(
    {
        (_S.INTENDED, _E.ACCEPT): _S.OPEN,
        (_S.INTENDED, _E.LOSE): _S.UNKNOWN,
        (_S.INTENDED, _E.REJECT): _S.REJECTED,
        (_S.INTENDED, _E.EXPIRE): _S.EXPIRED,
        (_S.INTENDED, _E.FILL): _S.FILLED,  # the fill overtook the acknowledgement
        (_S.INTENDED, _E.CANCEL): _S.CANCELLED,  # an IOC that found nothing
        (_S.UNKNOWN, _E.LOSE): _S.UNKNOWN,
        (_S.UNKNOWN, _E.ACCEPT): _S.OPEN,
        (_S.UNKNOWN, _E.FILL): _S.FILLED,
        (_S.UNKNOWN, _E.CANCEL): _S.CANCELLED,
        (_S.UNKNOWN, _E.REJECT): _S.REJECTED,
        (_S.UNKNOWN, _E.EXPIRE): _S.EXPIRED,
        (_S.OPEN, _E.ACCEPT): _S.OPEN,
        (_S.OPEN, _E.LOSE): _S.OPEN,  # a stream already told us more than the lost answer would have
        (_S.OPEN, _E.FILL): _S.FILLED,
        (_S.OPEN, _E.CANCEL): _S.CANCELLED,
        (_S.OPEN, _E.REJECT): _S.REJECTED,  # a late rejection by the matching engine
        (_S.OPEN, _E.EXPIRE): _S.EXPIRED,
        (_S.CANCELLED, _E.FILL): _S.FILLED,  # a cancel that met a fill: quantities win
        (_S.REJECTED, _E.FILL): _S.FILLED,  # the venue contradicts itself: what traded, traded
        (_S.EXPIRED, _E.FILL): _S.FILLED,
        **{(final, event): final for final in _FINAL for event in _E if event is not _E.FILL},  # late news
        (_S.FILLED, _E.FILL): _S.FILLED,
    }
)

EVENT_OF_STATUS: Mapping[OrderStatus, OrderEvent] = MappingProxyType(
    {
        OrderStatus.OPEN: OrderEvent.ACCEPT,
        OrderStatus.FILLED: OrderEvent.FILL,
        OrderStatus.CANCELLED: OrderEvent.CANCEL,
        OrderStatus.REJECTED: OrderEvent.REJECT,
        OrderStatus.EXPIRED: OrderEvent.EXPIRE,
    }
)


def after(state: OrderState, event: OrderEvent) -> OrderState:
    """The next state. Raises ``IllegalTransition`` for a pair without a row."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"order: {event} while {state}") from None
