"""What a bot has lately sent through its wallet: how much, how often the same, and what the venue made of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from actors.ledger import LedgerOrder
from actors.order_state import OrderState
from adapters.model import ClientOrderId
from risk.flow_rules import BOT_RATE_WINDOW_S
from risk.intent import Purpose, decision_of

KEPT = 50  # orders of a bot that are looked back at: what it may send in ten seconds


@dataclass(slots=True)
class Passage:
    """One order of the bot's on its way."""

    at: float  # monotonic
    order: LedgerOrder
    is_lost: bool = False  # nobody answered when it was sent: it was looked up, not judged


class Traffic:
    """One per bot. Every question comes with the time, by a monotonic clock."""

    def __init__(self) -> None:
        self._passages: deque[Passage] = deque(maxlen=KEPT)  # all but quotes
        self._entries: deque[Passage] = deque(maxlen=KEPT)  # those that could add risk
        self._entered: deque[float] = deque()  # when the last of these left

    def take(self, order: LedgerOrder, now: float) -> Passage:
        """An order leaves."""
        passage = Passage(now, order)
        if order.purpose is not Purpose.QUOTE:
            self._passages.append(passage)
        if not order.purpose.reduces:
            self._entries.append(passage)
            self._entered.append(now)
        return passage

    def entered_lately(self, now: float) -> int:
        """How many orders that could add risk left within ``flow_rules.BOT_RATE_WINDOW_S``."""
        while self._entered and now - self._entered[0] >= BOT_RATE_WINDOW_S:
            self._entered.popleft()
        return len(self._entered)

    def entries(self, now: float, window_s: float) -> list[LedgerOrder]:
        """Orders that could add risk and left within the window, oldest first."""
        return [passage.order for passage in self._entries if now - passage.at < window_s]

    def opens_of(self, order_id: ClientOrderId) -> int:
        """How many directional entries the decision behind this id has sent so far."""
        decision, opens = decision_of(order_id), 0
        for passage in reversed(self._entries):
            if decision_of(passage.order.order.id) != decision:
                break
            opens += passage.order.purpose is Purpose.OPEN
        return opens

    def verdicts(self, now: float, window_s: float) -> tuple[int, int]:
        """Orders of the window that the venue has judged, and those of them that it rejected.

        Quotes are left out: a post-only quote that would have taken is how a maker learns that the market has moved.
        """
        judged = [
            passage.order.state
            for passage in self._passages
            if now - passage.at < window_s and not passage.is_lost
        ]
        return len(judged), judged.count(OrderState.REJECTED)
