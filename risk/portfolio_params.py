"""What an operator says of the portfolio, as plain values, under the names that the fleet file gives them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum


class PortfolioPolicy(StrEnum):
    """What a bot's share of the fleet's budget goes by; each takes in one thing more than the one before it."""

    EQUAL = "equal"
    WEIGHTS = "weights"
    INVERSE_VOLATILITY = "inverse_volatility"  # weight over volatility
    PERFORMANCE = "performance"  # the same, times a factor of the bot's results


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioParams:
    """How the fleet's budget is shared out among its bots, in force when the fleet file has the section."""

    policy: PortfolioPolicy = PortfolioPolicy.PERFORMANCE
    rebalance_every: timedelta = timedelta(minutes=1)
    gross_equity_multiple_max: Decimal = Decimal(1)  # all budgets together, times the fleet's equity
    bot_share_max_pct: Decimal = Decimal(50)  # of the whole
    bot_share_min_pct: Decimal = Decimal(1)
    raise_step_pct: Decimal = Decimal(10)  # of the whole; a budget's largest rise in one rebalancing
    performance_factor_min: Decimal = Decimal("0.5")  # of a losing bot's score
    performance_factor_max: Decimal = Decimal("1.5")  # of a winning bot's score
    volatility_target_pct: Decimal | None = None  # a day; markets that move more than this get less
