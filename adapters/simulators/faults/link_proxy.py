"""Faults on our own link: between a customer of the paper exchange, or of any server of ours, and that server."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from adapters.clock import Clock
from adapters.link import FRAME_BYTES_MAX, close_writer
from adapters.simulators.faults.link_connection import LinkConnection
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.stale import LastAnswers


class LinkProxy:
    """Serves on one unix socket what is served on another, with faults.

    Args:
        path: where to listen.
        venue: the socket of the real server.
        nemesis: says what goes wrong, and keeps the truth.
        clock: for delays.
    """

    def __init__(self, path: Path, venue: Path, nemesis: Nemesis, clock: Clock) -> None:
        self._path = path
        self._venue = venue
        self._nemesis = nemesis
        self._clock = clock
        self._last: LastAnswers[msgspec.Raw] = LastAnswers()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. A socket left by a dead predecessor is replaced."""
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._connected, self._path, limit=FRAME_BYTES_MAX)
        finally:
            os.umask(mask)

    async def aclose(self) -> None:
        """Stop listening and end every connection."""
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
            venue_reader, venue_writer = await asyncio.open_unix_connection(
                self._venue, limit=FRAME_BYTES_MAX
            )
            try:
                await LinkConnection(
                    self._nemesis, self._clock, self._last, reader, writer, venue_reader, venue_writer
                ).run()
            finally:
                await close_writer(venue_writer)
        except (OSError, asyncio.CancelledError):
            pass  # nobody serves there, or the proxy closes: either way the caller finds his connection gone
        finally:
            await close_writer(writer)
            self._connections.discard(task)
