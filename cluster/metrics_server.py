"""``/metrics`` over HTTP, on this machine only; from elsewhere, the way is the operator's own proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from actors.status import FleetStatus
from cluster.metrics import exposition

HOST = "127.0.0.1"


@asynccontextmanager
async def serving_metrics(
    port: int, status: Callable[[], Awaitable[FleetStatus | None]]
) -> AsyncIterator[int]:
    """Serve for as long as the block runs; gives the port, which is a free one for 0.

    Raises:
        OSError: the port is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        now = await status()
        if now is None:
            return web.Response(status=503, text="no fleet is deployed\n")
        return web.Response(body=exposition(now), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
