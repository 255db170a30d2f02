"""Text from outside: cut to a length, and without the characters that nobody sees."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")
_UNSEEN = frozenset(
    {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
)  # controls, bidi and zero-width marks, surrogates


def plain_text(text: str, length_max: int) -> str:
    """At most so many characters, none of them invisible; line breaks and tabs stay."""
    seen = "".join(c for c in text[: 2 * length_max] if c in _KEPT or unicodedata.category(c) not in _UNSEEN)
    return seen if len(seen) <= length_max else f"{seen[: length_max - 1]}…"


def one_line(text: str, length_max: int) -> str:
    """The same on one line, each run of blanks as one."""
    return " ".join(plain_text(text, length_max).split())
