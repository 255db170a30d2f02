"""One run: a fleet of a seed on a ground of that seed, its faults, and what is asked of it when they are over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias, cast

from actors.order_state import OrderState
from actors.resolution import IN_FLIGHT_MAX
from adapters.model import BotId
from adapters.venue import Fence
from cluster.simulation import settled, wiring
from cluster.simulation.faults import Fault, a_plan, hosts
from cluster.simulation.fleet import a_fence, a_fleet, probes
from cluster.simulation.ground import VENUE, Ground
from cluster.simulation.judge import Judge, Violation
from cluster.simulation.market import SparseMarket
from cluster.simulation.nemesis import Nemesis
from cluster.simulation.operators import Operator
from cluster.simulation.parts import Parts
from cluster.simulation.placement import Placement
from config.spec import ExitMode, FleetSpec, HaltLevel

MakePlan: TypeAlias = Callable[[int, FleetSpec, Fence, float], tuple[Fault, ...]]
HORIZON_S = 35.0  # of the safety phase
PATIENCE_S = 30.0  # within which a healed fleet does what it is asked
QUIET_S = 6.0  # two rounds of reconciliation
LOOK_S = 0.25
PROOF_S = IN_FLIGHT_MAX.total_seconds()  # more of it, where only time proves that an order never came
LONGEST_S = HORIZON_S + 5 * (PATIENCE_S + PROOF_S) + QUIET_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one seed."""

    seed: int
    violation: Violation | None
    faults: dict[str, int]  # how often a fault of each kind made a difference
    steps: int
    accepts: int
    simulated_s: float
    digest: str
    plan: tuple[Fault, ...] = ()
    lines: list[str] = field(default_factory=list)  # the last of the trace


