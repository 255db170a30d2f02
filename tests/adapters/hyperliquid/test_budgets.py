"""The exchange's limits are kept by all together, and what reduces comes last to their end."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.clock import VirtualClock
from adapters.hyperliquid import weights
from adapters.hyperliquid.budgets import (
    BEYOND_EVERY_S,
    WEIGHT_MAX,
    AddressBudget,
    IpBudget,
    Urgency,
)
from tests.builders import NOW


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 400), st.floats(0, 30), st.sampled_from(Urgency)),
        max_size=80,
    )
)
def test_no_minute_holds_more_than_the_limit_whoever_asks(
    asked: list[tuple[int, int, float, Urgency]],
) -> None:
    with TemporaryDirectory() as folder:
        clock = VirtualClock(NOW)
        clock.advance(1_000)
        processes = [IpBudget(Path(folder) / "ip", clock) for _ in range(3)]
        taken: list[tuple[float, int]] = []
        for who, weight, pause_s, urgency in asked:
            clock.advance(pause_s)
            if not processes[who].take(weight, urgency):
                taken.append((clock.monotonic(), weight))
            now = clock.monotonic()
            assert sum(weight for at, weight in taken if at > now - 60) <= WEIGHT_MAX
        for process in processes:
            process.close()


def test_after_the_time_that_was_named_there_is_enough(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    budget = IpBudget(tmp_path / "ip", clock)
    while not (wait_s := budget.take(100, Urgency.READ)):
        clock.advance(3)
    assert budget.take(100, Urgency.READ) > 0
    clock.advance(wait_s)
    assert budget.take(100, Urgency.READ) == 0


def test_reads_stop_first_then_what_adds_and_last_what_reduces(tmp_path: Path) -> None:
    budget = IpBudget(tmp_path / "ip", VirtualClock(NOW))
    left: list[int] = []
    for urgency in (Urgency.READ, Urgency.ADD, Urgency.REDUCE):
        count = 0
        while not budget.take(1, urgency):
            count += 1
        left.append(count)
    assert left == [1000, 100, 100]


def test_what_was_used_all_the_same_counts_too(tmp_path: Path) -> None:
    budget = IpBudget(tmp_path / "ip", VirtualClock(NOW))
    budget.charge(WEIGHT_MAX)
    assert budget.take(1, Urgency.REDUCE) > 0


def test_a_file_that_is_older_than_the_machines_last_start_limits_nobody(tmp_path: Path) -> None:
    late = VirtualClock(NOW)
    late.advance(500_000)
    IpBudget(tmp_path / "ip", late).charge(WEIGHT_MAX)
    assert IpBudget(tmp_path / "ip", VirtualClock(NOW)).take(1, Urgency.READ) == 0


@pytest.mark.parametrize(
    ("kind", "answer", "weight"),
    [
        ("l2Book", {}, 2),
        ("orderStatus", {}, 2),
        ("clearinghouseState", {}, 2),
        ("meta", {}, 20),
        ("frontendOpenOrders", [0] * 100, 20),
        ("userFillsByTime", [0] * 45, 22),
        ("candleSnapshot", [0] * 600, 30),
    ],
)
def test_a_question_weighs_what_the_exchange_says(kind: str, answer: object, weight: int) -> None:
    assert weights.of_question(kind) + weights.of_answer(kind, answer) == weight


def test_a_batch_weighs_one_and_one_more_for_every_forty() -> None:
    assert [weights.of_action(count) for count in (1, 39, 40, 79, 80)] == [1, 1, 2, 2, 3]


def test_an_address_beyond_its_limit_acts_once_in_ten_seconds_and_still_cancels() -> None:
    clock = VirtualClock(NOW)
    budget = AddressBudget(clock)
    budget.told(used=9_999, cap=10_000)
    assert budget.take(1, Urgency.REDUCE, is_cancel=False) == 0
    assert budget.take(1, Urgency.REDUCE, is_cancel=False) == 0, "one in ten seconds"
    assert budget.take(1, Urgency.REDUCE, is_cancel=False) == BEYOND_EVERY_S
    assert budget.take(1, Urgency.REDUCE, is_cancel=True) == 0
    clock.advance(BEYOND_EVERY_S)
    assert budget.take(1, Urgency.REDUCE, is_cancel=False) == 0


def test_an_address_leaves_its_last_actions_to_what_reduces() -> None:
    clock = VirtualClock(NOW)
    budget = AddressBudget(clock)
    budget.told(used=9_950, cap=10_000)
    assert budget.take(1, Urgency.ADD, is_cancel=False) == 0, "one in ten seconds"
    assert budget.take(1, Urgency.ADD, is_cancel=False) > 0
    assert budget.take(1, Urgency.REDUCE, is_cancel=False) == 0


def test_until_the_exchange_has_counted_only_it_limits_an_address() -> None:
    budget = AddressBudget(VirtualClock(NOW))
    assert not any(budget.take(1_000, Urgency.ADD, is_cancel=False) for _ in range(100))
