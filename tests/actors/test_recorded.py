"""What a record keeps of a cycle is all that its rerun needs, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.recorded import PastOrder, digest, packed_context, packed_view, unpacked_context, unpacked_view
from adapters.model import Instrument, Level, MarketMode, Order, Side, Symbol
from risk.context import ReviewContext
from risk.intent import Purpose
from risk.limits import ExecGuards
from risk.post_trade import NoOpens
from risk.review import review
from risk.session import Session
from strategies.decision import Action, Decision, Quotes
from strategies.strategy import GateState, PerformanceGate, Rebuff, View
from tests.builders import (
    BTC,
    NOW,
    a_context,
    a_position,
    a_resting_order,
    a_snapshot,
    a_view,
    an_intent,
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=12)
VIEWS = st.builds(
    lambda indicators, change, funding, size, closed, ratio: a_view(
        markets={
            BTC: a_snapshot(
                indicators=indicators, change_1h=change, funding_rate=funding, context_age_s=change
            )
        },
        positions={BTC: a_position(str(size))},
        orders=(a_resting_order(Side.BUY, "990", "1"),),
        recently_closed={BTC: NOW} if closed else {},
        gate=PerformanceGate(state=GateState.SLOWED, sharpe=ratio, until=NOW),
        rebuffs=(Rebuff(symbol=BTC, reason="lease"),),
        absent={"market ETH": "prices are 3.0 s old, at most 2 s"},
        candidates=(BTC, Symbol("ETH")),
        advice=(
            Decision(symbol=BTC, action=Action.OPEN_LONG, position_size_usd=size),
            Quotes(symbol=BTC, bids=(Level(size, size),)),
        ),
    ),
    st.dictionaries(st.text(max_size=8), FLOATS, max_size=4),
    st.none() | FLOATS,
    DECIMALS,
    DECIMALS,
    st.booleans(),
    st.none() | FLOATS,
)


@given(VIEWS)
def test_a_view_comes_back_as_it_was(view: View) -> None:
    again = unpacked_view(packed_view(view))
    assert again == view
    assert digest(again) == digest(view)


@pytest.mark.parametrize(
    "ctx",
    [
        a_context(),
        a_context(
            guards=ExecGuards(), halt_rank=2, snapshot=None, instrument=None, absent={"account": "old"}
        ),
        a_context(session=Session(opens_at=NOW, closes_at=NOW), no_opens=NoOpens(control="a", reason="b")),
        a_context(
            instrument=Instrument(symbol=BTC, tick=Decimal(1), step=Decimal(1), mode=MarketMode.DELISTED)
        ),
    ],
)
def test_a_context_comes_back_and_gives_the_same_verdict(ctx: ReviewContext) -> None:
    again = unpacked_context(packed_context(ctx))
    assert review(an_intent(), again) == review(an_intent(), ctx)


def test_what_was_sent_lately_is_kept_as_far_as_a_rule_asks() -> None:
    order = Order(id=an_intent().id, symbol=BTC, side=Side.BUY, size=Decimal("0.5"), price=Decimal(1000))
    past = PastOrder(order=order, purpose=Purpose.OPEN)
    ctx = a_context(sent_lately=(past, past, past))
    again = unpacked_context(packed_context(ctx))
    assert review(an_intent(), again) == review(an_intent(), ctx)
    assert again.sent_lately == (past, past, past)


@pytest.mark.parametrize("packed", [b"", b"not zipped"])
def test_what_is_no_recording_is_told(packed: bytes) -> None:
    with pytest.raises(ValueError, match="no recording"):
        unpacked_view(packed)


def test_a_day_of_views_is_small() -> None:
    assert len(packed_view(replace(a_view(), orders=()))) < 1000
