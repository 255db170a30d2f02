"""The websocket's subscriptions: who listens to what, and what he is told first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from adapters.simulators.hyperliquid.candles import INTERVALS
from adapters.simulators.hyperliquid.wire import Json

BACKLOG_MAX = 20_000  # messages that a listener may be behind before he is hung up on
Key = tuple[str, ...]
_PLAIN = frozenset({"allMids"})
_OF_COIN = frozenset({"l2Book", "bbo", "trades", "activeAssetCtx"})
_OF_USER = frozenset(
    {
        "orderUpdates",
        "userFills",
        "userEvents",
        "userFundings",
        "userNonFundingLedgerUpdates",
        "webData2",
        "notification",
    }
)


class Stream:
    """One connection's outgoing messages and what it listens to."""

    def __init__(self) -> None:
        self.outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.keys: dict[Key, None] = {}

    def say(self, message: bytes) -> None:
        """Queue a message; whoever is too far behind is hung up on."""
        if self.outgoing.qsize() == BACKLOG_MAX:
            self.hang_up()
        elif self.outgoing.qsize() < BACKLOG_MAX:
            self.outgoing.put_nowait(message)

    def hang_up(self) -> None:
        """End the connection after what is queued."""
        self.outgoing.put_nowait(None)


class Streams:
    """All connections, by what they listen to."""

    def __init__(self) -> None:
        self._listeners: dict[Key, dict[Stream, None]] = {}

    def has(self, *key: str) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners.get(key))

    def tell(self, key: Key, channel: str, data: Callable[[], Any]) -> None:
        """Tell those who listen; what there is to tell is made only for them."""
        listeners = self._listeners.get(key)
        if listeners:
            message = told(channel, data())
            for stream in tuple(listeners):
                stream.say(message)

    def subscribe(self, stream: Stream, key: Key) -> bool:
        """Listen from now on; False when it did already."""
        if key in stream.keys:
            return False
        stream.keys[key] = None
        self._listeners.setdefault(key, {})[stream] = None
        return True

    def unsubscribe(self, stream: Stream, key: Key) -> bool:
        """Listen no more; False when it did not."""
        if key not in stream.keys:
            return False
        del stream.keys[key]
        del self._listeners[key][stream]
        return True

    def leave(self, stream: Stream) -> None:
        """The connection has ended."""
        for key in tuple(stream.keys):
            self.unsubscribe(stream, key)


def told(channel: str, data: Any) -> bytes:
    """One message."""
    return msgspec.json.encode({"channel": channel, "data": data})


def key_of(subscription: Json) -> Key | None:
    """What it listens to; None when there is no such thing."""
    kind = subscription.get("type")
    coin, user = subscription.get("coin"), subscription.get("user")
    if kind in _PLAIN:
        return (kind,)
    if kind in _OF_COIN and isinstance(coin, str):
        return (kind, coin)
    if kind in _OF_USER and isinstance(user, str):
        return (kind, user.lower())
    if kind == "candle" and isinstance(coin, str) and subscription.get("interval") in INTERVALS:
        return (kind, coin, subscription["interval"])
    if kind == "activeAssetData" and isinstance(coin, str) and isinstance(user, str):
        return (kind, coin, user.lower())
    return None
