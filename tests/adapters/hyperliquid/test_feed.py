"""Public market data: the past as bars, then quotes, books, trades and contexts, and after a break what was missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from msgspec import Raw

from adapters.errors import Temporary
from adapters.hyperliquid.budgets import IpBudget
from adapters.hyperliquid.client import PublicClient
from adapters.hyperliquid.feed import HyperliquidFeed
from adapters.hyperliquid.network import MAINNET_URL, TESTNET_URL, Network
from adapters.hyperliquid.wire import Envelope
from adapters.model import (
    Bar,
    Book,
    Level,
    MarketContext,
    MarketEvent,
    Quote,
    Side,
    Symbol,
    Trade,
)
from adapters.simulators.faults.plan import Kind, Way, Where, script
from tests.adapters.hyperliquid.grounds import Ground
from tests.builders import BTC, ETH
from tests.fakes import until


@pytest.fixture
async def feed(ground: Ground) -> AsyncIterator[HyperliquidFeed]:
    client = PublicClient(
        Network.named(ground.url), IpBudget(ground.folder / "ip", ground.clock), ground.clock
    )
    feed = HyperliquidFeed(client, [BTC, Symbol("NONE")], ground.clock, past=timedelta(hours=1))
    yield feed
    await feed.aclose()


@asynccontextmanager
async def heard_from(feed: HyperliquidFeed) -> AsyncIterator[list[MarketEvent]]:
    heard: list[MarketEvent] = []

    async def listen() -> None:
        async with aclosing(feed.events()) as events:  # type: ignore[type-var]
            async for event in events:
                heard.append(event)

    task = asyncio.create_task(listen())
    await until(lambda: any(isinstance(event, Quote) for event in heard) or task.done())
    try:
        yield heard
    finally:
        task.cancel()
        (end,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(end, Exception):
            raise end


def trade(ground: Ground, price: str) -> None:
    """Somebody trades."""
    ground.wall.advance(0.001)
    ground.exchange.on_market(
        Trade(symbol=BTC, price=Decimal(price), size=Decimal(2), side=Side.SELL, at=ground.wall.now())
    )


def minutes(ground: Ground, count: int) -> None:
    """Time passes, with a trade a minute."""
    for number in range(count):
        trade(ground, str(1000 + number))
        ground.wall.advance(60)
        ground.show()


async def test_only_what_is_followed_and_listed_is_a_market(feed: HyperliquidFeed) -> None:
    assert list(await feed.instruments()) == [BTC]


async def test_the_past_comes_first_as_closed_bars(ground: Ground, feed: HyperliquidFeed) -> None:
    minutes(ground, 5)
    async with heard_from(feed) as heard:
        bars = [event for event in heard if isinstance(event, Bar)]
        assert heard[: len(bars)] == bars
        assert len(bars) >= 4
        assert all(bar.interval == timedelta(minutes=1) for bar in bars)
        assert all(bar.at <= ground.wall.now() for bar in bars)
        assert [bar.at for bar in bars] == sorted({bar.at for bar in bars})


async def test_news_of_every_kind_comes_as_it_happens(ground: Ground, feed: HyperliquidFeed) -> None:
    async with heard_from(feed) as heard:
        await until(lambda: any(isinstance(event, Book) for event in heard))
        ground.show("1009", "1011", size="3")
        trade(ground, "1010")
        ground.exchange.on_market(
            MarketContext(
                symbol=BTC,
                mark_price=Decimal(1010),
                funding_rate=Decimal("0.0000125"),
                open_interest=Decimal(1234),
                at=ground.wall.now(),
            )
        )
        ground.exchange.on_market(
            Book(
                symbol=BTC,
                bids=(Level(Decimal(1009), Decimal(3)), Level(Decimal(1008), Decimal(4))),
                asks=(Level(Decimal(1011), Decimal(3)),),
                at=ground.wall.now(),
            )
        )
        await until(lambda: any(isinstance(event, Book) and len(event.bids) == 2 for event in heard))
        quote = [event for event in heard if isinstance(event, Quote)][-1]
        assert (quote.bid, quote.ask, quote.bid_size) == (Decimal(1009), Decimal(1011), Decimal(3))
        (traded,) = [event for event in heard if isinstance(event, Trade)]
        assert (traded.price, traded.side, traded.at.tzinfo is not None) == (Decimal(1010), Side.SELL, True)
        context = [event for event in heard if isinstance(event, MarketContext)][-1]
        assert (context.open_interest, context.funding_rate) == (Decimal(1234), Decimal("0.0000125"))


async def test_dialled_anew_it_tells_what_was_missed_and_no_bar_twice(
    ground: Ground, feed: HyperliquidFeed
) -> None:
    minutes(ground, 3)
    async with heard_from(feed) as heard:
        told = [event.at for event in heard if isinstance(event, Bar)]
    asked = len(ground.nemesis.passages)
    async with heard_from(feed) as heard:
        assert not [event for event in heard if isinstance(event, Bar)]
    assert not [p for p in list(ground.nemesis.passages)[asked:] if p.message.path == "/info"], (
        "at once: nothing to ask"
    )
    minutes(ground, 3)
    async with heard_from(feed) as heard:
        missed = [event.at for event in heard if isinstance(event, Bar)]
    assert len(missed) >= 2
    assert min(missed) > max(told)


async def test_news_that_is_spoilt_ends_the_connection_with_an_error(
    ground: Ground, feed: HyperliquidFeed
) -> None:
    await feed.instruments()
    ground.nemesis.strike(script(Kind.CUT, where=Where(way=Way.NEWS, containing=b'"bbo"')))
    events = [event async for event in feed.events()]
    assert not [event for event in events if isinstance(event, Quote)]


async def test_a_question_that_is_not_answered_is_an_error(ground: Ground, feed: HyperliquidFeed) -> None:
    ground.nemesis.strike(script(Kind.HTML, where=Where(path="/info")))
    with pytest.raises(Temporary):
        await feed.instruments()


@pytest.mark.parametrize(
    ("name", "url", "stream_url", "is_mainnet"),
    [
        ("mainnet", MAINNET_URL, "wss://api.hyperliquid.xyz/ws", True),
        (MAINNET_URL + "/", MAINNET_URL, "wss://api.hyperliquid.xyz/ws", True),
        ("testnet", TESTNET_URL, "wss://api.hyperliquid-testnet.xyz/ws", False),
        ("http://127.0.0.1:3001", "http://127.0.0.1:3001", "ws://127.0.0.1:3001/ws", False),
    ],
)
def test_a_network_is_known_by_its_name_or_its_address(
    name: str, url: str, stream_url: str, is_mainnet: bool
) -> None:
    network = Network.named(name)
    assert (network.url, network.stream_url, network.is_mainnet) == (url, stream_url, is_mainnet)


async def test_a_market_that_is_not_followed_is_not_heard_of(ground: Ground, feed: HyperliquidFeed) -> None:
    async with heard_from(feed) as heard:
        ground.show("99", "101", symbol=ETH)
        ground.show()
        await until(lambda: len([event for event in heard if isinstance(event, Quote)]) >= 2)
        assert {event.symbol for event in heard} == {BTC}


async def test_a_quote_from_the_future_is_an_error_and_makes_no_later_one_old(
    ground: Ground, feed: HyperliquidFeed
) -> None:
    await feed.instruments()
    level = {"px": "1000", "sz": "1"}
    time = int((ground.wall.now() + timedelta(days=300)).timestamp() * 1000)
    told = {"coin": "BTC", "time": time, "bbo": [level, level]}
    with pytest.raises(ValueError, match="far ahead"):
        list(feed._news(Envelope("bbo", Raw(msgspec.json.encode(told)))))
    ground.show("1009", "1011")
    async with heard_from(feed) as heard:
        await until(lambda: Decimal(1009) in [event.bid for event in heard if isinstance(event, Quote)])
