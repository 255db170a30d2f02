from datetime import datetime, timedelta

import pytest

from risk.review import Approved, review
from risk.session import Phase, Session
from tests.builders import NOW, a_context, an_intent

OPEN, CLOSE = NOW, NOW + timedelta(hours=6, minutes=30)
EARLY, LATE = OPEN - timedelta(hours=5), CLOSE + timedelta(hours=4)
DAY = Session(opens_at=OPEN, closes_at=CLOSE, extended_from=EARLY, extended_until=LATE)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "phase"),
    [
        (EARLY - TICK, Phase.CLOSED),
        (EARLY, Phase.EXTENDED),
        (OPEN - TICK, Phase.EXTENDED),
        (OPEN, Phase.REGULAR),
        (CLOSE - TICK, Phase.REGULAR),
        (CLOSE, Phase.EXTENDED),
        (LATE - TICK, Phase.EXTENDED),
        (LATE, Phase.CLOSED),
    ],
)
def test_a_day_has_its_phases(at: datetime, phase: Phase) -> None:
    assert DAY.phase(at) is phase


def test_a_market_without_extended_hours_is_closed_around_them() -> None:
    day = Session(opens_at=OPEN, closes_at=CLOSE)
    assert day.phase(OPEN - TICK) is Phase.CLOSED
    assert day.phase(CLOSE) is Phase.CLOSED


def test_a_half_day_ends_when_it_says() -> None:
    half = Session(opens_at=OPEN, closes_at=OPEN + timedelta(hours=3))
    assert not half.takes_orders(OPEN + timedelta(hours=3))


def test_no_order_is_left_to_wait_for_the_next_open() -> None:
    tomorrow = Session(opens_at=NOW + timedelta(hours=12), closes_at=NOW + timedelta(hours=18))
    verdict = review(an_intent(), a_context(session=tomorrow))
    assert not isinstance(verdict, Approved)
    assert verdict.rule == "market_session"
    assert verdict.limit == tomorrow.opens_at.isoformat()
