"""HTTP to the exchange, and what an error says about what it has done.

A request that never left is ``ExchangeDown``. One that left and got no answer in order is ``OutcomeUnknown`` where it
may have had an effect (/exchange) and ``Temporary`` where it cannot have had one (/info).
"""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)

from adapters.errors import ExchangeDown, InvalidParam, OutcomeUnknown, RateLimited, Temporary, VenueError
from adapters.hyperliquid.network import VENUE, Network

ANSWER_MAX_S = 5.0
CONNECT_MAX_S = 3.0
KEEP_ALIVE_S = (
    30.0  # shorter than servers keep a silent connection, so that none is used that they just closed
)
HEADERS = {"Content-Type": "application/json"}


class Rest:
    """Requests over kept connections. It opens when first used, and again after it was closed."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._session: ClientSession | None = None

    @property
    def session(self) -> ClientSession:
        """The connections."""
        if self._session is None or self._session.closed:
            self._session = ClientSession(
                connector=TCPConnector(keepalive_timeout=KEEP_ALIVE_S), cookie_jar=DummyCookieJar()
            )
        return self._session

    async def info(self, question: dict[str, Any]) -> bytes:
        """Ask /info. Raises ``ExchangeDown``, ``RateLimited`` or ``Temporary``."""
        return await self._post("/info", question, Temporary)

    async def exchange(self, body: dict[str, Any]) -> bytes:
        """Act at /exchange. Raises ``ExchangeDown``, ``RateLimited``, ``InvalidParam`` or ``OutcomeUnknown``."""
        return await self._post("/exchange", body, OutcomeUnknown)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _post(self, path: str, body: dict[str, Any], unclear: type[VenueError]) -> bytes:
        timeout = ClientTimeout(total=ANSWER_MAX_S, sock_connect=CONNECT_MAX_S)
        try:
            async with self.session.post(
                self._network.url + path, data=msgspec.json.encode(body), headers=HEADERS, timeout=timeout
            ) as response:
                answer = await response.read()
                if response.status == 200:
                    return answer
                raise _refused(response, answer, unclear)
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            raise ExchangeDown(f"{path}: {type(error).__name__}", venue=VENUE) from error
        except (ClientError, TimeoutError, OSError) as error:
            raise unclear(f"{path}: {type(error).__name__}", venue=VENUE) from error


def _refused(response: ClientResponse, answer: bytes, unclear: type[VenueError]) -> VenueError:
    text = f"{response.status}: {answer[:200].decode(errors='replace')}"
    if response.status == 429:
        return RateLimited(text, venue=VENUE, retry_after_s=_seconds(response.headers.get("Retry-After")))
    if 400 <= response.status < 500 and response.status != 408 and unclear is OutcomeUnknown:
        return InvalidParam(text, venue=VENUE)
    return unclear(text, venue=VENUE)


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.isdecimal() else None
