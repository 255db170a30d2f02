"""All that the exchange itself remembers of a run, read from its file once it has ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from adapters.model import Fill, OrderReport, OrderStatus, Symbol
from adapters.paper.ledger import TrialBalance, trial_balance
from adapters.paper.storage import PaperStorage, Saved
from adapters.venue import UserEvent
from risk.intent import is_ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of the history."""

    number: int
    account: str
    event: UserEvent
    wall: datetime  # when it happened, by the newest order before it: fills bear the market's time
    is_new: bool  # the first word of an order


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRecord:
    """See the module."""

    entries: Sequence[Entry]
    sizes: Mapping[str, Mapping[Symbol, Decimal]]  # positions by account
    resting: Sequence[tuple[str, OrderReport]]  # with their account
    balance: TrialBalance

    @property
    def fills(self) -> Iterator[tuple[str, Fill]]:
        return ((entry.account, entry.event) for entry in self.entries if isinstance(entry.event, Fill))

    @property
    def orders(self) -> int:
        """How many it has accepted."""
        return sum(
            entry.is_new and isinstance(entry.event, OrderReport) and entry.event.status is OrderStatus.OPEN
            for entry in self.entries
        )


def read(path: Path) -> VenueRecord:
    """The record in a paper exchange's file. Raises ``ConfigError`` while the exchange still runs."""
    with closing(PaperStorage(path)) as storage:
        saved = storage.load()
        assert saved is not None, f"{path} holds no exchange"
        return VenueRecord(
            entries=list(_entries(storage)),
            sizes={
                row.name: {symbol: held.size for symbol, held in row.ledger.holdings.items() if held.size}
                for row in saved.accounts
            },
            resting=[(order.account, order.report()) for order in saved.orders if order.is_open],
            balance=_balance(saved),
        )


def _entries(storage: PaperStorage) -> Iterator[Entry]:
    wall = datetime.min.replace(tzinfo=UTC)
    seen: set[str] = set()
    for number, account, event in storage.history():
        is_new = isinstance(event, OrderReport) and event.order.id not in seen
        if isinstance(event, OrderReport):
            seen.add(event.order.id)
            if is_ours(event.order.id) and (is_new or event.reason == "cancelled"):
                wall = max(wall, event.at)
        yield Entry(number=number, account=account, event=event, wall=wall, is_new=is_new)


def _balance(saved: Saved) -> TrialBalance:
    return trial_balance(saved.house.house, {row.name: row.ledger for row in saved.accounts})
