"""An async Ray actor that does nothing: the least that a bot in Ray can cost. It imports nothing of ours."""

from __future__ import annotations

import os
import sys


class BareActor:
    """See the module."""

    async def pid(self) -> int:
        return os.getpid()

    async def modules(self) -> list[str]:
        """All that is imported in a process of Ray's own."""
        return list(sys.modules)

    async def echo(self, body: bytes) -> bytes:
        return body


class BornActor(BareActor):
    """A bare actor that leaves its pid in a file as soon as it is made, for who cannot wait until Ray finds it."""

    def __init__(self, birth: str) -> None:
        with open(birth, "w") as file:
            file.write(str(os.getpid()))
