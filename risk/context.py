"""All that a review looks at beside the intent, gathered by the wallet at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from adapters.model import ZERO, Account, Instrument, Snapshot, Symbol
from risk.limits import ExecGuards, RiskParams, WalletLimits
from strategies.strategy import Performance


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewContext:
    """The state of the bot, its wallet and the market. ``None`` means unknown, and unknown refuses opens.

    Orders in flight and of unknown outcome count wherever orders count.
    """

    now: datetime
    instrument: Instrument | None
    snapshot: Snapshot | None
    account: Account
    params: RiskParams
    guards: ExecGuards | None
    limits: WalletLimits
    symbols: tuple[Symbol, ...]  # what the bot may trade

    position: Decimal = ZERO  # the bot's own in this market; base, signed
    resting_buys: Decimal = ZERO  # remaining size of the bot's buys here that could add exposure, base
    resting_sells: Decimal = ZERO  # the same of its sells
    positions_held: int = 0  # markets in which the bot's worst case is not zero
    recently_closed: Mapping[Symbol, datetime] = field(default_factory=dict)  # by the bot
    performance: Performance = field(default_factory=Performance)
    paused_until: datetime | None = None  # the end of the bot's last performance pause

    wallet_position_usd: Decimal = ZERO  # of all bots in this market, signed, at the mark
    wallet_buys_usd: Decimal = ZERO  # their buys here that could add exposure, at reserve prices
    wallet_sells_usd: Decimal = ZERO  # the same of their sells
    wallet_gross_usd: Decimal = ZERO  # sum of the worst cases of the wallet's markets
    open_orders: int = 0  # of the wallet
    orders_in_last_second: int = 0  # sent by the wallet
    lease_room_usd: Decimal = ZERO  # notional that the wallet may still add; 0 without a valid lease
    halt_rank: int | None = None  # of the highest halt in force; None when there is none
