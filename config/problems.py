"""What is wrong with a file, and how it is told: one line a problem, one screen in all, never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from adapters.errors import ConfigError

KeyPath: TypeAlias = tuple[str | int, ...]

MASK = "********"
PROBLEMS_MAX = 20  # lines on the screen
COLUMNS_MAX = 200
FILE_COLUMNS_MAX = 60
SECRET_MIN = 4  # shorter texts occur in any sentence; masking them would only garble it

_SECRET_KEY = re.compile(r"(?:^|_)(?:key|secret|passphrase|password|passwd|mnemonic|credentials?)$", re.I)


class FleetFileError(ConfigError):
    """A fleet file, bots file or env file that cannot be used; the text lists every problem."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right."""

    file: str
    line: int  # from 1; 0 is the file as a whole
    key: str  # "bots[2].strategy.symbol"; empty is the file as a whole
    what: str  # what is wrong; what would be right

    def __str__(self) -> str:
        file = self.file if len(self.file) <= FILE_COLUMNS_MAX else f"…{self.file[1 - FILE_COLUMNS_MAX :]}"
        place = f"{file}:{self.line}" if self.line else file
        text = _one_line(f"{place}: {self.key}: {self.what}" if self.key else f"{place}: {self.what}")
        return text if len(text) <= COLUMNS_MAX else f"{text[: COLUMNS_MAX - 1]}…"


@dataclass(frozen=True, slots=True)
class Redaction:
    """Texts that no message may show, each with what it shows instead."""

    masks: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        for secret in sorted(self.masks, key=len, reverse=True):
            if len(secret) >= SECRET_MIN:
                text = text.replace(secret, self.masks[secret])
        return text


def looks_secret(key: str) -> bool:
    """Whether a key's name says that its value must not be shown: ``key``, ``api_key``, ``secret``, …"""
    return _SECRET_KEY.search(key) is not None


def dotted(path: KeyPath) -> str:
    """The path as an operator reads it: ``bots[2].strategy.symbol``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shown_key(part)}" if text else shown_key(part)
    return text


def shown_key(key: str) -> str:
    """The key, or as much of it as may be shown: ``key:abc`` is a secret that lacks a space."""
    name, colon, _ = key.partition(":")
    return f"{name[:40]}:…" if colon else key[:40]


def report(problems: Iterable[Problem]) -> FleetFileError:
    """All problems as one error, in the order of the file, cut to one screen."""
    found = sorted(set(problems))
    lines = [str(problem) for problem in found[:PROBLEMS_MAX]]
    if len(found) > PROBLEMS_MAX:
        lines.append(f"… and {len(found) - PROBLEMS_MAX} more")
    return FleetFileError("\n".join(lines))


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
