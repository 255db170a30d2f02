"""The fleet's status, put together from what its supervisor sees."""

from __future__ import annotations

from collections.abc import Mapping

from actors.bot_keeper import BotKeeper
from actors.kpis import Kpis
from actors.lifecycle import BotState
from actors.messages import BotLine, WalletReport
from actors.processes import Whereabouts
from actors.status import ActorLine, BotLineup, FleetStatus, HaltLine, LeaseLine, Totals, WalletLineup
from actors.supervisor import Supervisor
from actors.wallet_keeper import WalletKeeper
from adapters.clock import Clock
from adapters.model import ZERO
from strategies.strategy import PerformanceGate


def fleet_status(
    supervisor: Supervisor, actors: Mapping[str, Whereabouts], clock: Clock
) -> FleetStatus | None:
    """The whole fleet; ``None`` before one is deployed."""
    if supervisor.fleet is None:
        return None
    bots = tuple(_bot(keeper, supervisor, clock) for _, keeper in sorted(supervisor.bots.items()))
    wallets = tuple(_wallet(keeper) for _, keeper in sorted(supervisor.wallets.items()))
    return FleetStatus(
        fleet=supervisor.fleet.fleet,
        bots=bots,
        wallets=wallets,
        actors={name: ActorLine(at.pid, at.node, at.incarnation) for name, at in sorted(actors.items())},
        totals=Totals(
            bots=len(bots),
            running=sum(bot.state == BotState.RUNNING for bot in bots),
            equity_usd=sum((wallet.equity_usd or ZERO for wallet in wallets), ZERO),
            exposure_usd=sum((wallet.exposure_usd for wallet in wallets), ZERO),
            pnl_usd=sum((bot.pnl_usd for bot in bots), ZERO),
        ),
        halts=tuple(
            HaltLine(latch.scope, latch.level, latch.generation, latch.reason, latch.cause)
            for latch in supervisor.halts()
        ),
    )


def _bot(keeper: BotKeeper, supervisor: Supervisor, clock: Clock) -> BotLineup:
    spec, status, beat = keeper.spec, keeper.status, keeper.report
    line = _line(keeper, supervisor.wallets[spec.wallet].report)
    return BotLineup(
        name=spec.name,
        state=status.state,
        epoch=status.epoch,
        incarnation=status.incarnation,
        pid=beat.pid if beat else None,
        node=beat.node if beat else None,
        heartbeat_age_s=round(clock.monotonic() - keeper.beat_at, 3) if beat else None,
        strategy=spec.strategy.kind,
        wallets=(spec.wallet,),
        positions=line.positions if line else {},
        open_orders=line.open_orders if line else 0,
        pnl_usd=line.pnl_usd if line else ZERO,
        trades=line.trades if line else 0,
        cycle=beat.cycle if beat else 0,
        wanted=keeper.wanted,
        crashes=len(status.crashes),
        note=(beat.note if beat else "") or ("" if status.state is BotState.RUNNING else status.reason),
        exposure_usd=line.exposure_usd if line else ZERO,
        budget_usd=line.budget_usd if line else None,
        gate=line.gate if line else PerformanceGate(),
        kpis=beat.kpis if beat else Kpis(),
    )


def _line(keeper: BotKeeper, report: WalletReport | None) -> BotLine | None:
    return next((line for line in report.bots if line.bot == keeper.spec.name), None) if report else None


def _wallet(keeper: WalletKeeper) -> WalletLineup:
    spec, report = keeper.spec, keeper.report
    lease = report.lease if report else None
    return WalletLineup(
        name=spec.name,
        venue=spec.venue,
        mode=spec.mode,
        state="READY" if keeper.ready else "STARTING" if keeper.process else "DOWN",
        incarnation=keeper.incarnation,
        pid=report.pid if report else None,
        node=report.node if report else None,
        equity_usd=report.equity_usd if report else None,
        exposure_usd=report.exposure_usd if report else ZERO,
        lease=LeaseLine(lease.budget_usd, round(report.lease_left_s, 3), lease.epoch, lease.sequence)
        if report and lease
        else None,
        venue_positions=report.venue_positions if report else {},
        orders_sent=report.orders_sent if report else 0,
        refusals=report.refusals if report else {},
        unknown_orders=report.unknown_orders if report else 0,
        problems=report.problems if report else (),
    )
