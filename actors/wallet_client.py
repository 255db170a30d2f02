"""A wallet from afar, for bots, the kill switch and the supervisor. Dials again by itself, resends by identity."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from actors.messages import (
    Admit,
    Alive,
    AskReport,
    AskTrips,
    Engage,
    Engaged,
    Hello,
    Observe,
    Outcome,
    Retire,
    Retired,
    Sight,
    Submit,
    Submitted,
    Trips,
    WalletReply,
    WalletReport,
    WalletRequest,
    Welcome,
)
from adapters.clock import Clock
from adapters.errors import LinkError, TradingError
from adapters.link import Caller, Dial
from adapters.model import BotId
from risk.results import RoundTrip

ANSWER_MAX_S = 5.0
SUBMIT_MAX_S = 15.0
RESENDS_MAX = 3
RESEND_PAUSE_S = 0.25


class WalletClient:
    """See the module.

    Args:
        dial: opens a connection to the wallet, wherever it is now.
        clock: for the pause between two attempts.
    """

    def __init__(self, dial: Dial, clock: Clock) -> None:
        self._dial = dial
        self._clock = clock
        self._caller: Caller | None = None
        self._dialling = asyncio.Lock()
        self._listening: asyncio.Task[None] | None = None
        self._hello: Hello | None = None
        self.changed = asyncio.Event()

    async def hello(self, hello: Hello) -> Welcome:
        """Introduce the bot; done again by itself on every new connection, before anything else is said there."""
        self._hello = hello
        answer = await self._call(hello, ANSWER_MAX_S)
        assert isinstance(answer, Welcome)
        return answer

    async def observe(self) -> Sight:
        """What the bot sees now."""
        assert self._hello is not None
        answer = await self._call(Observe(self._hello.bot, self._hello.epoch), ANSWER_MAX_S)
        assert isinstance(answer, Sight)
        return answer

    async def alive(self) -> None:
        """Tell the wallet that the bot lives."""
        assert self._hello is not None
        await self._call(Alive(self._hello.bot, self._hello.epoch), ANSWER_MAX_S)

    async def submit(self, batch: Submit) -> Sequence[Outcome]:
        """Submit, and resend the same identities when the way breaks: the wallet answers with what it has."""
        for attempt in range(RESENDS_MAX + 1):
            try:
                answer = await self._call(batch, SUBMIT_MAX_S)
            except LinkError:
                if attempt == RESENDS_MAX:
                    raise
                await self._clock.sleep(RESEND_PAUSE_S * 2**attempt)
            else:
                assert isinstance(answer, Submitted)
                return answer.outcomes
        raise AssertionError("the last attempt either returns or raises")

    async def engage(self, engage: Engage, *, timeout_s: float) -> Engaged:
        """Push the halts in force."""
        answer = await self._call(engage, timeout_s)
        assert isinstance(answer, Engaged)
        return answer

    async def admit(self, admit: Admit) -> None:
        """Seat a bot."""
        await self._call(admit, ANSWER_MAX_S)

    async def retire(self, retire: Retire) -> Retired:
        """End a bot's epoch."""
        answer = await self._call(retire, ANSWER_MAX_S)
        assert isinstance(answer, Retired)
        return answer

    async def report(self, *, fresh: bool = False) -> WalletReport:
        """How the wallet does; ``fresh`` asks the venue first."""
        answer = await self._call(AskReport(fresh), ANSWER_MAX_S)
        assert isinstance(answer, WalletReport)
        return answer

    async def trips(self, bot: BotId) -> Sequence[RoundTrip]:
        """A bot's last round trips, oldest first."""
        answer = await self._call(AskTrips(bot), ANSWER_MAX_S)
        assert isinstance(answer, Trips)
        return answer.trips

    async def aclose(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._caller is not None:
            await self._caller.aclose()
        self._caller = self._listening = None

    async def _call(self, request: WalletRequest, timeout_s: float) -> WalletReply:
        async with self._dialling:
            caller = self._caller
            if caller is None or not caller.is_open:
                caller = await self._connect(introduce=not isinstance(request, Hello))
        answer: WalletReply = await caller.call(request, timeout_s=timeout_s)
        return answer

    async def _connect(self, *, introduce: bool) -> Caller:
        await self.aclose()
        caller = await self._dial()
        try:
            if introduce and self._hello is not None:
                await caller.call(self._hello, timeout_s=ANSWER_MAX_S)
        except TradingError:
            await caller.aclose()
            raise
        self._caller, self._listening = caller, asyncio.create_task(self._listen(caller))
        return caller

    async def _listen(self, caller: Caller) -> None:
        with contextlib.suppress(LinkError):
            async for _ in caller.notices():
                self.changed.set()
        self.changed.set()
