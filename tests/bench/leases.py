"""What it costs to renew a lease: the guard's side over its store, and a wallet's side over its journal."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import ray

from actors.in_process import MemoryControl
from actors.journal import FileJournal
from actors.messages import GuardAnswer, OutcomeKind
from actors.risk_guard import RiskGuard
from actors.store import GuardStore
from actors.wallet import Wallet
from adapters.clock import VirtualClock
from adapters.model import ZERO, TimeInForce, WalletId
from cluster.store.sql import open_store
from config.spec import HaltLevel
from risk.leases import Lease, Renewal
from risk.limits import FleetLimits
from tests.bench.costs import Cost, Costs, Work, interleaved, per_answer, per_call, ratio, typical
from tests.bench.result import Line, Section
from tests.bench.wallet_at_work import BID, INCARNATION, a_wallet, batches
from tests.builders import NOW

ROUNDS = 9
RENEWALS, ALL_AT_ONCE, RAY_CALLS = 160, 20, 200
WALLETS = [WalletId(f"wallet_{number}") for number in range(8)]
LIMITS = FleetLimits()
TTL_S = LIMITS.lease_ttl.total_seconds()
EVERY_S = TTL_S / 3
RESTING = replace(BID, tif=TimeInForce.GTC, size=Decimal("0.02"))
RESTING_ORDERS = 25
MOVED_USD = Decimal(40_000)


def measured(folder: Path, bare_actor: Any) -> Section:
    """A renewal at the guard, alone and eight at once, and in a wallet, against a call to a Ray actor."""
    loop = asyncio.new_event_loop()
    journal = FileJournal(folder / "leases.journal", sync=True)
    body = random.Random(0).randbytes(256)
    try:
        store = open_store(f"sqlite:///{folder / 'leases.db'}")
        holders = loop.run_until_complete(_holders(store))
        wallet = loop.run_until_complete(_busy_wallet(journal))
        lender, turns, busiest = _Lender(), itertools.cycle(holders), itertools.cycle(holders)
        works: dict[str, Work] = {
            "one": lambda: per_answer(loop, lambda: next(turns).renew(ZERO), RENEWALS),
            "eight": lambda: _of_each(per_answer(loop, lambda: _renew_all(holders), ALL_AT_ONCE)),
            "moving": lambda: _of_each(
                per_answer(loop, lambda: _renew_all(holders, next(busiest)), ALL_AT_ONCE)
            ),
            "wallet": lambda: per_answer(loop, lambda: wallet.renew(lender), RENEWALS),
            "ray": lambda: per_call(lambda: ray.get(bare_actor.echo.remote(body)), RAY_CALLS),
        }
        costs = interleaved(works, rounds=ROUNDS)
        loop.run_until_complete(store.aclose())
    finally:
        journal.close()
        loop.close()
    guards_share = len(WALLETS) * typical(costs["eight"]).cpu / EVERY_S
    wallets_share = typical(costs["wallet"]).cpu / EVERY_S
    return Section(
        title="Renewing a lease",
        lines=(
            _line("guard, one wallet after another", costs, "one"),
            _line(f"guard, {len(WALLETS)} wallets at once, each", costs, "eight"),
            _line("the same, while budgets move", costs, "moving"),
            _line(f"wallet with {RESTING_ORDERS} resting orders", costs, "wallet"),
        ),
        notes=(
            f"With a lease of {TTL_S:g} s, renewed every {EVERY_S:.1f} s, {len(WALLETS)} wallets take "
            f"{guards_share:.2%} of a core at the guard, and each of them takes {wallets_share:.2%} of one for "
            "itself; the Ray call that carries the renewal comes on top, once for all orders of that time.",
            "The guard reads the halts from SQLite each time, and writes a grant that changes (fsync) before it "
            "answers. A wallet values what it holds and has resting, and writes the lease to its journal (fsync). CPU "
            "is that of all threads.",
        ),
    )


@dataclass(slots=True)
class _Holder:
    """A wallet as the guard knows it: it takes every lease and says so the next time."""

    guard: RiskGuard
    wallet: WalletId
    lease: Lease | None = None

    async def renew(self, used_usd: Decimal) -> None:
        held = self.lease
        answer = await self.guard.renew(
            Renewal(
                wallet=self.wallet,
                incarnation=INCARNATION,
                request=held.request + 1 if held else 1,
                used_usd=used_usd,
                applied_epoch=held.epoch if held else 0,
                applied_sequence=held.sequence if held else 0,
                applied_budget_usd=held.budget_usd if held else ZERO,
                equity_usd=Decimal(10_000),
            )
        )
        assert answer.lease is not None
        self.lease = answer.lease


async def _renew_all(holders: Sequence[_Holder], busy: _Holder | None = None) -> None:
    """All at once; one of them uses much of the limit."""
    await asyncio.gather(*(holder.renew(MOVED_USD if holder is busy else ZERO) for holder in holders))


async def _holders(store: GuardStore) -> list[_Holder]:
    """Eight wallets of one guard."""
    clock = VirtualClock(NOW)
    guard = RiskGuard(LIMITS, HaltLevel.FLATTEN, WALLETS, store=store, halts=MemoryControl(), clock=clock)
    await guard.start()
    clock.advance(2 * TTL_S)  # what might be out there from before a new store has lapsed
    for wallet in WALLETS:
        await guard.enlist(wallet, INCARNATION)
    holders = [_Holder(guard, wallet) for wallet in WALLETS]
    for _ in range(2):
        await _renew_all(holders)
    assert all(holder.lease and holder.lease.budget_usd for holder in holders)
    return holders


class _Lender:
    """Answers at once: what is measured is the wallet."""

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        lease = Lease(
            wallet=renewal.wallet,
            incarnation=renewal.incarnation,
            epoch=renewal.applied_epoch,
            sequence=renewal.applied_sequence + 1,
            budget_usd=LIMITS.gross_notional_usd_max,
            ttl_s=TTL_S,
            request=renewal.request,
        )
        return GuardAnswer(lease)


async def _busy_wallet(journal: FileJournal) -> Wallet:
    wallet = await a_wallet(journal)
    for batch in itertools.islice(batches(RESTING), RESTING_ORDERS):
        (outcome,) = (await wallet.submit(batch)).outcomes
        assert outcome.kind is OutcomeKind.PLACED, outcome
    return wallet


def _of_each(cost: Cost) -> Cost:
    return Cost(cost.wall / len(WALLETS), cost.cpu / len(WALLETS))


def _line(what: str, costs: Mapping[str, Costs], ours: str) -> Line:
    found = ratio(costs[ours], costs["ray"])
    return Line(
        what=what,
        ours=f"{typical(costs[ours]).wall * 1e6:.0f} µs, {typical(costs[ours]).cpu * 1e6:.0f} of CPU",
        against=f"a Ray actor call: {typical(costs['ray']).wall * 1e6:.0f} µs",
        ratio=found.wall,
        cpu_ratio=found.cpu,
    )
