"""Every control that is asked for by number has its functions, and the manual names them."""

import re
from pathlib import Path

import pytest

from risk import post_trade
from risk.balance import parent_balance
from risk.build import build_identity
from risk.controls import CONTROLS
from risk.rules import RULES

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "risk-rules.md"
NUMBERS = [f"P{n}" for n in range(1, 16)] + [f"T{n}" for n in range(1, 9)]
BESIDE_THE_RULES = {parent_balance, build_identity, post_trade.repeated_execution}


def test_every_number_has_a_control() -> None:
    assert list(CONTROLS) == NUMBERS
    assert all(CONTROLS.values())


@pytest.mark.parametrize("number", NUMBERS)
def test_the_manual_lists_the_functions_of_a_control(number: str) -> None:
    row = re.search(rf"^\| {number} \|[^|]*\| (.*) \|$", MANUAL.read_text(), re.MULTILINE)
    assert row is not None
    assert re.findall(r"`(\w+)`", row[1]) == [control.__name__ for control in CONTROLS[number]]


@pytest.mark.parametrize("number", NUMBERS[:15])
def test_a_pre_trade_control_is_a_rule_or_has_a_place_of_its_own(number: str) -> None:
    assert set(CONTROLS[number]) <= {*RULES, *BESIDE_THE_RULES}


@pytest.mark.parametrize("number", NUMBERS[15:])
def test_a_post_trade_control_says_its_number(number: str) -> None:
    for control in CONTROLS[number]:
        assert control.__module__ == post_trade.__name__
        assert (control.__doc__ or "").startswith(f"{number}. ")
