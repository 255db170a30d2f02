"""What is said on one websocket."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.simulators.hyperliquid.refusals import RateExceeded, Unreadable
from adapters.simulators.hyperliquid.streams import Stream, key_of, told
from adapters.simulators.hyperliquid.venue import HyperliquidVenue
from adapters.simulators.hyperliquid.wire import Json


class Conversation:
    """Answers one client: pings, subscriptions, and requests that are posted over the socket."""

    def __init__(self, venue: HyperliquidVenue, ip: str) -> None:
        self.stream = Stream()
        self._venue = venue
        self._ip = ip

    def hear(self, text: str) -> None:
        """Take a message in; answers go to the stream."""
        try:
            message = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError:
            self._complain(f"Error parsing JSON into valid websocket request: {text}")
            return
        match message.get("method"), message.get("subscription"):
            case "ping", _:
                self.stream.say(b'{"channel":"pong"}')
            case ("subscribe" | "unsubscribe") as method, dict() as subscription:
                self._subscribe(method, subscription)
            case "post", _:
                self._post(message)
            case _:
                self._complain(f"Error parsing JSON into valid websocket request: {text}")

    def end(self) -> None:
        """The client is gone."""
        self._venue.streams.leave(self.stream)
        self.stream.hang_up()

    def _subscribe(self, method: str, subscription: Json) -> None:
        key = key_of(subscription)
        shown = msgspec.json.encode(subscription).decode()
        if key is None or not self._venue.listens(key):
            self._complain(f"Invalid subscription {shown}")
            return
        if method == "unsubscribe":
            if not self._venue.streams.unsubscribe(self.stream, key):
                self._complain(f"Already unsubscribed: {shown}")
                return
        elif not self._venue.streams.subscribe(self.stream, key):
            self._complain(f"Already subscribed: {shown}")
            return
        self.stream.say(told("subscriptionResponse", {"method": method, "subscription": subscription}))
        if method == "subscribe":
            self._venue.first_words(self.stream, key)

    def _post(self, message: Json) -> None:
        number, request = message.get("id"), message.get("request")
        if not isinstance(number, int) or not isinstance(request, dict):
            self._complain(
                "Error parsing JSON into valid websocket request: a post needs an id and a request"
            )
            return
        self.stream.say(told("post", {"id": number, "response": self._answer(request)}))

    def _answer(self, request: Json) -> Json:
        payload = request.get("payload")
        if not isinstance(payload, dict):
            return {"type": "error", "payload": "missing field `payload`"}
        try:
            match request.get("type"):
                case "info":
                    data = self._venue.ask(payload, self._ip)
                    return {"type": "info", "payload": {"type": payload.get("type"), "data": data}}
                case "action":
                    return {"type": "action", "payload": self._venue.act(payload, self._ip)}
                case kind:
                    return {"type": "error", "payload": f"unknown variant {kind!r}"}
        except Unreadable as error:
            return {"type": "error", "payload": str(error)}
        except RateExceeded:
            return {"type": "error", "payload": "429: null"}

    def _complain(self, text: str) -> None:
        self.stream.say(told("error", text))
