"""A wallet on the simulated Hyperliquid, in a process of its own: all its loops, its journal on disk.

As a program (``python -m tests.bench.hyperliquid_wallet FOLDER NAME URL``) it works like ``tests.bench.linked_wallet``.
Its name says how its journal is kept: ``fsync`` or ``group``.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from decimal import Decimal
from pathlib import Path

from actors.journal import FileJournal
from adapters.clock import SystemClock
from adapters.hyperliquid.budgets import IpBudget
from adapters.hyperliquid.client import TradingClient
from adapters.hyperliquid.network import Network
from adapters.hyperliquid.nonces import Nonces
from adapters.hyperliquid.signing import Signer
from adapters.hyperliquid.venue import HyperliquidVenue
from adapters.model import WalletId
from tests.bench.linked_wallet import work
from tests.builders import a_quote, a_snapshot

GROUP_S = 0.005  # between two flushes, as in a fleet
UNLIMITED = 10**9  # of weight a minute: what is sent is counted all the same
PRICES = a_snapshot(quote=a_quote("59999", "60001"), mark_price=Decimal(60_000), close=60_000.0)


def key_of(trader: str) -> str:
    """A private key for each name; the simulator funds its address."""
    return "0x" + hashlib.sha256(trader.encode()).hexdigest()


async def serve(folder: Path, name: WalletId, url: str) -> None:
    """Until standard input ends."""
    clock = SystemClock()
    signer = Signer(key_of(name), is_mainnet=False)
    nonces = Nonces(folder / f"{signer.address}.nonce", clock)
    budget = IpBudget(folder / "weight", clock, weight_max=UNLIMITED)
    venue = HyperliquidVenue(
        TradingClient(Network.named(url), signer, nonces, budget, clock), signer.address, clock
    )
    journal = FileJournal(folder / f"{name}.journal", sync=name == "fsync")
    flushing = asyncio.create_task(_flush(journal))
    await work(folder, name, venue, journal, PRICES, is_ready=lambda: venue.is_listening)
    flushing.cancel()
    await venue.aclose()
    journal.close()


async def _flush(journal: FileJournal) -> None:
    while True:
        await asyncio.sleep(GROUP_S)
        journal.flush()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), WalletId(sys.argv[2]), sys.argv[3]))
