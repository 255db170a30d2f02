"""The limits, as plain values, under the names that the fleet file gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from adapters.model import Symbol
from risk.portfolio_params import PortfolioParams


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskParams:
    """Per bot, always in force."""

    major_coin_leverage: int = 5  # cap for BTC and ETH
    altcoin_leverage: int = 3  # cap for the rest
    min_confidence: int = 0  # 0 to 100; decisions below it are refused
    min_risk_reward_ratio: float = 0.0  # target distance over stop distance; 0 asks for none
    max_positions: int = 3  # markets held at once
    max_position_size_usd: Decimal = Decimal(1000)  # worst-case notional per market
    protective_stop_pct: Decimal = Decimal(5)  # from the entry; of a position whose orders named no stop
    stop_move_min_pct: Decimal = Decimal("0.1")  # of its price; a stop or target moves no less
    stop_move_interval: timedelta = timedelta(seconds=5)  # nor more often, as long as it covers the position
    max_order_size_usd: Decimal | None = None  # of one order; None leaves the wallet's limit
    max_orders_per_second: int = 5  # that can add risk, averaged over a few seconds
    max_same_orders: int = 3  # orders alike in market, side, size and price within ``same_orders_window``
    same_orders_window: timedelta = timedelta(seconds=10)
    max_fills_per_decision: int = 20  # more of them without a new cycle stop the bot
    max_reject_rate_pct: Decimal = Decimal(30)  # of its orders that the venue rejects; more stops the bot
    reject_rate_window: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecGuards:
    """Per bot, in force when the fleet file has the section."""

    max_new_positions_per_cycle: int = 1
    cooldown_after_close: timedelta = timedelta(minutes=15)
    liquidity_threshold_usd: Decimal = Decimal(15_000_000)  # open interest x price
    max_margin_usage_pct: Decimal = Decimal(90)
    btceth_position_value_min_equity_multiple: Decimal = Decimal(5)
    btceth_position_value_max_equity_multiple: Decimal = Decimal(10)
    alt_position_value_min_equity_multiple: Decimal = Decimal("0.8")
    alt_position_value_max_equity_multiple: Decimal = Decimal("1.5")
    scale_in: bool = False  # whether an open may add to the bot's own position
    sharpe_pause_threshold: float = -0.5  # per trade, see ``risk.performance_gate``
    sharpe_window: int = 20  # closed trades that the ratio is taken over
    sharpe_trades_min: int = 5  # below which there is no ratio
    pause_duration_on_breach: timedelta = timedelta(minutes=18)
    slowdown_after_pause: timedelta = timedelta(minutes=18)
    slowdown_interval_multiple: float = 2.0  # of the decision interval, while it is slowed
    min_confidence_on_breach: int = 80  # of opens, until the gate is open again


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Per bot: parts of the loop, each with a switch of its own."""

    multi_decision: bool = True  # off: of a cycle's decisions, the first that passes its rules
    sl_tp_orchestration: bool = True  # off: no targets, and stops at ``protective_stop_pct``
    idempotent_retries: bool = True  # off: an order is sent once, whatever comes of it
    gating_thresholds: bool = True  # off: the performance gate is recorded, and holds nobody back
    shadow_mode: bool = False  # on: ``risk.rules.ADVISORY`` is recorded, and holds nobody back


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletLimits:
    """Per exchange account."""

    gross_notional_usd_max: Decimal | None = (
        None  # worst case over all markets; None leaves the fleet's limit
    )
    position_notional_usd_max: Decimal | None = None  # worst case in one market, over all bots
    order_notional_usd_max: Decimal | None = None  # None is a tenth of the wallet's budget
    order_size_max: Mapping[Symbol, Decimal] = field(default_factory=dict)  # of one order; base
    open_orders_max: int = 200
    open_orders_per_symbol_max: int = 200
    price_collar_pct: Decimal = Decimal(5)  # furthest a limit price may be from the mid on the losing side
    price_collar_major_pct: Decimal = Decimal(2)  # the same for BTC and ETH, where it is the narrower one
    market_data_age_max: timedelta = timedelta(seconds=2)  # an older price opens nothing in its market
    market_data_lost_after: timedelta = timedelta(seconds=5)  # of any market that it is in: opens nothing
    orders_per_second_max: int = 20
    unknown_orders_max: int = 2  # more orders of unknown outcome than that open nothing
    unknown_order_age_max: timedelta = timedelta(seconds=30)  # nor does one that is unknown for longer
    unprotected_max: timedelta = timedelta(seconds=10)  # how long a position may miss its stop


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLimits:
    """Over all wallets; lent out as leases."""

    gross_notional_usd_max: Decimal = Decimal(100_000)
    daily_loss_pct_max: Decimal = Decimal(5)  # of the fleet's equity at the start of the UTC day
    drawdown_from_peak_pct_max: Decimal | None = None  # of the fleet's highest equity; None sets no limit
    equity_unknown_max: timedelta = timedelta(seconds=30)  # of one wallet; twice as long halts the fleet
    market_data_silent_max: timedelta = timedelta(
        seconds=30
    )  # of all markets; a wallet with positions is halted
    lease_ttl: timedelta = timedelta(seconds=5)
    max_api_failures_in_window: int = 5  # of one wallet's calls to its venue; more halt the wallet
    api_failure_window: timedelta = timedelta(minutes=1)
    portfolio: PortfolioParams | None = None  # None leaves the bots to share what their wallets are lent