class World:
    """See the module. A test that plants a bug hands in other parts, or overrides what it needs.

    Args:
        seed: of everything.
        parts: what the fleet is made of.
        only: numbers of the planned faults that shall happen; all if ``None``.
        horizon_s: when everything heals.
        make_plan: plans the faults.
    """

    def __init__(
        self,
        seed: int,
        parts: Parts | None = None,
        *,
        only: frozenset[int] | None = None,
        horizon_s: float = HORIZON_S,
        make_plan: MakePlan = a_plan,
    ) -> None:
        parts = parts or Parts()
        self.seed = seed
        self.horizon_s = horizon_s
        self.fleet = a_fleet(seed)
        self.fence = fence = a_fence(seed)
        self.ground = Ground.make(seed, hosts(self.fleet), self.fleet.limits.lease_ttl.total_seconds())
        source = SparseMarket(seed, timedelta(seconds=LONGEST_S))
        self.exchange = cast(
            "wiring.ExchangeActor",
            self.ground.spawn(
                wiring.EXCHANGE,
                VENUE,
                lambda process: wiring.ExchangeActor(self.ground, parts, process, source, fence),
            ),
        )
        self.judge = Judge(self.ground, self.fleet, self.exchange.exchange)
        self.ground.network.listeners.append(self.judge.hear)
        self.placement = Placement(self.ground, parts, self.fleet, fence)
        self.operator = Operator(self.ground, self.judge)
        planned = make_plan(seed, self.fleet, fence, HORIZON_S)
        self.plan = tuple(
            fault for fault in planned if (only is None or fault.number in only) and fault.at_s < horizon_s
        )
        Nemesis(self.ground, self.placement, self.operator).plan(self.plan, horizon_s)

    def run(self, lines: int = 0) -> Result:
        """Run to the end, or to the first violation."""
        ground = self.ground
        if not lines:
            ground.trace.keep_no_lines()
        try:
            self.placement.begin()
            ground.begin(self.operator.process, self.operator.deploy(self.fleet))
            ground.begin(self.operator.process, self.operator.patrol())
            ground.at(self.horizon_s, self._close)
            ground.loop.run(LONGEST_S)
            if self.judge.violation is None and ground.loop.time() >= LONGEST_S:
                self.judge.fail("I15", "the closing never came to its end")
            return Result(
                seed=self.seed,
                violation=self.judge.violation,
                faults=dict(sorted(ground.trace.bitten.items())),
                steps=ground.loop.steps,
                accepts=self.judge.accepts,
                simulated_s=ground.loop.time(),
                digest=ground.trace.digest(),
                plan=self.plan,
                lines=ground.trace.last(lines, _NOISE) if lines else [],
            )
        finally:
            ground.loop.bury()

    # ── after all has healed ─────────────────────────────────────────────────────────────────────────────────────

    def _close(self) -> None:
        self.ground.begin(self.operator.process, self._closing())

    async def _closing(self) -> None:
        bots = [bot.name for bot in self.fleet.bots]
        operator = self.operator
        await operator.lift_all()
        await asyncio.sleep(QUIET_S / 2)
        modes = {bot.name: bot.on_stop for bot in self.fleet.bots}
        await operator.reset(bots)
        for mode in ExitMode:
            await operator.stop([bot for bot in bots if modes[bot] is mode], mode)
        if not await self._until("a stop of every bot is not complete", self._all_down):
            return
        if not await self._until("a wallet is down", self._all_up):
            return
        await asyncio.sleep(QUIET_S)
        if not await self._until("an order's outcome is not known", self._all_known):
            return
        for invariant, detail in self.findings(modes):
            self.judge.fail(invariant, detail)
        await operator.trip("fleet", HaltLevel.FLATTEN)
        if not await self._until("the fleet is not flat", operator.is_complete):
            return
        for wallet, account in self.judge.accounts.items():
            if account.positions() or account.live:
                self.judge.fail(
                    "I3", f"a flatten is complete, and {wallet} holds {dict(account.positions())}"
                )
        await operator.lift("fleet")
        newcomers = probes(self.fleet)
        self.judge.know(newcomers)
        await operator.add(newcomers)
        if await self._until("a wallet cannot trade again", self._all_probed):
            self.ground.loop.stop()

    async def _until(self, otherwise: str, holds: Callable[[], Awaitable[bool]]) -> bool:
        """Wait for it as long as a healed fleet may take."""
        patience_s = PATIENCE_S + (PROOF_S if self.fence is Fence.KEY else 0.0)
        deadline = self.ground.loop.time() + patience_s
        while not await holds():
            if self.ground.loop.time() > deadline:
                self.judge.fail("I15", f"{otherwise} within {patience_s:g} s")
                return False
            await asyncio.sleep(LOOK_S)
        return True

    async def _all_up(self) -> bool:
        actors = [self.ground.living.get(wiring.wallet_name(wallet)) for wallet in self.judge.accounts]
        return all(isinstance(actor, wiring.WalletActor) and actor.is_ready for actor in actors)

    async def _all_known(self) -> bool:
        actors = [self.ground.living.get(wiring.wallet_name(wallet)) for wallet in self.judge.accounts]
        ledgers = [actor.wallet.ledger for actor in actors if isinstance(actor, wiring.WalletActor)]
        return all(order.state is OrderState.OPEN for ledger in ledgers for order in ledger.live())

    async def _all_down(self) -> bool:
        return await self.operator.alive() == []

    async def _all_probed(self) -> bool:
        await self.operator.lift_some()  # a wallet that was in distress of late may have halted itself
        return all(
            any(
                wish is not None and wish.bot.startswith("probe-")
                for wish in map(self.judge.wishes.get, account.accepted)
            )
            for account in self.judge.accounts.values()
        )

    def findings(self, modes: dict[BotId, ExitMode]) -> Iterator[settled.Finding]:
        """What does not hold although it is quiet."""
        for wallet, account in self.judge.accounts.items():
            actor = self.ground.living.get(wiring.wallet_name(wallet))
            if not isinstance(actor, wiring.WalletActor) or not actor.is_ready:
                yield "I15", f"{wallet} is down"
                continue
            ledger = actor.wallet.ledger
            yield from settled.books_agree(wallet, account, ledger)
            yield from settled.outcomes_known(wallet, ledger)
            yield from settled.nothing_rests(wallet, ledger, set(modes))
            yield from settled.positions_guarded(wallet, account, ledger, modes)
            yield from settled.journal_tells_the_same(
                wallet, self.ground.hosts[actor.process.host].disk, ledger
            )


_NOISE = frozenset({"Quoted", "Snapshots", "Changed", "Alive", "Alive→NoneType", "whereabouts"})
