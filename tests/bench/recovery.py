"""How long a killed process is missed: a wallet, a bot and the risk guard against a Ray actor that does nothing.

Each is killed (SIGKILL) in turn, in one fleet of five wallets with a bot each, so that no pause grows by the deaths
before. A wallet is back when it has reconciled and holds a lease, by its own word over its socket; a bot when its
wallet has welcomed it; the guard when a wallet holds a lease of the new one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import ray

from actors.bot import BotReport
from actors.lifecycle import BotState
from actors.messages import WALLET_LINK, WalletReport
from actors.status import ActorLine, BotLineup, FleetStatus, WalletLineup
from actors.wallet_client import WalletClient
from actors.wallet_keeper import BACKOFF_S
from adapters.clock import SystemClock
from adapters.errors import LinkError
from adapters.link import Caller, Peer
from adapters.model import WalletId
from cluster.driver import Fleet
from cluster.home import Home
from cluster.ray_runtime.calls import answer, find
from cluster.ray_runtime.naming import RISK_GUARD, bot_name, wallet_name
from config.reading import read_fleet
from tests.bench.bare_actor import BornActor
from tests.bench.result import Line, Section

REPETITIONS = 5
LEASE_S, BOTS_PAUSE_MS = 1, 10
POLL_S, MISSED_MAX_S = 0.005, 30.0
WHOLE_POLL_S, WHOLE_MAX_S, SETTLE_S = 0.1, 60.0, 1.0
IsBack = Callable[[], Awaitable[bool]]
WHY_NOT = {
    "wallet": "the supervisor pauses and has the guard and the store note the new number before there is a process, "
    "which imports, reads its journal, asks the venue for everything, and then for a lease.",
    "bot": "the supervisor has the store note the new epoch and the wallet seat it before there is a process, which "
    "imports, dials and says hello.",
    "guard": "Ray brings it back, but it opens the store first; then a wallet must find it and ask.",
}
FLEET = f"""
fleet: recovery
store: sqlite:///state/recovery.db
market: {{source: synthetic, seed: 7, symbols: [BTC], step: 250ms}}
risk: {{lease_ttl: {LEASE_S}s}}
"""


def measured(home: Home, running: Fleet, folder: Path) -> Section:
    """Medians of five deaths each."""
    path = folder / "recovery.yaml"
    path.write_text(_fleet_file())
    spec = read_fleet(path, environ={}).spec
    running.deploy(
        replace(spec, store=home.store_url(spec.store)), {}, wait_s=WHOLE_MAX_S, tell=lambda _: None
    )
    birth = folder / "birth"
    actor: Any = ray.remote(BornActor)
    born = actor.options(num_cpus=0, max_restarts=-1).remote(str(birth))
    ray.get(born.pid.remote(), timeout=WHOLE_MAX_S)
    missed: dict[str, list[float]] = {kind: [] for kind in ("actor", "bot", "guard", "wallet")}
    for number in range(REPETITIONS):
        for kind in sorted(missed, reverse=number % 2 == 1):
            now = _whole(running)
            match kind:
                case "wallet":
                    pid, is_back = _wallet(now.wallets[number], home)
                case "bot":
                    pid, is_back = _bot(now.bots[number])
                case "guard":
                    pid, is_back = _guard(now.actors[RISK_GUARD], now.wallets[number].name, home)
                case _:
                    pid, is_back = _actor(birth)
            missed[kind].append(asyncio.run(_missed_s(pid, is_back)))
    return Section(
        title="Back after SIGKILL",
        lines=(
            _line("wallet, reconciled and under a lease", missed, "wallet"),
            _line("bot, welcomed by its wallet", missed, "bot"),
            _line("risk guard, its lease in a wallet's hands", missed, "guard"),
        ),
        notes=(
            f"Medians of {REPETITIONS} deaths each, in turn, and their ratio; from the kill on. Declared pauses are in "
            f"ours: {BACKOFF_S:g} s before a wallet, {BOTS_PAUSE_MS} ms before a bot (1 s where nobody says "
            f"otherwise). Leases last {LEASE_S} s, and wallets ask for them three times as often.",
            "The empty actor is brought back by Ray; it is back when its constructor runs.",
        ),
    )


async def _missed_s(pid: int, is_back: IsBack) -> float:
    """Kill the process, and wait for the next."""
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    while not await is_back():
        if time.monotonic() - killed > MISSED_MAX_S:
            raise TimeoutError(f"not back within {MISSED_MAX_S:g} s: process {pid}")
        await asyncio.sleep(POLL_S)
    return time.monotonic() - killed


def _actor(birth: Path) -> tuple[int, IsBack]:
    old = _born(birth)

    async def is_back() -> bool:
        return _born(birth) not in (0, old)

    return old, is_back


def _born(birth: Path) -> int:
    """The newest actor's pid; 0 while it writes that down."""
    return int(birth.read_text() or 0)


