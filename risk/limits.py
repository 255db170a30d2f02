"""The limits, as plain values, under the names that the fleet file gives them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskParams:
    """Per bot, always in force."""

    major_coin_leverage: int = 5  # cap for BTC and ETH
    altcoin_leverage: int = 3  # cap for the rest
    min_confidence: int = 0  # 0 to 100; decisions below it are refused
    min_risk_reward_ratio: float = 0.0  # target distance over stop distance; 0 asks for none
    max_positions: int = 3  # markets held at once
    max_position_size_usd: Decimal = Decimal(1000)  # worst-case notional per market


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
    sharpe_pause_threshold: float = -0.5  # per trade, over the bot's last trades
    pause_duration_on_breach: timedelta = timedelta(minutes=18)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletLimits:
    """Per exchange account."""

    gross_notional_usd_max: Decimal | None = (
        None  # worst case over all markets; None leaves the fleet's limit
    )
    order_notional_usd_max: Decimal | None = None
    open_orders_max: int = 200
    price_collar_pct: Decimal = Decimal(5)  # furthest a limit price may be from the mid on the losing side
    market_data_age_max: timedelta = timedelta(seconds=5)  # older data refuses opens
    orders_per_second_max: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLimits:
    """Over all wallets; lent out as leases."""

    gross_notional_usd_max: Decimal = Decimal(100_000)
    daily_loss_pct_max: Decimal = Decimal(5)  # of the fleet's equity at the start of the UTC day
    lease_ttl: timedelta = timedelta(seconds=5)
