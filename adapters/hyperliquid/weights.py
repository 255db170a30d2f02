"""What each request counts for against the limit of an IP address.

Source: Hyperliquid API documentation, "Rate limits and user limits".
"""

from __future__ import annotations

from typing import Any

ACTIONS_PER_WEIGHT = 40
LIGHT = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)
LIGHT_WEIGHT = 2
WEIGHT = 20
ITEMS_PER_WEIGHT = {  # requests that count for more by what they answer
    "recentTrades": 20,
    "historicalOrders": 20,
    "userFills": 20,
    "userFillsByTime": 20,
    "fundingHistory": 20,
    "candleSnapshot": 60,
}


def of_question(kind: str) -> int:
    """Of a request to /info, before its answer is known."""
    return LIGHT_WEIGHT if kind in LIGHT else WEIGHT


def of_answer(kind: str, answer: Any) -> int:
    """What the answer's length adds."""
    items = ITEMS_PER_WEIGHT.get(kind)
    return len(answer) // items if items is not None and isinstance(answer, list) else 0


def of_action(count: int) -> int:
    """Of a request to /exchange with so many orders or cancels."""
    return 1 + count // ACTIONS_PER_WEIGHT
