"""Whether the halts in force hold at the venue, by its own word.

A look at the venue may take long, an answer to the kill switch may not: it would be taken for that of a process that
hangs. So a look goes on in the background, one at a time, and whoever asks waits for it a moment at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from actors.gate import Gate
from actors.ledger import EXTERNAL
from actors.messages import Engaged
from actors.order_desk import OrderDesk
from actors.order_state import OrderState
from actors.recovery import reconcile
from actors.stance import Stance, steps_to
from adapters.clock import Clock
from adapters.errors import VenueError
from adapters.model import BotId, WalletId
from adapters.venue import Venue
from config.spec import ForeignOrders

ANSWER_S = 1.0  # how long whoever asks waits for a look


class Halting:
    """Asks the venue what is left of what the halts want gone.

    Args:
        wallet: whose halts.
        incarnation: of the wallet.
        venue: which is asked.
        desk: the way to it.
        gate: where the halts are.
        clock: for stamps.
        stance_of: what a bot's orders and holdings shall become.
        enforce: takes the steps that are missing; raises what the venue raises.
        has_rival: whether orders of a predecessor may still arrive that nobody here knows of.
        foreign_orders: whether those that are not ours have to be gone, too.
    """

    def __init__(
        self,
        wallet: WalletId,
        incarnation: int,
        venue: Venue,
        desk: OrderDesk,
        gate: Gate,
        clock: Clock,
        stance_of: Callable[[BotId], Stance],
        enforce: Callable[[], Awaitable[None]],
        has_rival: Callable[[], bool],
        foreign_orders: ForeignOrders,
    ) -> None:
        self._wallet = wallet
        self._incarnation = incarnation
        self._venue = venue
        self._desk = desk
        self._gate = gate
        self._clock = clock
        self._stance_of = stance_of
        self._enforce = enforce
        self._has_rival = has_rival
        self._foreign_orders = foreign_orders
        self._looking: asyncio.Task[Engaged] | None = None

    def nothing_to_do(self) -> Engaged:
        """The answer where no halt is in force."""
        return Engaged(self._wallet, self._gate.generation, True, 0, 0, 0, "", self._incarnation)

    def shut(self) -> Engaged:
        """The first answer to a halt: nothing can be opened any more; the venue is not asked yet."""
        return self._nobody_knows(self._gate.generation, "the gate is shut")

    async def look(self) -> Engaged:
        """Enforce the halts and count what is left, or say that this is under way."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        await asyncio.wait({self._looking}, timeout=ANSWER_S)
        if not self._looking.done():
            return self._nobody_knows(self._gate.generation, "the venue is being asked")
        return self._looking.result()

    async def _look(self) -> Engaged:
        generation = self._gate.generation  # halts that come meanwhile are another look's
        try:
            await self._enforce()
            return await self._count(generation)
        except VenueError as error:
            return self._nobody_knows(generation, f"venue: {error}")

    def _nobody_knows(self, generation: int, reason: str) -> Engaged:
        return Engaged(
            self._wallet,
            generation,
            False,
            -1,
            -1,
            -1,
            reason,
            self._incarnation,
            wants_flat=self._wants_flat(),
        )

    def _wants_flat(self) -> bool:
        return any(self._stance_of(bot) is Stance.FLAT for bot in (EXTERNAL, *self._desk.ledger.records))

    async def _count(self, generation: int) -> Engaged:
        ledger = self._desk.ledger
        has_rival = (
            self._has_rival()
        )  # before the venue is asked: what arrives after its answer is in nobody's count
        over = await reconcile(self._desk, self._venue, self._clock.now())
        bots = list(ledger.records)
        left = [steps_to(self._stance_of(bot), bot, ledger) for bot in bots]
        flat = [bot for bot in bots if self._stance_of(bot) is Stance.FLAT]
        orders = over + sum(len(steps.cancels) for steps in left)
        orders += sum(len(ledger.live(bot)) for bot in flat)
        positions = sum(len(ledger.holdings(bot)) for bot in flat)
        foreign = self._desk.foreign
        if self._foreign_orders is ForeignOrders.CANCEL and self._stance_of(EXTERNAL) >= Stance.CLEAR:
            orders += len(foreign)
        if self._stance_of(EXTERNAL) is Stance.FLAT:
            positions = max(positions, len(await self._venue.positions()))
            theirs = [report for report in await self._venue.open_orders() if report.order.id not in foreign]
            orders = max(orders, len(theirs))
        unknown = sum(order.state is not OrderState.OPEN for order in ledger.live())
        notes = [f"{len(foreign)} orders that are not ours"] if foreign else []
        notes += ["orders of its predecessor may still arrive"] if has_rival else []
        return Engaged(
            wallet=self._wallet,
            generation=generation,
            complete=not (orders or positions or unknown or has_rival),
            orders=orders,
            positions=positions,
            unknown=unknown,
            detail="; ".join(notes),
            incarnation=self._incarnation,
            wants_flat=self._wants_flat(),
        )
