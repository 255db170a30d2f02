"""A unix socket that only this user may open, and the connections on it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class UnixListener:
    """Runs ``serve`` for each connection, and ends with all of them.

    Args:
        path: the socket; its folder is made.
        serve: must end quietly when it is cancelled: asyncio would log it as an error of its own.
        limit: bytes that a reader buffers.
    """

    def __init__(self, path: Path, serve: Serve, *, limit: int) -> None:
        self._path = path
        self._serve = serve
        self._limit = limit
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. A socket left by a dead predecessor is replaced."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._connected, self._path, limit=self._limit)
        finally:
            os.umask(mask)

    async def aclose(self) -> None:
        """Stop listening, and end every connection."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._connections.discard(task)
