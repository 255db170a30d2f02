"""The production adapter against the simulated exchange, over real sockets, with the fault proxy in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from hyperliquid.utils import signing as sdk

from adapters.clock import SystemClock, VirtualClock
from adapters.hyperliquid.budgets import IpBudget
from adapters.hyperliquid.client import TradingClient
from adapters.hyperliquid.network import Network
from adapters.hyperliquid.nonces import Nonces
from adapters.hyperliquid.signing import Signer
from adapters.hyperliquid.venue import HyperliquidVenue
from adapters.model import Instrument, Quote, Symbol
from adapters.simulators.faults.http_proxy import HttpProxy
from adapters.simulators.faults.nemesis import Nemesis
from adapters.simulators.faults.plan import Plan
from adapters.simulators.hyperliquid import venue as simulated
from adapters.simulators.hyperliquid.listing import Listing
from adapters.simulators.hyperliquid.server import HyperliquidServer
from adapters.simulators.hyperliquid.terms import Terms
from tests.builders import BTC, ETH, NOW

KEY = "0x" + "0123456789" * 6 + "0123"
CASH_USD = Decimal(1_000_000)
AGENT_TYPES = [
    {"name": "hyperliquidChain", "type": "string"},
    {"name": "agentAddress", "type": "address"},
    {"name": "agentName", "type": "string"},
    {"name": "nonce", "type": "uint64"},
]
PURR = Symbol("PURR/USDC")


class SetTime(SystemClock):
    """Wall time as it is set; intervals and pauses are real."""

    def __init__(self, wall: VirtualClock) -> None:
        self._wall = wall

    def now(self) -> datetime:
        return self._wall.now()


class ExchangesTime(SetTime):
    """The exchange's own clock, which may be wrong."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


def listed() -> Mapping[Symbol, Instrument]:
    return {
        BTC: Instrument(
            symbol=BTC, tick=Decimal("0.1"), step=Decimal("0.00001"), is_major=True, max_leverage=40
        ),
        ETH: Instrument(
            symbol=ETH, tick=Decimal("0.01"), step=Decimal("0.0001"), is_major=True, max_leverage=25
        ),
        PURR: Instrument(symbol=PURR, tick=Decimal("0.00000001"), step=Decimal(1)),
    }


@dataclass(slots=True, kw_only=True)
class Ground:
    """One account, the exchange behind it, and the hands to move both."""

    wall: VirtualClock
    clock: SetTime  # the adapter's
    theirs: ExchangesTime
    exchange: simulated.HyperliquidVenue
    nemesis: Nemesis
    url: str
    folder: Path
    signer: Signer
    venue: HyperliquidVenue
    nonces: Nonces

    def show(self, bid: str = "999", ask: str = "1001", size: str = "10", symbol: Symbol = BTC) -> None:
        """A new quote, a millisecond later."""
        self.wall.advance(0.001)
        self.exchange.on_market(
            Quote(
                symbol=symbol,
                bid=Decimal(bid),
                bid_size=Decimal(size),
                ask=Decimal(ask),
                ask_size=Decimal(size),
                at=self.wall.now(),
            )
        )

    def set_ahead(self, ahead: timedelta) -> None:
        """From here on the exchange's clock is so far ahead."""
        self.theirs.ahead = ahead

    async def to_spot(self, amount: str) -> None:
        """The owner moves money from the perpetuals to the spot side of his account."""
        asked = {"type": "usdClassTransfer", "amount": amount, "toPerp": False, "nonce": self.nonces.take()}
        action, signature = self.signer.sign_user_action(
            asked, sdk.USD_CLASS_TRANSFER_SIGN_TYPES, "HyperliquidTransaction:UsdClassTransfer"
        )
        answer = self.exchange.act({"action": action, "nonce": asked["nonce"], "signature": signature})
        assert answer["status"] == "ok", answer

    async def approve(self, key: str) -> None:
        """The owner lets an API wallet trade for him."""
        agent = Signer(key, is_mainnet=False).address
        asked = {"type": "approveAgent", "agentAddress": agent, "agentName": "", "nonce": self.nonces.take()}
        action, signature = self.signer.sign_user_action(
            asked, AGENT_TYPES, "HyperliquidTransaction:ApproveAgent"
        )
        answer = self.exchange.act({"action": action, "nonce": asked["nonce"], "signature": signature})
        assert answer["status"] == "ok", answer

    async def restart(self) -> None:
        """The process dies, and another one takes its place."""
        await self.venue.aclose()
        self.nonces.close()
        self.nonces, self.venue = a_venue(self.url, self.signer, self.clock, self.folder)


def a_venue(url: str, signer: Signer, clock: SetTime, folder: Path) -> tuple[Nonces, HyperliquidVenue]:
    nonces = Nonces(folder / signer.address, clock)
    budget = IpBudget(folder / "ip", clock, weight_max=1_000_000)
    client = TradingClient(Network.named(url), signer, nonces, budget, clock)
    return nonces, HyperliquidVenue(client, signer.address, clock)


@asynccontextmanager
async def opened(
    folder: Path, terms: Terms | None = None, instruments: Mapping[Symbol, Instrument] | None = None
) -> AsyncIterator[Ground]:
    """BTC, ETH and PURR are listed; the account has a million dollars."""
    wall = VirtualClock(NOW)
    clock = SetTime(wall)
    signer = Signer(KEY, is_mainnet=False)
    theirs = ExchangesTime(wall)
    exchange = simulated.HyperliquidVenue(Listing(instruments or listed()), theirs, terms or Terms())
    exchange.fund(signer.address, CASH_USD)
    server = HyperliquidServer(exchange)
    nemesis = Nemesis(Plan(), Random(0))
    proxy = HttpProxy(await server.start(), nemesis, SystemClock())
    url = await proxy.start()
    nonces, venue = a_venue(url, signer, clock, folder)
    ground = Ground(
        wall=wall,
        clock=clock,
        theirs=theirs,
        exchange=exchange,
        nemesis=nemesis,
        url=url,
        folder=folder,
        signer=signer,
        venue=venue,
        nonces=nonces,
    )
    try:
        yield ground
    finally:
        await ground.venue.aclose()
        ground.nonces.close()
        await proxy.aclose()
        await server.aclose()
