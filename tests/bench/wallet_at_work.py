"""A wallet that can be asked as often as one likes: the real one, on a clock that stands still, its limits far away.

Its orders are bids below the touch that take or go: each is reviewed, reserved, journaled, sent to the exchange, found
cancelled and settled, and leaves the wallet as it was.

As a program (``python -m tests.bench.wallet_at_work SOCKET``) it serves such a wallet on a unix socket, and beside it,
at ``SOCKET.echo``, a server that only sends back what it gets, until its standard input ends.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from actors.in_process import MemoryControl
from actors.journal import Journal, MemoryJournal
from actors.ledger import Ledger
from actors.messages import WALLET_LINK, Admit, Hello, Snapshots, Submit
from actors.risk_guard import RiskGuard
from actors.wallet import Wallet
from actors.wallet_session import WalletSession
from adapters.clock import SystemClock, VirtualClock
from adapters.link import Server
from adapters.model import TimeInForce, WalletId
from adapters.paper.exchange import PaperExchange
from adapters.paper.venue import PaperVenue
from config.spec import BotSpec, HaltLevel, StrategySpec, WalletSpec
from risk.intent import Intent, client_order_id
from risk.limits import FleetLimits, RiskParams, WalletLimits
from tests.builders import BOT, BTC, NOW, a_quote, a_snapshot, an_instrument, an_intent

WALLET = WalletId("main")
EPOCH = INCARNATION = 1
HELLO = Hello(BOT, EPOCH)
TICK = an_instrument().tick
BID = an_intent(tif=TimeInForce.IOC, price=Decimal(999))


async def a_wallet(journal: Journal) -> Wallet:
    """Reconciled, under a lease, with one bot seated and one market seen."""
    clock = VirtualClock(NOW)
    exchange = PaperExchange({BTC: an_instrument()}, clock=clock, latency=timedelta(0))
    exchange.open_account(WALLET, Decimal(10_000))
    exchange.on_market(a_quote())
    control = MemoryControl()
    guard = RiskGuard(FleetLimits(), HaltLevel.FLATTEN, [WALLET], store=control, halts=control, clock=clock)
    await guard.start()
    await guard.enlist(WALLET, INCARNATION)
    wallet = Wallet(
        WalletSpec(name=WALLET, limits=WalletLimits(orders_per_second_max=10**9)),
        INCARNATION,
        venue=PaperVenue(exchange, WALLET),
        journal=journal,
        ledger=Ledger(),
        clock=clock,
    )
    await wallet.start()
    await wallet.renew(guard)
    bot = BotSpec(
        name=BOT,
        wallet=WALLET,
        strategy=StrategySpec(kind="hold"),
        symbols=(BTC,),
        risk_params=RiskParams(max_orders_per_second=10**9, max_same_orders=10**9),
    )
    wallet.admit(Admit(bot, EPOCH))
    wallet.hello(HELLO, lambda _: None)
    wallet.take_snapshots(Snapshots(HELLO.bar_interval_s, (a_snapshot(),)))
    return wallet


def batches(like: Intent = BID) -> Iterator[Submit]:
    """One order each, every one with an identity of its own, at one of twenty prices."""
    assert like.price is not None
    for cycle in itertools.count(1):
        price = like.price - cycle % 20 * TICK
        intent = replace(like, cycle=cycle, id=client_order_id(BOT, EPOCH, cycle, 0), price=price)
        yield Submit(BOT, EPOCH, (), (intent,))


def echo_path(socket: Path) -> Path:
    """Where the echo answers."""
    return socket.with_name(f"{socket.name}.echo")


async def serve(socket: Path) -> None:
    """Until standard input ends."""
    wallet = await a_wallet(MemoryJournal())
    links = Server(socket, WALLET_LINK, SystemClock(), lambda notify: WalletSession(wallet, notify))
    await links.start()
    echo = await asyncio.start_unix_server(_echo, echo_path(socket))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    echo.close()
    await links.aclose()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readexactly(4)
            writer.write(head + await reader.readexactly(int.from_bytes(head, "big")))
    except (asyncio.IncompleteReadError, asyncio.CancelledError):
        writer.close()  # a cancelled connection would be logged as an error


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
