"""All that a review looks at beside the intent, gathered by the wallet at one instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from adapters.model import ZERO, Account, Instrument, Order, Snapshot, Symbol
from risk.intent import Purpose
from risk.limits import ExecGuards, Features, RiskParams, WalletLimits
from risk.post_trade import NoOpens
from risk.session import Session
from strategies.strategy import PerformanceGate


class Sent(Protocol):
    """An order of the bot's that went to the venue, as it stands now."""

    @property
    def order(self) -> Order: ...

    @property
    def purpose(self) -> Purpose: ...

    @property
    def filled(self) -> Decimal: ...


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
    gate: PerformanceGate = PerformanceGate()  # by the bot's own results
    features: Features = Features()
    absent: Mapping[str, str] = field(default_factory=dict)  # what is late or too old: part to reason

    wallet_position_usd: Decimal = (
        ZERO  # of all bots in this market, signed, at mark or cost, whichever is more
    )
    wallet_buys_usd: Decimal = ZERO  # their buys here that could add exposure, at reserve prices
    wallet_sells_usd: Decimal = ZERO  # the same of their sells
    wallet_market_usd: Decimal = ZERO  # worst case of this market, over all bots
    wallet_gross_usd: Decimal = ZERO  # sum of the worst cases of the wallet's markets
    bot_position_usd: Decimal = ZERO  # the same three of the bot alone
    bot_buys_usd: Decimal = ZERO
    bot_sells_usd: Decimal = ZERO
    bot_room_usd: Decimal | None = None  # what its budget leaves it; None where the fleet has no portfolio
    others_bid: Decimal | None = None  # the highest that other bots of the wallet have resting in this market
    others_ask: Decimal | None = None  # the lowest
    open_orders: int = 0  # of the wallet
    open_orders_in_symbol: int = 0
    orders_in_last_second: int = 0  # sent by the wallet
    bot_orders_lately: int = 0  # of the bot that can add risk, within ``flow_rules.BOT_RATE_WINDOW_S``
    sent_lately: Sequence[Sent] = ()  # those within its ``same_orders_window``
    opens_in_cycle: int = 0  # entries that its present cycle has sent
    venue_messages_left: int | None = None  # that the venue still takes; None where it sets no such limit
    venue_refused_opens: bool = False  # of this market, since its metadata was last read
    session: Session | None = None  # None where the market never closes
    no_opens: NoOpens | None = None  # by a post-trade control
    lease_budget_usd: Decimal = ZERO  # the whole of what was lent
    has_lease: bool = False  # one whose deadline has not passed
    lease_room_usd: Decimal = ZERO  # notional that the wallet may still add; 0 without a valid lease
    halt_rank: int | None = None  # of the highest halt in force; None when there is none
