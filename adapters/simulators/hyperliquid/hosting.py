"""A venue with its market, its customers' money and its faults, from the first quote to the last connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec

from adapters.clock import Clock
from adapters.errors import ConfigError
from adapters.market.player import play
from adapters.market.source import open_source
from adapters.market.synthetic import SyntheticMarket
from adapters.model import Bar, FundingDue, Instrument, MarketEvent, Symbol
from adapters.simulators.faults.http_proxy import HttpProxy
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.plan import ON_REQUESTS, ON_STREAMS, Fault, Odds, Plan
from adapters.simulators.hyperliquid.ledger import Entry
from adapters.simulators.hyperliquid.listing import Listing
from adapters.simulators.hyperliquid.market import COINS, SPOT, from_now_on, past_of
from adapters.simulators.hyperliquid.server import HyperliquidServer
from adapters.simulators.hyperliquid.terms import Terms
from adapters.simulators.hyperliquid.venue import HyperliquidVenue

DELAY_S = 1.0  # of a delayed message, and of a stream that stalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What to host."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: a free one
    seed: int = 7  # of the synthetic market, and of chance's faults
    symbols: tuple[Symbol, ...] = COINS + SPOT
    files: Mapping[Symbol, Path] = field(default_factory=dict)  # recordings, instead of a synthetic market
    speed: float = 1.0  # of a recording
    funds: Mapping[str, Decimal] = field(default_factory=dict)  # USD by address
    terms: Terms = field(default_factory=Terms)
    fault_rate: float = 0.0  # of the messages at the second address
    ledger: Path | None = None  # gets a line for each entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the venue can be reached."""

    url: str
    faulty_url: str | None  # the same venue, behind a wire that fails


async def host(
    setup: Setup, clock: Clock, *, ready: Callable[[Addresses], None], stop: asyncio.Event
) -> None:
    """Host a venue until ``stop`` is set.

    Raises:
        ConfigError: a file cannot be used, or the address is taken.
    """
    async with AsyncExitStack() as stack:
        instruments, past, events = _market(setup, clock.now())
        venue = HyperliquidVenue(Listing(instruments), clock, setup.terms, tell=_writer(setup.ledger, stack))
        for event in past:
            venue.remember(event)
        for user, cash_usd in setup.funds.items():
            venue.fund(user, cash_usd)
        server = HyperliquidServer(venue)
        stack.push_async_callback(server.aclose)
        try:
            url = await server.start(setup.host, setup.port)
        except OSError as error:
            raise ConfigError(f"cannot listen on {setup.host}:{setup.port} ({error.strerror})") from error
        faulty_url = None
        if setup.fault_rate:
            nemesis = Nemesis(faults(setup.fault_rate), Random(setup.seed))  # noqa: S311 - faults, no secret
            proxy = HttpProxy(url, nemesis, clock)
            stack.push_async_callback(proxy.aclose)
            faulty_url = await proxy.start()
        playing = asyncio.create_task(venue.run(play(events, clock, 1.0)))
        stopped = asyncio.create_task(stop.wait())
        ready(Addresses(url=url, faulty_url=faulty_url))
        try:
            await asyncio.wait([playing, stopped], return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()  # a market that fails ends the venue with it
                await stopped
        finally:
            playing.cancel()
            stopped.cancel()
            await asyncio.gather(playing, stopped, return_exceptions=True)


def faults(rate: float) -> Plan:
    """Every kind of fault, each as likely as the others of its way; ``rate`` of all messages meet one."""
    return Plan(
        odds=tuple(
            Odds(fault=Fault(kind=kind, seconds=DELAY_S), rate=rate / len(kinds))
            for kinds in (ON_REQUESTS, ON_STREAMS)
            for kind in sorted(kinds)
        )
    )


def _market(
    setup: Setup, now: datetime
) -> tuple[Mapping[Symbol, Instrument], Iterator[Bar | FundingDue], Iterator[MarketEvent]]:
    """What is listed, what has been, and what is to come."""
    if setup.files:
        recording = open_source(setup.files)
        return recording.instruments, iter(()), from_now_on(recording, now, setup.speed)
    synthetic = SyntheticMarket(setup.symbols, setup.seed, now)
    return synthetic.instruments, past_of(setup.symbols, setup.seed, now), synthetic.events()


def _writer(path: Path | None, stack: AsyncExitStack) -> Callable[[Entry], None] | None:
    if path is None:
        return None
    try:
        file = stack.enter_context(path.open("ab", buffering=0))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error
    return lambda entry: _write_line(file.write, entry)


def _write_line(write: Callable[[bytes], object], entry: Entry) -> None:
    write(msgspec.json.encode(entry) + b"\n")
