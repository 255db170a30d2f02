"""A trader by rule that speaks like a model: it reads the JSON of a prompt and answers with decisions.

It follows the trend: opens with it where the budget has room, closes what is against it. The same prompt always gets
the same answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any

REWARD_PER_RISK = Decimal("3.2")  # at least; more where the rules ask for more
STOP_ATR = Decimal(2)
STOP_MIN = Decimal("0.004")  # of the price
CENT = Decimal("0.01")

_DATA = re.compile(r"<data>\s*(\{.*\})\s*</data>", re.DOTALL)


def answer_to(messages: Sequence[Mapping[str, Any]]) -> str:
    """The trader's answer, as JSON text. A prompt without data gets an answer without decisions."""
    data = _data(messages)
    decisions = [] if data is None else [*_closes(data), *_opens(data)]
    thoughts = (
        "no data" if data is None else f"{len(decisions)} decisions on {len(data.get('markets', {}))} markets"
    )
    return json.dumps({"reasoning": thoughts, "decisions": decisions}, default=_number)


def _data(messages: Sequence[Mapping[str, Any]]) -> Any:
    for message in reversed(messages):
        found = _DATA.search(str(message.get("content", "")))
        if message.get("role") == "user" and found:
            try:
                return json.loads(found[1], parse_float=Decimal, parse_int=Decimal)
            except ValueError:
                return None
    return None


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _closes(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for position in data["positions"]:
        market = data["markets"].get(position["symbol"])
        trend = _trend(market) if market else Decimal(0)
        if trend * (1 if position["side"] == "long" else -1) < 0:
            yield _decision(position["symbol"], f"close_{position['side']}", "the trend has turned")


def _opens(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    budget, gate = data["budget"], data["gate"]
    room = 0 if gate["state"] == "paused" else int(min(budget["positions"], budget["opens_this_cycle"]))
    busy = {position["symbol"] for position in data["positions"]} | set(data["recently_closed"])
    busy |= {order["symbol"] for order in data["orders"]}
    busy |= {part.removeprefix("market ") for part in data["absent"]}
    candidates = [symbol for symbol in data["candidates"] if symbol not in busy and symbol in data["assets"]]
    best_first = sorted(candidates, key=lambda symbol: -abs(_trend(data["markets"][symbol])))
    opens = (_open(data, symbol, room) for symbol in best_first)
    yield from [decision for decision in opens if decision is not None][:room]


def _open(data: Mapping[str, Any], symbol: str, room: int) -> dict[str, Any] | None:
    market, asset, rules = data["markets"][symbol], data["assets"][symbol], data["rules"]
    trend = _trend(market)
    if trend == 0 or asset["mode"] != "open":
        return None
    if market["open_interest_usd"] < rules.get("liquidity_threshold_usd", 0):
        return None
    sign = 1 if trend > 0 else -1
    entry = market["ask"] if sign > 0 else market["bid"]
    size_usd = _size_usd(data, asset)
    if size_usd is None or not room:
        return None
    risk = max(STOP_ATR * market["indicators"].get("atr_14", Decimal(0)), STOP_MIN * entry)
    reward = risk * max(REWARD_PER_RISK, rules.get("min_risk_reward_ratio", Decimal(0)) * Decimal("1.05"))
    cap = rules.get("major_coin_leverage" if asset["is_major"] else "altcoin_leverage", Decimal(1))
    return _decision(
        symbol,
        "open_long" if sign > 0 else "open_short",
        "with the trend",
        leverage=min(cap, asset["max_leverage"]),
        position_size_usd=size_usd,
        stop_loss=_on_tick(entry - sign * risk, asset),
        take_profit=_on_tick(entry + sign * reward, asset),
        confidence=Decimal(max(85, int(rules.get("min_confidence", 0)), int(data["gate"]["min_confidence"]))),
        risk_usd=(size_usd * risk / entry).quantize(CENT),
        invalidation_condition="EMA 12 crosses EMA 26",
    )


def _size_usd(data: Mapping[str, Any], asset: Mapping[str, Any]) -> Decimal | None:
    """The smallest position that the value band allows and a little more, or what the budget has room for."""
    rules, equity = data["rules"], data["account"]["equity_usd"]
    band = "btceth" if asset["is_major"] else "alt"
    least = equity * rules.get(f"{band}_position_value_min_equity_multiple", Decimal(0))
    most = min(rules.get("max_position_size_usd", equity), data["budget"]["notional_usd"])
    wanted = min(max(least * Decimal("1.05"), equity / 20), most)
    size = wanted.quantize(CENT, ROUND_DOWN)
    return size if size >= max(least, asset["min_notional_usd"] * Decimal("1.1")) else None


def _trend(market: Mapping[str, Any]) -> Decimal:
    """Its strength as a fraction of the price, above zero for up."""
    values = market["indicators"]
    if "ema_12" in values and "ema_26" in values:
        return Decimal((values["ema_12"] - values["ema_26"]) / market["mark_price"])
    change = market["change_1h_pct"]
    return Decimal(0) if change is None else Decimal(change) / 100


def _on_tick(price: Decimal, asset: Mapping[str, Any]) -> Decimal:
    tick = Decimal(asset["price_tick"])
    return (price / tick).to_integral_value(ROUND_HALF_EVEN) * tick


def _decision(symbol: str, action: str, reasoning: str, **fields: Any) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(
        ("leverage", "position_size_usd", "entry_price", "stop_loss", "take_profit", "risk_usd")
    )
    return {
        "symbol": symbol,
        "action": action,
        **empty,
        "confidence": 90,
        "reasoning": reasoning,
        "invalidation_condition": None,
        **fields,
    }
