"""Answers as models give them."""

from __future__ import annotations

import json
from typing import Any

from adapters.model import Symbol
from tests.builders import BTC, ETH

SYMBOLS = frozenset({BTC, ETH})


def an_open(**changes: Any) -> dict[str, Any]:
    """A long of 1000.1 USD in BTC with three of reward per one of risk."""
    return {
        "symbol": "BTC",
        "action": "open_long",
        "leverage": 3,
        "position_size_usd": 1000.1,
        "entry_price": None,
        "stop_loss": 950,
        "take_profit": 1150,
        "confidence": 80,
        "risk_usd": None,
        "reasoning": "up",
        "invalidation_condition": None,
    } | changes


def without(item: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in keys}


def as_text(*items: Any) -> str:
    return json.dumps(list(items))


def symbols(*names: str) -> frozenset[Symbol]:
    return frozenset(map(Symbol, names))
