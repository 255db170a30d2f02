"""Times, shifted wherever a venue tells them."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulators.faults.skew import shifted, shifted_date, shifted_json
from tests.builders import NOW

AHEAD = timedelta(seconds=90)


def test_every_datetime_moves_and_nothing_else() -> None:
    data = {"at": NOW, "orders": [{"expires_at": NOW, "size": "1"}], "none": None}
    moved = {"at": NOW + AHEAD, "orders": [{"expires_at": NOW + AHEAD, "size": "1"}], "none": None}
    assert shifted(data, AHEAD) == moved
    over_the_wire = msgspec.msgpack.decode(msgspec.msgpack.encode(data))
    assert shifted(over_the_wire, AHEAD) == moved, "a time keeps its type in MessagePack"


@given(st.integers(-(10**9), 10**9), st.integers(-3600, 3600))
def test_there_and_back_again(microseconds: int, seconds: int) -> None:
    data = [NOW + timedelta(microseconds=microseconds)]
    by = timedelta(seconds=seconds)
    assert shifted(shifted(data, by), -by) == data


def test_json_moves_in_the_named_fields_only() -> None:
    body = {
        "time": 1_700_000_000_000,
        "cTime": "1700000000000",
        "updated_at": "2026-01-05T12:00:30+00:00",
        "size": 1_700_000_000_000,
        "fills": [{"time": 5}, {"time": None}, {"time": True}, {"time": "soon"}],
    }
    moved = json.loads(shifted_json(json.dumps(body).encode(), AHEAD, {"time", "cTime", "updated_at"}))
    assert moved == {
        "time": 1_700_000_090_000,
        "cTime": "1700000090000",
        "updated_at": "2026-01-05T12:02:00+00:00",
        "size": 1_700_000_000_000,
        "fills": [{"time": 90_005}, {"time": None}, {"time": True}, {"time": "soon"}],
    }


def test_what_tells_no_time_stays_byte_for_byte() -> None:
    for body in (b"pong", b'{ "size" : 1 }', b""):
        assert shifted_json(body, AHEAD, {"time"}) == body


def test_the_date_header_moves() -> None:
    assert shifted_date("Mon, 05 Jan 2026 23:59:00 GMT", AHEAD) == "Tue, 06 Jan 2026 00:00:30 GMT"
