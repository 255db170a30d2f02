"""The exchange's memory: what was answered is never forgotten."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from adapters.clock import VirtualClock
from adapters.errors import ConfigError, NotFound, OutcomeUnknown
from adapters.model import Order, OrderStatus, Side, TimeInForce
from adapters.paper.exchange import PaperExchange
from adapters.paper.storage import PaperStorage
from adapters.venue import UserEvent
from tests.adapters.paper.builders import (
    BTC,
    COIN,
    PERP,
    START,
    Desk,
    a_bar,
    a_quote,
    a_trade,
    at,
    buy,
    fills_in,
    sell,
    stop,
)


class Reopened:
    """A desk whose exchange can die and come back from its file."""

    def __init__(self, path: Path, latency: timedelta = timedelta(0)) -> None:
        self._path = path
        self._latency = latency
        self.storage = PaperStorage(path)
        self.desk = Desk(storage=self.storage, latency=latency)

    def reopen(self) -> Desk:
        self.storage.close()
        self.storage = PaperStorage(self._path)
        self.desk = Desk(storage=self.storage, latency=self._latency)
        return self.desk

    def close(self) -> None:
        self.storage.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Reopened]:
    with closing(Reopened(tmp_path / "paper.db")) as reopened:
        yield reopened


@pytest.fixture
def slow_home(tmp_path: Path) -> Iterator[Reopened]:
    with closing(Reopened(tmp_path / "paper.db", latency=timedelta(seconds=1))) as reopened:
        yield reopened


def test_a_new_exchange_goes_on_where_the_last_one_ended(home: Reopened) -> None:
    desk = home.desk
    desk.on(a_quote(99, 101))
    taken, resting, guard, gone = buy(2, leverage=3), buy(1, 99), stop(Side.SELL, 2, 90), buy(1, 95)
    for order in (taken, resting, guard, gone):
        desk.place(order)
    desk.exchange.cancel("ann", gone.id)
    before = (
        desk.exchange.account_state("ann"),
        desk.exchange.positions("ann"),
        desk.exchange.open_orders("ann"),
        desk.exchange.fills_since("ann", 0),
        [desk.report(order) for order in (taken, resting, guard, gone)],
        desk.exchange.last_prices(),
        desk.exchange.trial_balance(),
    )
    desk = home.reopen()
    after = (
        desk.exchange.account_state("ann"),
        desk.exchange.positions("ann"),
        desk.exchange.open_orders("ann"),
        desk.exchange.fills_since("ann", 0),
        [desk.report(order) for order in (taken, resting, guard, gone)],
        desk.exchange.last_prices(),
        desk.exchange.trial_balance(),
    )
    assert after == before
    assert desk.place(taken) == before[4][0]


def test_a_queue_position_survives(home: Reopened) -> None:
    desk = home.desk
    desk.on(a_quote(99, 101, 5))
    order = buy(1, 99)
    desk.place(order)
    desk.on(a_trade(Side.SELL, 3, 99))
    desk = home.reopen()
    desk.on(a_quote(99, 101, 5))
    desk.on(a_trade(Side.SELL, 2, 99))
    assert desk.report(order).filled == 0
    desk.on(a_trade(Side.SELL, 2, 99))
    assert desk.report(order).status is OrderStatus.FILLED


def test_a_queue_that_shrank_stays_short(home: Reopened) -> None:
    desk = home.desk
    desk.on(a_quote(99, 101, 5))
    order = buy(1, 99)
    desk.place(order)
    desk.on(a_quote(99, 101, 2))
    desk = home.reopen()
    desk.on(a_quote(99, 101, 5))
    desk.on(a_trade(Side.SELL, 3, 99))
    assert desk.report(order).filled == 1


def test_a_stop_survives_and_goes_off(home: Reopened) -> None:
    desk = home.desk
    desk.on(a_quote(99, 101))
    order = stop(Side.SELL, 1, 90)
    desk.place(buy(1))
    desk.place(order)
    desk = home.reopen()
    desk.on(a_quote(80, 81))
    assert desk.report(order).status is OrderStatus.FILLED
    assert [fill.sequence for fill in desk.exchange.fills_since("ann", 0)] == [1, 2]


def test_what_was_in_flight_still_arrives(slow_home: Reopened) -> None:
    home, desk = slow_home, slow_home.desk
    desk.on(a_quote(99, 101))
    resting, cancelled = buy(1, 90), buy(1, 90)
    desk.place(resting)
    desk.place(cancelled)
    desk.exchange.cancel("ann", cancelled.id)
    desk = home.reopen()
    desk.exchange.advance(at(1))
    assert desk.report(resting).status is OrderStatus.OPEN
    assert desk.report(cancelled).status is OrderStatus.CANCELLED
    desk = home.reopen()
    desk.exchange.advance(at(1))
    assert [report.order.id for report in desk.exchange.open_orders("ann")] == [resting.id]
    assert not desk.heard, "it arrived twice"


def test_without_fresh_market_data_a_reopened_market_offers_nothing(home: Reopened) -> None:
    home.desk.on(a_quote(99, 101))
    home.desk.place(buy(1))
    assert home.reopen().place(buy(1)).filled == 0


def test_last_prices_are_saved_every_second_of_market_time(home: Reopened) -> None:
    home.desk.on(a_bar(100, 100, 100, 100, minute=1))
    home.desk.on(a_bar(100, 120, 100, 120, minute=2))
    assert home.reopen().exchange.last_prices() == {BTC: Decimal(120)}


def test_two_exchanges_cannot_share_a_file(home: Reopened, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        PaperStorage(tmp_path / "paper.db")
    home.reopen()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look at" * 100)
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        PaperStorage(path)


def test_a_market_that_is_no_longer_listed_is_missed_at_the_start(tmp_path: Path) -> None:
    storage = PaperStorage(tmp_path / "paper.db")
    desk = Desk(storage=storage)
    desk.on(a_quote(10, 11, symbol=COIN, size=100))
    desk.place(buy(5, symbol=COIN))
    with pytest.raises(ConfigError, match=COIN):
        PaperExchange({BTC: PERP}, clock=VirtualClock(START), storage=storage)
    storage.close()


def test_nothing_is_told_that_was_not_stored(tmp_path: Path) -> None:
    storage = PaperStorage(tmp_path / "paper.db")
    desk = Desk(storage=storage)
    desk.on(a_quote(99, 101))
    storage.close()  # as good as a full disk
    with pytest.raises(OutcomeUnknown):
        desk.place(sell(1))
    assert not desk.heard


def test_only_the_newest_final_orders_stay_in_the_file(
    home: Reopened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.paper.execution.FINISHED_KEPT", 2)
    orders: list[Order] = [buy(1) for _ in range(3)]
    home.desk.on(a_quote(99, 101))
    for order in orders:
        home.desk.place(order)
    desk = home.reopen()
    with pytest.raises(NotFound):
        desk.report(orders[0])
    assert desk.report(orders[1]).status is OrderStatus.FILLED
    assert len(desk.exchange.fills_since("ann", 0)) == 3


def test_final_orders_are_forgotten_in_the_order_of_their_end_also_after_a_restart(
    home: Reopened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.paper.execution.FINISHED_KEPT", 2)
    resting, taking = sell(1, 100), buy(1, tif=TimeInForce.IOC)
    home.desk.on(a_quote(90, 110))
    home.desk.place(resting)
    home.desk.place(taking)  # ends the resting one, its own, and then itself
    desk = home.reopen()
    desk.on(a_quote(90, 110))
    desk.place(buy(1))
    assert desk.report(taking).status is OrderStatus.FILLED
    with pytest.raises(NotFound):
        desk.report(resting)


def test_the_history_is_what_was_told_to_every_account_in_its_order(home: Reopened) -> None:
    told: list[tuple[str, UserEvent]] = []
    for _ in range(2):
        for name in ("ann", "bob"):
            home.desk.exchange.subscribe(name, partial(_tell, told, name))
        home.desk.on(a_quote(99, 101, 1))
        resting = sell(4, 100)
        home.desk.place(resting, "bob")
        home.desk.place(buy(3, 101))
        home.desk.exchange.cancel("bob", resting.id)
        home.reopen()
    numbers, accounts, events = zip(*home.storage.history(), strict=True)
    assert list(zip(accounts, events, strict=True)) == told
    assert numbers == tuple(range(1, len(told) + 1))
    assert len(fills_in([event for _, event in told])) == 4


def test_only_the_newest_history_is_kept(home: Reopened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.paper.storage.HISTORY_KEPT", 5)
    home.desk.on(a_quote(99, 101))
    for _ in range(10):
        home.desk.place(buy(1, 90))
    assert [number for number, _, _ in home.storage.history()] == [6, 7, 8, 9, 10]


def _tell(told: list[tuple[str, UserEvent]], name: str, event: UserEvent) -> None:
    told.append((name, event))


VICTIM = """
import sys
from pathlib import Path
from adapters.paper.storage import PaperStorage
from tests.adapters.paper.builders import Desk, a_quote, buy

desk = Desk(storage=PaperStorage(Path(sys.argv[1])))
for second in range(1_000_000):
    desk.on(a_quote(99, 101, t=second))
    desk.place(buy("0.1"))
    print(desk.exchange.fills_since("ann", second)[0].sequence, flush=True)
"""


def test_a_sigkill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    path = tmp_path / "paper.db"
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    ) as victim:
        assert victim.stdout is not None
        answered = 0
        while answered < 50:
            answered = int(victim.stdout.readline())
        victim.send_signal(signal.SIGKILL)
        answered = int(([str(answered), *(line for line in victim.stdout if line.endswith("\n"))])[-1])
    storage = PaperStorage(path)
    desk = Desk(storage=storage)
    fills = desk.exchange.fills_since("ann", answered - 1)
    assert fills[0].sequence == answered
    assert desk.size() == Decimal("0.1") * fills[-1].sequence
    assert desk.exchange.trial_balance().is_balanced
    storage.close()
