"""A cycle's record as its readers want it: what was seen, asked, answered, decided, refused and done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from actors.messages import CycleRecord
from actors.recorded import plain_view

_MARKET = ("mark_price", "funding_rate", "open_interest", "change_1h", "change_4h", "age_s")


def story(record: CycleRecord) -> dict[str, Any]:
    """One cycle as plain JSON values.

    ``input_prompt_digest`` is of the prompt, or of the whole view where no language model was asked. A record of an
    older version, which kept no view, has empty snapshots.
    """
    view = plain_view(record.view) if record.view else {}
    advice = record.advice
    plain = msgspec.to_builtins(
        {
            "timestamp": record.timestamp,
            "trader_id": record.bot,
            "cycle": record.cycle,
            "input_prompt_digest": (advice.prompt_digest if advice else "") or record.view_digest,
            "cot_trace": advice.reasoning if advice else "",
            "decisions": record.decisions,
            "account_snapshot": view.get("account", {}),
            "positions_snapshot": view.get("positions", {}),
            "candidates": view.get("candidates", ()),
            "market_snap_digest": {
                symbol: _market(snapshot) for symbol, snapshot in view.get("markets", {}).items()
            },
            "actions": record.actions,
            "success": record.success,
            "error_message": record.error_message,
            "epoch": record.epoch,
            "view_digest": record.view_digest,
            "refusals": record.refusals,
            "absent": view.get("absent", {}),
            "gate": view.get("gate", {}),
            "budget": view.get("budget", {}),
            "performance": view.get("performance", {}),
            "halt": record.halt,
            "advice": _about(record),
            "decide_ms": record.decide_ms,
            "submit_ms": record.submit_ms,
        }
    )
    assert isinstance(plain, dict)
    if advice and advice.prompt:
        plain["input_prompt"] = advice.prompt
    return plain


def _market(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    quote = snapshot["quote"]
    return {"bid": quote["bid"], "ask": quote["ask"], **{name: snapshot.get(name) for name in _MARKET}}


def _about(record: CycleRecord) -> dict[str, Any] | None:
    """What the advice took; its words are elsewhere in the story."""
    if record.advice is None:
        return None
    told = {"prompt", "prompt_digest", "reasoning"}
    return {
        name: getattr(record.advice, name) for name in record.advice.__struct_fields__ if name not in told
    }
