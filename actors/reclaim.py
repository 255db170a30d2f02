"""What a wallet does that lost its journal: fence its predecessor, cancel, and read the venue's ledger.

What the predecessor had on its way is known to nobody. Its lease has lapsed when this begins, so it sends nothing new;
what it had sent is refused by the venue once its expiry has passed there. Only then does the venue's ledger say all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from actors.ledger import EXTERNAL
from actors.order_desk import OrderDesk
from actors.order_state import OrderState
from actors.readings import Readings
from adapters.model import BotId, ClientOrderId, Symbol
from adapters.venue import Fence, Venue
from risk.leases import CLOCK_ERROR, TAU

_Reading = tuple[Mapping[Symbol, Decimal], frozenset[ClientOrderId]]


class Reclaim:
    """One step at a time, between two renewals."""

    def __init__(
        self,
        venue: Venue,
        desk: OrderDesk,
        readings: Readings,
        alert: Callable[[str, BotId], None],
    ) -> None:
        self.is_due = False
        self.is_done = False
        self._venue = venue
        self._desk = desk
        self._readings = readings
        self._venue_clock = desk.venue_clock
        self._alert = alert
        self._fenced_at: datetime | None = None  # venue time
        self._last: _Reading | None = None

    async def step(self) -> None:
        """Go as far as is possible now; ``is_done`` when the ledger is the whole truth. Raises what the venue raises.

        Resting entries are cancelled by the wallet's upkeep while this is due.
        """
        if self._venue.fence is Fence.KEY:
            self._alert(
                "its journal is lost, and this venue cannot fence what may still be on its way: revoke the key",
                EXTERNAL,
            )
            return
        now = self._venue_clock.now()
        if now is None:
            return
        if self._fenced_at is None:
            self._fenced_at = now + TAU + 2 * CLOCK_ERROR
        if not self._venue_clock.surely_past(self._fenced_at):
            return
        await self._readings.recount()
        live = self._desk.ledger.live()
        reading = (self._readings.positions, frozenset(order.order.id for order in live))
        cancelled = all(order.purpose.reduces and order.state is OrderState.OPEN for order in live)
        self.is_done = cancelled and not self._readings.differing and reading == self._last
        self._last = reading
