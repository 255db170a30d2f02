"""The Decision pool: the least loaded member, a deadline for each call, and no member that holds up the others."""

from __future__ import annotations

import asyncio

import pytest

from actors.decision import SUSPECT_S, DecisionLate, DecisionMember, DecisionPool
from adapters.errors import ConfigError, LinkError, Temporary
from adapters.llm.settings import Model
from strategies.advice import Advice, Inquiry
from strategies.decision import Action, Decision
from strategies.strategy import View
from tests.builders import BTC, a_view
from tests.fakes import settle

ADVICE = Advice(decisions=(Decision(symbol=BTC, action=Action.HOLD),))


class Member:
    """Answers at once, or when let go, or not at all."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def advise(self, inquiry: Inquiry) -> Advice:
        self.calls += 1
        if self.error is not None:
            raise self.error
        await self.gate.wait()
        return ADVICE


class Pool:
    """Three members and a clock."""

    def __init__(self, deadline_s: float = 0.05) -> None:
        self.now = 0.0
        self.members = {name: Member() for name in "abc"}
        self.pool = DecisionPool(self.members, deadline_s, lambda: self.now)

    @property
    def calls(self) -> list[int]:
        return [member.calls for member in self.members.values()]


async def ask(pool: Pool) -> Advice:
    return await pool.pool.advise(Inquiry(executor="quant", view=a_view()))


async def test_calls_go_round_while_all_are_idle() -> None:
    pool = Pool()
    for _ in range(6):
        assert await ask(pool) == ADVICE
    assert pool.calls == [2, 2, 2]


async def test_the_least_loaded_member_gets_the_call() -> None:
    pool = Pool(deadline_s=5)
    pool.members["a"].gate.clear()
    busy = asyncio.create_task(ask(pool))
    await settle()
    for _ in range(4):
        await ask(pool)
    assert pool.calls == [1, 2, 2]
    assert pool.pool.loads()["a"] == {"in_flight": 1, "answered": 0, "failed": 0}
    pool.members["a"].gate.set()
    assert await busy == ADVICE
    assert pool.pool.loads()["a"] == {"in_flight": 0, "answered": 1, "failed": 0}


async def test_a_slow_member_costs_its_own_caller_the_deadline_and_nobody_else_anything() -> None:
    pool = Pool()
    pool.members["a"].gate.clear()
    late = asyncio.create_task(ask(pool))
    await settle()
    for _ in range(10):
        await asyncio.wait_for(ask(pool), 0.04)
    with pytest.raises(DecisionLate, match=r"no advice from a within 0\.05 s"):
        await late
    assert pool.calls[0] == 1


async def test_a_member_that_was_late_is_passed_over_for_a_while() -> None:
    pool = Pool()
    pool.members["a"].gate.clear()
    with pytest.raises(DecisionLate):
        await ask(pool)
    pool.members["a"].gate.set()
    for _ in range(4):
        await ask(pool)
    assert pool.calls == [1, 2, 2]
    pool.now += SUSPECT_S
    await ask(pool)
    assert pool.calls == [2, 2, 2]


@pytest.mark.parametrize("error", [LinkError("actor died"), RuntimeError("worker crashed")])
async def test_a_dead_member_is_avoided(error: Exception) -> None:
    pool = Pool()
    pool.members["a"].error = error
    with pytest.raises(Temporary, match="a: "):
        await ask(pool)
    for _ in range(6):
        assert await ask(pool) == ADVICE
    assert pool.calls == [1, 3, 3]
    assert pool.pool.loads()["a"]["failed"] == 1


async def test_what_an_executor_raises_is_no_fault_of_its_member() -> None:
    pool = Pool()
    pool.members["a"].error = ConfigError("no such model")
    with pytest.raises(ConfigError):
        await ask(pool)
    assert pool.pool.loads()["a"] == {"in_flight": 0, "answered": 1, "failed": 0}


async def test_when_all_are_suspect_the_least_loaded_is_still_asked() -> None:
    pool = Pool()
    for member in pool.members.values():
        member.error = LinkError("gone")
    for _ in range(3):
        with pytest.raises(Temporary):
            await ask(pool)
    for member in pool.members.values():
        member.error = None
    assert await ask(pool) == ADVICE


async def test_a_caller_that_gives_up_leaves_no_load() -> None:
    pool = Pool(deadline_s=60)
    pool.members["a"].gate.clear()
    asking = asyncio.create_task(ask(pool))
    await settle()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert pool.pool.loads()["a"]["in_flight"] == 0


async def test_a_member_runs_the_executor_that_is_asked_for() -> None:
    member = DecisionMember()
    assert await member.advise(Inquiry(executor="quant", view=a_view())) == Advice()
    with pytest.raises(ConfigError, match="unknown executor 'quantt'"):
        await member.advise(Inquiry(executor="quantt", view=a_view()))
    assert member.calls == 2


async def test_a_member_passes_questions_for_a_language_model_on() -> None:
    asker = Member()
    inquiry = Inquiry(executor="llm", view=a_view(), model=Model(name="m"))
    assert await DecisionMember(models=asker).advise(inquiry) == ADVICE
    with pytest.raises(ConfigError, match="of a running fleet only"):
        await DecisionMember().advise(inquiry)


class Careful:
    """A user's own executor, without ``async``."""

    def advise(self, view: View) -> list[Decision]:
        return [Decision(symbol=symbol, action=Action.WAIT) for symbol in view.markets]


async def test_a_users_own_class_is_an_executor() -> None:
    advice = await DecisionMember().advise(Inquiry(executor=f"{__name__}:Careful", view=a_view()))
    assert advice.decisions == (Decision(symbol=BTC, action=Action.WAIT),)
