from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import LONGEST, format_duration, parse_duration


@given(st.timedeltas(min_value=timedelta(0), max_value=LONGEST))
def test_any_duration_is_read_back_as_it_was_written(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_says_why_not(text: str) -> None:
    try:
        outcome: object = parse_duration(text)
    except ValueError as error:
        outcome = str(error)
    assert outcome or outcome == timedelta(0)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("15m", timedelta(minutes=15)),
        ("1h30m", timedelta(minutes=90)),
        ("1d", timedelta(days=1)),
        ("2.5s", timedelta(seconds=2.5)),
        (" 0s ", timedelta(0)),
    ],
)
def test_a_duration_means_what_it_says(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


def test_a_bare_number_is_told_which_unit_is_missing() -> None:
    with pytest.raises(ValueError, match="write 15s or 15m"):
        parse_duration("15")
