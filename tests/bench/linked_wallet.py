"""A wallet as it is in a fleet, in a process of its own: all its loops, a journal with fsync, its exchange over a link.

As a program (``python -m tests.bench.linked_wallet FOLDER NAME``) it works until its standard input ends. Each line
there tells it the prices anew, and is answered with the CPU seconds that it has used. Its lease comes from a guard in
its own process.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from actors.in_process import MemoryControl
from actors.journal import FileJournal, Journal
from actors.ledger import Ledger
from actors.messages import WALLET_LINK, Snapshots
from actors.risk_guard import RiskGuard
from actors.seat import DEFAULT_BAR_S
from actors.wallet import Wallet
from actors.wallet_service import WalletService
from actors.wallet_session import WalletSession
from adapters.clock import SystemClock
from adapters.errors import LinkError
from adapters.link import Caller, Dial, Peer, Server
from adapters.model import Snapshot, WalletId
from adapters.paper.client import PaperClient
from adapters.paper.wire import PAPER_LINK
from adapters.venue import Venue
from config.spec import HaltLevel, WalletSpec
from risk.limits import FleetLimits, WalletLimits
from tests.builders import a_snapshot

LIMITS = FleetLimits()
INCARNATION = 1
PATIENT = WalletLimits(
    orders_per_second_max=10**9,
    market_data_age_max=timedelta(minutes=1),
    market_data_lost_after=timedelta(minutes=1),
)
POLL_S = 0.02


def exchange_socket(folder: Path) -> Path:
    """Where the exchange of the wallets in this folder is."""
    return folder / "exchange.sock"


def wallet_socket(folder: Path, wallet: str) -> Path:
    """Where the wallet answers."""
    return folder / f"{wallet}.sock"


def dial_exchange(folder: Path) -> Dial:
    """How that exchange is reached."""

    async def dial() -> Caller:
        return await Peer.dial(exchange_socket(folder), PAPER_LINK, SystemClock())

    return dial


async def serve(folder: Path, name: WalletId) -> None:
    """Until standard input ends."""
    venue = PaperClient(dial_exchange(folder), name, Decimal(1))
    journal = FileJournal(folder / f"{name}.journal", sync=True)
    await work(folder, name, venue, journal, a_snapshot())


async def work(
    folder: Path,
    name: WalletId,
    venue: Venue,
    journal: Journal,
    prices: Snapshot,
    *,
    is_ready: Callable[[], bool] = lambda: True,
) -> None:
    """Until standard input ends, on any venue; it says that it is ready when the venue is, too."""
    clock, control = SystemClock(), MemoryControl()
    guard = RiskGuard(LIMITS, HaltLevel.FLATTEN, [name], store=control, halts=control, clock=clock)
    await guard.start()
    await guard.enlist(name, INCARNATION)
    wallet = Wallet(
        WalletSpec(name=name, limits=PATIENT),
        INCARNATION,
        venue=venue,
        journal=journal,
        ledger=Ledger(),
        clock=clock,
    )
    links = Server(
        wallet_socket(folder, name), WALLET_LINK, clock, lambda notify: WalletSession(wallet, notify)
    )
    await links.start()
    service = WalletService(
        wallet,
        venue=venue,
        guard=guard,
        dial_market=_no_market,
        renew_every_s=LIMITS.lease_ttl.total_seconds() / 3,
        clock=clock,
    )
    working = asyncio.create_task(service.run())
    while not (wallet.ready and wallet.report().lease_left_s > 0 and is_ready()):  # noqa: ASYNC110  # its loops do it
        await asyncio.sleep(POLL_S)
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        wallet.take_snapshots(Snapshots(DEFAULT_BAR_S, (prices,)))
        print(time.process_time(), flush=True)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await links.aclose()


async def _no_market() -> Caller:
    raise LinkError("prices come over standard input")


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), WalletId(sys.argv[2])))
