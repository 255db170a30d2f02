"""A hosted venue: its market plays, its faults bite, its ledger is written, it ends when told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path

import aiohttp
import pytest

from adapters.clock import SystemClock
from adapters.errors import ConfigError
from adapters.market.replay import BarReplay
from adapters.market.synthetic import SyntheticMarket
from adapters.model import Bar, Quote, Symbol
from adapters.simulators.hyperliquid.hosting import Addresses, Setup, faults, host
from adapters.simulators.hyperliquid.market import COINS, SPOT, from_now_on, past_of

USER = "0x" + "ab" * 20
FIRST = asyncio.FIRST_COMPLETED
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@asynccontextmanager
async def hosted(setup: Setup) -> AsyncIterator[Addresses]:
    ready: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    hosting = asyncio.create_task(host(setup, SystemClock(), ready=ready.set_result, stop=stop))
    await asyncio.wait({asyncio.ensure_future(part) for part in (hosting, ready)}, return_when=FIRST)
    if hosting.done():
        hosting.result()
    try:
        yield ready.result()
    finally:
        stop.set()
        await hosting


async def test_a_hosted_venue_has_markets_a_past_and_money(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    setup = Setup(funds={USER: Decimal(5000)}, ledger=ledger)
    async with hosted(setup) as addresses, aiohttp.ClientSession(addresses.url) as session:

        async def ask(**question: object) -> object:
            async with session.post("/info", json=question) as response:
                return json.loads(await response.read())

        mids: object = {}
        async with asyncio.timeout(30):
            while len(mids) < len(COINS + SPOT):  # type: ignore[arg-type]
                mids = await ask(type="allMids")
        state = await ask(type="clearinghouseState", user=USER)
        assert state["marginSummary"]["accountValue"] == "5000.0"  # type: ignore[index]
        request = {"coin": "BTC", "interval": "1h", "startTime": 0, "endTime": 2**50}
        candles = await ask(type="candleSnapshot", req=request)
        assert len(candles) >= 24  # type: ignore[arg-type]
        assert addresses.faulty_url is None
    assert [json.loads(line)["deed"] for line in ledger.read_text().splitlines()] == ["moved"]


async def test_at_the_second_address_everything_can_go_wrong() -> None:
    async with hosted(Setup(symbols=COINS[:1], fault_rate=1.0)) as addresses:
        assert addresses.faulty_url is not None
        async with (
            aiohttp.ClientSession(addresses.url) as session,
            session.post("/info", json={"type": "allMids"}) as response,
        ):
            right = await response.read()
        seen = set()
        timeout = aiohttp.ClientTimeout(total=0.2)
        async with aiohttp.ClientSession(addresses.faulty_url, timeout=timeout) as session:
            for _ in range(30):
                try:
                    async with session.post("/info", json={"type": "allMids"}) as response:
                        seen.add(response.status if await response.read() != right else "right")
                except (aiohttp.ClientError, TimeoutError) as error:
                    seen.add(type(error).__name__)
        assert len(seen) >= 4


def test_faults_share_the_rate() -> None:
    plan = faults(0.3)
    requests = [odds.rate for odds in plan.odds if odds.fault.kind == "request_lost"]
    assert 0 < requests[0] < 0.3


async def test_an_address_that_is_taken_is_told() -> None:
    async with hosted(Setup(symbols=COINS[:1])) as addresses:
        port = int(addresses.url.rpartition(":")[2])
        with pytest.raises(ConfigError, match="cannot listen"):
            async with hosted(Setup(symbols=COINS[:1], port=port)):
                pass


async def test_a_recording_is_played_instead(shared_data: Path) -> None:
    file = shared_data / "market/hftbacktest/hyperliquid_btcusd_20250126.gz"
    setup = Setup(files={Symbol("BTC"): file}, speed=100)
    async with hosted(setup) as addresses, aiohttp.ClientSession(addresses.url) as session:
        levels: list[list[object]] = [[], []]
        async with asyncio.timeout(30):
            while not levels[0]:
                async with session.post("/info", json={"type": "l2Book", "coin": "BTC"}) as response:
                    levels = (await response.json())["levels"]
        assert len(levels[0]) > 5


def test_the_past_leads_to_the_first_price_and_is_the_same_for_the_same_seed() -> None:
    symbols = COINS + SPOT
    bars = [event for event in past_of(symbols, 3, NOW) if isinstance(event, Bar)]
    assert bars == [event for event in past_of(symbols, 3, NOW) if isinstance(event, Bar)]
    present = SyntheticMarket(symbols, 3, NOW)
    for symbol, instrument in present.instruments.items():
        ours = [bar for bar in bars if bar.symbol == symbol]
        first = next(e for e in present.events() if isinstance(e, Quote) and e.symbol == symbol)
        assert abs(ours[-1].close / first.mid - 1) < Decimal("0.001")
        assert len(ours) == 24 * 60
        assert ours[-1].at <= NOW < ours[-1].at + timedelta(minutes=1)
        assert all(a.close == b.open for a, b in pairwise(ours))
        assert all(bar.low <= min(bar.open, bar.close) for bar in ours)
        assert all(bar.high >= max(bar.open, bar.close) for bar in ours)
        assert all(instrument.is_on_tick(bar.low) and instrument.is_on_tick(bar.high) for bar in ours)


def test_a_recording_begins_now_and_again_at_its_end(shared_data: Path) -> None:
    source = BarReplay({Symbol("XRP"): shared_data / "market/freqtrade/XRP_ETH-5m.feather"})
    count = len(source)
    events = list(islice(from_now_on(source, NOW, 60.0), count + 1))
    assert events[0].at == NOW
    assert events[1].at - events[0].at == timedelta(seconds=5)
    assert events[count].at == events[count - 1].at + timedelta(seconds=1)
