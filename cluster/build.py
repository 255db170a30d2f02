"""Which code this process runs: one digest over the text of all our packages, the same wherever they are the same."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

OUR_NAMES = ("adapters", "strategies", "risk", "config", "actors", "cluster")
_ROOT = Path(__file__).resolve().parents[1]


@cache
def code_digest() -> str:
    """Sixteen hex digits of every module of ours, as it lies beside this one; read once a process."""
    return digest_of(_ROOT)


def digest_of(root: Path) -> str:
    """Sixteen hex digits of every module of ours below a folder: their paths and their text."""
    digest = hashlib.blake2b(digest_size=8)
    for name in OUR_NAMES:
        for path in sorted((root / name).rglob("*.py")):
            text = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()}\0{len(text)}\0".encode())
            digest.update(text)
    return digest.hexdigest()
