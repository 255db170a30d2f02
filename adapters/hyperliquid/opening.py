"""A wallet's venue and a market's feed, from what a fleet file says and a folder for what must outlive them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.clock import Clock
from adapters.hyperliquid.budgets import IpBudget
from adapters.hyperliquid.client import PublicClient, TradingClient
from adapters.hyperliquid.feed import HyperliquidFeed
from adapters.hyperliquid.network import Network
from adapters.hyperliquid.nonces import Nonces
from adapters.hyperliquid.signing import Signer
from adapters.hyperliquid.venue import HyperliquidVenue
from adapters.model import Symbol


def open_venue(
    network: str,
    key: str,
    folder: Path,
    clock: Clock,
    *,
    account: str = "",
    vault: str = "",
    is_cross: bool = True,
) -> HyperliquidVenue:
    """One account's venue. Nothing is sent before it is asked.

    Args:
        network: ``mainnet``, ``testnet``, or the base address of another.
        key: that signs: the account's own, or that of an API wallet which the account has approved.
        folder: for nonces and the shared count of requests; the same for all wallets of a machine.
        clock: for stamps, nonces and pauses.
        account: its address; empty where the key is its own.
        vault: the address of the vault or sub-account that is traded for, instead of the account.
        is_cross: whether positions share the account's margin; else each has its own.

    Raises:
        ConfigError: the key is none, or another process signs with it.
    """
    where = Network.named(network)
    signer = Signer(key, is_mainnet=where.is_mainnet)
    nonces = Nonces(folder / f"{signer.address}.nonce", clock)
    client = TradingClient(where, signer, nonces, _budget(where, folder, clock), clock, vault=vault or None)
    return HyperliquidVenue(client, vault or account or signer.address, clock, is_cross=is_cross)


def open_feed(network: str, symbols: Sequence[Symbol], folder: Path, clock: Clock) -> HyperliquidFeed:
    """Public market data. Arguments as for ``open_venue``; it counts its requests with the wallets."""
    where = Network.named(network)
    return HyperliquidFeed(PublicClient(where, _budget(where, folder, clock), clock), symbols, clock)


def _budget(where: Network, folder: Path, clock: Clock) -> IpBudget:
    host = "".join(letter if letter.isalnum() else "-" for letter in where.url.partition("://")[2])
    return IpBudget(folder / f"{host}.weight", clock)
