"""Which fault a message meets: by script, by chance, and never one that does not fit."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulators.faults.nemesis import Nemesis, Passage
from adapters.simulators.faults.plan import (
    AFTER,
    BEFORE,
    ON_REQUESTS,
    ON_STREAMS,
    Fault,
    Kind,
    Message,
    Odds,
    Plan,
    Step,
    Way,
    Where,
    fault_for,
    script,
)

PLACE = Message(way=Way.REQUEST, verb="POST", path="/exchange", body=b'{"type":"order"}')
CANCEL = Message(way=Way.REQUEST, verb="POST", path="/exchange", body=b'{"type":"cancel"}')
READ = Message(way=Way.REQUEST, verb="GET", path="/info")
NEWS = Message(way=Way.NEWS, verb="TEXT", path="/ws")

messages = st.sampled_from((PLACE, CANCEL, READ, NEWS))
fitting = st.builds(Fault, kind=st.sampled_from(sorted(ON_REQUESTS | ON_STREAMS)))


def met(plan: Plan, *sent: Message, seed: int = 0) -> list[Kind | None]:
    """The kinds of fault that these messages meet, one after another."""
    nemesis = Nemesis(plan, Random(seed))
    faults = [nemesis.decide(message) for message in sent]
    return [fault.kind if fault is not None else None for fault in faults]


def test_the_nth_request_that_the_predicate_holds_for_meets_the_fault() -> None:
    step = Step(fault=Fault(kind=Kind.ANSWER_LOST), where=Where(verb="POST", path="/ex*"), nth=2)
    assert met(Plan(steps=(step,)), PLACE, READ, CANCEL, PLACE) == [None, None, Kind.ANSWER_LOST, None]


def test_a_predicate_may_look_into_the_body() -> None:
    plan = script(Kind.RESET_AFTER, where=Where(containing=b"cancel"))
    assert met(plan, PLACE, CANCEL, CANCEL) == [None, Kind.RESET_AFTER, None]


def test_a_step_lasts_as_often_as_it_says_or_for_ever() -> None:
    fault = Fault(kind=Kind.ERROR_BEFORE)
    assert met(Plan(steps=(Step(fault=fault, nth=2, times=2),)), *[READ] * 4) == [
        None,
        Kind.ERROR_BEFORE,
        Kind.ERROR_BEFORE,
        None,
    ]
    assert met(Plan(steps=(Step(fault=fault, times=None),)), *[READ] * 9) == [Kind.ERROR_BEFORE] * 9


def test_a_script_gives_one_fault_after_another() -> None:
    assert met(script(Kind.EMPTY, Kind.HTML, first=2), *[READ] * 4) == [None, Kind.EMPTY, Kind.HTML, None]


def test_what_is_scripted_comes_before_chance() -> None:
    certain = Odds(fault=Fault(kind=Kind.EMPTY), rate=1.0)
    plan = Plan(steps=script(Kind.HTML).steps, odds=(certain,))
    assert met(plan, READ, READ) == [Kind.HTML, Kind.EMPTY]


def test_a_new_plan_counts_from_its_beginning() -> None:
    nemesis = Nemesis(script(Kind.HTML, first=2), Random(0))
    nemesis.decide(READ)
    nemesis.strike(script(Kind.HTML, first=2))
    assert nemesis.decide(READ) is None
    assert nemesis.decide(READ) == Fault(kind=Kind.HTML)
    nemesis.heal()
    assert nemesis.decide(READ) is None


def test_every_kind_has_its_place() -> None:
    assert not BEFORE & AFTER
    assert set(Kind) == ON_REQUESTS | ON_STREAMS | {Kind.SKEWED}


@given(fitting, messages)
def test_a_message_never_meets_a_fault_that_does_not_fit_its_way(fault: Fault, message: Message) -> None:
    fits = fault.kind in (ON_STREAMS if message.way is Way.NEWS else ON_REQUESTS)
    step, odds = Step(fault=fault), Odds(fault=fault, rate=1.0)
    for plan in (Plan(steps=(step,)), Plan(odds=(odds,))):
        assert fault_for(plan, message, [1] * len(plan.steps), 0.5) == (fault if fits else None)


@given(st.integers(0, 1000), st.lists(messages, max_size=50))
def test_the_same_seed_gives_the_same_faults(seed: int, sent: list[Message]) -> None:
    plan = Plan(odds=tuple(Odds(fault=Fault(kind=kind), rate=0.05) for kind in sorted(ON_REQUESTS)))
    assert met(plan, *sent, seed=seed) == met(plan, *sent, seed=seed)


def test_each_kind_comes_at_its_own_rate() -> None:
    rates = {Kind.REQUEST_LOST: 0.1, Kind.ANSWER_LOST: 0.3, Kind.DROPPED: 0.5}
    plan = Plan(odds=tuple(Odds(fault=Fault(kind=kind), rate=rate) for kind, rate in rates.items()))
    kinds = met(plan, *[PLACE] * 10_000, seed=7)
    assert 900 < kinds.count(Kind.REQUEST_LOST) < 1_100
    assert 2_850 < kinds.count(Kind.ANSWER_LOST) < 3_150
    assert kinds.count(Kind.DROPPED) == 0
    assert 4_850 < met(plan, *[NEWS] * 10_000, seed=7).count(Kind.DROPPED) < 5_150


def test_only_what_really_bit_is_counted() -> None:
    nemesis = Nemesis(script(Kind.ANSWER_LOST, Kind.ANSWER_LOST), Random(0))
    for fault in (nemesis.decide(PLACE), None):
        nemesis.decide(PLACE)
        nemesis.record(Passage(message=PLACE, fault=fault, delivered=1))
    assert nemesis.bites == {Kind.ANSWER_LOST: 1}
