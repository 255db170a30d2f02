"""Short words for wallets, bots and what passes between them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.journal import FileJournal, Journal, MemoryJournal
from actors.ledger import Ledger, replayed
from actors.ledger_events import Intended, Latch, Protection, Traded
from actors.messages import (
    Admit,
    Engage,
    Engaged,
    GuardAnswer,
    Hello,
    Outcome,
    Refusal,
    Sight,
    Snapshots,
    Submit,
    Welcome,
)
from actors.wallet import Wallet
from adapters.clock import Clock, VirtualClock
from adapters.model import (
    ZERO,
    BotId,
    ClientOrderId,
    Fill,
    Instrument,
    Liquidity,
    Order,
    OrderType,
    Quote,
    Side,
    Snapshot,
    Symbol,
    TimeInForce,
    WalletId,
)
from adapters.paper.exchange import PaperExchange
from adapters.paper.venue import PaperVenue
from config.spec import BotSpec, HaltLevel, StrategySpec, WalletSpec
from risk.intent import Intent, Purpose, client_order_id
from risk.leases import Lease, Renewal
from risk.limits import RiskParams
from tests.builders import BTC, ETH, NOW
from tests.fakes import FaultyVenue

ANN, BEN = BotId("ann"), BotId("ben")
MAIN = WalletId("main")
INSTRUMENTS = {
    symbol: Instrument(symbol=symbol, tick=Decimal(1), step=Decimal("0.001"), is_major=True, max_leverage=20)
    for symbol in (BTC, ETH)
}


def dec(text: str | int) -> Decimal:
    return Decimal(text)


def intended_id(leg: int, bot: BotId = ANN) -> ClientOrderId:
    return client_order_id(bot, 1, 1, leg)


def an_order(leg: int, size: str, side: Side = Side.BUY, bot: BotId = ANN, symbol: Symbol = BTC) -> Order:
    return Order(id=intended_id(leg, bot), symbol=symbol, side=side, size=dec(size), price=dec(1000))


def an_intended(
    leg: int, size: str, side: Side = Side.BUY, bot: BotId = ANN, purpose: Purpose = Purpose.OPEN
) -> Intended:
    return Intended(
        order=an_order(leg, size, side, bot),
        bot=bot,
        purpose=purpose,
        reserve_price=dec(1000),
        protection=Protection(dec(900), dec(1200)) if purpose is Purpose.OPEN else Protection(),
        at=NOW,
    )


def a_fill(
    sequence: int,
    order_id: str,
    size: str,
    *,
    side: Side = Side.BUY,
    price: str = "1000",
    fee: str = "0.1",
    symbol: Symbol = BTC,
) -> Traded:
    return Traded(
        Fill(
            id=f"f{sequence}",
            sequence=sequence,
            order_id=ClientOrderId(order_id),
            symbol=symbol,
            side=side,
            price=dec(price),
            size=dec(size),
            fee=dec(fee),
            liquidity=Liquidity.TAKER,
            at=NOW,
        )
    )


def a_bot_spec(name: BotId = ANN, **changes: Any) -> BotSpec:
    """A bot on BTC and ETH that may hold a lot."""
    base = BotSpec(
        name=name,
        wallet=MAIN,
        strategy=StrategySpec(kind="hold"),
        symbols=(BTC, ETH),
        risk_params=RiskParams(
            max_position_size_usd=Decimal(1_000_000),
            max_order_size_usd=Decimal(100_000_000),
            major_coin_leverage=20,
        ),
    )
    return replace(base, **changes)


def an_open(leg: int = 0, size: str = "1", *, bot: BotId = ANN, epoch: int = 1, **changes: Any) -> Intent:
    """A long at the market, with a stop at 900 and a target at 1200."""
    base = Intent(
        id=client_order_id(bot, epoch, 1, leg),
        bot=bot,
        cycle=1,
        symbol=BTC,
        side=Side.BUY,
        purpose=Purpose.OPEN,
        size=dec(size),
        type=OrderType.LIMIT,
        price=dec(1010),
        tif=TimeInForce.IOC,
        leverage=1,
        stop_loss=dec(900),
        take_profit=dec(1200),
    )
    return replace(base, **changes)


def a_quote_intent(
    leg: int = 50, price: str = "990", size: str = "1", *, bot: BotId = ANN, side: Side = Side.BUY
) -> Intent:
    """A bid, or an ask, that rests."""
    return an_open(
        leg,
        size,
        bot=bot,
        side=side,
        purpose=Purpose.QUOTE,
        price=dec(price),
        tif=TimeInForce.POST_ONLY,
        leverage=None,
        stop_loss=None,
        take_profit=None,
    )


def a_close(leg: int = 90, size: str = "1", *, bot: BotId = ANN, side: Side = Side.SELL) -> Intent:
    """A close at the market."""
    return an_open(
        leg,
        size,
        bot=bot,
        side=side,
        purpose=Purpose.CLOSE,
        type=OrderType.MARKET,
        price=None,
        leverage=None,
        stop_loss=None,
        take_profit=None,
    )


class Lender:
    """A guard that lends what it is told to."""

    def __init__(self, budget_usd: str = "1000000", ttl_s: float = 1e6) -> None:
        self.budget_usd = dec(budget_usd)
        self.ttl_s = ttl_s
        self.sequence = 0
        self.asked: list[Renewal] = []

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        self.asked.append(renewal)
        self.sequence += 1
        lease = Lease(
            wallet=renewal.wallet,
            incarnation=renewal.incarnation,
            epoch=1,
            sequence=self.sequence,
            budget_usd=self.budget_usd,
            ttl_s=self.ttl_s,
            request=renewal.request,
        )
        return GuardAnswer(lease)


class Floor:
    """A paper exchange, a wallet on it, and the hands to move the market: BTC at 999/1001 with ten on each side."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        latency: timedelta = timedelta(0),
        spec: WalletSpec | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or VirtualClock(NOW)
        self.exchange = PaperExchange(INSTRUMENTS, clock=self.clock, latency=latency)
        self.exchange.open_account("main", Decimal(1_000_000))
        self.venue = FaultyVenue(PaperVenue(self.exchange, "main"))
        self.lender = Lender()
        self.spec = spec or WalletSpec(name=MAIN)
        self.path = path
        self.journal: Journal = MemoryJournal()
        self.incarnation = 0
        self.notices: dict[BotId, list[Any]] = {}
        self._events: list[Any] = []
        self.exchange.subscribe("main", self._events.append)
        self.wallet = self.born()

    def born(self) -> Wallet:
        """A new incarnation of the wallet, over the same journal if there is a file."""
        self.incarnation += 1
        ledger = Ledger()
        if self.path is not None:
            if isinstance(self.journal, FileJournal):
                self.journal.close()
            self.journal = journal = FileJournal(self.path, sync=False)
            ledger = replayed(journal.events)
        self.wallet = Wallet(
            self.spec,
            self.incarnation,
            venue=self.venue,
            journal=self.journal,
            ledger=ledger,
            clock=self.clock,
        )
        return self.wallet

    async def open(self, *bots: BotSpec, hello: bool = True) -> Wallet:
        """Show a market, start the wallet, lend to it, and seat the bots at epoch 1."""
        self.show(999, 1001)
        self.show(99, 101, symbol=ETH)
        await self.wallet.start()
        await self.wallet.renew(self.lender)
        for spec in bots or (a_bot_spec(),):
            self.wallet.admit(Admit(spec, 1))
            if hello:
                self.hello(spec.name)
        return self.wallet

    def hello(self, bot: BotId = ANN, epoch: int = 1) -> Welcome:
        told = self.notices.setdefault(bot, [])
        return self.wallet.hello(Hello(bot, epoch), told.append)

    def show(self, bid: int, ask: int, size: int = 10, *, symbol: Symbol = BTC) -> None:
        """A new quote, at the exchange and, as a snapshot, at the wallet."""
        if isinstance(self.clock, VirtualClock):
            self.clock.advance(0.001)
        now = self.clock.now()
        quote = Quote(
            symbol=symbol,
            bid=Decimal(bid),
            bid_size=Decimal(size),
            ask=Decimal(ask),
            ask_size=Decimal(size),
            at=now,
        )
        self.move(quote)
        snapshot = Snapshot(
            symbol=symbol,
            quote=quote,
            mark_price=quote.mid,
            age_s=0.0,
            open_interest=Decimal(1_000_000),
        )
        self.wallet.take_snapshots(Snapshots(60.0, (snapshot,)))

    def move(self, quote: Quote) -> None:
        """A market's next state at the exchange."""
        self.exchange.on_market(quote)
        self.exchange.advance(quote.at)

    def advance(self, seconds: float) -> None:
        """Let time pass, on a virtual clock."""
        assert isinstance(self.clock, VirtualClock)
        self.clock.advance(seconds)

    def is_flat(self) -> bool:
        """Whether neither Ann's book nor the venue holds anything in BTC, and nothing rests there."""
        return not (self.held() or self.at_venue() or self.resting())

    async def hear(self) -> None:
        """Let the wallet have the user events so far."""
        events, self._events[:] = list(self._events), []
        for event in events:
            await self.wallet.take_event(event)

    async def submit(
        self,
        *intents: Intent,
        bot: BotId = ANN,
        epoch: int = 1,
        cancels: Sequence[ClientOrderId] = (),
    ) -> tuple[Outcome, ...]:
        return (await self.wallet.submit(Submit(bot, epoch, tuple(cancels), intents))).outcomes

    async def pass_(self) -> None:
        """Hear what there is to hear, and one pass over everybody."""
        await self.hear()
        await self.wallet.upkeep(everyone=True)

    async def halt(self, level: HaltLevel | None, scope: str = "fleet", generation: int = 0) -> Engaged:
        generation = generation or self.wallet.ledger.generation + 1
        latches = () if level is None else (Latch(scope, level, generation, "test"),)
        engage = Engage(latches, generation)
        if generation > self.wallet.ledger.generation:
            await self.wallet.engage(engage)  # says only that the gate is shut
        return await self.wallet.engage(engage)

    def look(self, bot: BotId = ANN, epoch: int = 1) -> Sight:
        return self.wallet.observe(bot, epoch)

    def held(self, bot: BotId = ANN, symbol: Symbol = BTC) -> Decimal:
        return self.wallet.ledger.book(bot, symbol).size

    def at_venue(self, symbol: Symbol = BTC) -> Decimal:
        sizes = {position.symbol: position.size for position in self.exchange.positions("main")}
        return sizes.get(symbol, ZERO)

    def resting(self, kind: OrderType | None = None, symbol: Symbol = BTC) -> list[Order]:
        """Orders at the venue, of one type or of all."""
        orders = [report.order for report in self.exchange.open_orders("main")]
        return [order for order in orders if order.symbol == symbol and kind in (None, order.type)]


def refusal_of(outcome: Outcome) -> Refusal:
    assert outcome.refusal is not None, outcome
    return outcome.refusal


async def soon(coroutine: Any) -> asyncio.Task[Any]:
    """Begin it, and let it get as far as it can."""
    task = asyncio.create_task(coroutine)
    for _ in range(20):
        await asyncio.sleep(0)
    return task
