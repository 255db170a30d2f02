"""What all hosts share: the class that Ray runs around one plain actor.

``__init__`` cannot fail: Ray would give such an actor up for ever. It asks itself to ``start``, so that an actor which
Ray brought back works again without waiting for anybody. When the hosted work fails for good, the process ends, and
whoever supervises it brings another.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import ray

from actors.processes import Whereabouts
from adapters.clock import SystemClock
from adapters.errors import ConfigError, TradingError
from cluster.home import Home
from cluster.json_logs import log_to
from cluster.ray_runtime.links import Place, Switchboard

_log = logging.getLogger(__name__)
RETRY_S = 0.5
KNOWN_S = 0.02  # between two looks for the incarnation, which the main loop finds out


class Host:
    """What all hosts share: starting once, dying loudly, saying where they are."""

    gives_up = False  # whether a wrong configuration ends it, rather than being waited out

    def __init__(self, name: str, home: str, *arguments: Any) -> None:
        self.name = name
        self.home = Home(Path(home))
        self.clock = SystemClock()
        self.arguments = arguments
        self.incarnation = 0
        self.switchboard: Switchboard | None = None
        self.socket: Path | None = None
        self.began = False
        self.started = asyncio.Event()
        self.working: asyncio.Task[None] | None = None
        # An actor that is brought back is not alive yet by Ray's books, and a call fails at once unless it may repeat.
        ray.get_runtime_context().current_actor.start.options(max_task_retries=-1).remote()

    async def start(self) -> None:
        """Begin, once; retried until it works, since what it needs may itself be on its way back."""
        if self.began:
            await self.started.wait()
            return
        self.began = True
        log_to(self.home.logs, self.name)
        while True:
            try:
                work = await self.begin()
                break
            except TradingError as error:
                if isinstance(error, ConfigError) and self.gives_up:
                    raise
                _log.warning("cannot begin yet: %s", error)
                await asyncio.sleep(RETRY_S)
            except Exception:
                _log.critical("cannot begin: the process ends", exc_info=True)
                os._exit(1)
        self.working = asyncio.create_task(self._work(work))
        self.started.set()

    async def begin(self) -> Coroutine[Any, Any, None]:
        """Set up, and give the work that then never ends."""
        raise AssertionError("every host has its own")

    def count_life(self) -> int:
        """One more life under this name on this machine: for hosts that have no number in the store."""
        file = self.home.run / f"{self.name.replace(':', '-')}.lives"
        lives = int(file.read_text()) + 1 if file.exists() else 1
        draft = file.with_suffix(".new")
        draft.write_text(str(lives))
        draft.replace(file)  # a death in between leaves the old number, not none
        return lives

    async def where(self) -> Place:
        """Where it can be called."""
        await self.started.wait()
        return Place(node_id(), str(self.socket or ""), os.getpid())

    @property
    def here(self) -> Whereabouts:
        """This process."""
        return Whereabouts(os.getpid(), node_id(), self.incarnation)

    @ray.method(concurrency_group="ctl")
    async def whereabouts(self) -> Whereabouts:
        """For the status, and for a supervisor that finds it; answered whatever the main loop does, once it began."""
        while not self.incarnation:  # noqa: ASYNC110  # it is set in another loop, whose events do not wake this one
            await asyncio.sleep(KNOWN_S)
        return self.here

    async def link_call(self, session: str, body: bytes, deadline: float) -> tuple[bytes, bytes | None]:
        """One request of a link over Ray."""
        await self.started.wait()
        assert self.switchboard is not None
        return await self.switchboard.call(session, body, deadline)

    async def link_notices(self, session: str) -> list[bytes]:
        """What a session of a link over Ray was told."""
        await self.started.wait()
        assert self.switchboard is not None
        return await self.switchboard.notices(session)

    @ray.method(concurrency_group="ctl")
    async def ping(self) -> int:
        """Whether the process lives, whatever its main loop does."""
        return os.getpid()

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException:
            _log.critical("the work ended with an error; the process ends too", exc_info=True)
            os._exit(1)

    async def serve(self, protocols: Any, open_session: Callable[[Any], Any]) -> None:
        """Open the actor's switchboard."""
        self.socket = self.home.sockets / f"{self.name.replace(':', '-')}.sock"
        self.switchboard = Switchboard(self.socket, protocols, self.clock, open_session)
        await self.switchboard.start()


def node_id() -> str:
    """The Ray node that this process is on."""
    return str(ray.get_runtime_context().get_node_id())


async def for_ever() -> None:
    """The work of a host that only answers."""
    await asyncio.Event().wait()
