"""How fast a halt reaches every wallet and the venue, against one process that cancels as many orders directly."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from statistics import median

from actors.kill_switch import HaltProgress, KillSwitch
from actors.ledger_events import Latch
from actors.messages import WALLET_LINK, Admit, Hello, OutcomeKind, Submit
from actors.store import WalletPlace
from actors.wallet_client import WalletClient
from adapters.clock import SystemClock
from adapters.link import Caller, Peer
from adapters.model import BotId, ClientOrderId, Order, Side, TimeInForce, WalletId
from adapters.paper.client import PaperClient
from cluster.store.sql import SqlStore, open_store
from config.spec import BotSpec, HaltLevel, StrategySpec
from risk.intent import Purpose, client_order_id
from risk.limits import RiskParams
from tests.bench.costs import Cost, Costs, ratio, typical
from tests.bench.linked_wallet import INCARNATION, dial_exchange, exchange_socket, wallet_socket
from tests.bench.program import Program, running
from tests.bench.result import Line, Section
from tests.builders import BTC, an_intent

BOTS, ORDERS_EACH = 50, 4
WALLETS = [WalletId(f"wallet_{number}") for number in range(8)]
DIRECT = [f"direct_{number}" for number in range(8)]
ROUNDS = 9
EPOCH = 1
POLL_S, WAIT_MAX_S = 0.01, 20.0
PRICE, TICK = Decimal(990), Decimal("0.5")
QUOTE = an_intent(
    purpose=Purpose.QUOTE,
    size=Decimal("0.02"),
    tif=TimeInForce.POST_ONLY,
    leverage=None,
    stop_loss=None,
    take_profit=None,
)


def measured(folder: Path) -> Section:
    """Fifty bots on eight wallets, two hundred orders: from the halt to shut gates, and to an empty book."""
    folder = folder / "halts"
    folder.mkdir()
    venue = ["tests.bench.exchange_at_work", str(exchange_socket(folder)), *WALLETS, *DIRECT]
    wallets = [["tests.bench.linked_wallet", str(folder), wallet] for wallet in WALLETS]
    with running([venue]) as (exchange,), running(wallets) as programs:
        halts, direct = asyncio.run(_in_turn(folder, exchange, programs))
    latched_ms = median(halt.latched_s for halt in halts) * 1e3
    return Section(
        title=f"Halting {BOTS} bots on {len(WALLETS)} wallets with {BOTS * ORDERS_EACH} resting orders",
        lines=(
            _line("every gate is shut", [halt.gates for halt in halts], direct),
            _line("no order rests at the venue", [halt.empty for halt in halts], direct, has_cpu=True),
            _line("every wallet has shown it", [halt.shown for halt in halts], direct),
        ),
        notes=(
            f"From the order to halt in the kill switch, which needs {latched_ms:.1f} ms to have it on disk (SQLite, "
            "fsync). Each wallet is a process with all its loops, a journal with fsync, and a link to the exchange, "
            "which is one more process and has no delay; the bots are links from the kill switch's own process. "
            "The exchange says when the last order went. CPU is that of all processes but the exchange, until every "
            "wallet has shown that nothing is left.",
            f"The floor knows all ids and cancels them at once, over {len(DIRECT)} links from one process: no latch, "
            "no journal, no second look.",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Halt:
    """One halt: when it was on disk, and the costs up to each step."""

    latched_s: float
    gates: Cost
    empty: Cost
    shown: Cost


async def _in_turn(folder: Path, exchange: Program, wallets: Sequence[Program]) -> tuple[list[_Halt], Costs]:
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    clients = {wallet: _client(folder, wallet) for wallet in WALLETS}
    for wallet in WALLETS:
        await store.save_wallet(WalletPlace(wallet, INCARNATION))
    switch = await _switch(store, clients)
    pushing = asyncio.create_task(switch.run())
    bots = await _bots(folder, clients)
    accounts = [PaperClient(dial_exchange(folder), name, Decimal(1)) for name in DIRECT]
    halts, direct = [], []
    cycles = itertools.count(1)
    for _ in range(ROUNDS):
        halts.append(await _halt(switch, bots, next(cycles), exchange, wallets))
        direct.append(await _cancel_directly(accounts, next(cycles), exchange))
    pushing.cancel()
    await asyncio.gather(pushing, return_exceptions=True)
    for client in (*clients.values(), *bots.values()):
        await client.aclose()
    for account in accounts:
        await account.aclose()
    await store.aclose()
    return halts, direct


async def _switch(store: SqlStore, clients: Mapping[WalletId, WalletClient]) -> KillSwitch:
    async def reach(place: WalletPlace) -> WalletClient:
        return clients[place.wallet]

    async def end(place: WalletPlace) -> bool:
        raise AssertionError(f"{place.wallet} was deaf")

    switch = KillSwitch(store=store, reach=reach, end=end, clock=SystemClock())
    await switch.start()
    return switch


def _client(folder: Path, wallet: WalletId) -> WalletClient:
    clock = SystemClock()

    async def dial() -> Caller:
        return await Peer.dial(wallet_socket(folder, wallet), WALLET_LINK, clock)

    return WalletClient(dial, clock)


async def _bots(folder: Path, wallets: Mapping[WalletId, WalletClient]) -> dict[BotId, WalletClient]:
    """Seated at their wallets, a link each."""
    bots = {}
    params = RiskParams(max_orders_per_second=10**9, max_same_orders=10**9)
    for number in range(BOTS):
        bot, wallet = BotId(f"bot-{number}"), WALLETS[number % len(WALLETS)]
        strategy = StrategySpec(kind="hold")
        spec = BotSpec(name=bot, wallet=wallet, strategy=strategy, symbols=(BTC,), risk_params=params)
        await wallets[wallet].admit(Admit(spec, EPOCH))
        bots[bot] = _client(folder, wallet)
        await bots[bot].hello(Hello(bot, EPOCH))
    return bots


async def _halt(
    switch: KillSwitch,
    bots: Mapping[BotId, WalletClient],
    cycle: int,
    exchange: Program,
    wallets: Sequence[Program],
) -> _Halt:
    for wallet in wallets:
        wallet.ask()  # for the prices that it gets with it
    await asyncio.gather(*(_quote(client, bot, cycle) for bot, client in bots.items()))
    assert exchange.ask()[0] == BOTS * ORDERS_EACH
    cpu, began = time.process_time() + sum(sum(wallet.ask()) for wallet in wallets), SystemClock().monotonic()
    await switch.trip(Latch("fleet", HaltLevel.CANCEL_ALL, 0, "measured"))
    times = (await _complete(switch)).times
    cpu = time.process_time() + sum(sum(wallet.ask()) for wallet in wallets) - cpu
    resting, ended_at = exchange.ask()
    assert not resting
    assert times is not None
    steps = times.overall
    assert steps.gate_s is not None
    assert steps.verified_s is not None
    await switch.lift("fleet", "measured")
    await _complete(switch)
    return _Halt(
        latched_s=times.latched_s,
        gates=Cost(steps.gate_s, cpu),
        empty=Cost(ended_at - began, cpu),
        shown=Cost(steps.verified_s, cpu),
    )


async def _quote(client: WalletClient, bot: BotId, cycle: int) -> None:
    intents = tuple(
        replace(QUOTE, id=order_id, bot=bot, cycle=cycle, price=price)
        for order_id, price in _quotes(bot, cycle, ORDERS_EACH)
    )
    outcomes = await client.submit(Submit(bot, EPOCH, (), intents))
    assert all(outcome.kind is OutcomeKind.PLACED for outcome in outcomes), outcomes


def _quotes(bot: BotId, cycle: int, count: int) -> list[tuple[ClientOrderId, Decimal]]:
    return [(client_order_id(bot, EPOCH, cycle, leg), PRICE - leg * TICK) for leg in range(count)]


async def _complete(switch: KillSwitch) -> HaltProgress:
    """Wait until every wallet has shown that the halts in force hold."""
    async with asyncio.timeout(WAIT_MAX_S):
        while not (progress := switch.progress()).complete:  # noqa: ASYNC110  # as an operator waits
            await asyncio.sleep(POLL_S)
        return progress


async def _cancel_directly(accounts: Sequence[PaperClient], cycle: int, exchange: Program) -> Cost:
    resting = []
    for number, account in enumerate(accounts):
        for order_id, price in _quotes(BotId(DIRECT[number]), cycle, BOTS * ORDERS_EACH // len(accounts)):
            quote = Order(id=order_id, symbol=BTC, side=Side.BUY, size=QUOTE.size, price=price, tif=QUOTE.tif)
            await account.place(quote)
            resting.append((account, order_id))
    assert exchange.ask()[0] == BOTS * ORDERS_EACH
    cpu, began = time.process_time(), SystemClock().monotonic()
    await asyncio.gather(*(account.cancel(order_id) for account, order_id in resting))
    cpu = time.process_time() - cpu
    left, ended_at = exchange.ask()
    assert not left
    return Cost(ended_at - began, cpu)


def _line(what: str, ours: Costs, direct: Costs, *, has_cpu: bool = False) -> Line:
    found = ratio(ours, direct)
    return Line(
        what=what,
        ours=f"{typical(ours).wall * 1e3:.1f} ms",
        against=f"the same number cancelled directly: {typical(direct).wall * 1e3:.1f} ms",
        ratio=found.wall,
        cpu_ratio=found.cpu if has_cpu else None,
    )
