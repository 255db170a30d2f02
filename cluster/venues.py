"""Which adapter a wallet trades through, and where a venue's prices come from.

An exchange's libraries are imported by the process that needs them, and by no other.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from adapters.clock import Clock
from adapters.venue import MarketFeed, Venue
from cluster import keyring
from cluster.home import Home
from config.spec import MarketSpec, WalletSpec

BAR = timedelta(minutes=1)  # the finest in which venues tell their past


def live_venue(wallet: WalletSpec, home: Home, clock: Clock) -> Venue:
    """The account that a live wallet trades on.

    Raises:
        ConfigError: its key is missing on this machine, is none, or signs for another process.
    """
    from adapters.hyperliquid.opening import open_venue

    return open_venue(
        wallet.network,
        keyring.find(home.secrets, f"wallet-{wallet.name}")["key"],
        _shared(home),
        clock,
        account=wallet.account,
        vault=wallet.vault,
        is_cross=wallet.margin == "cross",
    )


def public_feed(market: MarketSpec, home: Home, clock: Clock) -> MarketFeed:
    """A venue's public prices."""
    from adapters.hyperliquid.opening import open_feed

    return open_feed(market.network, market.symbols, _shared(home), clock)


def _shared(home: Home) -> Path:
    """What all fleets of this user on this machine share: nonces of a key, and the weight that the address has used."""
    return home.runtime.parent / "venues"
