"""What an order costs in its wallet: the review alone, and the whole of it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import ray

from actors.journal import FileJournal, Journal, MemoryJournal
from risk.limits import ExecGuards
from risk.review import RULES, Approved, review
from tests.bench.costs import Cost, Costs, Work, interleaved, per_answer, per_call, ratio, typical
from tests.bench.plain_check import PlainOrder, PlainState, plain_check
from tests.bench.result import Line, Section
from tests.bench.wallet_at_work import a_wallet, batches
from tests.builders import BTC, a_context, an_intent

ROUNDS = 9
REVIEWS, CHECKS, RAY_CALLS, SUBMITS, SYNCED_SUBMITS = 4_000, 80_000, 200, 400, 150
GUARDS = ExecGuards(btceth_position_value_min_equity_multiple=Decimal(0))
N = TypeVar("N", float, Decimal)


def measured(folder: Path, bare_actor: Any) -> Section:
    """Reviews and orders against a plain check and a call to a Ray actor."""
    loop = asyncio.new_event_loop()
    try:
        journals: Mapping[str, Journal] = {
            "memory": MemoryJournal(),
            "group": FileJournal(folder / "group.journal", sync=False),
            "fsync": FileJournal(folder / "fsync.journal", sync=True),
        }
        submits = {name: _submits(loop, name, journal) for name, journal in journals.items()}
        costs = interleaved({**_checks(), "ray": _ray_calls(bare_actor), **submits}, rounds=ROUNDS)
        for journal in journals.values():
            journal.close()
    finally:
        loop.close()
    return Section(
        title="An order in its wallet",
        lines=(
            _line(
                f"review, {len(RULES)} rules, Decimal",
                costs,
                "review",
                "float",
                at_most=2.0,
                why_not="the review compares exact decimals, rounds to tick and step, measures worst cases of bot "
                "and wallet, knows three times as many rules, and answers with a new order; the floor does none of it.",
            ),
            _line("the same", costs, "review", "decimal"),
            _line("the same", costs, "review", "ray"),
            _line("whole order, no journal", costs, "memory", "ray"),
            _line("whole order, journal `group`", costs, "group", "ray"),
            _line("whole order, journal `fsync`", costs, "fsync", "ray"),
            _line("what the fsync adds", costs, "fsync", "group"),
        ),
        notes=(
            "A whole order: seat, context, review, reservation, write-ahead, the paper exchange in the same process, "
            "its answer, settlement and upkeep. Two records are written for each.",
            "The Ray call sends 256 bytes to an async actor and waits for them; its CPU is the caller's alone.",
        ),
    )


def _checks() -> dict[str, Work]:
    intent, context = an_intent(), a_context(guards=GUARDS)
    assert isinstance(review(intent, context), Approved)
    works: dict[str, Work] = {"review": lambda: per_call(lambda: review(intent, context), REVIEWS)}
    for name, number in (("float", float), ("decimal", Decimal)):
        works[name] = _plain(number)  # type: ignore[type-var]  # of a union of two types
    return works


def _plain(number: Callable[[int | str], N]) -> Work:
    order = PlainOrder(BTC, True, number("0.5"), number(1000), number(950), 2, 100)
    equity, zero = number(10_000), number(0)
    state = PlainState(False, (BTC,), number(1000), 0.1, zero, equity, zero, zero, 0, 0)
    assert plain_check(order, state)
    assert not plain_check(replace(order, size=number(2)), state)
    return lambda: per_call(lambda: plain_check(order, state), CHECKS)


def _ray_calls(bare_actor: Any) -> Work:
    body = random.Random(0).randbytes(256)
    return lambda: per_call(lambda: ray.get(bare_actor.echo.remote(body)), RAY_CALLS)


def _submits(loop: asyncio.AbstractEventLoop, name: str, journal: Journal) -> Work:
    wallet = loop.run_until_complete(a_wallet(journal))
    orders = batches()
    count = SYNCED_SUBMITS if name == "fsync" else SUBMITS

    def submit_all() -> Cost:
        ready = iter(list(itertools.islice(orders, count)))  # to make them is a bot's work
        return per_answer(loop, lambda: wallet.submit(next(ready)), count)

    return submit_all


def _line(
    what: str,
    costs: Mapping[str, Costs],
    ours: str,
    other: str,
    *,
    at_most: float | None = None,
    why_not: str = "",
) -> Line:
    names = {
        "float": "13 rules, float, one function",
        "decimal": "the same 13 rules in Decimal",
        "ray": "a Ray actor call",
        "group": "journal `group`",
    }
    found = ratio(costs[ours], costs[other])
    return Line(
        what=what,
        ours=f"{typical(costs[ours]).wall * 1e6:.1f} µs",
        against=f"{names[other]}: {typical(costs[other]).wall * 1e6:.2f} µs",
        ratio=found.wall,
        cpu_ratio=found.cpu,
        at_most=at_most,
        why_not=why_not,
    )
