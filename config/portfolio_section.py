"""The keys of the portfolio: how the fleet's budget is shared out among its bots."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from config.field_types import Number, Percent, PositiveDuration
from config.section import Section
from risk.portfolio_params import PortfolioParams, PortfolioPolicy

_PORTFOLIO = PortfolioParams()


class Portfolio(Section):
    """A budget for every bot, in force when the section is there."""

    policy: PortfolioPolicy = Field(_PORTFOLIO.policy, description="What a bot's share goes by.")
    rebalance_every: PositiveDuration = Field(
        _PORTFOLIO.rebalance_every, description="From one sharing out to the next."
    )
    gross_equity_multiple_max: Annotated[Decimal, Number, Field(gt=0, le=100)] = Field(
        _PORTFOLIO.gross_equity_multiple_max,
        description="All budgets together, times the fleet's equity; at most `gross_notional_usd_max` anyway.",
    )
    bot_share_max_pct: Percent = Field(
        _PORTFOLIO.bot_share_max_pct, description="% of the whole that one bot gets at most."
    )
    bot_share_min_pct: Annotated[Decimal, Number, Field(ge=0, le=100)] = Field(
        _PORTFOLIO.bot_share_min_pct,
        description="% of the whole that it gets at least; an even share, where the bots are too many.",
    )
    raise_step_pct: Percent = Field(
        _PORTFOLIO.raise_step_pct,
        description="% of the whole by which a budget rises at once at most; it falls without delay.",
    )
    performance_factor_min: Annotated[Decimal, Number, Field(gt=0, le=1)] = Field(
        _PORTFOLIO.performance_factor_min,
        description="What a losing bot's score is multiplied by at least; for `performance`.",
    )
    performance_factor_max: Annotated[Decimal, Number, Field(ge=1, le=10)] = Field(
        _PORTFOLIO.performance_factor_max,
        description="What a winning bot's score is multiplied by at most; for `performance`.",
    )
    volatility_target_pct: Percent | None = Field(
        _PORTFOLIO.volatility_target_pct,
        description="% a day; a bot whose markets move more than this gets less, and nobody gets the difference.",
    )

    @model_validator(mode="after")
    def _shares_are_open(self) -> Self:
        if self.bot_share_min_pct > self.bot_share_max_pct:
            raise ValueError("bot_share_min_pct is above bot_share_max_pct; write the smaller one as min")
        return self
