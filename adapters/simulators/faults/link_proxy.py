"""Faults on our own link: between a customer of the paper exchange, or of any server of ours, and that server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from adapters.clock import Clock
from adapters.link import FRAME_BYTES_MAX, close_writer
from adapters.simulators.faults.link_connection import LinkConnection
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.stale import LastAnswers
from adapters.unix_listener import UnixListener


class LinkProxy:
    """Serves on one unix socket what is served on another, with faults.

    Args:
        path: where to listen.
        venue: the socket of the real server.
        nemesis: says what goes wrong, and keeps the truth.
        clock: for delays.
    """

    def __init__(self, path: Path, venue: Path, nemesis: Nemesis, clock: Clock) -> None:
        self._listener = UnixListener(path, self._serve, limit=FRAME_BYTES_MAX)
        self._venue = venue
        self._nemesis = nemesis
        self._clock = clock
        self._last: LastAnswers[msgspec.Raw] = LastAnswers()

    async def start(self) -> None:
        """Listen."""
        await self._listener.start()

    async def aclose(self) -> None:
        """Stop listening and end every connection."""
        await self._listener.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
