"""Three hundred decisions of a model at once, through the Decision pool, against the least time that they can take."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import openai
import psutil
import ray

from adapters.llm.settings import Model
from adapters.model import BotId
from cluster.home import Home
from cluster.ray_runtime.decision_hosts import DecisionHost, DecisionMemberHost
from cluster.ray_runtime.naming import DECISION, control_options, member_name, member_options
from cluster.ray_runtime.ray_processes import actor_class
from config.spec import FleetSpec
from risk.limits import ExecGuards, RiskParams
from strategies.advice import Inquiry
from strategies.llm.prompt import prompt
from tests.bench.costs import Cost, interleaved, typical
from tests.bench.result import Line, Section
from tests.builders import BTC, ETH, SOL, a_quote, a_snapshot, a_view, an_instrument

DECISIONS = 300
LATENCY_S = 0.5
MEMBERS, CONCURRENCY = (
    FleetSpec(fleet="", store="").decision_actors,
    Model(name="any").concurrency,
)  # as shipped
ROUNDS = 3
IDEAL_S = math.ceil(DECISIONS / (MEMBERS * CONCURRENCY)) * LATENCY_S
AT_MOST = 1.15
UP = {"ema_12": 1_010.0, "ema_26": 1_000.0, "atr_14": 5.0, "rsi_14": 55.0}


def measured(home: Home) -> Section:
    """The pool and the official client, each with as many requests at once, in turn."""
    with _model_server() as url, _pool(home) as (router, members):
        pids = ray.get([member.ping.remote() for member in members])
        inquiries = [_inquiry(url, number) for number in range(DECISIONS)]
        _decide(router, inquiries[:MEMBERS], pids)  # each member loads what a model needs
        costs = interleaved(
            {
                "pool": lambda: _decide(router, inquiries, pids),
                "client": lambda: asyncio.run(_ask_directly(url, inquiries[0])),
            },
            rounds=ROUNDS,
        )
    pool, client = typical(costs["pool"]), typical(costs["client"])
    return Section(
        title=f"{DECISIONS} decisions of a language model that takes {LATENCY_S * 1e3:.0f} ms",
        lines=(
            Line(
                what=f"{MEMBERS} Decision actors, {CONCURRENCY} requests at once in each",
                ours=f"{pool.wall:.2f} s, {pool.cpu / DECISIONS * 1e3:.1f} ms of CPU a decision",
                against=f"nothing but the model: {IDEAL_S:.2f} s",
                ratio=pool.wall / IDEAL_S,
                at_most=AT_MOST,
                why_not="the members, the model server and this program share the cores of one machine.",
            ),
            Line(
                what=f"the official client alone, {MEMBERS * CONCURRENCY} at once in one process",
                ours=f"{client.wall:.2f} s, {client.cpu / DECISIONS * 1e3:.1f} ms of CPU an answer",
                against=f"nothing but the model: {IDEAL_S:.2f} s",
                ratio=client.wall / IDEAL_S,
            ),
        ),
        notes=(
            "From this program's Ray calls to the router until the last answer is back: prompt, two bookings in "
            "the budget, request, structured answer, decisions. The model is a local server that waits and then "
            "trades by rule. The client alone sends the same prompt and parses nothing.",
        ),
    )


def _decide(router: Any, inquiries: list[Inquiry], pids: list[int]) -> Cost:
    before, began = _cpu_s(pids), time.perf_counter()
    answers = ray.get([router.advise.remote(inquiry) for inquiry in inquiries])
    cost = Cost(time.perf_counter() - began, _cpu_s(pids) - before)
    assert all(answer.decisions and not answer.error for answer in answers), answers[0]
    return cost


async def _ask_directly(url: str, inquiry: Inquiry) -> Cost:
    messages: Any = [
        {"role": message.role.value, "content": message.content} for message in prompt(inquiry).messages
    ]
    slots = asyncio.Semaphore(MEMBERS * CONCURRENCY)
    no_key = "none"  # pragma: allowlist secret
    async with openai.AsyncOpenAI(base_url=url, api_key=no_key, max_retries=0) as client:

        async def ask() -> None:
            async with slots:
                await client.chat.completions.create(model="scripted-trader", messages=messages)

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(ask() for _ in range(DECISIONS)))
        return Cost(time.perf_counter() - began, time.process_time() - cpu)


def _inquiry(url: str, number: int) -> Inquiry:
    symbols = (BTC, ETH, SOL)
    markets = {
        symbol: a_snapshot(symbol=symbol, quote=a_quote(symbol=symbol), indicators=UP) for symbol in symbols
    }
    return Inquiry(
        executor="llm",
        view=a_view(
            bot=BotId(f"bot-{number}"),
            markets=markets,
            instruments={symbol: an_instrument(symbol=symbol) for symbol in symbols},
        ),
        model=Model(
            name="scripted-trader",
            base_url=url,
            concurrency=CONCURRENCY,
            deadline=timedelta(seconds=60),
            prompt_usd_per_mtok=Decimal(1),
            cost_usd_per_day_max=Decimal(1_000),
        ),
        rules={"risk_params": RiskParams(max_position_size_usd=Decimal(10**6)), "exec_guards": ExecGuards(
            btceth_position_value_min_equity_multiple=Decimal(0), liquidity_threshold_usd=Decimal(0)
        )},
    )  # fmt: skip


@contextmanager
def _model_server() -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "cluster",
        "simulate",
        "llm",
        "--port",
        "0",
        "--json",
        "--latency",
        str(LATENCY_S),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


@contextmanager
def _pool(home: Home) -> Iterator[tuple[Any, list[Any]]]:
    """The Decision actors as a fleet has them, ended with the block."""
    fleet = FleetSpec(
        fleet="bench", store="", decision_actors=MEMBERS, decision_deadline=timedelta(seconds=90)
    )
    names = [member_name(number) for number in range(MEMBERS)]
    members = [
        actor_class(DecisionMemberHost).options(**member_options(name)).remote(name, str(home.path))
        for name in names
    ]
    router = (
        actor_class(DecisionHost).options(**control_options(DECISION)).remote(DECISION, str(home.path), fleet)
    )
    try:
        ray.get([actor.start.remote() for actor in (router, *members)])
        yield router, members
    finally:
        for actor in (router, *members):
            ray.kill(actor)


def _cpu_s(pids: list[int]) -> float:
    return float(sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids))
