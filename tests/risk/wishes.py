"""What tests of the plan and of its first line wish for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from strategies.decision import Action, Decision
from tests.builders import BTC


def a_long(**changes: Any) -> Decision:
    base = Decision(
        symbol=BTC,
        action=Action.OPEN_LONG,
        leverage=2,
        position_size_usd=Decimal(500),
        stop_loss=Decimal(950),
        take_profit=Decimal(1100),
        confidence=80,
    )
    return replace(base, **changes)
