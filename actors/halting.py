"""Whether the halts in force hold at the venue, by its own word."""

from __future__ import annotations

from collections.abc import Callable

from actors.gate import Gate
from actors.ledger import EXTERNAL
from actors.messages import Engaged
from actors.order_desk import OrderDesk
from actors.order_state import OrderState
from actors.recovery import reconcile
from actors.stance import Stance, steps_to
from adapters.clock import Clock
from adapters.model import BotId, WalletId
from adapters.venue import Venue


class Halting:
    """Asks the venue what is left of what the halts want gone."""

    def __init__(
        self,
        wallet: WalletId,
        venue: Venue,
        desk: OrderDesk,
        gate: Gate,
        clock: Clock,
        stance_of: Callable[[BotId], Stance],
    ) -> None:
        self._wallet = wallet
        self._venue = venue
        self._desk = desk
        self._gate = gate
        self._clock = clock
        self._stance_of = stance_of

    def nothing_to_do(self) -> Engaged:
        """The answer where no halt is in force."""
        return Engaged(self._wallet, self._gate.generation, True, 0, 0, 0)

    def nobody_knows(self, reason: str) -> Engaged:
        """The answer where the venue does not."""
        return Engaged(self._wallet, self._gate.generation, False, -1, -1, -1, reason)

    async def verify(self) -> Engaged:
        """Count what is left. Raises what the venue raises."""
        ledger = self._desk.ledger
        await reconcile(self._desk, self._venue, self._clock.now())
        bots = list(ledger.records)
        left = [steps_to(self._stance_of(bot), bot, ledger) for bot in bots]
        flat = [bot for bot in bots if self._stance_of(bot) is Stance.FLAT]
        orders = sum(len(steps.cancels) for steps in left)
        orders += sum(len(ledger.live(bot)) for bot in flat)
        positions = sum(len(ledger.holdings(bot)) for bot in flat)
        if self._stance_of(EXTERNAL) is Stance.FLAT:
            positions = max(positions, len(await self._venue.positions()))
            orders = max(orders, len(await self._venue.open_orders()))
        unknown = sum(order.state is not OrderState.OPEN for order in ledger.live())
        complete = not (orders or positions or unknown)
        return Engaged(self._wallet, self._gate.generation, complete, orders, positions, unknown)
