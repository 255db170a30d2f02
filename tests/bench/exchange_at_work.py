"""A paper exchange in a process of its own, whose word on its books counts.

As a program (``python -m tests.bench.exchange_at_work SOCKET ACCOUNT…``) it opens the accounts and serves them on a
unix socket until its standard input ends. Each line there is answered with ``RESTING ENDED_AT``: how many orders rest
over all accounts, and when the last one of them ended, by the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from adapters.clock import SystemClock
from adapters.link import Server
from adapters.model import OrderReport
from adapters.paper.exchange import PaperExchange
from adapters.paper.service import PaperService
from adapters.paper.wire import PAPER_LINK
from adapters.venue import UserEvent
from tests.builders import BTC, a_quote, an_instrument

CASH_USD = Decimal(100_000)


async def serve(socket: Path, accounts: Sequence[str]) -> None:
    """Until standard input ends."""
    clock, ended_at = SystemClock(), 0.0

    def note(event: UserEvent) -> None:
        nonlocal ended_at
        if isinstance(event, OrderReport) and event.status.is_final:
            ended_at = clock.monotonic()

    exchange = PaperExchange({BTC: an_instrument()}, clock=clock)
    for account in accounts:
        exchange.open_account(account, CASH_USD)
        exchange.subscribe(account, note)
    exchange.on_market(a_quote())
    links = Server(socket, PAPER_LINK, clock, PaperService(exchange, clock, timedelta(0)).open_session)
    await links.start()
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        resting = sum(len(exchange.open_orders(account)) for account in accounts)
        print(resting, ended_at, flush=True)
    await links.aclose()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2:]))
