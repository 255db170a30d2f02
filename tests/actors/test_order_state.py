from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.order_state import (
    EVENT_OF_STATUS,
    TRANSITIONS,
    IllegalTransition,
    OrderEvent,
    OrderState,
    after,
)
from adapters.model import OrderStatus

S, E = OrderState, OrderEvent
FINAL = {S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED}
STATE_OF_NEWS = {
    E.ACCEPT: S.OPEN,
    E.LOSE: S.UNKNOWN,
    E.FILL: S.FILLED,
    E.CANCEL: S.CANCELLED,
    E.REJECT: S.REJECTED,
    E.EXPIRE: S.EXPIRED,
}


@pytest.mark.parametrize("state", [S.INTENDED, S.UNKNOWN])
@pytest.mark.parametrize("event", list(E))
def test_an_order_of_which_little_is_known_takes_any_news_at_its_word(
    state: OrderState, event: OrderEvent
) -> None:
    assert after(state, event) is STATE_OF_NEWS[event]


@pytest.mark.parametrize("event", list(E))
def test_an_open_order_is_not_lost_by_a_lost_answer(event: OrderEvent) -> None:
    assert after(S.OPEN, event) is (S.OPEN if event is E.LOSE else STATE_OF_NEWS[event])


@pytest.mark.parametrize(("state", "event"), list(product(sorted(FINAL), E)))
def test_late_news_changes_nothing_but_fills_win(state: OrderState, event: OrderEvent) -> None:
    assert after(state, event) is (S.FILLED if event is E.FILL else state)


def test_every_pair_has_its_row_and_an_unknown_one_raises() -> None:
    assert set(TRANSITIONS) == set(product(S, E))
    with pytest.raises(IllegalTransition, match="nonsense while open"):
        after(S.OPEN, "nonsense")  # type: ignore[arg-type]


@given(st.sampled_from(S), st.lists(st.sampled_from(E)))
def test_a_final_state_never_opens_again(state: OrderState, events: list[OrderEvent]) -> None:
    was_final = was_filled = False
    for event in events:
        state = after(state, event)
        assert state.is_final or not was_final
        assert state is S.FILLED or not was_filled
        was_final, was_filled = state.is_final, state is S.FILLED


def test_final_is_what_can_trade_no_more() -> None:
    assert {state for state in S if state.is_final} == FINAL


def test_every_word_of_a_venue_is_an_event() -> None:
    assert set(EVENT_OF_STATUS) == set(OrderStatus)
    assert all(
        after(S.INTENDED, EVENT_OF_STATUS[status]).is_final == status.is_final for status in OrderStatus
    )
