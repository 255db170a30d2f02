"""One number for a whole run: equal when every decision and every fill was the same, in the same order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from actors.messages import CycleRecord
from adapters.model import Fill, WalletId

_PROSE = frozenset({"reasoning", "invalidation_condition"})  # how it is told, not what it is
_NUMBERS = frozenset(
    {"position_size_usd", "entry_price", "stop_loss", "take_profit", "risk_usd", "price", "size"}
)
_json = msgspec.json.Encoder(order="deterministic")


class RunDigest:
    """SHA-256 over lines of JSON. Numbers are exact decimals without an exponent or trailing zeros, never floats."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def decided(self, record: CycleRecord) -> None:
        """One cycle's decisions, in the strategy's order; a cycle without any leaves no trace."""
        if record.decisions:
            decisions = [_plain(decision) for decision in record.decisions]
            self._add(record.bot, record.cycle, record.timestamp, decisions)

    def filled(self, wallet: WalletId, fill: Fill) -> None:
        """One execution of a wallet."""
        numbers = map(_canonical, (fill.price, fill.size, fill.fee))
        self._add(wallet, fill.at, fill.order_id, fill.symbol, fill.side, *numbers, fill.liquidity)

    def hexdigest(self) -> str:
        """The digest so far, 64 hex digits."""
        return self._hash.hexdigest()

    def _add(self, *line: Any) -> None:
        self._hash.update(_json.encode(line) + b"\n")


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner, key) for key, inner in value.items() if key not in _PROSE}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return _canonical(Decimal(value)) if name in _NUMBERS and value is not None else value


def _canonical(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
