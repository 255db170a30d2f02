"""The floor of a risk check: thirteen rules over two flat dataclasses, in one function, without reasons or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

N = TypeVar("N", float, Decimal)


@dataclass(frozen=True, slots=True)
class PlainOrder(Generic[N]):
    """What is asked."""

    symbol: str
    is_buy: bool
    size: N
    price: N
    stop: N
    leverage: int
    confidence: int


@dataclass(frozen=True, slots=True)
class PlainState(Generic[N]):
    """What is known, and the limits."""

    halted: bool
    symbols: tuple[str, ...]
    mark: N
    age_s: float
    position: N
    equity: N
    margin_used: N
    gross: N
    open_orders: int
    orders_in_last_second: int
    leverage_max: int = 5
    confidence_min: int = 0
    notional_min: int = 10
    notional_max: int = 50_000
    position_max: int = 1_000
    gross_max: int = 100_000
    open_orders_max: int = 200
    orders_per_second_max: int = 20
    age_max_s: float = 5.0


def plain_check(order: PlainOrder[N], state: PlainState[N]) -> bool:
    """Whether the order may be sent."""
    if state.halted or order.symbol not in state.symbols or state.age_s > state.age_max_s:
        return False
    if state.orders_in_last_second >= state.orders_per_second_max:
        return False
    if state.open_orders >= state.open_orders_max or order.confidence < state.confidence_min:
        return False
    if order.leverage > state.leverage_max or (order.price > order.stop) != order.is_buy:
        return False
    worth = order.size * order.price
    if not state.notional_min <= worth <= state.notional_max or order.price * 20 > state.mark * 21:
        return False
    signed = order.size if order.is_buy else -order.size
    if abs(state.position + signed) * state.mark > state.position_max:
        return False
    if (state.margin_used + worth / order.leverage) * 10 > state.equity * 9:
        return False
    return state.gross + worth <= state.gross_max
