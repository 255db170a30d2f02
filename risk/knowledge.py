"""Failure to know is a halt: what a wallet, or whoever watches over it, must not be without for long. Pure."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from adapters.model import WalletId
from risk.post_trade import Halt


def unknown_equity(wallet: WalletId, unread_s: float, after: timedelta) -> Halt | None:
    """The wallet's equity has been unknown for longer than ``equity_unknown_max``."""
    if unread_s <= after.total_seconds():
        return None
    return _of_wallet(unknown_equity.__name__, wallet, f"its equity has been unknown for {unread_s:.0f} s")


def unknown_for_the_fleet(wallet: WalletId, unread_s: float, after: timedelta) -> Halt | None:
    """A wallet's equity has been unknown for twice as long: what the fleet has lost is a guess by now."""
    if unread_s <= 2 * after.total_seconds():
        return None
    reason = f"the equity of wallet {wallet} has been unknown for {unread_s:.0f} s"
    return Halt(control=unknown_for_the_fleet.__name__, reason=reason, scope="fleet")


def silent_market(wallet: WalletId, unheard_s: float, after: timedelta) -> Halt | None:
    """No market at all has shown a price for longer than ``market_data_silent_max``, and the wallet holds something."""
    if unheard_s <= after.total_seconds():
        return None
    return _of_wallet(
        silent_market.__name__, wallet, f"no market data for {unheard_s:.0f} s, with positions open"
    )


def failed_disk(wallet: WalletId) -> Halt:
    """The disk does not take the wallet's journal: what is done now may be forgotten."""
    return _of_wallet(failed_disk.__name__, wallet, "its journal cannot be written")


def lost_allowance(wallet: WalletId, equity_usd: Decimal, floor_usd: Decimal) -> Halt | None:
    """The wallet has lost its part of what the fleet may lose in a day."""
    if equity_usd > floor_usd:
        return None
    reason = f"its part of the daily loss: equity {equity_usd:.2f} is at or below {floor_usd:.2f} USD"
    return _of_wallet(lost_allowance.__name__, wallet, reason)


def _of_wallet(control: str, wallet: WalletId, reason: str) -> Halt:
    return Halt(control=control, reason=reason, scope=f"wallet:{wallet}")
