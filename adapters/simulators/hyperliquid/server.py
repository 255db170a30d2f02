"""The venue on the network: ``POST /info``, ``POST /exchange``, ``GET /ws``; its ledger for those on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from adapters.simulators.hyperliquid.conversation import Conversation
from adapters.simulators.hyperliquid.refusals import RateExceeded, Unreadable
from adapters.simulators.hyperliquid.venue import HyperliquidVenue
from adapters.simulators.hyperliquid.wire import Json

BODY_BYTES_MAX = 2 * 1024 * 1024
SHUTDOWN_S = 0.1


class HyperliquidServer:
    """Serves one venue."""

    def __init__(self, venue: HyperliquidVenue) -> None:
        self._venue = venue
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, on a free port when it is 0; the base address."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/info", self._info)
        app.router.add_post("/exchange", self._exchange)
        app.router.add_get("/ws", self._websocket)
        app.router.add_get("/simulator/ledger", self._ledger)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{bound[1]}"

    async def aclose(self) -> None:
        """Stop listening and end every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _info(self, request: web.Request) -> web.Response:
        return await _answered(request, self._venue.ask)

    async def _exchange(self, request: web.Request) -> web.Response:
        return await _answered(request, self._venue.act)

    async def _ledger(self, request: web.Request) -> web.Response:
        if not _is_local(request):
            raise web.HTTPForbidden(text="only from this machine")
        after = request.query.get("after", "0")
        if not after.isdigit():
            raise web.HTTPBadRequest(text="after: must be a number of the ledger")
        return _json(self._venue.ledger.after(int(after)))

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        conversation = Conversation(self._venue, request.remote or "")
        writer = asyncio.create_task(_write(conversation, socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    conversation.hear(message.data)
        finally:
            conversation.end()
            await writer
        return socket


async def _write(conversation: Conversation, socket: web.WebSocketResponse) -> None:
    try:
        while (message := await conversation.stream.outgoing.get()) is not None:
            await socket.send_frame(message, WSMsgType.TEXT)
        await socket.close()
    except ConnectionError:
        pass  # the reader hears of it


async def _answered(request: web.Request, answer: Callable[[Json, str], Any]) -> web.Response:
    try:
        question = msgspec.json.decode(await request.read(), type=dict[str, Any])
        return _json(answer(question, request.remote or ""))
    except msgspec.DecodeError as error:
        return web.Response(status=422, text=f"Failed to parse the request body as JSON: {error}")
    except Unreadable as error:
        return web.Response(status=422, text=str(error))
    except RateExceeded:
        return web.Response(status=429, body=b"null", content_type="application/json")


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _is_local(request: web.Request) -> bool:
    return request.remote is not None and ip_address(request.remote).is_loopback
