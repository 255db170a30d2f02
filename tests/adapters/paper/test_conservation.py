"""Any orders, any market, any moment: no cent and no coin appears or vanishes, and a restart changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.clock import VirtualClock
from adapters.errors import VenueError
from adapters.model import (
    Bar,
    Book,
    Fill,
    FundingDue,
    Instrument,
    Level,
    Liquidity,
    MarketContext,
    MarketEvent,
    Order,
    OrderReport,
    OrderStatus,
    OrderType,
    Quote,
    Side,
    Symbol,
    TimeInForce,
    Trade,
)
from adapters.paper.exchange import PaperExchange
from adapters.paper.storage import PaperStorage
from adapters.venue import UserEvent
from tests.adapters.paper.builders import BTC, COIN, PERP, SPOT, START, an_order

ACCOUNTS = ("ann", "bob", "cid")
INSTRUMENTS: dict[Symbol, Instrument] = {
    BTC: replace(PERP, taker_fee=Decimal("0.00045"), maker_fee=Decimal("-0.00002")),
    COIN: replace(SPOT, tick=Decimal(1), step=Decimal("0.001")),
}
DEPOSIT = Decimal("98.765432")

names = st.sampled_from(ACCOUNTS)
symbols = st.sampled_from([BTC, COIN])
sides = st.sampled_from(list(Side))
prices = (st.integers(97, 103) | st.integers(85, 115)).map(Decimal)
steps = st.one_of(st.integers(100, 6_000), st.just(2_000)).map(lambda n: n * Decimal("0.001"))
sizes = st.decimals("0.0001", 30, places=4) | st.just(Decimal(5))
rates = st.decimals("-0.01", "0.01", places=6)


class Exchange(RuleBasedStateMachine):
    """Drives an exchange and keeps its own books from what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = VirtualClock(START)
        self.orders: dict[tuple[str, str], Order] = {}
        self.reports: dict[tuple[str, str], OrderReport] = {}
        self.fills: dict[str, list[Fill]] = {name: [] for name in ACCOUNTS}
        self.funding = dict.fromkeys(ACCOUNTS, Decimal(0))
        self.sizes: dict[tuple[str, Symbol], Decimal] = {}

    @initialize(latency=st.sampled_from([0, 0, 1]), stored=st.booleans(), ticks=st.booleans())
    def open(self, latency: int, stored: bool, ticks: bool) -> None:
        self.ticks = ticks
        self.latency = timedelta(seconds=latency)
        self.storage = PaperStorage(Path(self.folder.name) / "paper.db") if stored else None
        self.start()
        for symbol in INSTRUMENTS:
            if ticks:
                self.quote(symbol, Decimal(99), 2, Decimal(5), Decimal(5))
            else:
                self.bar(symbol, [Decimal(100)] * 4, Decimal(50))

    def start(self) -> None:
        self.exchange = PaperExchange(
            INSTRUMENTS, clock=self.clock, latency=self.latency, storage=self.storage
        )
        for name in ACCOUNTS:
            self.exchange.open_account(name, DEPOSIT)
            self.exchange.subscribe(name, lambda event, name=name: self.hear(name, event))  # type: ignore[misc]

    def teardown(self) -> None:
        if getattr(self, "storage", None) is not None:
            self.storage.close()  # type: ignore[union-attr]  # just checked
        self.folder.cleanup()

    # What is told

    def hear(self, name: str, event: UserEvent) -> None:
        if isinstance(event, OrderReport):
            known = self.reports.get((name, event.order.id))
            assert known is None or not known.status.is_final, "news of a final order"
            assert known is None or event.filled >= known.filled
            assert event.filled <= event.order.size
            assert (event.status is OrderStatus.FILLED) == (event.filled == event.order.size)
            self.reports[name, event.order.id] = event
            self.orders[name, event.order.id] = event.order
            return
        order = self.reports[name, event.order_id].order
        assert event.sequence == len(self.fills[name]) + 1
        assert event.size > 0
        assert INSTRUMENTS[event.symbol].is_on_step(event.size)
        if order.price is not None:
            assert (event.price - order.price) * order.side.sign <= 0, "worse than its limit"
            if event.liquidity is Liquidity.MAKER:
                assert event.price == order.price
        if order.tif is TimeInForce.POST_ONLY:
            assert event.liquidity is Liquidity.MAKER
        before = self.sizes.get((name, event.symbol), Decimal(0))
        after = before + event.size * event.side.sign
        if order.reduce_only:
            assert abs(after) < abs(before), "reduce-only grew a position"
            assert after * before >= 0, "reduce-only turned a position"
        if event.symbol == COIN:
            assert after >= 0, "spot was sold short"
        self.sizes[name, event.symbol] = after
        self.fills[name].append(event)

    # What is done

    @rule(
        name=names,
        symbol=symbols,
        side=sides,
        size=steps,
        price=prices,
        kind=st.sampled_from(["limit", "limit", "limit", "market", "stop", "take_profit"]),
        tif=st.sampled_from(list(TimeInForce)),
        reduce_only=st.sampled_from([False, False, True]),
        leverage=st.sampled_from([None, 3, 20, 20]),
    )
    def place(
        self,
        name: str,
        symbol: Symbol,
        side: Side,
        size: Decimal,
        price: Decimal,
        kind: str,
        tif: TimeInForce,
        reduce_only: bool,
        leverage: int | None,
    ) -> None:
        order_type = OrderType(kind)
        is_limit = order_type is OrderType.LIMIT
        order = an_order(
            side,
            size,
            price if is_limit else None,
            symbol=symbol,
            type=order_type,
            trigger=price if order_type.is_trigger else None,
            tif=tif if is_limit else TimeInForce.GTC,
            reduce_only=reduce_only,
            leverage=leverage if symbol == BTC else None,
        )
        before = self.state()
        try:
            report = self.exchange.place(name, order)
        except VenueError:
            assert self.state() == before, "a refusal changed something"
            return
        placed = self.state()
        assert report == self.exchange.order(name, order.id) == self.exchange.place(name, order)
        assert self.state() == placed, "asking twice changed something"
        if order.tif is TimeInForce.IOC or order.type is OrderType.MARKET:
            assert report.status.is_final or self.latency

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name, order_id = data.draw(st.sampled_from(list(self.reports)))
        was_open = not self.reports[name, order_id].status.is_final
        try:
            report = self.exchange.cancel(name, self.orders[name, order_id].id)
        except VenueError:
            assert not was_open
        else:
            assert was_open
            assert self.latency or report.status is OrderStatus.CANCELLED

    @precondition(lambda self: self.ticks)
    @rule(symbol=symbols, bid=prices, spread=st.integers(1, 5), bid_size=sizes, ask_size=sizes)
    def quote(self, symbol: Symbol, bid: Decimal, spread: int, bid_size: Decimal, ask_size: Decimal) -> None:
        at = self.tick()
        quote = Quote(symbol=symbol, bid=bid, ask=bid + spread, bid_size=bid_size, ask_size=ask_size, at=at)
        self.news(quote, bid_size + ask_size)

    @precondition(lambda self: self.ticks)
    @rule(symbol=symbols, bid=prices, bids=st.lists(sizes, max_size=4), asks=st.lists(sizes, max_size=4))
    def book(self, symbol: Symbol, bid: Decimal, bids: list[Decimal], asks: list[Decimal]) -> None:
        event = Book(
            symbol=symbol,
            bids=tuple(Level(bid - n, size) for n, size in enumerate(bids)),
            asks=tuple(Level(bid + 1 + n, size) for n, size in enumerate(asks)),
            at=self.tick(),
        )
        self.news(event, sum([*bids, *asks], Decimal(0)))

    @precondition(lambda self: self.ticks)
    @rule(symbol=symbols, side=sides, price=prices, size=sizes)
    def trade(self, symbol: Symbol, side: Side, price: Decimal, size: Decimal) -> None:
        self.news(Trade(symbol=symbol, price=price, size=size, side=side, at=self.tick()), None)

    @precondition(lambda self: not self.ticks)
    @rule(symbol=symbols, path=st.lists(prices, min_size=4, max_size=4), volume=sizes)
    def bar(self, symbol: Symbol, path: list[Decimal], volume: Decimal) -> None:
        event = Bar(
            symbol=symbol,
            open=path[0],
            high=max(path),
            low=min(path),
            close=path[-1],
            volume=volume,
            interval=timedelta(minutes=1),
            at=self.tick(),
        )
        self.news(event, None)

    @rule(mark=prices)
    def context(self, mark: Decimal) -> None:
        event = MarketContext(
            symbol=BTC, mark_price=mark, funding_rate=Decimal(0), open_interest=Decimal(0), at=self.tick()
        )
        self.news(event, None)

    @rule(rate=rates, mark=prices)
    def fund(self, rate: Decimal, mark: Decimal) -> None:
        at = self.tick()
        self.exchange.advance(at)
        for name in ACCOUNTS:
            self.funding[name] -= self.sizes.get((name, BTC), Decimal(0)) * mark * rate
        self.exchange.on_market(FundingDue(symbol=BTC, rate=rate, mark_price=mark, at=at))

    @precondition(lambda self: self.storage is not None)
    @rule()
    def restart(self) -> None:
        assert self.storage is not None
        before = self.state()
        self.storage.close()
        self.storage = PaperStorage(Path(self.folder.name) / "paper.db")
        self.start()
        assert self.state() == before

    def tick(self) -> datetime:
        self.clock.advance(1)
        return self.clock.now()

    def news(self, event: MarketEvent, shown: Decimal | None) -> None:
        """Tell the market, and see that no more was taken from it than it shows."""
        before = self.market_size(event.symbol)
        heard = {name: len(fills) for name, fills in self.fills.items()}
        self.exchange.on_market(event)
        if self.latency:
            return  # what arrived just before met the depth before
        new = [fill for name, fills in self.fills.items() for fill in fills[heard[name] :]]
        if isinstance(event, Trade):
            signs = {
                Liquidity.MAKER: 1,
                Liquidity.TAKER: -1,
            }  # a taker among us met a maker among us, or depth
            assert sum(fill.size * signs[fill.liquidity] for fill in new) <= event.size, "more than the trade"
        if shown is not None:
            assert abs(self.market_size(event.symbol) - before) <= shown, "more than is shown"

    # What always holds

    def market_size(self, symbol: Symbol) -> Decimal:
        return -sum((self.sizes.get((name, symbol), Decimal(0)) for name in ACCOUNTS), Decimal(0))

    def state(self) -> object:
        """All that anybody can see."""
        exchange = self.exchange
        return (
            [
                (
                    exchange.account_state(name),
                    exchange.positions(name),
                    exchange.open_orders(name),
                    exchange.fills_since(name, 0),
                )
                for name in ACCOUNTS
            ],
            [exchange.order(name, self.orders[name, order_id].id) for name, order_id in self.orders],
            exchange.trial_balance(),
        )

    @invariant()
    def nothing_appears_or_vanishes(self) -> None:
        if not hasattr(self, "exchange"):
            return
        balance = self.exchange.trial_balance()
        assert balance.deposits == DEPOSIT * len(ACCOUNTS)
        assert balance.is_balanced
        assert balance.cash["funding"] == 0

    @invariant()
    def each_ledger_is_what_its_owner_was_told(self) -> None:
        if not hasattr(self, "exchange"):
            return
        cash = self.exchange.trial_balance().cash
        fees = Decimal(0)
        for name in ACCOUNTS:
            paid = sum(
                (fill.size * fill.price * fill.side.sign + fill.fee for fill in self.fills[name]), Decimal(0)
            )
            fees += sum((fill.fee for fill in self.fills[name]), Decimal(0))
            assert cash[f"account {name}"] == DEPOSIT - paid + self.funding[name]
            held = {position.symbol: position.size for position in self.exchange.positions(name)}
            for symbol in INSTRUMENTS:
                assert held.get(symbol, 0) == self.sizes.get((name, symbol), 0)
        assert cash["fees"] == fees

    @invariant()
    def open_orders_are_the_ones_that_were_not_told_to_have_ended(self) -> None:
        if not hasattr(self, "exchange"):
            return
        for name in ACCOUNTS:
            told = {
                r.order.id: r for (who, _), r in self.reports.items() if who == name and not r.status.is_final
            }
            assert {report.order.id: report for report in self.exchange.open_orders(name)} == told


