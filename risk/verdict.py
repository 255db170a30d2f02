"""What a review answers. Only ``Approved`` is ever sent; a refusal is a value that is recorded, not an error."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from adapters.model import ClientOrderId, Order, Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why one rule says no: a sentence, and the two numbers it compared."""

    detail: str
    limit: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An intent that becomes no order. ``rule`` is the rule's name in records, metrics and docs/risk-rules.md."""

    intent_id: ClientOrderId
    symbol: Symbol
    rule: str
    detail: str
    limit: str = ""
    value: str = ""
    is_enforced: bool = True  # else it is only recorded, and holds nothing back


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The order to send, on tick and step, and the exposure to take from the lease before it is sent."""

    order: Order
    exposure_usd: Decimal  # what it adds to the wallet's worst case; 0 when it only reduces
    reserve_price: Decimal  # at which it is counted from now on; 0 when it only reduces
    advised: tuple[Refused, ...] = ()  # rules that it breaks and that are not enforced


def refused(
    intent_id: ClientOrderId, symbol: Symbol, rule: str, refusal: Refusal, *, is_enforced: bool = True
) -> Refused:
    """The refusal with the names of its intent and its rule."""
    return Refused(
        intent_id=intent_id,
        symbol=symbol,
        rule=rule,
        detail=refusal.detail,
        limit=refusal.limit,
        value=refusal.value,
        is_enforced=is_enforced,
    )
