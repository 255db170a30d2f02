"""What an HTTP caller gets to see: the venue's answer, a failure instead of it, or a connection that is gone."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientError, web

from adapters.simulators.faults.plan import Fault, Kind

_RESET_NOT_CLOSE = struct.pack("ii", 1, 0)  # linger on, for no time: the peer sees a reset
_OF_ONE_HOP = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A venue's answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def response(self) -> web.Response:
        """The same, to our caller."""
        return web.Response(status=self.status, headers=self.headers, body=self.body)


async def failed(request: web.Request, fault: Fault) -> web.StreamResponse:
    """What the caller gets when the fault keeps the venue's answer from him: for two kinds, nothing for ever."""
    match fault.kind:
        case Kind.REQUEST_LOST | Kind.ANSWER_LOST:
            await asyncio.Event().wait()  # until the caller, or the proxy, gives up
            raise AssertionError("nobody sets it")
        case Kind.RESET_BEFORE | Kind.RESET_AFTER:
            reset(request)
            return web.Response()  # to nobody
        case Kind.RATE_LIMITED:
            return web.json_response({"error": "too many requests"}, status=429)
        case Kind.RATE_LIMITED_WITH_WAIT:
            wait_s = 1.0 if fault.seconds is None else fault.seconds
            headers = {"Retry-After": str(math.ceil(wait_s))}  # whole seconds are all that HTTP knows
            return web.json_response({"error": "too many requests"}, status=429, headers=headers)
        case _:
            return web.json_response({"error": "try again later"}, status=fault.status)


def reset(request: web.Request) -> None:
    """End the caller's connection with a reset."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_NOT_CLOSE)
    transport.abort()


def unreachable(error: ClientError) -> web.Response:
    """The venue behind the proxy did not answer, by no fault of the plan."""
    return web.Response(status=502, text=f"the venue behind the fault proxy: {type(error).__name__}")


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are meant for both hops (RFC 9110, 7.6.1); lengths and codings are made anew."""
    return {name: value for name, value in headers.items() if name.lower() not in _OF_ONE_HOP}
