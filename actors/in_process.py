"""A fleet in one process: a wallet that a bot calls directly, and a control store that lasts as long as the run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from actors.ledger_events import Latch
from actors.messages import Changed, Dismissed, Hello, Outcome, Sight, Submit, Welcome
from actors.store import EquityMarks, Latches
from actors.wallet import Wallet
from adapters.model import ZERO, WalletId
from risk.leases import Grant


class InProcessWallet:
    """A wallet beside its bot, without a link in between. Implements ``BotWallet``."""

    def __init__(self, wallet: Wallet) -> None:
        self.changed = asyncio.Event()
        self._wallet = wallet
        self._hello: Hello | None = None

    async def hello(self, hello: Hello) -> Welcome:
        self._hello = hello
        return self._wallet.hello(hello, self._notice)

    async def observe(self) -> Sight:
        assert self._hello is not None, "a bot says hello first"
        return self._wallet.observe(self._hello.bot, self._hello.epoch)

    async def alive(self) -> None:
        assert self._hello is not None, "a bot says hello first"
        self._wallet.alive(self._hello.bot, self._hello.epoch)

    async def submit(self, batch: Submit) -> Sequence[Outcome]:
        return (await self._wallet.submit(batch)).outcomes

    async def aclose(self) -> None:
        """Nothing is open."""

    def _notice(self, _: Changed | Dismissed) -> None:
        self.changed.set()


class MemoryControl:
    """What the risk guard keeps and whom it halts with, for one run. Implements ``GuardStore`` and ``Halts``."""

    def __init__(self) -> None:
        self.halts = Latches(0, ())
        self._numbers = {"risk_guard": 1}  # nothing is lent out from before, so nothing must lapse first
        self._grants: dict[WalletId, Grant] = {}
        self._day_starts: dict[tuple[date, WalletId | None], Decimal] = {}
        self._peak_usd = ZERO

    async def next_number(self, counter: str) -> int:
        self._numbers[counter] = self._numbers.get(counter, 0) + 1
        return self._numbers[counter]

    async def load_grants(self) -> Mapping[WalletId, Grant]:
        return self._grants

    async def save_grant(self, grant: Grant) -> None:
        self._grants[grant.wallet] = grant

    async def load_latches(self) -> Latches:
        return self.halts

    async def mark_equity(self, day: date, equity_usd: Decimal) -> EquityMarks:
        self._peak_usd = max(self._peak_usd, equity_usd)
        return EquityMarks(self._day_starts.setdefault((day, None), equity_usd), self._peak_usd)

    async def restart_marks(self, day: date, equity_usd: Decimal) -> None:
        """Nobody lifts a halt in a run of this kind."""

    async def load_equities(self) -> Mapping[WalletId, Decimal]:
        return {}

    async def save_equities(self, equities: Mapping[WalletId, Decimal]) -> None:
        """Nothing outlives the run."""

    async def wallet_day_start(self, day: date, wallet: WalletId, equity_usd: Decimal) -> Decimal:
        return self._day_starts.setdefault((day, wallet), equity_usd)

    async def trip(self, latch: Latch) -> int:
        """Latch; the answer is the generation."""
        generation = self.halts.generation + 1
        latch = Latch(latch.scope, latch.level, generation, latch.reason)
        self.halts = Latches(generation, (*self.halts.latches, latch))
        return generation
