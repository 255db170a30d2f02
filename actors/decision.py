"""The Decision pool: members that run executors, and the router that gives each call to the least loaded one."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from adapters.errors import ConfigError, LinkError, Temporary, TradingError
from strategies.advice import Advice, Inquiry
from strategies.executors import LANGUAGE_MODEL, Executor, executor_class

SUSPECT_S = 10.0  # a member that failed or was late gets nothing for this long, while others are well
_log = logging.getLogger(__name__)


class DecisionLate(TradingError):
    """No advice within the deadline: the bot goes on without, never with old advice."""


class Advisor(Protocol):
    """Whoever can be asked for advice."""

    async def advise(self, inquiry: Inquiry) -> Advice: ...


class DecisionMember:
    """Runs executors, one instance of each kind, any number of calls at once.

    Args:
        models: who asks language models; without it nobody does.
    """

    def __init__(self, models: Advisor | None = None) -> None:
        self._models = models
        self._executors: dict[str, Executor] = {}
        self.calls = 0

    async def advise(self, inquiry: Inquiry) -> Advice:
        """The executor's advice on the view.

        Raises:
            ConfigError: an unknown executor, or a language model where none can be asked.
        """
        self.calls += 1
        if inquiry.executor == LANGUAGE_MODEL:
            if self._models is None:
                raise ConfigError("language models are asked by the Decision actors of a running fleet only")
            return await self._models.advise(inquiry)
        name = inquiry.executor
        if name not in self._executors:
            self._executors[name] = executor_class(name)()
        answer = self._executors[name].advise(inquiry.view)
        return Advice(decisions=tuple(await answer if inspect.isawaitable(answer) else answer))


@dataclass(slots=True)
class _Load:
    in_flight: int = 0
    suspect_until: float = 0.0
    answered: int = 0
    failed: int = 0


@dataclass(slots=True)
class DecisionPool:
    """Routes to the member with the fewest calls in flight.

    A member that is late or dead costs its own callers the deadline and nobody else anything: what it holds counts as
    load until its deadline, and it is passed over for a while.

    Args:
        members: by name.
        deadline_s: for one call.
        monotonic: seconds, for the time a member stays suspect.
    """

    members: Mapping[str, Advisor]
    deadline_s: float
    monotonic: Callable[[], float]
    _loads: dict[str, _Load] = field(default_factory=dict)

    async def advise(self, inquiry: Inquiry) -> Advice:
        """Advice from the least loaded member.

        Raises:
            DecisionLate: no answer within the deadline.
            Temporary: the member is gone.
            TradingError: what the executor raised.
        """
        name = self._least_loaded()
        load = self._loads[name]
        load.in_flight += 1
        try:
            async with asyncio.timeout(self.deadline_s):
                advice = await self.members[name].advise(inquiry)
        except TimeoutError as error:
            self._suspect(load)
            raise DecisionLate(f"no advice from {name} within {self.deadline_s:g} s") from error
        except LinkError as error:
            self._suspect(load)
            raise Temporary(f"{name}: {error}") from error
        except TradingError:
            load.answered += 1
            raise
        except Exception as error:
            self._suspect(load)
            raise Temporary(f"{name}: {type(error).__name__}: {error}") from error
        else:
            load.answered += 1
            return advice
        finally:
            load.in_flight -= 1

    def loads(self) -> Mapping[str, Mapping[str, int]]:
        """Calls in flight, answered and failed, by member."""
        return {
            name: {"in_flight": load.in_flight, "answered": load.answered, "failed": load.failed}
            for name, load in ((name, self._load(name)) for name in self.members)
        }

    def _least_loaded(self) -> str:
        now = self.monotonic()

        def burden(name: str) -> tuple[bool, int, int]:
            load = self._load(name)
            return load.suspect_until > now, load.in_flight, load.answered

        return min(self.members, key=burden)

    def _suspect(self, load: _Load) -> None:
        load.failed += 1
        load.suspect_until = self.monotonic() + SUSPECT_S

    def _load(self, name: str) -> _Load:
        return self._loads.setdefault(name, _Load())
