from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.balance import child_room, parent_balance
from risk.intent import Intent
from risk.review import Approved, review
from tests.builders import a_context, an_instrument, an_intent

SIZES = st.decimals("0.001", 10, places=3)


@dataclass
class Child:
    """An order for a part of a parent, as a venue treats it."""

    size: Decimal
    filled: Decimal = Decimal(0)
    is_live: bool = True

    @property
    def committed(self) -> Decimal:
        return self.size if self.is_live else self.filled


def test_the_last_digit_counts() -> None:
    children = [Decimal("0.3"), Decimal("0.69999")]
    assert parent_balance(Decimal(1), children, Decimal("0.00001")) is None
    refusal = parent_balance(Decimal(1), children, Decimal("0.000011"))
    assert refusal is not None
    assert (refusal.limit, refusal.value) == ("0.00001", "0.000011")


def test_a_parent_that_is_overdrawn_has_no_room() -> None:
    assert child_room(Decimal(1), [Decimal(2)]) == 0
    assert parent_balance(Decimal(1), [Decimal(2)], Decimal("0.001")) is not None


@given(SIZES, st.lists(st.tuples(SIZES, st.floats(0, 1), st.booleans()), max_size=30))
def test_however_often_it_is_tried_no_more_is_traded_than_was_asked_for(
    parent: Decimal, tries: list[tuple[Decimal, float, bool]]
) -> None:
    """The Knight case: children are sent again and again while fills of the earlier ones come in."""
    children: list[Child] = []
    for size, filled, ends in tries:
        if parent_balance(parent, [child.committed for child in children], size) is None:
            part = (size * Decimal(str(filled))).quantize(Decimal("0.001"))
            children.append(Child(size, min(part, size), is_live=not ends))
        assert sum(child.committed for child in children) <= parent
    traded_at_worst = sum(child.size if child.is_live else child.filled for child in children)
    assert traded_at_worst <= parent


@given(st.decimals("0.0001", 2, places=6), st.sampled_from(["0.001", "0.01", "0.25"]))
def test_an_approved_order_is_never_larger_than_its_intent(size: Decimal, step: str) -> None:
    intent: Intent = an_intent(size=size)
    verdict = review(intent, a_context(instrument=an_instrument(step=Decimal(step))))
    if isinstance(verdict, Approved):
        assert verdict.order.size <= size


def test_a_rounding_that_adds_is_caught_at_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the check is for: somebody changes the rounding."""
    monkeypatch.setattr("risk.review._rounded", lambda intent, _: an_intent(size=Decimal("0.51")))
    verdict = review(an_intent(size=Decimal("0.5")), a_context())
    assert not isinstance(verdict, Approved)
    assert verdict.rule == "parent_balance"
