"""From a bot's wish to the exchange's word for it: our whole way, against libraries and bare requests, side by side."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from aiohttp import ClientSession
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action

from adapters.hyperliquid.network import Network
from adapters.hyperliquid.signing import Signer
from adapters.model import WalletId
from tests.bench.costs import Cost, Costs, Work, interleaved, per_call, ratio, typical
from tests.bench.hyperliquid_wallet import key_of
from tests.bench.linked_bot import seated
from tests.bench.order_peers import Ccxt, Post, Sdk, Socket, Trader, bid
from tests.bench.program import Program, running
from tests.bench.result import Line, Section

WALLETS = [WalletId("group"), WalletId("fsync")]
PEERS = {
    "sdk": "the official SDK's `Exchange.order`",
    "ccxt": "ccxt's `create_order`, asyncio",
    "post": "a presigned POST, aiohttp",
    "socket": "signing and an aiohttp websocket",
}
ROUNDS, ORDERS_EACH, SIGNATURES = 20, 20, 100
PRICES = range(30_000, 30_000 + ORDERS_EACH)  # half the market's
CASH_USD = 1_000_000
P50_AT_MOST = {("group", "sdk"): 0.28, ("group", "ccxt"): 0.07, ("group", "socket"): 2.0}
P99_AT_MOST = {("group", "socket"): 2.5}
WHY_NOT = (
    "the order goes through one process more, which reviews it by all rules, reserves it, writes it ahead, follows "
    "the account's stream and keeps its loops going, and bot, wallet and simulator share the cores; every way also "
    "waits for the simulator, which brings the ratios closer together."
)
OUR_SIGNATURE, THEIR_SIGNATURE = "our signature", "the SDK's signature"

Times = dict[str, list[float]]


def measured(folder: Path) -> Section:
    """Post-only bids far below the market on one simulator, and the signing alone."""
    folder = folder / "order_path"
    folder.mkdir()
    with _simulator([*WALLETS, *PEERS]) as url:
        wallets = [["tests.bench.hyperliquid_wallet", str(folder), wallet, url] for wallet in WALLETS]
        with running(wallets) as programs, asyncio.Runner() as runner:
            costs, times = _in_turn(runner, folder, url, dict(zip(WALLETS, programs, strict=True)))
    return Section(
        title="An order from a bot to Hyperliquid and back",
        lines=tuple(_lines(costs, times)),
        notes=(
            f"{ROUNDS * ORDERS_EACH} orders each way, {ORDERS_EACH} a round, one after the other, on one "
            "`flotilla simulate hyperliquid` in a process of its own; cancels are not counted. A ratio of p50 is the "
            "median over the rounds, one of p99 is over all orders. CPU is that of all processes but the exchange's.",
            "Ours: a bot's link to a wallet in a process of its own with all its loops, review, write-ahead on disk, "
            "signature, the account's websocket, the answer, settlement. Its share of Hyperliquid's rate limit is "
            "counted, with the limit out of reach.",
        ),
    )


def _in_turn(
    runner: asyncio.Runner, folder: Path, url: str, programs: Mapping[str, Program]
) -> tuple[Mapping[str, Costs], Times]:
    stack = AsyncExitStack()
    try:
        traders = runner.run(_traders(stack, folder, url, programs))
        times: Times = {name: [] for name in traders}
        works: dict[str, Work] = {
            name: partial(_one_round, runner, trader, times[name]) for name, trader in traders.items()
        }
        for name, work in works.items():  # connections and caches are warm from here on
            work()
            times[name].clear()
        return interleaved({**works, **_signing()}, rounds=ROUNDS), times
    finally:
        runner.run(stack.aclose())


def _one_round(runner: asyncio.Runner, trader: Trader, times: list[float]) -> Cost:
    async def place_all() -> Cost:
        orders, took = trader.orders(PRICES), []
        cpu = trader.cpu_s()
        for order in orders:
            began = time.perf_counter()
            await order()
            took.append(time.perf_counter() - began)
        cpu = trader.cpu_s() - cpu
        await trader.cancel()
        times.extend(took)
        return Cost(median(took), cpu / len(took))

    return runner.run(place_all())


async def _traders(
    stack: AsyncExitStack, folder: Path, url: str, programs: Mapping[str, Program]
) -> dict[str, Trader]:
    session = await stack.enter_async_context(ClientSession())
    socket = await stack.enter_async_context(session.ws_connect(Network.named(url).stream_url))
    sdk, other = Sdk(url, "sdk"), Ccxt(url, "ccxt")
    stack.callback(sdk.close)
    stack.push_async_callback(other.aclose)
    bots = {
        name: await stack.enter_async_context(seated(folder, name, program))
        for name, program in programs.items()
    }
    post, floor = Post(session, url, "post"), Socket(session, socket, url, "socket")
    return {**bots, "sdk": sdk, "ccxt": other, "post": post, "socket": floor}


def _signing() -> dict[str, Work]:
    key, nonce = key_of("signing"), 1_700_000_000_000
    signer, account = Signer(key, is_mainnet=False), Account.from_key(key)
    action = bid(PRICES[0])

    def ours() -> object:
        return signer.sign(action, nonce, vault=None, expires_after=None)

    def theirs() -> object:
        return sign_l1_action(account, action, None, nonce, None, False)

    assert ours() == theirs()
    return {
        OUR_SIGNATURE: lambda: per_call(ours, SIGNATURES),
        THEIR_SIGNATURE: lambda: per_call(theirs, SIGNATURES),
    }


@contextmanager
def _simulator(traders: Sequence[str]) -> Iterator[str]:
    """Its address, while it runs; each trader has money there."""
    command = [sys.executable, "-m", "cluster", "simulate", "hyperliquid", "--port", "0", "--json"]
    command += ["--coins", "BTC"]
    for trader in traders:
        command += ["--fund", f"{Account.from_key(key_of(trader)).address}={CASH_USD}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def _lines(costs: Mapping[str, Costs], times: Times) -> Iterator[Line]:
    for wallet in WALLETS:
        for peer, name in PEERS.items():
            found, theirs = ratio(costs[wallet], costs[peer]), typical(costs[peer])
            yield Line(
                what=f"p50, journal `{wallet}`",
                ours=_times(typical(costs[wallet])),
                against=f"{name}: {_times(theirs)}",
                ratio=found.wall,
                cpu_ratio=found.cpu,
                at_most=P50_AT_MOST.get((wallet, peer)),
                why_not=WHY_NOT,
            )
    for wallet in WALLETS:
        for peer, name in PEERS.items():
            ours_s, theirs_s = _p99(times[wallet]), _p99(times[peer])
            yield Line(
                what=f"p99, journal `{wallet}`",
                ours=f"{ours_s * 1e3:.2f} ms",
                against=f"{name}: {theirs_s * 1e3:.2f} ms",
                ratio=ours_s / theirs_s,
                at_most=P99_AT_MOST.get((wallet, peer)),
                why_not=WHY_NOT,
            )
    ours, sdk = costs[OUR_SIGNATURE], costs[THEIR_SIGNATURE]
    found = ratio(ours, sdk)
    yield Line(
        what="signing alone",
        ours=f"{typical(ours).wall * 1e6:.0f} µs",
        against=f"the SDK's `sign_l1_action`: {typical(sdk).wall * 1e6:.0f} µs",
        ratio=found.wall,
        cpu_ratio=found.cpu,
        at_most=0.15,
        why_not="most of it is the one signature and the hashes that both must make.",
    )


def _times(cost: Cost) -> str:
    return f"{cost.wall * 1e3:.2f} ms, CPU {cost.cpu * 1e3:.2f} ms"


def _p99(times: Sequence[float]) -> float:
    return quantiles(times, n=100)[-1]
