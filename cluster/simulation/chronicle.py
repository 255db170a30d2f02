"""What happened, as one digest and as the last lines for people."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from typing import Any

import msgspec

from actors.messages import WalletReport

LINES_KEPT = 4_000
LONGEST = 400  # characters of a message that people are shown
_encode = msgspec.msgpack.Encoder().encode


class Trace:
    """Takes every message, fault and venue event in the order in which they happened."""

    def __init__(self) -> None:
        self.bitten: Counter[str] = Counter()  # how often a fault of each kind made a difference
        self._hash = hashlib.blake2b(digest_size=16)
        self._lines: deque[tuple[float, str, str, Any]] = deque(maxlen=LINES_KEPT)

    def add(self, at_s: float, where: str, what: str, body: bytes = b"", shown: Any = None) -> None:
        """One thing that happened.

        Args:
            at_s: virtual time.
            where: who, or from whom to whom.
            what: its kind.
            body: what the digest takes of it, beside the rest.
            shown: what people are shown of it; turned into text only when somebody looks.
        """
        self._hash.update(f"{at_s!r}|{where}|{what}|".encode() + body)
        self._lines.append((at_s, where, what, shown))

    def keep_no_lines(self) -> None:
        """Nobody will ask for them."""
        self._lines = deque(maxlen=0)

    def bite(self, kind: str) -> None:
        """A fault made a difference."""
        self.bitten[kind] += 1

    def digest(self) -> str:
        """Equal for two runs in which the same happened."""
        return self._hash.hexdigest()

    def last(self, count: int, leaving_out: frozenset[str] = frozenset()) -> list[str]:
        """The last lines, oldest first."""
        chosen = [line for line in self._lines if line[2] not in leaving_out][-count:]
        return [
            f"{at_s:9.4f} {where:<28} {what}" + (f" {_shown(shown)}" if shown is not None else "")
            for at_s, where, what, shown in chosen
        ]


def without_pid(message: Any, encoded: bytes) -> bytes:
    """A message as the digest takes it: a pid is the machine's, and no part of what happened."""
    if isinstance(message, WalletReport):
        return _encode(msgspec.structs.replace(message, pid=0))
    return encoded


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
