"""A bot's side of the way to the exchange: a link to its wallet, in a process of its own, and orders that rest."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

from actors.messages import WALLET_LINK, Admit, Hello, OutcomeKind, Submit
from actors.wallet_client import WalletClient
from adapters.clock import SystemClock
from adapters.link import Caller, Peer
from adapters.model import ClientOrderId, TimeInForce, WalletId
from config.spec import BotSpec, StrategySpec
from risk.intent import Purpose, client_order_id
from risk.limits import RiskParams
from tests.bench.linked_wallet import wallet_socket
from tests.bench.order_peers import SIZE, Order
from tests.bench.program import Program
from tests.builders import BOT, BTC, an_intent

EPOCH = 1
QUOTE = an_intent(
    purpose=Purpose.QUOTE,
    size=Decimal(str(SIZE)),
    tif=TimeInForce.POST_ONLY,
    leverage=None,
    stop_loss=None,
    take_profit=None,
)
WINDOW = timedelta(seconds=1)  # holds about as many orders here as ten seconds of a bot in its usual limits
PARAMS = RiskParams(
    max_position_size_usd=Decimal(10_000),
    max_orders_per_second=10**9,
    max_same_orders=10**9,
    same_orders_window=WINDOW,
)


class LinkedBot:
    """A bot at its wallet, and that wallet's process."""

    def __init__(self, wallet: WalletClient, program: Program) -> None:
        self._wallet = wallet
        self._program = program
        self._cycles = itertools.count(1)
        self._placed: list[ClientOrderId] = []

    def orders(self, prices: Sequence[int]) -> Sequence[Order]:
        return [partial(self._place, self._submit(price)) for price in prices]

    async def cancel(self) -> None:
        await self._wallet.submit(Submit(BOT, EPOCH, tuple(self._placed), ()))
        self._placed.clear()
        assert not (await self._wallet.observe()).orders

    def cpu_s(self) -> float:
        (wallet_s,) = self._program.ask()  # which gives it fresh prices, too
        return time.process_time() + wallet_s

    def _submit(self, price: int) -> Submit:
        cycle = next(self._cycles)
        intent = replace(QUOTE, id=client_order_id(BOT, EPOCH, cycle, 0), cycle=cycle, price=Decimal(price))
        return Submit(BOT, EPOCH, (), (intent,))

    async def _place(self, batch: Submit) -> None:
        (outcome,) = await self._wallet.submit(batch)
        assert outcome.kind is OutcomeKind.PLACED, outcome
        self._placed.append(outcome.id)


@asynccontextmanager
async def seated(folder: Path, name: str, program: Program) -> AsyncIterator[LinkedBot]:
    """A new bot at this wallet, until the block ends."""
    clock = SystemClock()

    async def dial() -> Caller:
        return await Peer.dial(wallet_socket(folder, name), WALLET_LINK, clock)

    wallet = WalletClient(dial, clock)
    strategy = StrategySpec(kind="hold")
    spec = BotSpec(name=BOT, wallet=WalletId(name), strategy=strategy, symbols=(BTC,), risk_params=PARAMS)
    await wallet.admit(Admit(spec, EPOCH))
    await wallet.hello(Hello(BOT, EPOCH))
    try:
        yield LinkedBot(wallet, program)
    finally:
        await wallet.aclose()