Exchange.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestExchange = Exchange.TestCase


@pytest.mark.parametrize("seed", range(8))
def test_nothing_appears_or_vanishes_in_a_busy_day(seed: int) -> None:
    """The same machine, driven harder than a search for short examples does."""
    chance = Random(seed)
    day = Exchange()
    day.open(latency=seed & 1, stored=bool(seed & 2), ticks=bool(seed & 4))
    middle = 100

    def price(width: int) -> Decimal:
        return Decimal(middle + chance.randint(-width, width))

    def size(most: int) -> Decimal:
        return Decimal(chance.randint(100, most)) / 1000

    try:
        for step in range(400):
            middle = max(50, middle + chance.randint(-3, 3))
            symbol = chance.choice([BTC, BTC, COIN])
            side = chance.choice(list(Side))
            match chance.choice(["place", "place", "place", "cancel", "market", "market", "trade", "rare"]):
                case "place":
                    day.place(
                        name=chance.choice(ACCOUNTS),
                        symbol=symbol,
                        side=side,
                        size=size(5000),
                        price=price(6),
                        kind=chance.choice(["limit", "limit", "limit", "market", "stop", "take_profit"]),
                        tif=chance.choice(list(TimeInForce)),
                        reduce_only=chance.random() < 0.3,
                        leverage=20,
                    )
                case "cancel" if any(day.exchange.open_orders(name) for name in ACCOUNTS):
                    name = next(name for name in ACCOUNTS if day.exchange.open_orders(name))
                    day.exchange.cancel(name, day.exchange.open_orders(name)[0].order.id)
                case "market" if day.ticks:
                    day.quote(symbol, price(1), chance.randint(1, 3), size(9000), size(9000))
                case "market":
                    day.bar(symbol, [price(4) for _ in range(4)], size(90_000))
                case "trade" if day.ticks:
                    day.trade(symbol, side, price(2), size(9000))
                case "rare" if step % 2:
                    day.fund(Decimal("0.00125"), price(2))
                case "rare" if day.storage is not None:
                    day.restart()
            day.nothing_appears_or_vanishes()
            day.each_ledger_is_what_its_owner_was_told()
            day.open_orders_are_the_ones_that_were_not_told_to_have_ended()
        assert sum(map(len, day.fills.values())) > 20
    finally:
        day.teardown()
