"""Other ways to place an order on Hyperliquid, each with its own account: two libraries, and two bare requests."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import ccxt.async_support as ccxt
import msgspec
from aiohttp import ClientSession, ClientWebSocketResponse
from eth_account import Account
from hyperliquid.exchange import Exchange

from adapters.hyperliquid.actions import Action, place
from adapters.hyperliquid.signing import Signer
from tests.bench.hyperliquid_wallet import key_of

SIZE = 0.001  # BTC
BTC_ASSET = 0
CCXT_BTC = "BTC/USDC:USDC"
POST_ONLY = "Alo"
JSON = {"Content-Type": "application/json"}

Order = Callable[[], Awaitable[None]]


class Trader(Protocol):
    """Buys far below the market, so that its orders rest."""

    def orders(self, prices: Sequence[int]) -> Sequence[Order]:
        """One a price, to be placed in turn; what comes before an order's way is done here."""
        ...

    async def cancel(self) -> None:
        """Cancel all that were placed."""
        ...

    def cpu_s(self) -> float:
        """What all processes of its way have used, the exchange's aside."""
        ...


class Sdk:
    """The official client."""

    def __init__(self, url: str, name: str) -> None:
        self._exchange = Exchange(Account.from_key(key_of(name)), url)
        self._placed: list[int] = []

    def orders(self, prices: Sequence[int]) -> Sequence[Order]:
        return [partial(self._place, price) for price in prices]

    async def cancel(self) -> None:
        cancels = [{"coin": "BTC", "oid": oid} for oid in self._placed]
        self._placed.clear()
        _all_done(self._exchange.bulk_cancel(cancels))

    def cpu_s(self) -> float:
        return time.process_time()

    def close(self) -> None:
        """End its connections."""
        self._exchange.session.close()
        self._exchange.info.session.close()

    async def _place(self, price: int) -> None:
        answer = self._exchange.order("BTC", True, SIZE, price, {"limit": {"tif": POST_ONLY}})
        self._placed.append(_number_in(answer))


class Ccxt:
    """ccxt's asyncio client."""

    def __init__(self, url: str, name: str) -> None:
        address = Account.from_key(key_of(name)).address
        self._client = ccxt.hyperliquid(
            {"walletAddress": address, "privateKey": key_of(name), "enableRateLimit": False}
        )
        self._client.set_sandbox_mode(True)  # it signs for the testnet then
        self._client.urls["api"] = {"public": url, "private": url}
        self._placed: list[str] = []

    def orders(self, prices: Sequence[int]) -> Sequence[Order]:
        return [partial(self._place, price) for price in prices]

    async def cancel(self) -> None:
        cancelled = await self._client.cancel_orders(self._placed, CCXT_BTC)
        self._placed.clear()
        assert all(order["info"] == "success" for order in cancelled), cancelled

    def cpu_s(self) -> float:
        return time.process_time()

    async def aclose(self) -> None:
        """End its connections."""
        await self._client.close()

    async def _place(self, price: int) -> None:
        order = await self._client.create_order(
            CCXT_BTC, "limit", "buy", SIZE, price, {"timeInForce": POST_ONLY}
        )
        self._placed.append(order["id"])


class Post:
    """The least over HTTP: requests that were signed before, and the order's number out of each answer."""

    def __init__(self, session: ClientSession, url: str, name: str) -> None:
        self._session = session
        self._url = f"{url}/exchange"
        self._signer = Signer(key_of(name), is_mainnet=False)
        self._nonces = itertools.count(time.time_ns() // 1_000_000)
        self._placed: list[int] = []

    def orders(self, prices: Sequence[int]) -> Sequence[Order]:
        return [partial(self._place, msgspec.json.encode(self._signed(bid(price)))) for price in prices]

    async def cancel(self) -> None:
        cancels = [{"a": BTC_ASSET, "o": oid} for oid in self._placed]
        self._placed.clear()
        _all_done(await self._post(msgspec.json.encode(self._signed({"type": "cancel", "cancels": cancels}))))

    def cpu_s(self) -> float:
        return time.process_time()

    def _signed(self, action: Action) -> Mapping[str, Any]:
        nonce = next(self._nonces)
        signature = self._signer.sign(action, nonce, vault=None, expires_after=None)
        return {"action": action, "nonce": nonce, "signature": signature}

    async def _place(self, body: bytes) -> None:
        self._placed.append(_number_in(await self._post(body)))

    async def _post(self, body: bytes) -> Any:
        async with self._session.post(self._url, data=body, headers=JSON) as response:
            return msgspec.json.decode(await response.read())


class Socket(Post):
    """The least over a websocket, signing included: by our own signer, which caches all that can be."""

    def __init__(self, session: ClientSession, socket: ClientWebSocketResponse, url: str, name: str) -> None:
        super().__init__(session, url, name)
        self._socket = socket

    def orders(self, prices: Sequence[int]) -> Sequence[Order]:
        return [partial(self._sign_and_place, bid(price)) for price in prices]

    async def _sign_and_place(self, action: Action) -> None:
        signed = self._signed(action)
        request = {"type": "action", "payload": signed}
        message = {"method": "post", "id": signed["nonce"], "request": request}
        await self._socket.send_str(msgspec.json.encode(message).decode())
        answer = msgspec.json.decode(await self._socket.receive_str())
        self._placed.append(_number_in(answer["data"]["response"]["payload"]))


def bid(price: int) -> Action:
    """A post-only order, on the wire."""
    kind = {"limit": {"tif": POST_ONLY}}
    return place([{"a": BTC_ASSET, "b": True, "p": str(price), "s": str(SIZE), "r": False, "t": kind}])


def _number_in(answer: Any) -> int:
    number: int = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
    return number


def _all_done(answer: Any) -> None:
    assert set(answer["response"]["data"]["statuses"]) == {"success"}, answer
