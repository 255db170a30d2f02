from datetime import timedelta
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.kpis import Counting, opens_per_hour_max, quantile, reason_of
from actors.messages import Outcome, OutcomeKind, Refusal
from adapters.errors import Insufficient
from adapters.model import Symbol
from risk.intent import Intent, Purpose
from risk.limits import ExecGuards
from risk.verdict import Refused
from strategies.strategy import View
from tests.actors.builders import a_bot_spec
from tests.actors.test_bot import LONG, a_life
from tests.builders import BTC, an_intent
from tests.fakes import Fault

PLACED = Outcome(an_intent().id, OutcomeKind.PLACED, BTC)
REFUSED = Outcome(an_intent().id, OutcomeKind.REFUSED, BTC, refusal=Refusal(BTC, "lease"))
REJECTED = Outcome(an_intent().id, OutcomeKind.REJECTED, BTC, error_class="Insufficient")
LOST = Outcome(an_intent().id, OutcomeKind.UNKNOWN, BTC)


def refused(rule: str, *, is_enforced: bool = True) -> Refused:
    return Refused(
        intent_id=an_intent().id, symbol=Symbol("BTC"), rule=rule, detail="", is_enforced=is_enforced
    )


def a_cycle(counting: Counting, *outcomes: Outcome, now: float = 0.0, order_ms: float = 10.0) -> None:
    counting.take([an_intent()] * len(outcomes), (), outcomes, order_ms=order_ms, now=now)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(PLACED, ""), (REFUSED, "lease"), (REJECTED, "Insufficient"), (LOST, "unknown")],
)
def test_a_wish_that_does_not_go_through_has_one_reason(outcome: Outcome, reason: str) -> None:
    assert reason_of(outcome) == reason


def test_wishes_and_rejections_are_counted_by_class() -> None:
    counting = Counting(None)
    assert counting.rejection_rate is None
    a_cycle(counting, PLACED, REFUSED, REJECTED)
    counting.take((), [refused("malformed"), refused("value_band", is_enforced=False)], (), order_ms=1, now=0)
    kpis = counting.kpis(0)
    assert (kpis.wishes, kpis.rejected) == (4, 3)
    assert kpis.rejections == {"lease": 1, "Insufficient": 1, "malformed": 1}
    assert counting.rejection_rate == 0.75


def test_the_rate_looks_at_the_last_wishes_only() -> None:
    counting = Counting(None)
    a_cycle(counting, *[REFUSED] * 200)
    a_cycle(counting, *[PLACED] * 150)
    assert counting.rejection_rate == 0.25


def test_opens_are_counted_over_the_last_hour_and_closes_are_none() -> None:
    counting = Counting(20.0)
    a_cycle(counting, PLACED, REFUSED, now=0)
    a_cycle(counting, PLACED, now=1800)
    close: Intent = an_intent(purpose=Purpose.CLOSE)
    counting.take([close], (), [PLACED], order_ms=1, now=1800)
    assert (counting.kpis(1800).opens, counting.kpis(1800).opens_in_hour) == (2, 2)
    assert counting.kpis(3600).opens_in_hour == 1
    assert counting.kpis(1e6).opens_in_hour == 0
    assert counting.kpis(0).opens_per_hour_max == 20.0


def test_the_ceiling_is_what_guards_and_interval_allow() -> None:
    spec = a_bot_spec(
        exec_guards=ExecGuards(max_new_positions_per_cycle=2), decision_interval=timedelta(minutes=3)
    )
    assert opens_per_hour_max(spec) == 40
    assert opens_per_hour_max(a_bot_spec()) is None


def test_latency_is_of_cycles_with_an_order_only() -> None:
    counting = Counting(None)
    a_cycle(counting, REFUSED, order_ms=9999)
    assert counting.kpis(0).order_ms_p95 is None
    for ms in range(1, 101):
        a_cycle(counting, PLACED, order_ms=ms)
    kpis = counting.kpis(0)
    assert (kpis.orders_timed, kpis.order_ms_p50, kpis.order_ms_p95) == (100, 50, 95)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_a_value_that_was_seen_and_that_enough_do_not_exceed(
    values: list[float], part: float
) -> None:
    ordered = sorted(values)
    found = quantile(ordered, part)
    assert found in ordered
    assert sum(value <= (found or 0.0) for value in ordered) >= part * len(ordered) - 1e-9


def test_quantiles_are_near_those_of_the_standard_library() -> None:
    values = [float(n * n) for n in range(101)]
    assert quantile(values, 0.5) == quantiles(values, n=2)[0]
    assert quantile([], 0.5) is None


async def test_a_bots_heartbeat_has_its_kpis_and_its_view_the_rejection_rate() -> None:
    seen: list[View] = []

    def decide(view: View) -> tuple[object, ...]:
        seen.append(view)
        return (LONG,)

    life = await a_life(decide)  # type: ignore[arg-type]
    life.floor.venue.script("place", Fault(Insufficient("margin")))
    for _ in range(2):
        await life.bot.cycle()
    kpis = life.bot.report(incarnation=1, pid=1, node="n").kpis
    assert kpis.wishes == 2
    assert kpis.rejections == {"Insufficient": 1}
    assert [view.performance.rejection_rate for view in seen] == [None, 1.0]
    assert [[rebuff.reason for rebuff in view.rebuffs] for view in seen] == [[], ["Insufficient"]]
    assert kpis.opens == 2
