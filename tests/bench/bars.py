"""How fast recorded bars are replayed by the fleet's own classes, against the same strategies written for speed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from actors.replay import replay
from adapters.market.replay import BarReplay
from adapters.model import Bar, BotId, Symbol, WalletId
from config.spec import BotSpec, FleetSpec, MarketSpec, StrategySpec, WalletSpec
from tests.bench.costs import Cost, Costs, Work, interleaved, ratio, typical
from tests.bench.float_events import FloatBar, FloatHold, FloatMomentum, replay_events, replay_numbers
from tests.bench.result import Line, Section

RECORDED = Path("shared/data/market/nautilus/btc-perp-20211231-20220201_1m.csv")
BESIDE_THE_PROJECT = Path(__file__).resolve().parents[3]
BTC, WALLET = Symbol("BTC"), WalletId("main")
ROUNDS = 3
MINUTE = timedelta(minutes=1)
WHY_NOT = (
    "every bar goes through the live classes unchanged: the exchange's matching and accounts, indicators, snapshots, "
    "lease, equity, and the bot's whole cycle through its wallet, all of it in Decimal."
)


@dataclass(frozen=True, slots=True)
class _Timed:
    """A run that is timed, and what it came to."""

    run: Callable[[], str]
    times: int  # more of the short ones, so that they meet as many interruptions
    outcomes: list[str] = field(default_factory=list)

    def __call__(self) -> Cost:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(self.times):
            outcome = self.run()
        cost = Cost((time.perf_counter() - wall) / self.times, (time.process_time() - cpu) / self.times)
        self.outcomes.append(outcome)
        return cost


def measured(folder: Path) -> Section:
    """``hold`` and ``momentum`` over a month of minutes."""
    path = BESIDE_THE_PROJECT / RECORDED
    data = "recorded BTC perpetual"
    if not path.is_file():
        path, data = _invented(folder / "bars.csv"), "an invented market"
    source = BarReplay({BTC: path})
    bars = [_as_floats(bar) for bar in source.events()]
    tuples = [(bar.open, bar.high, bar.low, bar.close) for bar in bars]
    works: dict[str, _Timed] = {
        "hold": _Timed(lambda: _ours(source, "hold"), 1),
        "momentum": _Timed(lambda: _ours(source, "momentum", symbol=BTC), 1),
        "hold events": _Timed(lambda: _events(bars, FloatHold().decide), 20),
        "momentum events": _Timed(lambda: _events(bars, FloatMomentum().decide), 10),
        "momentum numbers": _Timed(lambda: f"{replay_numbers(tuples)[1]} round trips", 10),
    }
    turns: dict[str, Work] = dict(works)
    costs = interleaved(turns, rounds=ROUNDS)
    outcomes = "; ".join(f"{name} {timed.outcomes[0]}" for name, timed in works.items() if "momentum" in name)
    return Section(
        title=f"Replay of {len(bars):,} one-minute bars",
        lines=(
            _line("`hold`", len(bars), costs, "hold", "hold events", at_least=0.5),
            _line("`momentum`", len(bars), costs, "momentum", "momentum events", at_least=0.5),
            _line("`momentum`", len(bars), costs, "momentum", "momentum numbers"),
            _line("the event objects", len(bars), costs, "momentum events", "momentum numbers"),
        ),
        notes=(
            f"Data: {data}; reading the file is not counted. Ratios are of speeds: above 1 is faster than the other.",
            f"What they came to: {outcomes}. Ours also sends every stop and target as an order of its own, reads "
            "indicators that begin with a simple average, and has a spread around each bar.",
        ),
    )


def _ours(source: BarReplay, kind: str, **fields: Any) -> str:
    bot = BotSpec(
        name=BotId("bot"),
        wallet=WALLET,
        strategy=StrategySpec(kind=kind, fields=fields),
        decision_interval=MINUTE,
        symbols=(BTC,),
    )
    fleet = FleetSpec(
        fleet="bench",
        store="",
        market=MarketSpec(source="replay", symbols=(BTC,)),
        wallets=(WalletSpec(name=WALLET),),
        bots=(bot,),
    )
    result = replay(fleet, source)
    return f"{result.trades} round trips in {result.orders} orders"


def _events(bars: list[FloatBar], decide: Callable[..., Any]) -> str:
    return f"{replay_events(bars, decide).trades} round trips"


def _as_floats(bar: Bar) -> FloatBar:
    return FloatBar(float(bar.open), float(bar.high), float(bar.low), float(bar.close))


def _line(
    what: str, bars: int, costs: dict[str, Costs], ours: str, other: str, *, at_least: float | None = None
) -> Line:
    names = {
        "hold events": "event objects, float",
        "momentum events": "event objects, float",
        "momentum numbers": "a bare float loop",
    }
    found = ratio(costs[other], costs[ours])
    return Line(
        what=what,
        ours=f"{bars / typical(costs[ours]).wall:,.0f} bars/s",
        against=f"{names[other]}: {bars / typical(costs[other]).wall:,.0f}",
        ratio=found.wall,
        cpu_ratio=found.cpu,
        at_least=at_least,
        why_not=WHY_NOT,
    )


def _invented(path: Path) -> Path:
    chance, price = random.Random(7), 40_000.0
    at = datetime(2026, 1, 1, tzinfo=UTC)
    lines = ["timestamp,open,high,low,close,volume"]
    for number in range(45_031):
        first, price = price, price * (1 + chance.gauss(0, 0.0008))
        high, low = max(first, price) * 1.0003, min(first, price) * 0.9997
        prices = ",".join(f"{value:.1f}" for value in (first, high, low, price))
        lines.append(f"{at + number * MINUTE:%Y-%m-%d %H:%M:%S},{prices},10")
    path.write_text("\n".join(lines))
    return path
