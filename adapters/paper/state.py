"""What the exchange remembers of an account and of an order, and what one call has changed of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from adapters.model import (
    ZERO,
    ClientOrderId,
    Fill,
    Order,
    OrderReport,
    OrderStatus,
    Symbol,
)
from adapters.paper.ledger import Ledger
from adapters.venue import UserEvent

UNKNOWN_QUEUE = Decimal("Infinity")  # a queue whose length nobody has seen is taken for endless
FINISHED_KEPT = 50_000  # orders per account, so that a late duplicate still gets its answer


@dataclass(slots=True, kw_only=True, eq=False)
class Working:
    """An order at the exchange, from its acceptance to its end."""

    account: str
    order: Order
    priority: int  # the number of its arrival: time priority
    at: datetime  # of its last change
    status: OrderStatus = OrderStatus.OPEN
    filled: Decimal = ZERO  # base
    notional: Decimal = ZERO  # USD, of what is filled
    reason: str = ""
    ahead: Decimal = UNKNOWN_QUEUE  # base, of others, that trades at its price before it does
    worst_price: Decimal = ZERO  # at which cash is set aside for it on a spot market
    in_flight: bool = False  # sent, but not arrived yet
    triggered: bool = False  # a stop or target that has become a market order

    @property
    def remaining(self) -> Decimal:
        return self.order.size - self.filled

    @property
    def is_open(self) -> bool:
        return self.status is OrderStatus.OPEN

    @property
    def limit(self) -> Decimal:
        """The limit price of a limit order."""
        assert self.order.price is not None
        return self.order.price

    @property
    def trigger(self) -> Decimal:
        """The trigger price of a stop or target."""
        assert self.order.trigger is not None
        return self.order.trigger

    def report(self) -> OrderReport:
        return OrderReport(
            order=self.order,
            status=self.status,
            filled=self.filled,
            average_price=self.notional / self.filled if self.filled else None,
            reason=self.reason,
            at=self.at,
        )


@dataclass(slots=True, kw_only=True)
class PaperAccount:
    """One account: its ledger, its settings, its orders."""

    name: str
    ledger: Ledger
    leverage: dict[Symbol, int] = field(default_factory=dict)  # 1 until an order asks for another
    fill_count: int = 0
    liquidation_count: int = 0
    working: dict[ClientOrderId, Working] = field(default_factory=dict)
    finished: dict[ClientOrderId, OrderReport] = field(default_factory=dict)  # newest last

    def arrived(self, symbol: Symbol | None = None) -> Iterator[Working]:
        """Open orders that are in the book, of one symbol or of all."""
        for working in tuple(self.working.values()):
            if working.is_open and not working.in_flight and symbol in (None, working.order.symbol):
                yield working

    def report(self, order_id: ClientOrderId) -> OrderReport | None:
        """The order by its id, open or final; None if it is not known."""
        working = self.working.get(order_id)
        return working.report() if working is not None else self.finished.get(order_id)


class Verb(StrEnum):
    """What is on its way to the book."""

    PLACE = "place"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """A command between its sender and the book."""

    number: int  # the order of sending, which is the order of arrival
    due: datetime
    verb: Verb
    account: str
    symbol: Symbol
    order_id: ClientOrderId


@dataclass(slots=True)
class Changes:
    """What one call has changed: first it is stored, then it is told."""

    accounts: set[str] = field(default_factory=set)
    markets: set[Symbol] = field(default_factory=set)
    orders: dict[tuple[str, ClientOrderId], Working] = field(default_factory=dict)
    forgotten: list[tuple[str, ClientOrderId]] = field(default_factory=list)
    fills: list[tuple[str, Fill]] = field(default_factory=list)
    sent: list[InFlight] = field(default_factory=list)
    landed: list[int] = field(default_factory=list)
    history: list[tuple[str, UserEvent]] = field(default_factory=list)
    news: deque[tuple[str, UserEvent]] = field(default_factory=deque)

    def __bool__(self) -> bool:
        return bool(self.orders or self.accounts or self.landed or self.markets)

    def report(self, working: Working) -> None:
        """The order changed and its owner is to know."""
        self.touch(working)
        self._happened(working.account, working.report())

    def touch(self, working: Working) -> None:
        """The order changed in a way that only the exchange sees. The newest change stands last."""
        key = (working.account, working.order.id)
        self.orders.pop(key, None)
        self.orders[key] = working

    def fill(self, account: str, fill: Fill) -> None:
        self.accounts.add(account)
        self.fills.append((account, fill))
        self._happened(account, fill)

    def clear_stored(self) -> None:
        """Forget everything but the news that are still to be told."""
        for part in (
            self.accounts,
            self.markets,
            self.orders,
            self.forgotten,
            self.fills,
            self.sent,
            self.landed,
            self.history,
        ):
            part.clear()

    def _happened(self, account: str, event: UserEvent) -> None:
        self.history.append((account, event))
        self.news.append((account, event))
