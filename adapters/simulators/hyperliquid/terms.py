"""Under which terms the venue trades, where the real one's depend on who asks or are not known."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Settings of one simulator."""

    mainnet: bool = (
        False  # whose signatures it takes; clients sign for the testnet at any address but the mainnet's
    )
    cloid_once: bool = False  # refuse a cloid that was used before
    schedule_cancel_volume_usd: Decimal = Decimal(1_000_000)  # to be traded before a cancel may be scheduled
    sub_account_volume_usd: Decimal = Decimal(100_000)
    weight_per_minute: int | None = None  # of requests from one IP address; the live venue: 1200
    requests_at_first: int | None = None  # actions of a user before each needs a dollar traded; live: 10,000
