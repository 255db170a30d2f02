"""What listeners hear: at once of what they asked for, and then of all that happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.model import Bar, Book, FundingDue, MarketContext, MarketEvent, Quote, Trade
from adapters.simulators.hyperliquid.candles import INTERVALS
from adapters.simulators.hyperliquid.info import Info
from adapters.simulators.hyperliquid.listing import Listing
from adapters.simulators.hyperliquid.orders import VenueOrder
from adapters.simulators.hyperliquid.records import TOLD_MAX
from adapters.simulators.hyperliquid.streams import Key, Stream, Streams, told
from adapters.simulators.hyperliquid.tape import MarketView, Tape
from adapters.simulators.hyperliquid.wire import EPOCH, Json

MIDS_EVERY = timedelta(seconds=1)


class Broadcast:
    """Turns what happens into messages. Also where ``Matching`` tells its news."""

    def __init__(self, streams: Streams, listing: Listing, tape: Tape, info: Info) -> None:
        self._streams = streams
        self._info = info
        self._listing = listing
        self._tape = tape
        self._mids_at: datetime = EPOCH

    def order_changed(self, order: VenueOrder) -> None:
        """To its user."""
        self._streams.tell(
            ("orderUpdates", order.user),
            "orderUpdates",
            lambda: [{"order": order.told(), "status": order.status, "statusTimestamp": order.status_at_ms}],
        )
        self._state_changed(order.user)

    def filled(self, order: VenueOrder, fill: Json) -> None:
        """To its user."""
        user = order.user
        self._streams.tell(("userFills", user), "userFills", lambda: {"user": user, "fills": [fill]})
        self._streams.tell(("userEvents", user), "user", lambda: {"fills": [fill]})

    def funded(self, user: str, funding: Json) -> None:
        """To whoever paid or received it."""
        flat = {"time": funding["time"], **funding["delta"]}
        self._streams.tell(("userFundings", user), "userFundings", lambda: {"user": user, "fundings": [flat]})
        self._streams.tell(("userEvents", user), "user", lambda: {"funding": flat})
        self._state_changed(user)

    def market_moved(self, view: MarketView, event: MarketEvent) -> None:
        """To all who follow the market."""
        coin, tell = view.asset.coin, self._streams.tell
        match event:
            case Quote():
                tell(("bbo", coin), "bbo", view.told_bbo)
            case Book():
                tell(("l2Book", coin), "l2Book", view.told_book)
            case Trade():
                tell(("trades", coin), "trades", lambda: [view.trades[0]])
                self._candles(view)
            case Bar():
                tell(("bbo", coin), "bbo", view.told_bbo)
                tell(("l2Book", coin), "l2Book", view.told_book)
                self._candles(view)
            case MarketContext() | FundingDue():
                tell(
                    ("activeAssetCtx", coin),
                    _context_channel(view),
                    lambda: {"coin": coin, "ctx": view.told_context()},
                )
        if event.at - self._mids_at >= MIDS_EVERY:
            self._mids_at = event.at
            tell(("allMids",), "allMids", lambda: {"mids": self._tape.mids()})

    def first_words(self, stream: Stream, key: Key) -> None:
        """What a new listener is told at once; some are told nothing until something happens."""
        made = self._snapshots.get(key[0])
        if made is not None:
            channel, data = made(key)
            if data is not None:
                stream.say(told(channel, data))

    @property
    def _snapshots(self) -> Mapping[str, Callable[[Key], tuple[str, Any]]]:
        return {
            "allMids": lambda _: ("allMids", {"mids": self._tape.mids()}),
            "l2Book": lambda key: ("l2Book", self._view(key).told_book()),
            "bbo": lambda key: ("bbo", self._view(key).told_bbo()),
            "trades": lambda key: ("trades", list(self._view(key).trades)),
            "activeAssetCtx": self._context,
            "candle": self._open_candle,
            "userFills": lambda key: ("userFills", self._past(key, "userFills", "fills")),
            "userFundings": lambda key: ("userFundings", self._past(key, "userFunding", "fundings")),
            "userNonFundingLedgerUpdates": lambda key: (
                "userNonFundingLedgerUpdates",
                self._past(key, "userNonFundingLedgerUpdates", "nonFundingLedgerUpdates"),
            ),
            "webData2": lambda key: ("webData2", self._web_data(key[1])),
            "activeAssetData": lambda key: (
                "activeAssetData",
                self._ask("activeAssetData", coin=key[1], user=key[2]),
            ),
        }

    def _state_changed(self, user: str) -> None:
        self._streams.tell(("webData2", user), "webData2", lambda: self._web_data(user))

    def _candles(self, view: MarketView) -> None:
        for interval in INTERVALS:
            key = ("candle", view.asset.coin, interval)
            if self._streams.has(*key):
                self._streams.tell(key, "candle", lambda key=key: self._open_candle(key)[1])  # type: ignore[misc]

    def _open_candle(self, key: Key) -> tuple[str, Json | None]:
        candle = self._view(key).candles.newest(key[2])
        return "candle", None if candle is None else candle.told(key[1], key[2])

    def _context(self, key: Key) -> tuple[str, Json]:
        view = self._view(key)
        return _context_channel(view), {"coin": key[1], "ctx": view.told_context()}

    def _past(self, key: Key, kind: str, name: str) -> Json:
        past = self._ask(kind, user=key[1])
        if kind == "userFunding":
            past = [{"time": one["time"], **one["delta"]} for one in past]
        return {"isSnapshot": True, "user": key[1], name: past[:TOLD_MAX]}

    def _web_data(self, user: str) -> Json:
        return {
            "clearinghouseState": self._ask("clearinghouseState", user=user),
            "spotState": self._ask("spotClearinghouseState", user=user),
            "leadingVaults": [],
            "totalVaultEquity": "0.0",
            "openOrders": self._ask("frontendOpenOrders", user=user),
            "agentAddress": None,
            "agentValidUntil": None,
            "cumLedger": "0.0",
            "meta": self._ask("meta"),
            "assetCtxs": self._tape.contexts(self._listing.perps),
            "spotAssetCtxs": self._tape.contexts(self._listing.spot),
            "serverTime": self._ask("exchangeStatus")["time"],
            "isVault": self._ask("userRole", user=user)["role"] == "vault",
            "user": user,
            "twapStates": [],
        }

    def _view(self, key: Key) -> MarketView:
        return self._tape.of(self._listing.by_coin[key[1]].symbol)

    def _ask(self, kind: str, **fields: str) -> Any:
        return self._info.answer({"type": kind, **fields})


def _context_channel(view: MarketView) -> str:
    return "activeSpotAssetCtx" if view.asset.is_spot else "activeAssetCtx"
