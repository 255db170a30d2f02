"""Our orders as Hyperliquid's actions.

The names and the order of the keys are part of what is signed. Source: Hyperliquid API documentation, "Exchange
endpoint"; hyperliquid-python-sdk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from hyperliquid.utils.signing import order_wires_to_order_action

from adapters.errors import InvalidParam
from adapters.hyperliquid.network import VENUE
from adapters.model import ClientOrderId, Order, OrderType, TimeInForce

Action = Mapping[str, Any]

DECIMALS_MAX = 8
_TIFS = {TimeInForce.GTC: "Gtc", TimeInForce.IOC: "Ioc", TimeInForce.POST_ONLY: "Alo"}


def number(value: Decimal) -> str:
    """A price or size as it is signed: no exponent, no trailing zeros, at most eight decimals.

    Raises:
        InvalidParam: it has more decimals, or is no finite number.
    """
    if not value.is_finite() or value != round(value, DECIMALS_MAX):
        raise InvalidParam(f"{value} has more than {DECIMALS_MAX} decimals", venue=VENUE)
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def cloid(order_id: ClientOrderId) -> str:
    """Our id as the exchange writes it."""
    return f"0x{order_id}"


def order_wire(order: Order, asset: int, limit: Decimal) -> Action:
    """One order.

    Args:
        order: what is asked.
        asset: the market's number.
        limit: the worst price to trade at; market and trigger orders need one too.
    """
    if order.type.is_trigger:
        assert order.trigger is not None, "a trigger order has a trigger"
        kind: Action = {
            "trigger": {
                "isMarket": True,
                "triggerPx": number(order.trigger),
                "tpsl": "sl" if order.type is OrderType.STOP else "tp",
            }
        }
    else:
        tif = TimeInForce.IOC if order.type is OrderType.MARKET else order.tif
        kind = {"limit": {"tif": _TIFS[tif]}}
    return {
        "a": asset,
        "b": order.side.sign > 0,
        "p": number(limit),
        "s": number(order.size),
        "r": order.reduce_only,
        "t": kind,
        "c": cloid(order.id),
    }


def place(wires: Iterable[Action]) -> Action:
    """Place these orders."""
    action: Action = order_wires_to_order_action(list(wires))
    return action


def modify(order_id: ClientOrderId, wire: Action) -> Action:
    """Put another order in the place of one that rests."""
    return {"type": "batchModify", "modifies": [{"oid": cloid(order_id), "order": wire}]}


def cancel(targets: Iterable[tuple[int, ClientOrderId]]) -> Action:
    """Cancel by our ids: (asset, id)."""
    cancels = [{"asset": asset, "cloid": cloid(order_id)} for asset, order_id in targets]
    return {"type": "cancelByCloid", "cancels": cancels}


def cancel_by_number(asset: int, oid: int) -> Action:
    """Cancel an order that has no id of ours."""
    return {"type": "cancel", "cancels": [{"a": asset, "o": oid}]}


def update_leverage(asset: int, leverage: int, *, is_cross: bool) -> Action:
    """Set a market's leverage and margin mode."""
    return {"type": "updateLeverage", "asset": asset, "isCross": is_cross, "leverage": leverage}


def schedule_cancel(at_ms: int | None) -> Action:
    """Cancel everything at this time unless it is set anew; ``None`` takes that back."""
    return {"type": "scheduleCancel"} if at_ms is None else {"type": "scheduleCancel", "time": at_ms}


def noop() -> Action:
    """Nothing, but its nonce is used up."""
    return {"type": "noop"}


def actions_in(action: Action) -> int:
    """How many orders or cancels it holds: what it counts for against the address's limit."""
    for name in ("orders", "cancels", "modifies"):
        if name in action:
            return len(action[name])
    return 1


def is_reducing(action: Action) -> bool:
    """Whether it can only lower exposure: cancels, and orders that are all reduce-only."""
    match action["type"]:
        case "cancel" | "cancelByCloid" | "scheduleCancel" | "noop":
            return True
        case "order":
            return all(order["r"] for order in action["orders"])
        case _:
            return False
