"""The times of a halt: the first answer that shows a step stops it, and only answers to this halt count."""

from __future__ import annotations

from actors.halt_times import HaltTimes, StepTimes, Stopwatch
from actors.messages import Engaged
from adapters.model import WalletId

A, B = WalletId("a"), WalletId("b")


def an_answer(
    wallet: WalletId = A, left: int = 0, *, generation: int = 3, wants_flat: bool = True, unknown: int = 0
) -> Engaged:
    complete = not (left or unknown)
    return Engaged(wallet, generation, complete, left, left, unknown, "", 1, wants_flat)


def test_each_step_has_the_time_of_the_first_answer_that_shows_it() -> None:
    watch = Stopwatch(100.0, 3, 100.25)
    watch.hear(an_answer(left=-1), 101.0)
    watch.hear(an_answer(left=2), 102.0)
    watch.hear(an_answer(unknown=1), 103.0)
    watch.hear(an_answer(), 104.0)
    watch.hear(an_answer(left=1), 105.0)
    watch.hear(an_answer(), 106.0)
    steps = StepTimes(gate_s=1.0, empty_s=3.0, flat_s=3.0, verified_s=4.0)
    assert watch.read([A]) == HaltTimes(3, 0.25, {A: steps}, steps)


def test_an_answer_to_an_older_halt_shows_nothing() -> None:
    watch = Stopwatch(100.0, 3, 100.0)
    watch.hear(an_answer(generation=2), 101.0)
    assert watch.read([A]).wallets == {A: StepTimes()}


def test_where_no_position_must_go_there_is_no_time_for_it() -> None:
    watch = Stopwatch(100.0, 3, 100.0)
    watch.hear(an_answer(A), 101.0)
    watch.hear(an_answer(B, wants_flat=False), 102.0)
    assert watch.read([A, B]).overall == StepTimes(gate_s=2.0, empty_s=2.0, flat_s=1.0, verified_s=2.0)
    assert watch.read([B]).overall.flat_s is None


def test_overall_a_step_is_not_done_while_one_wallet_has_not_done_it() -> None:
    watch = Stopwatch(100.0, 3, 100.0)
    watch.hear(an_answer(A), 101.0)
    watch.hear(an_answer(B, left=1), 101.0)
    assert watch.read([A, B]).overall == StepTimes(gate_s=1.0)
    assert watch.read([A, B, WalletId("c")]).overall == StepTimes()
