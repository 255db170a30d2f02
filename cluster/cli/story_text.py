"""A cycle's story as text that a person reads from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

_INDENT = "  "


def story_text(story: Mapping[str, Any]) -> Text:
    """The whole cycle, in the order in which it happened."""
    return Text("\n").join(Text(line, style=style) for line, style in _lines(story))


def _lines(story: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    outcome = "ok" if story["success"] else f"failed: {story['error_message']}"
    yield f"{story['trader_id']}, cycle {story['cycle']} of epoch {story['epoch']}: {outcome}", "bold"
    yield f"{_INDENT}{story['timestamp']}", "dim"
    yield from _seen(story)
    yield from _asked(story)
    yield "decided", "bold"
    for decision in story["decisions"]:
        yield f"{_INDENT}{_decision(decision)}", ""
        if decision.get("reasoning"):
            yield f"{_INDENT * 2}{decision['reasoning']}", "dim"
    if not story["decisions"]:
        yield f"{_INDENT}nothing", "dim"
    for refusal in story["refusals"]:
        verb = "refused" if refusal["is_enforced"] else "advised against, and not enforced"
        yield f"{_INDENT}{refusal['symbol']} {verb} by {refusal['rule']}: {refusal['detail']}", "yellow"
    yield "done", "bold"
    for action in story["actions"]:
        yield f"{_INDENT}{_action(action)}", "" if action["result"] == "placed" else "yellow"
    if not story["actions"]:
        yield f"{_INDENT}nothing", "dim"
    yield f"{_INDENT}decided in {story['decide_ms']:g} ms, done in {story['submit_ms']:g} ms", "dim"


def _seen(story: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "saw", "bold"
    account, gate = story["account_snapshot"], story["gate"]
    if account:
        yield f"{_INDENT}equity {account['equity_usd']} USD, margin used {account['margin_used_usd']} USD", ""
    for symbol, position in story["positions_snapshot"].items():
        yield f"{_INDENT}holds {position['size']} {symbol} from {position['entry_price']}", ""
    for symbol, market in story["market_snap_digest"].items():
        yield f"{_INDENT}{symbol} {_market(market)}", ""
    for part, why in story["absent"].items():
        yield f"{_INDENT}without {part}: {why}", "yellow"
    if gate and gate["state"] != "open":
        yield (
            f"{_INDENT}performance gate {gate['state']} until {gate['until']}, Sharpe {gate['sharpe']}",
            "yellow",
        )
    if story["halt"]:
        yield f"{_INDENT}under a halt: {story['halt']}", "yellow"


def _asked(story: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    advice = story["advice"]
    if not advice:
        return
    yield "asked", "bold"
    if advice["model"]:
        tokens = f"{advice['prompt_tokens']} + {advice['output_tokens']} tokens"
        cost = f"{advice['cost_usd']} USD, {advice['latency_s']:g} s"
        yield f"{_INDENT}{advice['model']}: {tokens}, {cost}", ""
    yield f"{_INDENT}prompt {story['input_prompt_digest']}", "dim"
    for line in story.get("input_prompt", "").splitlines():
        yield f"{_INDENT * 2}{line}", "dim"
    for line in story["cot_trace"].splitlines():
        yield f"{_INDENT}> {line}", ""


def _market(market: Mapping[str, Any]) -> str:
    text = f"{market['bid']} / {market['ask']}, mark {market['mark_price']}"
    for name, label in (("change_1h", "1 h"), ("change_4h", "4 h")):
        if market[name] is not None:
            text += f", {label} {100 * market[name]:+.2f} %"
    return text + f", funding {market['funding_rate']}, open interest {market['open_interest']}"


def _decision(decision: Mapping[str, Any]) -> str:
    if "action" not in decision:
        return f"quotes in {decision['symbol']}: {len(decision['bids'])} bids, {len(decision['asks'])} asks"
    text = f"{decision['action']} {decision['symbol']}"
    for name in ("position_size_usd", "leverage", "entry_price", "stop_loss", "take_profit", "confidence"):
        if decision.get(name) is not None:
            text += f", {name} {decision[name]}"
    return text


def _action(action: Mapping[str, Any]) -> str:
    price = "the market" if action["price"] is None else action["price"]
    text = f"{action['action']} {action['qty']} {action['symbol']} at {price}: {action['result']}"
    if action["error_class"]:
        text += f" ({action['error_class']}: {action['error_detail']})"
    return text + f"  [{action['order_id'] or action['cloid']}]"
