"""A bot over a real wallet: it looks, decides, asks, and leaves a record; nothing else ends it than what should."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.bot import Bot
from actors.decision import DecisionLate
from actors.in_process import InProcessWallet
from actors.messages import Admit, Hello, Outcome, Sight, Submit, Welcome
from actors.recorded import digest
from adapters.errors import Fenced, LinkError, Temporary, VenueError
from adapters.model import Symbol
from config.spec import BotSpec, HaltLevel
from strategies.advice import Advice, Inquiry
from strategies.decision import Action, AnyDecision, Decision
from strategies.strategy import Irrecoverable, View
from tests.actors.builders import ANN, Floor, a_bot_spec, soon
from tests.builders import BTC, NOW, a_view
from tests.fakes import HandClock, settle

LONG = Decision(
    symbol=BTC,
    action=Action.OPEN_LONG,
    leverage=1,
    position_size_usd=Decimal(500),
    stop_loss=Decimal(900),
    take_profit=Decimal(1200),
    reasoning="why not",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """Decides what a test wants."""

    decide_: Callable[[View], Sequence[AnyDecision]]
    symbols: tuple[Symbol, ...] = (BTC,)
    executor: str | None = None
    indicators: tuple[str, ...] = ("ema_12",)

    def decide(self, view: View) -> Sequence[AnyDecision]:
        return self.decide_(view)


class Way(InProcessWallet):
    """The way to the wallet, which may break."""

    def __init__(self, floor: Floor) -> None:
        super().__init__(floor.wallet)
        self.error: Exception | None = None
        self.submit_error: Exception | None = None
        self.hellos: list[Hello] = []
        self.looks = 0

    async def hello(self, hello: Hello) -> Welcome:
        self.hellos.append(hello)
        if self.error is not None:
            raise self.error
        return await super().hello(hello)

    async def observe(self) -> Sight:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return await super().observe()

    async def submit(self, batch: Submit) -> Sequence[Outcome]:
        if self.submit_error is not None:
            raise self.submit_error
        return await super().submit(batch)


@dataclass
class Counsel:
    """An advisor."""

    advice: Sequence[AnyDecision] = ()
    error: Exception | None = None
    asked: list[Inquiry] = field(default_factory=list)

    async def advise(self, inquiry: Inquiry) -> Advice:
        self.asked.append(inquiry)
        if self.error is not None:
            raise self.error
        return Advice(decisions=tuple(self.advice))


class Life:
    """A bot, its wallet, and the clock of both."""

    def __init__(self, floor: Floor, way: Way, bot: Bot, clock: Any) -> None:
        self.floor, self.way, self.bot, self.clock = floor, way, bot, clock


async def a_life(
    decide: Callable[[View], Sequence[AnyDecision]] = lambda view: (),
    *,
    advisor: Counsel | None = None,
    spec: BotSpec | None = None,
    **strategy: Any,
) -> Life:
    clock = HandClock(NOW)
    floor = Floor(clock=clock)
    spec = spec or a_bot_spec(decision_interval=timedelta(seconds=4))
    await floor.open(spec, hello=False)
    way = Way(floor)
    bot = Bot(
        spec, 1, Scripted(decide_=decide, **strategy), wallet=way, advisor=advisor, clock=clock, cycle=10
    )
    return Life(floor, way, bot, clock)


def once(*decisions: AnyDecision) -> Callable[[View], Sequence[AnyDecision]]:
    left = [decisions]
    return lambda view: left.pop() if left else ()


async def test_a_cycle_turns_a_decision_into_an_order_and_a_record() -> None:
    life = await a_life(once(LONG))
    record = await life.bot.cycle()
    assert record is not None
    assert (record.cycle, record.epoch, record.success) == (11, 1, True)
    assert record.decisions[0]["reasoning"] == "why not"
    (action,) = record.actions
    assert (action.symbol, action.action, action.result) == (BTC, "open buy", "placed")
    assert life.floor.held() == action.qty == Decimal("0.499")
    assert life.way.hellos == [Hello(ANN, 1, ("ema_12",), 60.0)]
    assert life.bot.linked


async def test_a_cycle_without_a_wish_leaves_no_record() -> None:
    life = await a_life()
    assert await life.bot.cycle() is None
    assert life.bot.records == []
    assert life.bot.cycle_number == 11


async def test_refusals_are_recorded_with_rule_and_numbers() -> None:
    life = await a_life(once(LONG), spec=a_bot_spec(symbols=(Symbol("ETH"), BTC)))
    await life.floor.halt(HaltLevel.PAUSE_ENTRIES)
    record = await life.bot.cycle()
    assert record is not None
    assert [(refusal.rule, refusal.value) for refusal in record.refusals] == [("halted", "0")]
    assert record.actions[0].result == "refused: halted"
    assert record.success


async def test_a_strategy_that_gives_up_ends_the_bot_with_its_own_words() -> None:
    def give_up(view: View) -> Sequence[AnyDecision]:
        raise Irrecoverable("the hedge is lost")

    life = await a_life(give_up)
    with pytest.raises(Irrecoverable, match="the hedge is lost"):
        await life.bot.run()


async def test_what_a_strategy_raises_ends_the_bot() -> None:
    def broken(view: View) -> Sequence[AnyDecision]:
        raise ZeroDivisionError("my own fault")

    life = await a_life(broken)
    with pytest.raises(ZeroDivisionError, match="my own fault"):
        await life.bot.run()


async def test_a_broken_link_costs_a_cycle_and_the_next_says_hello_again() -> None:
    life = await a_life()
    await life.bot.cycle()
    life.way.error = LinkError("the connection is gone")
    assert await life.bot.cycle() is None
    assert life.bot.note == "no wallet: the connection is gone"
    assert not life.bot.linked
    life.way.error = None
    await life.bot.cycle()
    assert len(life.way.hellos) == 2
    assert life.bot.note == ""


async def test_other_trouble_at_the_wallet_costs_a_cycle_only() -> None:
    life = await a_life()
    await life.bot.cycle()
    life.way.error = VenueError("not now")
    await life.bot.cycle()
    assert life.bot.note == "wallet: not now"
    life.way.error = None
    await life.bot.cycle()
    assert len(life.way.hellos) == 1


async def test_a_fenced_bot_ends_quietly() -> None:
    life = await a_life()
    life.floor.wallet.admit(Admit(a_bot_spec(), 2))
    await life.bot.run()
    assert "epoch 1" in life.bot.note
    assert life.way.looks == 0


async def test_it_waits_for_prices_and_says_so() -> None:
    life = await a_life(once(LONG), symbols=(BTC, Symbol("SOL")))
    assert await life.bot.cycle() is None
    assert life.bot.note == "waiting for market data of SOL"
    assert life.bot.cycle_number == 10


@pytest.mark.parametrize("level", [HaltLevel.CANCEL_ALL, HaltLevel.FLATTEN])
async def test_under_a_deep_halt_it_does_not_ask_its_strategy(level: HaltLevel) -> None:
    life = await a_life(once(LONG))
    await life.floor.halt(level)
    assert await life.bot.cycle() is None
    assert life.bot.note == f"halted: {level}"


async def test_advice_is_in_the_view() -> None:
    seen: list[View] = []
    counsel = Counsel(advice=[LONG])

    def follow(view: View) -> Sequence[AnyDecision]:
        seen.append(view)
        return view.advice

    life = await a_life(follow, advisor=counsel, executor="quant")
    assert await life.bot.cycle()
    assert [inquiry.executor for inquiry in counsel.asked] == ["quant"]
    assert seen[0].advice == (LONG,)


@pytest.mark.parametrize("error", [DecisionLate("no advice in 30 s"), LinkError("gone"), Temporary("gone")])
async def test_when_advice_is_late_the_decision_goes_on_without(error: Exception) -> None:
    seen: list[View] = []

    def watch(view: View) -> Sequence[AnyDecision]:
        seen.append(view)
        return view.advice

    life = await a_life(watch, advisor=Counsel(advice=[LONG], error=error), executor="quant")
    record = await life.bot.cycle()
    assert seen[0].advice == ()
    assert record is not None
    assert (record.success, record.decisions) == (False, ())
    assert type(error).__name__ in record.error_message
    assert life.bot.note.startswith("no advice")


async def test_who_needs_no_advice_asks_for_none() -> None:
    counsel = Counsel()
    life = await a_life(advisor=counsel)
    await life.bot.cycle()
    assert counsel.asked == []


async def test_a_batch_that_is_lost_is_recorded_as_lost() -> None:
    life = await a_life(once(LONG))
    life.way.submit_error = LinkError("no answer within 15 s")
    record = await life.bot.cycle()
    assert record is not None
    assert (record.success, record.actions) == (False, ())
    assert record.error_message == "LinkError: no answer within 15 s"


async def test_a_bot_that_is_fenced_while_submitting_ends() -> None:
    life = await a_life(once(LONG))
    life.way.submit_error = Fenced("epoch 1 is over")
    await life.bot.run()
    assert life.bot.note == "epoch 1 is over"


async def test_records_wait_in_a_buffer_that_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.bot.RECORDS_KEPT", 3)
    life = await a_life(lambda view: (LONG,))
    for _ in range(5):
        await life.bot.cycle()
    assert [record.cycle for record in life.bot.records] == [13, 14, 15]


async def test_each_cycle_signs_with_its_own_ids() -> None:
    life = await a_life(lambda view: (LONG,))
    records = [await life.bot.cycle() for _ in range(3)]
    ids = [action.cloid for record in records if record for action in record.actions]
    assert len(set(ids)) == 3


async def test_it_cycles_at_its_interval() -> None:
    life = await a_life()
    running = await soon(life.bot.run())
    await life.clock.advance(11.9)
    assert life.way.looks == 3
    life.bot.stop()
    await settle()
    assert running.done()


async def test_a_change_wakes_it_early_but_never_in_a_busy_loop() -> None:
    life = await a_life()
    running = await soon(life.bot.run())
    await life.clock.advance(2.0)
    assert life.way.looks == 1
    life.way.changed.set()
    await life.clock.advance(0.01)
    assert life.way.looks == 2, "a change after a quarter of the interval is looked at now"
    life.way.changed.set()
    await life.clock.advance(0.9)
    assert life.way.looks == 2, "one within a quarter waits for it"
    await life.clock.advance(0.2)
    assert life.way.looks == 3
    for _ in range(400):
        life.way.changed.set()
        await life.clock.advance(0.01)
    assert life.way.looks <= 3 + 4
    life.bot.stop()
    await settle()
    assert running.done()


async def test_a_stop_does_not_wait_for_the_interval() -> None:
    life = await a_life(spec=a_bot_spec(decision_interval=timedelta(minutes=10)))
    running = await soon(life.bot.run())
    await life.clock.advance(1.0)
    life.bot.stop()
    await settle()
    assert running.done()
    assert life.clock.monotonic() < 2


async def test_a_bot_that_rests_for_minutes_does_not_count_as_silent() -> None:
    life = await a_life(spec=a_bot_spec(decision_interval=timedelta(minutes=10)))
    running = await soon(life.bot.run())
    await life.clock.advance(5 * 60)
    assert life.way.looks == 1
    assert life.clock.monotonic() - life.floor.wallet.seats[ANN].seen_at < 5
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_broken_link_is_not_dialled_in_a_busy_loop() -> None:
    life = await a_life()
    life.way.error = LinkError("nobody there")
    running = await soon(life.bot.run())
    life.way.changed.set()
    await life.clock.advance(8.5)
    assert len(life.way.hellos) <= 1 + 8.5 // 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_its_own_news_wake_it() -> None:
    life = await a_life(once(LONG))
    running = await soon(life.bot.run())
    await life.clock.advance(1.1)
    assert life.way.looks == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_heartbeat_says_how_it_does() -> None:
    life = await a_life()
    assert life.bot.report(incarnation=2, pid=3, node="n").note == "starting"
    await life.bot.cycle()
    report = life.bot.report(incarnation=2, pid=3, node="n")
    assert (report.bot, report.epoch, report.incarnation, report.pid) == (ANN, 1, 2, 3)
    assert (report.cycle, report.linked, report.note) == (11, True, "")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(report), type=type(report)) == report


def test_a_digest_is_the_same_everywhere_and_changes_with_the_view() -> None:
    assert digest(a_view()) == digest(a_view())
    assert digest(a_view()) != digest(a_view(cycle=8))
    assert len(digest(a_view())) == 16