def _bot(bot: BotLineup) -> tuple[int, IsBack]:
    assert bot.pid is not None

    async def is_back() -> bool:
        try:
            asked = find(bot_name(bot.name)).report.remote()
            report: BotReport = await answer(asked, timeout_s=MISSED_MAX_S, what=bot.name)
        except LinkError:
            return False
        return report.incarnation > bot.incarnation and report.linked

    return bot.pid, is_back


def _wallet(wallet: WalletLineup, home: Home) -> tuple[int, IsBack]:
    assert wallet.pid is not None

    async def is_back() -> bool:
        now = await _report(wallet.name, home)
        return now is not None and now.incarnation > wallet.incarnation and now.ready and now.lease_left_s > 0

    return wallet.pid, is_back


def _guard(guard: ActorLine, wallet: WalletId, home: Home) -> tuple[int, IsBack]:
    async def is_back() -> bool:
        now = await _report(wallet, home)
        return now is not None and now.lease is not None and now.lease.epoch > guard.incarnation

    return guard.pid, is_back


async def _report(wallet: WalletId, home: Home) -> WalletReport | None:
    """By the wallet itself, over its socket; ``None`` when nobody answers there."""
    clock = SystemClock()
    socket = home.sockets / f"{wallet_name(wallet).replace(':', '-')}.sock"

    async def dial() -> Caller:
        return await Peer.dial(socket, WALLET_LINK, clock)

    client = WalletClient(dial, clock)
    try:
        return await client.report()
    except LinkError:
        return None
    finally:
        await client.aclose()


def _whole(running: Fleet) -> FleetStatus:
    """The status once everybody is there and has been for a moment."""
    deadline = time.monotonic() + WHOLE_MAX_S
    while not _is_whole(running.status()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the fleet is not whole within {WHOLE_MAX_S:g} s")
        time.sleep(WHOLE_POLL_S)
    time.sleep(SETTLE_S)
    return running.status()


def _is_whole(now: FleetStatus) -> bool:
    return (
        all(bot.state == BotState.RUNNING and bot.pid for bot in now.bots)
        and all(wallet.state == "READY" and wallet.lease for wallet in now.wallets)
        and RISK_GUARD in now.actors
    )


def _line(what: str, missed: Mapping[str, list[float]], kind: str) -> Line:
    ours, bare = median(missed[kind]), median(missed["actor"])
    return Line(
        what=what,
        ours=f"{ours:.2f} s ({min(missed[kind]):.2f} to {max(missed[kind]):.2f})",
        against=f"an empty actor: {bare:.2f} s ({min(missed['actor']):.2f} to {max(missed['actor']):.2f})",
        ratio=ours / bare,
        at_most=1.5,
        why_not=WHY_NOT[kind],
    )


def _fleet_file() -> str:
    wallets = "\n".join(f"  wallet_{number}: {{venue: paper}}" for number in range(REPETITIONS))
    bots = "\n".join(
        f"  - {{name: bot_{number}, wallet: wallet_{number}, strategy: {{kind: hold, symbols: [BTC]}}, on_stop: keep, "
        f"restart: {{backoff: {BOTS_PAUSE_MS}ms}}}}"
        for number in range(REPETITIONS)
    )
    return f"{FLEET}wallets:\n{wallets}\nbots:\n{bots}\n"
