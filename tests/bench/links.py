"""What it costs a bot to reach its wallet: a unix socket between two processes, against a bare one and a Ray call."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

from actors.messages import WALLET_LINK
from actors.wallet_client import WalletClient
from adapters.clock import SystemClock
from adapters.link import Caller, Peer
from tests.bench.costs import Cost, Costs, Work, interleaved, per_answer, per_call, ratio, typical
from tests.bench.result import Line, Section
from tests.bench.wallet_at_work import HELLO, batches, echo_path

ROUNDS = 9
QUESTIONS, RAY_CALLS = 400, 200
BODY = random.Random(0).randbytes(256)


def measured(folder: Path, bare_actor: Any) -> Section:
    """Observe and submit, from one process to another and back."""
    socket = folder / "wallet.sock"
    loop = asyncio.new_event_loop()
    try:
        with _serving(socket):
            works = loop.run_until_complete(_connected(loop, socket))
            works["ray"] = lambda: per_call(lambda: ray.get(bare_actor.echo.remote(BODY)), RAY_CALLS)
            costs = interleaved(works, rounds=ROUNDS)
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()
    return Section(
        title="From a bot to its wallet and back",
        lines=(
            _line("observe", costs, "observe", "ray"),
            _line("submit, one order", costs, "submit", "ray"),
            _line("observe", costs, "observe", "echo"),
            _line("submit, one order", costs, "submit", "echo"),
            _line("a bare socket", costs, "echo", "ray"),
        ),
        notes=(
            "Over real sockets between two processes; the wallet does its whole work (journal in memory). "
            "CPU is that of the asking process.",
            "The echo and the Ray call carry 256 bytes each way; nothing of ours runs behind them.",
        ),
    )


@contextmanager
def _serving(socket: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.wallet_at_work", str(socket)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            server.stdin.close()


async def _connected(loop: asyncio.AbstractEventLoop, socket: Path) -> dict[str, Work]:
    clock = SystemClock()

    async def dial() -> Caller:
        return await Peer.dial(socket, WALLET_LINK, clock)

    wallet = WalletClient(dial, clock)
    await wallet.hello(HELLO)
    orders = batches()
    reader, writer = await asyncio.open_unix_connection(echo_path(socket))

    async def echo() -> None:
        writer.write(len(BODY).to_bytes(4, "big") + BODY)
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))

    def observe() -> Cost:
        return per_answer(loop, wallet.observe, QUESTIONS)

    def submit() -> Cost:
        return per_answer(loop, lambda: wallet.submit(next(orders)), QUESTIONS)

    return {"observe": observe, "submit": submit, "echo": lambda: per_answer(loop, echo, QUESTIONS)}


def _line(what: str, costs: Mapping[str, Costs], ours: str, other: str) -> Line:
    names = {"echo": "a bare asyncio echo", "ray": "a Ray actor call"}
    found = ratio(costs[ours], costs[other])
    return Line(
        what=what,
        ours=f"{typical(costs[ours]).wall * 1e6:.0f} µs",
        against=f"{names[other]}: {typical(costs[other]).wall * 1e6:.0f} µs",
        ratio=found.wall,
        cpu_ratio=found.cpu,
    )
