"""Plain calls between actors, as Ray carries them: one may be executed long after its caller gave up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from adapters.errors import LinkError, TradingError
from cluster.simulation.links import BREAK_S
from cluster.simulation.loop import Process
from cluster.simulation.network import Leg, Network, Route

ANSWER_MAX_S = 5.0


class Calls:
    """What one process uses to call others.

    Args:
        network: between them.
        caller: whose calls these are.
    """

    def __init__(self, network: Network, caller: Process) -> None:
        self._network = network
        self.caller = caller
        self._routes: dict[Process, tuple[Route, Route]] = {}

    async def ask(
        self, process: Process, actor: Any, method: str, *arguments: Any, timeout_s: float = ANSWER_MAX_S
    ) -> Any:
        """Call a method of an actor.

        Raises:
            LinkError: no answer in time, the process died, or it failed by a fault of ours.
            TradingError: what the callee raised.
        """
        network, loop = self._network, self._network.loop
        if process not in self._routes:
            self._routes[process] = (network.route(self.caller, process), network.route(process, self.caller))
        there, back = self._routes[process]
        answer: asyncio.Future[Any] = loop.create_future()

        def run() -> None:
            loop.create_task(work())

        async def work() -> None:
            result: Any = None
            error: TradingError | None = None
            try:
                result = await getattr(actor, method)(*arguments)
            except TradingError as raised:
                error = raised
            except Exception as raised:
                error = LinkError(f"{process.name}: {type(raised).__name__}: {raised}")
            told = f"{method}→{type(error or result).__name__}"
            network.carry(
                back,
                told,
                b"",
                lambda: _settle(answer, result, error),
                leg=Leg.ANSWERING,
                shown=error or result,
            )

        def died() -> None:
            if not network.is_cut(process, self.caller):
                gone = LinkError(f"{process.name}: its process died")
                loop.call_later(BREAK_S, _settle, answer, None, gone, context=self.caller.context)

        if not process.alive:
            died()
        process.endings.append(died)
        network.carry(there, method, b"", run, leg=Leg.ASKING, shown=arguments)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as error:
            raise LinkError(f"{process.name}: no answer within {timeout_s:g} s") from error
        finally:
            process.endings.remove(died)


class Remote:
    """A named actor, looked up anew for every call."""

    def __init__(
        self, calls: Calls, find: Callable[[], tuple[Process, Any]], timeout_s: float = ANSWER_MAX_S
    ) -> None:
        self.calls = calls
        self.find = find
        self.timeout_s = timeout_s

    async def ask(self, method: str, *arguments: Any) -> Any:
        """See ``Calls.ask``."""
        process, actor = self.find()
        return await self.calls.ask(process, actor, method, *arguments, timeout_s=self.timeout_s)


def _settle(answer: asyncio.Future[Any], result: Any, error: TradingError | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
