"""What a bot costs as a process: memory and start of bots at work against async Ray actors that do nothing.

Both kinds start in batches, in turn, in the same Ray, and all live until the end. A bot counts as started when its
supervisor has it as RUNNING and the bot has been welcomed by its wallet; a bare actor when it has answered a call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import ray

from actors.bot import BotReport
from actors.lifecycle import BotState
from adapters.errors import LinkError
from cluster.driver import Fleet
from cluster.home import Home
from cluster.ray_runtime.calls import find
from cluster.ray_runtime.naming import bot_name
from config.reading import read_fleet
from config.spec import BotSpec
from tests.bench.bare_actor import BareActor
from tests.bench.costs import Cost, interleaved, ratio, typical
from tests.bench.imports import imported_by_a_bot
from tests.bench.result import Line, Section

BATCHES, BATCH = 3, 10
SETTLE_S = 5.0
START_MAX_S, POLL_S = 60.0, 0.05
WALLETS, SYMBOLS = ("one", "two"), ("BTC", "ETH", "SOL")
STRATEGIES = (
    "hold",
    "{{kind: momentum, symbol: {symbol}, bar_interval: 1s}}",
    "{{kind: quoter, symbol: {symbol}, spread_bps: 6, requote_bps: 2, levels: 1, size_usd: 100}}",
)


@dataclass(slots=True)
class _Herd:
    """One kind of process: what started, and how to start one more batch."""

    start: Callable[[int], Sequence[int]]  # from a batch's number to its pids
    pids: list[int] = field(default_factory=list)

    def start_batch(self) -> Cost:
        began = time.perf_counter()
        started = self.start(len(self.pids) // BATCH)
        wall = time.perf_counter() - began
        cpu = sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in started)
        self.pids += started
        return Cost(wall / BATCH, cpu / BATCH)

    def memory(self) -> list[float]:
        """Private megabytes of each process."""
        return [psutil.Process(pid).memory_full_info().uss / 1e6 for pid in self.pids]


def measured(home: Home, running: Fleet, folder: Path, bare_actor: Any) -> Section:
    """Thirty bots of a running fleet against thirty bare actors."""
    path = folder / "fleet.yaml"
    path.write_text(_fleet_file())
    spec = read_fleet(path, environ={}).spec
    everybody, spec = spec.bots, replace(spec, bots=(), store=home.store_url(spec.store))
    running.deploy(spec, {}, wait_s=START_MAX_S, tell=lambda _: None)
    actors: list[Any] = []  # they live as long as their handles
    bots = _Herd(lambda batch: _start_bots(running, everybody[batch * BATCH : (batch + 1) * BATCH]))
    bare = _Herd(lambda batch: _start_bare(actors))
    costs = interleaved({"bots": bots.start_batch, "bare": bare.start_batch}, rounds=BATCHES)
    time.sleep(SETTLE_S)
    bot_mb, bare_mb = bots.memory(), bare.memory()
    starts, start = typical(costs["bots"]), typical(costs["bare"])
    found = ratio(costs["bots"], costs["bare"])
    imports = imported_by_a_bot(set(ray.get(bare_actor.modules.remote())))
    return Section(
        title=f"{len(bots.pids)} bots against {len(bare.pids)} bare Ray actors",
        lines=(
            Line(
                what="memory of one (USS)",
                ours=f"{median(bot_mb):.1f} MB",
                against=f"a bare async actor: {median(bare_mb):.1f} MB",
                ratio=median(bot_mb) / median(bare_mb),
                at_most=1.25,
                why_not="what a bot imports, see below, and what its strategy and its link hold.",
            ),
            Line(
                what=f"start of one, in batches of {BATCH}",
                ours=f"{starts.wall * 1e3:.0f} ms, {starts.cpu:.2f} CPU s",
                against=f"a bare async actor: {start.wall * 1e3:.0f} ms, {start.cpu:.2f} CPU s",
                ratio=found.wall,
                cpu_ratio=found.cpu,
                at_most=1.3,
                why_not="a bot is written down and admitted before its process exists, then imports, dials its wallet "
                "and says hello, while the bots before it, its wallets and the market already work on the same cores.",
            ),
        ),
        notes=(
            f"{len(WALLETS)} paper wallets, a synthetic market, a third each of `hold`, `momentum` and `quoter`, one "
            f"decision a second; memory {SETTLE_S:.0f} s after the last start, "
            f"{min(bot_mb):.1f} to {max(bot_mb):.1f} MB.",
            imports,
        ),
    )


def _start_bots(running: Fleet, bots: Sequence[BotSpec]) -> list[int]:
    running.add(bots, {})
    names = {bot.name for bot in bots}
    deadline = time.monotonic() + START_MAX_S
    while time.monotonic() < deadline:
        reports = [_report(bot_name(name)) for name in names]
        if all(report and report.linked for report in reports):
            states = {bot.name: bot.state for bot in running.status().bots}
            if all(states[name] == BotState.RUNNING for name in names):
                return [report.pid for report in reports if report]
        time.sleep(POLL_S)
    raise TimeoutError(f"not started within {START_MAX_S:g} s: {', '.join(names)}")


def _report(name: str) -> BotReport | None:
    try:
        report: BotReport = ray.get(find(name).report.remote(), timeout=START_MAX_S)
    except LinkError:
        return None  # it is not created yet
    return report


def _start_bare(actors: list[Any]) -> list[int]:
    bare: Any = ray.remote(BareActor)
    started = [bare.options(num_cpus=0).remote() for _ in range(BATCH)]
    actors += started
    return [int(pid) for pid in ray.get([actor.pid.remote() for actor in started], timeout=START_MAX_S)]


def _fleet_file() -> str:
    bots = []
    for number in range(BATCHES * BATCH):
        symbol = SYMBOLS[number // len(STRATEGIES) % len(SYMBOLS)]
        strategy = STRATEGIES[number % len(STRATEGIES)].format(symbol=symbol)
        wallet = WALLETS[number % len(WALLETS)]
        bots.append(
            f"  - {{name: bot_{number}, wallet: {wallet}, strategy: {strategy}, shared_symbol: true, on_stop: flatten}}"
        )
    wallets = "\n".join(f"  {wallet}: {{venue: paper, equity_usd: 100000}}" for wallet in WALLETS)
    market = f"{{source: synthetic, seed: 7, symbols: [{', '.join(SYMBOLS)}], step: 250ms}}"
    return f"fleet: bench\nmarket: {market}\nwallets:\n{wallets}\nbots:\n" + "\n".join(bots) + "\n"
