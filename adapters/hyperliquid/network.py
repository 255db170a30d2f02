"""Which Hyperliquid is spoken to, and how a signature says so."""

from __future__ import annotations

from dataclasses import dataclass

MAINNET_URL = "https://api.hyperliquid.xyz"
TESTNET_URL = "https://api.hyperliquid-testnet.xyz"
_URLS = {"mainnet": MAINNET_URL, "testnet": TESTNET_URL}
VENUE = "hyperliquid"


@dataclass(frozen=True, slots=True)
class Network:
    """One deployment of the exchange.

    Args:
        url: its base address.
        is_mainnet: whether signatures are for the main network. An action that is signed for one network is worth
            nothing on another.
    """

    url: str
    is_mainnet: bool

    @classmethod
    def named(cls, name: str) -> Network:
        """``mainnet``, ``testnet``, or the base address of another; that one is signed for as the test network."""
        url = _URLS.get(name, name).rstrip("/")
        return cls(url, url == MAINNET_URL)

    @property
    def stream_url(self) -> str:
        """Where its websocket is."""
        return f"ws{self.url.removeprefix('http')}/ws"
