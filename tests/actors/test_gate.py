"""What opens and shuts a wallet's gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.gate import GUARD_S, Gate
from actors.ledger_events import Latch
from adapters.model import WalletId
from config.spec import HaltLevel
from risk.leases import RHO, Lease, lapsed_at
from tests.actors.builders import ANN, BEN, MAIN, dec

TTL = 5.0


def a_lease(request: int, **changes: Any) -> Lease:
    base = Lease(
        wallet=MAIN,
        incarnation=3,
        epoch=2,
        sequence=7,
        budget_usd=dec(1000),
        ttl_s=TTL,
        request=request,
    )
    return replace(base, **changes)


def takes(gate: Gate, lease: Lease, newest: tuple[int, int] = (0, 0)) -> bool:
    """As a wallet does: the gate is asked first."""
    if not gate.awaits(lease, newest):
        return False
    gate.take(lease)
    return True


@pytest.fixture
def gate() -> Gate:
    return Gate(MAIN, 3)


def test_without_a_lease_there_is_no_room(gate: Gate) -> None:
    assert gate.room_usd(dec(0), 0.0) == 0
    assert gate.left_s(0.0) == 0


def test_room_is_what_is_lent_less_what_is_used(gate: Gate) -> None:
    assert takes(gate, a_lease(gate.ask(10.0)), (2, 6))
    assert gate.room_usd(dec(300), 10.0) == 700
    assert gate.room_usd(dec(1300), 10.0) == 0


def test_the_right_ends_by_the_time_of_asking_not_of_the_answer(gate: Gate) -> None:
    takes(gate, a_lease(gate.ask(10.0)), (0, 0))
    last = 10.0 + TTL * (1 - 2 * RHO) - GUARD_S
    assert gate.room_usd(dec(0), last - 0.001) == 1000
    assert gate.room_usd(dec(0), last) == 0


@given(
    asked=st.floats(0, 1000),
    travel=st.floats(0, 100),
    ttl=st.floats(0.5, 60),
    rates=st.tuples(st.floats(1 - RHO, 1 + RHO), st.floats(1 - RHO, 1 + RHO)),
)
def test_the_holder_stops_before_the_guard_lets_go_on_any_two_clocks(
    asked: float, travel: float, ttl: float, rates: tuple[float, float]
) -> None:
    holders, guards = rates
    gate = Gate(MAIN, 3)
    takes(gate, a_lease(gate.ask(asked * holders), ttl_s=ttl), (0, 0))
    lapse = lapsed_at((asked + travel) * guards, ttl) / guards  # in true time
    assert gate.left_s(lapse * holders) == 0


@pytest.mark.parametrize(
    "changes",
    [{"request": 0}, {"request": 2}, {"wallet": WalletId("other")}, {"incarnation": 2}, {"sequence": 6}],
)
def test_an_answer_that_is_not_the_awaited_one_is_not_taken(gate: Gate, changes: dict[str, Any]) -> None:
    lease = replace(a_lease(gate.ask(10.0)), **changes)
    assert not takes(gate, lease, (2, 6))
    assert gate.room_usd(dec(0), 10.0) == 0


@pytest.mark.parametrize(
    ("newest", "taken"), [((2, 7), False), ((3, 1), False), ((2, 6), True), ((1, 99), True)]
)
def test_only_a_newer_lease_than_the_journals_is_taken(
    gate: Gate, newest: tuple[int, int], taken: bool
) -> None:
    assert takes(gate, a_lease(gate.ask(10.0)), newest) is taken


def test_an_answer_that_comes_twice_or_after_the_next_question_is_not_taken(gate: Gate) -> None:
    first = a_lease(gate.ask(10.0))
    second = a_lease(gate.ask(11.0), sequence=8)
    assert not takes(gate, first, (0, 0))
    assert takes(gate, second, (0, 0))
    assert not takes(gate, replace(second, sequence=9), (2, 8))


def test_a_silent_guard_leaves_the_lease_to_run_out(gate: Gate) -> None:
    takes(gate, a_lease(gate.ask(10.0)), (0, 0))
    gate.ask(12.0)
    assert gate.left_s(12.0) == pytest.approx(10 + TTL * 0.98 - GUARD_S - 12)


def test_the_furthest_halt_that_covers_the_bot_counts(gate: Gate) -> None:
    latches = (
        Latch("fleet", HaltLevel.PAUSE_ENTRIES, 1),
        Latch("bot:ann", HaltLevel.FLATTEN, 2),
        Latch("wallet:other", HaltLevel.FLATTEN, 3),
    )
    assert gate.engage(latches, 3)
    assert gate.level(ANN) is HaltLevel.FLATTEN
    assert gate.level(BEN) is HaltLevel.PAUSE_ENTRIES


def test_halts_change_with_a_newer_generation_only(gate: Gate) -> None:
    latches = (Latch("fleet", HaltLevel.FLATTEN, 4),)
    assert gate.engage(latches, 4)
    assert not gate.engage((), 4)
    assert not gate.engage((), 3)
    assert gate.level(ANN) is HaltLevel.FLATTEN
    assert not gate.engage(latches, 5), "nothing changed"
    assert gate.generation == 5
    assert gate.engage((), 6)
    assert gate.level(ANN) is None


def test_no_lease_lifts_a_halt(gate: Gate) -> None:
    gate.engage((Latch("fleet", HaltLevel.FLATTEN, 1),), 1)
    takes(gate, a_lease(gate.ask(10.0)), (0, 0))
    assert gate.level(ANN) is HaltLevel.FLATTEN


SCOPES = ("fleet", "wallet:main", "wallet:other", "bot:ann", "bot:ben")
HALTS = st.dictionaries(st.sampled_from(SCOPES), st.sampled_from(HaltLevel))


@given(halts=HALTS, asked=HALTS, lifted=st.sampled_from(SCOPES))
def test_the_furthest_halt_that_covers_a_bot_counts_and_lifting_one_leaves_the_others(
    halts: dict[str, HaltLevel], asked: dict[str, HaltLevel], lifted: str
) -> None:
    gate = Gate(MAIN, 1)
    for scope, level in asked.items():
        gate.hold(Latch(scope, level, 0))
    for generation in (1, 2):
        gate.engage(tuple(Latch(scope, level, generation) for scope, level in halts.items()), generation)
        mine = {"fleet", "wallet:main", "bot:ann"}
        held = [(latch.scope, latch.level) for latch in gate.held]
        assert set(halts.items()) <= set(held)
        levels = [level for scope, level in held if scope in mine]
        assert gate.level(ANN) == max(levels, key=lambda level: level.rank, default=None)
        halts = {scope: level for scope, level in halts.items() if scope != lifted}


@given(told=HALTS, asked=HALTS)
def test_a_halt_that_was_asked_for_is_kept_until_one_as_deep_is_latched(
    told: dict[str, HaltLevel], asked: dict[str, HaltLevel]
) -> None:
    gate = Gate(MAIN, 1)
    for scope, level in asked.items():
        assert gate.hold(Latch(scope, level, 0, "why"))
    gate.engage(tuple(Latch(scope, level, 1) for scope, level in told.items()), 1)
    kept = {s for s, level in asked.items() if s not in told or told[s].rank < level.rank}
    assert gate.distress == dict.fromkeys(kept, "why")
    successor = Gate(MAIN, 2)
    successor.restore(gate.held, gate.generation)
    assert (successor.held, successor.distress) == (gate.held, gate.distress)
