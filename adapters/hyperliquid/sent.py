"""What this process has asked for: each order under one nonce and one signature, for ever.

The exchange does not say that it takes a client order id once; it does say so of a nonce. An order that is placed again
is therefore the same signed bytes again: had the first copy arrived, the second is refused, and whichever comes first
is the only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapters.hyperliquid.client import Signed
from adapters.model import ClientOrderId, Order, OrderReport

KEPT = 20_000  # orders; older ones have long ended, and an old nonce is not taken any more


@dataclass(slots=True)
class Sent:
    """One order that was signed."""

    order: Order
    asset: int
    signed: Signed
    copies: int = 0  # that may have left us
    oid: int | None = None  # the exchange's number, once it has told
    report: OrderReport | None = None  # the last answer of the exchange that is not older than another

    @property
    def end(self) -> OrderReport | None:
        """How it ended, if the exchange has said so."""
        return self.report if self.report is not None and self.report.status.is_final else None


class SentOrders:
    """By our id."""

    def __init__(self) -> None:
        self._sent: dict[ClientOrderId, Sent] = {}
        self._ids: dict[int, ClientOrderId] = {}  # by the exchange's number

    def get(self, order_id: ClientOrderId) -> Sent | None:
        """The order, if this process has signed it."""
        return self._sent.get(order_id)

    def keep(self, orders: Iterable[tuple[Order, int]], signed: Signed) -> list[Sent]:
        """Orders with their markets' numbers, all in one signed action."""
        kept = [Sent(order, asset, signed) for order, asset in orders]
        self._sent.update((sent.order.id, sent) for sent in kept)
        for order_id in list(self._outdated()):
            self._ids.pop(self._sent.pop(order_id).oid or -1, None)
        return kept

    def numbered(self, order_id: ClientOrderId, oid: int) -> None:
        """The exchange's number of an order."""
        sent = self._sent.get(order_id)
        if sent is not None:
            sent.oid = oid
            self._ids[oid] = order_id

    def id_of(self, oid: int) -> ClientOrderId | None:
        """Our id of the order that the exchange has under this number, if this process has sent it."""
        return self._ids.get(oid)

    def forget(self, order_id: ClientOrderId) -> None:
        """Nothing was done under its nonce, nor ever will be."""
        self._sent.pop(order_id, None)

    def _outdated(self) -> Iterator[ClientOrderId]:
        excess = len(self._sent) - KEPT
        return (order_id for order_id, _ in zip(self._sent, range(excess), strict=False))
