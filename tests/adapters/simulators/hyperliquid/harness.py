"""A venue whose clock and prices a test moves, and traders who sign what they ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action, sign_user_signed_action

from adapters.clock import VirtualClock
from adapters.market.synthetic import SyntheticMarket
from adapters.model import FundingDue, MarketContext, Quote, Symbol, Trade
from adapters.simulators.hyperliquid.listing import Listing
from adapters.simulators.hyperliquid.server import HyperliquidServer
from adapters.simulators.hyperliquid.terms import Terms
from adapters.simulators.hyperliquid.venue import HyperliquidVenue
from adapters.simulators.hyperliquid.wire import millis

SYMBOLS = tuple(map(Symbol, ("BTC", "ETH", "SOL", "PURR/USDC")))
BTC, ETH, SOL, PURR = 0, 1, 2, 10_000
CASH = Decimal(100_000)
KEY = "0x" + "11" * 32
ANOTHER_KEY = "0x" + "22" * 32
A_THIRD_KEY = "0x" + "33" * 32


class World:
    """One venue; BTC at 60,000, ETH at 3000, SOL at 150, PURR at 0.2."""

    def __init__(self, terms: Terms | None = None, *, start: datetime | None = None) -> None:
        now = start or datetime.now(UTC).replace(microsecond=0)  # the SDKs sign with the machine's time
        self.clock = VirtualClock(now)
        listing = Listing(SyntheticMarket(SYMBOLS, 7, now).instruments)
        self.venue = HyperliquidVenue(listing, self.clock, terms or Terms())
        self.show("BTC", 59_999, 60_001)
        self.show("ETH", 2999, 3001)
        self.show("SOL", "149.9", "150.1")
        self.show("PURR/USDC", "0.199", "0.201", size=1_000_000)

    @property
    def now_ms(self) -> int:
        return millis(self.clock.now())

    def show(self, coin: str, bid: Any, ask: Any, *, size: Any = 1000) -> None:
        """A new quote, a millisecond later."""
        self.clock.advance(0.001)
        self.venue.on_market(
            Quote(
                symbol=Symbol(coin),
                bid=Decimal(bid),
                bid_size=Decimal(size),
                ask=Decimal(ask),
                ask_size=Decimal(size),
                at=self.clock.now(),
            )
        )

    def print_trade(self, coin: str, price: Any, size: Any, side: Any) -> None:
        self.clock.advance(0.001)
        self.venue.on_market(
            Trade(
                symbol=Symbol(coin), price=Decimal(price), size=Decimal(size), side=side, at=self.clock.now()
            )
        )

    def mark(self, coin: str, price: Any, rate: str = "0.0000125") -> None:
        self.venue.on_market(
            MarketContext(
                symbol=Symbol(coin),
                mark_price=Decimal(price),
                funding_rate=Decimal(rate),
                open_interest=Decimal(1000),
                at=self.clock.now(),
            )
        )

    def pay_funding(self, coin: str, price: Any, rate: str) -> None:
        self.clock.advance(1)
        self.venue.on_market(
            FundingDue(
                symbol=Symbol(coin), rate=Decimal(rate), mark_price=Decimal(price), at=self.clock.now()
            )
        )

    def trader(self, key: str = KEY, cash: Decimal | None = CASH) -> Trader:
        """Somebody with a key, and money unless told otherwise."""
        trader = Trader(self, key)
        if cash is not None:
            self.venue.fund(trader.address, cash)
        return trader

    def ask(self, kind: str, **fields: Any) -> Any:
        return self.venue.ask({"type": kind, **fields})

    def deeds(self, deed: str) -> list[dict[str, Any]]:
        return [entry.data for entry in self.venue.ledger.after() if entry.deed == deed]


class Trader:
    """Signs and sends."""

    def __init__(self, world: World, key: str) -> None:
        self.world = world
        self.account = Account.from_key(key)
        self.address: str = self.account.address.lower()
        self._last_nonce = 0

    def nonce(self) -> int:
        self._last_nonce = max(self._last_nonce + 1, self.world.now_ms)
        return self._last_nonce

    def do(
        self,
        action: dict[str, Any],
        *,
        vault: str | None = None,
        expires: int | None = None,
        nonce: int | None = None,
        mainnet: bool = False,
    ) -> Any:
        """An action that an API wallet may sign too."""
        number = nonce if nonce is not None else self.nonce()
        body = {
            "action": action,
            "nonce": number,
            "signature": sign_l1_action(self.account, action, vault, number, expires, mainnet),
            "vaultAddress": vault,
            "expiresAfter": expires,
        }
        return self.world.venue.act(body)

    def sign_and_do(self, name: str, types: list[dict[str, str]], action: dict[str, Any]) -> Any:
        """An action that only its user may sign."""
        number = self.nonce()
        whole = {**action, ("time" if any(t["name"] == "time" for t in types) else "nonce"): number}
        signature = sign_user_signed_action(
            self.account, whole, types, f"HyperliquidTransaction:{name}", False
        )
        return self.world.venue.act({"action": whole, "nonce": number, "signature": signature})

    def order(self, *orders: dict[str, Any], grouping: str = "na", **how: Any) -> Any:
        """Place orders; what became of each, or the text of the refusal."""
        answer = self.do({"type": "order", "orders": list(orders), "grouping": grouping}, **how)
        return answer["response"]["data"]["statuses"] if answer["status"] == "ok" else answer["response"]

    def one(self, *args: Any, **changes: Any) -> Any:
        """Place one order; what became of it."""
        return self.order(an_order(*args, **changes))[0]

    def cancel(self, asset: int, oid: int) -> Any:
        return self.do({"type": "cancel", "cancels": [{"a": asset, "o": oid}]})["response"]["data"][
            "statuses"
        ][0]

    def status(self, name: int | str) -> Any:
        """Of an order, as the venue tells it."""
        told = self.world.ask("orderStatus", user=self.address, oid=name)
        return told["order"]["status"] if told["status"] == "order" else told["status"]

    def state(self) -> Any:
        return self.world.ask("clearinghouseState", user=self.address)

    def open_orders(self) -> Any:
        return self.world.ask("frontendOpenOrders", user=self.address)

    def held(self, coin: str) -> Decimal:
        positions = [one["position"] for one in self.state()["assetPositions"]]
        return next((Decimal(one["szi"]) for one in positions if one["coin"] == coin), Decimal(0))


def an_order(
    asset: int,
    is_buy: bool,
    size: str,
    price: str,
    *,
    tif: str = "Gtc",
    reduce_only: bool = False,
    cloid: str | None = None,
    trigger: tuple[str, str] | None = None,
    is_market: bool = True,
) -> dict[str, Any]:
    """On the wire; ``trigger`` is its price and "tp" or "sl"."""
    kind: dict[str, Any] = {"limit": {"tif": tif}}
    if trigger is not None:
        kind = {"trigger": {"isMarket": is_market, "triggerPx": trigger[0], "tpsl": trigger[1]}}
    order = {"a": asset, "b": is_buy, "p": price, "s": size, "r": reduce_only, "t": kind}
    if cloid is not None:
        order["c"] = cloid
    return order


def a_cloid(number: int) -> str:
    return f"0x{number:032x}"


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """The venue's address while it is on the network."""
    server = HyperliquidServer(world.venue)
    url = await server.start()
    try:
        yield url
    finally:
        await server.aclose()
