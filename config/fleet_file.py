"""The keys of a fleet file and of a bots file. Ranges stand here and in the sections, defaults in ``config.spec``.

Each section makes its frozen value itself (``limits()``, ``spec()``); what holds between sections is in
``config.consistency``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from config.bot_section import Bot
from config.field_types import Count, FleetName, LeaseDuration, Money, Name, Number, Percent, PositiveDuration
from config.market_section import Market, SyntheticMarket
from config.portfolio_section import Portfolio
from config.section import Section
from config.spec import BotSpec, FleetSpec, HaltLevel
from config.wallet_section import Wallet
from risk.limits import FleetLimits
from risk.portfolio_params import PortfolioParams

_RISK = FleetLimits()
_FLEET = FleetSpec(fleet="", store="")


class Risk(Section):
    """Limits over all wallets."""

    gross_notional_usd_max: Money = Field(
        _RISK.gross_notional_usd_max, description="USD; worst-case exposure of the whole fleet."
    )
    daily_loss_pct_max: Percent = Field(
        _RISK.daily_loss_pct_max,
        description="% of the equity at the start of the UTC day; a breach halts the fleet.",
    )
    drawdown_from_peak_pct_max: Percent | None = Field(
        _RISK.drawdown_from_peak_pct_max,
        description="% of the highest equity that the fleet ever had; a breach halts the fleet; no limit by default.",
    )
    equity_unknown_max: PositiveDuration = Field(
        _RISK.equity_unknown_max,
        description="How long a wallet's equity may be unknown; then it is halted, after twice as long the fleet.",
    )
    market_data_silent_max: PositiveDuration = Field(
        _RISK.market_data_silent_max,
        description="How long no market may show a price to a wallet with positions; then it is halted.",
    )
    lease_ttl: LeaseDuration = Field(
        _RISK.lease_ttl,
        description="How long a wallet may add exposure without hearing from the guard; 1s to 1m.",
    )
    max_api_failures_in_window: Count = Field(
        _RISK.max_api_failures_in_window,
        description="Calls of one wallet to its venue that may fail within the window; one more halts the wallet.",
    )
    api_failure_window: PositiveDuration = Field(
        _RISK.api_failure_window, description="The time over which failed calls are counted."
    )
    on_breach: HaltLevel = Field(_FLEET.on_breach, description="How far the halt after a breach goes.")
    on_irrecoverable: HaltLevel = Field(
        _FLEET.on_irrecoverable, description="How far a bot whose strategy gives up is halted."
    )
    portfolio: Portfolio | None = Field(
        None, description="How the budget is shared out among the bots, when the section is there."
    )

    def limits(self) -> FleetLimits:
        return FleetLimits(
            gross_notional_usd_max=self.gross_notional_usd_max,
            daily_loss_pct_max=self.daily_loss_pct_max,
            drawdown_from_peak_pct_max=self.drawdown_from_peak_pct_max,
            equity_unknown_max=self.equity_unknown_max,
            market_data_silent_max=self.market_data_silent_max,
            lease_ttl=self.lease_ttl,
            max_api_failures_in_window=self.max_api_failures_in_window,
            api_failure_window=self.api_failure_window,
            portfolio=self.portfolio.into(PortfolioParams) if self.portfolio else None,
        )


class DecisionPool(Section):
    """The actors that run executors for `advised` strategies."""

    actors: Annotated[int, Number, Field(ge=1, le=64)] = Field(
        _FLEET.decision_actors, description="How many."
    )
    deadline: PositiveDuration = Field(
        _FLEET.decision_deadline, description="The longest that one advice may take."
    )


class BotsFile(Section):
    """What `flotilla bots add` reads."""

    env_file: str | None = Field(None, description="A file of `NAME=value` lines beside this one.")
    bots: tuple[Bot, ...] = Field(description="The bots to add.")

    @field_validator("bots")
    @classmethod
    def _adds_some(cls, value: tuple[Bot, ...]) -> tuple[Bot, ...]:
        if not value:
            raise ValueError("is empty; write at least one bot")
        return value


class FleetFile(Section):
    """What `flotilla up` reads."""

    fleet: FleetName = Field(description="The fleet's name: a-z, 0-9, _ and -.")
    store: str | None = Field(
        None, description="`sqlite:///PATH`, under FLOTILLA_HOME; by default `sqlite:///state/<fleet>.db`."
    )
    env_file: str | None = Field(None, description="A file of `NAME=value` lines beside this one.")
    market: Market = Field(SyntheticMarket(), description="Where prices come from.")
    risk: Risk = Field(Risk(), description="Limits over all wallets.")
    decision: DecisionPool = Field(DecisionPool(), description="The actors that run executors.")
    metrics_port: Annotated[int, Number, Field(ge=1, le=65535)] | None = Field(
        _FLEET.metrics_port,
        description="Port on the control node's 127.0.0.1 that serves `/metrics` for Prometheus; none by default.",
    )
    wallets: dict[Name, Wallet] = Field(min_length=1, description="The exchange accounts, by name.")
    bots: tuple[Bot, ...] = Field((), description="The bots.")

    @field_validator("store")
    @classmethod
    def _store_is_ours(cls, value: str | None) -> str | None:
        if value is None:
            return value
        scheme, _, path = value.partition(":///")
        if scheme != "sqlite" or not path:
            raise ValueError("is no store that is available; write sqlite:///state/flotilla.db")
        if "?" in path or ".." in Path(path).parts or path.endswith("/"):
            raise ValueError(
                "leaves its folder or has options; write a plain path such as sqlite:///state/flotilla.db"
            )
        return value

    def spec(self, bots: tuple[BotSpec, ...], folder: Path) -> FleetSpec:
        return FleetSpec(
            fleet=self.fleet,
            store=self.store or f"sqlite:///state/{self.fleet}.db",
            market=self.market.spec(folder),
            limits=self.risk.limits(),
            on_breach=self.risk.on_breach,
            on_irrecoverable=self.risk.on_irrecoverable,
            decision_actors=self.decision.actors,
            decision_deadline=self.decision.deadline,
            metrics_port=self.metrics_port,
            wallets=tuple(wallet.spec(name) for name, wallet in self.wallets.items()),
            bots=bots,
        )
