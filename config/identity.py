"""A bot's build identity: what code it runs, under which settings, and which code of its user's."""

from __future__ import annotations

import hashlib

import msgspec

from config.spec import BotSpec

_canonical = msgspec.json.Encoder(order="deterministic")


def identity(spec: BotSpec, code: str) -> str:
    """Sixteen hex digits, equal only where code, settings and the user's package are.

    Args:
        spec: the bot; the digest of its user's package is in it.
        code: a digest of our own code, see ``cluster.build``.
    """
    digest = hashlib.blake2b(digest_size=8)
    digest.update(f"{code}\0".encode())
    digest.update(_canonical.encode(spec))
    return digest.hexdigest()
