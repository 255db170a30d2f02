"""The keys of one bot."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapters.model import BotId, Symbol, WalletId
from config.field_types import (
    Count,
    Duration,
    Leverage,
    Money,
    Multiple,
    Name,
    Number,
    Percent,
    PositiveDuration,
)
from config.section import Section
from config.spec import BotSpec, ExitMode, RestartPolicy, StrategySpec
from risk.limits import ExecGuards, Features, RiskParams

_PARAMS = RiskParams()
_GUARDS = ExecGuards()
_FEATURES = Features()
_RESTART = RestartPolicy()
_BOT = BotSpec(name=BotId(""), wallet=WalletId(""), strategy=StrategySpec(kind=""))


class Params(Section):
    """Hard rules of one bot, always in force."""

    major_coin_leverage: Leverage = Field(
        _PARAMS.major_coin_leverage, description="Highest leverage in BTC and ETH."
    )
    altcoin_leverage: Leverage = Field(
        _PARAMS.altcoin_leverage, description="Highest leverage in all others."
    )
    min_confidence: Annotated[int, Number, Field(ge=0, le=100)] = Field(
        _PARAMS.min_confidence, description="0 to 100; decisions below it are refused."
    )
    min_risk_reward_ratio: Annotated[float, Number, Field(ge=0)] = Field(
        _PARAMS.min_risk_reward_ratio, description="Target distance over stop distance; 0 asks for none."
    )
    max_positions: Count = Field(_PARAMS.max_positions, description="Markets held at once.")
    max_position_size_usd: Money = Field(
        _PARAMS.max_position_size_usd, description="USD; worst-case notional per market."
    )
    protective_stop_pct: Annotated[Decimal, Number, Field(gt=0, lt=100)] = Field(
        _PARAMS.protective_stop_pct,
        description="% from the entry to the stop of a position whose orders named none.",
    )
    stop_move_min_pct: Annotated[Decimal, Number, Field(ge=0, le=100)] = Field(
        _PARAMS.stop_move_min_pct, description="% of its price by which a stop or target moves at least."
    )
    stop_move_interval: Duration = Field(
        _PARAMS.stop_move_interval,
        description="How long a stop or target that covers the position stays before it moves.",
    )
    max_order_size_usd: Money | None = Field(
        _PARAMS.max_order_size_usd,
        description="USD; the largest single order; by default the wallet's `order_notional_usd_max`.",
    )
    max_orders_per_second: Annotated[int, Number, Field(ge=1, le=1000)] = Field(
        _PARAMS.max_orders_per_second,
        description="Opens and quotes sent, averaged over 4 seconds; closing and cancelling are not limited.",
    )
    max_same_orders: Count = Field(
        _PARAMS.max_same_orders,
        description="Orders alike in market, side, size and price within `same_orders_window`; a quote that has "
        "traded is not counted.",
    )
    same_orders_window: PositiveDuration = Field(
        _PARAMS.same_orders_window, description="The time over which orders alike are counted."
    )
    max_fills_per_decision: Count = Field(
        _PARAMS.max_fills_per_decision, description="Fills without a new cycle; one more halts the bot."
    )
    max_reject_rate_pct: Percent = Field(
        _PARAMS.max_reject_rate_pct,
        description="% of 10 or more orders that the venue may reject within the window; more halts the bot.",
    )
    reject_rate_window: PositiveDuration = Field(
        _PARAMS.reject_rate_window, description="The time over which rejections are counted."
    )


class Guards(Section):
    """Further rules of one bot, in force when the section is there."""

    max_new_positions_per_cycle: Count = Field(
        _GUARDS.max_new_positions_per_cycle, description="Positions that one cycle may open."
    )
    cooldown_after_close: Duration = Field(
        _GUARDS.cooldown_after_close,
        description="How long a market stays closed to the bot after it left it.",
    )
    liquidity_threshold_usd: Annotated[Decimal, Number, Field(ge=0)] = Field(
        _GUARDS.liquidity_threshold_usd, description="USD of open interest that a market must have."
    )
    max_margin_usage_pct: Percent = Field(
        _GUARDS.max_margin_usage_pct, description="% of equity bound as margin, the new position included."
    )
    btceth_position_value_min_equity_multiple: Multiple = Field(
        _GUARDS.btceth_position_value_min_equity_multiple,
        description="Smallest BTC or ETH position, times equity.",
    )
    btceth_position_value_max_equity_multiple: Multiple = Field(
        _GUARDS.btceth_position_value_max_equity_multiple,
        description="Largest BTC or ETH position, times equity.",
    )
    alt_position_value_min_equity_multiple: Multiple = Field(
        _GUARDS.alt_position_value_min_equity_multiple,
        description="Smallest position in the others, times equity.",
    )
    alt_position_value_max_equity_multiple: Multiple = Field(
        _GUARDS.alt_position_value_max_equity_multiple,
        description="Largest position in the others, times equity.",
    )
    scale_in: bool = Field(
        _GUARDS.scale_in, description="Whether an open may add to the bot's own position in a market."
    )
    sharpe_pause_threshold: Annotated[float, Number] = Field(
        _GUARDS.sharpe_pause_threshold, description="Sharpe ratio per trade below which the bot pauses."
    )
    sharpe_window: Annotated[int, Number, Field(ge=2, le=100)] = Field(
        _GUARDS.sharpe_window, description="Closed trades that the ratio is taken over, at most."
    )
    sharpe_trades_min: Annotated[int, Number, Field(ge=2, le=100)] = Field(
        _GUARDS.sharpe_trades_min, description="Closed trades below which there is no ratio, and no pause."
    )
    pause_duration_on_breach: Duration = Field(
        _GUARDS.pause_duration_on_breach, description="How long it pauses."
    )
    slowdown_after_pause: Duration = Field(
        _GUARDS.slowdown_after_pause, description="How long it then goes slowly."
    )
    slowdown_interval_multiple: Annotated[float, Number, Field(ge=1, le=100)] = Field(
        _GUARDS.slowdown_interval_multiple, description="Times `decision_interval`, while it goes slowly."
    )
    min_confidence_on_breach: Annotated[int, Number, Field(ge=0, le=100)] = Field(
        _GUARDS.min_confidence_on_breach,
        description="0 to 100; while it goes slowly, opens below it are refused; never lower than `min_confidence`.",
    )

    @model_validator(mode="after")
    def _bands_are_open(self) -> Self:
        for band in ("btceth", "alt"):
            low, high = (
                getattr(self, f"{band}_position_value_{end}_equity_multiple") for end in ("min", "max")
            )
            if low > high:
                raise ValueError(
                    f"{band}_position_value_min… is above its max…; write the smaller one as min"
                )
        if self.sharpe_trades_min > self.sharpe_window:
            raise ValueError(
                "sharpe_trades_min is above sharpe_window, so there is never a ratio; write a smaller one"
            )
        return self


class FeatureFlags(Section):
    """Parts of the loop of one bot, each with a switch of its own."""

    multi_decision: bool = Field(
        _FEATURES.multi_decision,
        description="Off: of a cycle's decisions, closes first, only the first that passes its rules is carried out.",
    )
    sl_tp_orchestration: bool = Field(
        _FEATURES.sl_tp_orchestration,
        description="Off: no targets, and stops at `protective_stop_pct` whatever the decision says.",
    )
    idempotent_retries: bool = Field(
        _FEATURES.idempotent_retries, description="Off: an order is tried once, not up to three times."
    )
    gating_thresholds: bool = Field(
        _FEATURES.gating_thresholds,
        description="Off: the performance gate is shown and recorded, and holds nothing back.",
    )
    shadow_mode: bool = Field(
        _FEATURES.shadow_mode,
        description="On: the gate and the rules about decisions are recorded, and hold nothing back.",
    )


class Restart(Section):
    """When a dead bot comes back."""

    backoff: PositiveDuration = Field(
        _RESTART.backoff, description="First wait; each further one is 4 times as long."
    )
    backoff_max: PositiveDuration = Field(_RESTART.backoff_max, description="Longest wait.")
    crashes_max: Annotated[int, Number, Field(ge=0, le=1000)] = Field(
        _RESTART.crashes_max, description="Deaths within the window; one more and the bot stays in ERROR."
    )
    window: PositiveDuration = Field(_RESTART.window, description="The time over which deaths are counted.")

    @model_validator(mode="after")
    def _backoff_grows(self) -> Self:
        if self.backoff > self.backoff_max:
            raise ValueError("backoff is longer than backoff_max; write a longer backoff_max")
        return self


class StrategyChoice(BaseModel):
    """Which strategy; its other keys are the strategy's own fields."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    kind: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="A built-in strategy, or `module:Class` for your own."
    )


def _kind_alone(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class Bot(Section):
    """One bot."""

    name: Name = Field(description="Its name, unique in the fleet.")
    wallet: Name = Field(description="The wallet that sends its orders.")
    strategy: Annotated[StrategyChoice, BeforeValidator(_kind_alone)] = Field(
        description="A kind alone, or a mapping of `kind` and the strategy's fields."
    )
    decision_interval: PositiveDuration = Field(
        _BOT.decision_interval, description="From one cycle to the next."
    )
    risk_params: Params = Field(Params(), description="Hard rules, always in force.")
    exec_guards: Guards | None = Field(None, description="Further rules, in force when the section is there.")
    features: FeatureFlags = Field(FeatureFlags(), description="Parts of the loop that can be switched.")
    on_stop: ExitMode = Field(_BOT.on_stop, description="What becomes of its positions when it stops.")
    shared_symbol: bool = Field(
        _BOT.shared_symbol,
        description="Whether it may trade a symbol of another bot on its wallet; both must say so.",
    )
    heartbeat_timeout: PositiveDuration = Field(
        _BOT.heartbeat_timeout, description="A bot that is silent for so long is killed and started again."
    )
    stop_grace: PositiveDuration = Field(
        _BOT.stop_grace, description="How long a stop waits before it kills."
    )
    restart: Restart = Field(Restart(), description="When it comes back after a crash.")
    weight: Annotated[Decimal, Number, Field(ge=0, le=1000)] = Field(
        _BOT.weight,
        description="Its part in `risk.portfolio`, against the other bots'; 0 gives it no budget.",
    )

    def spec(self, strategy: StrategySpec, symbols: tuple[Symbol, ...]) -> BotSpec:
        return BotSpec(
            name=BotId(self.name),
            wallet=WalletId(self.wallet),
            strategy=strategy,
            decision_interval=self.decision_interval,
            risk_params=self.risk_params.into(RiskParams),
            exec_guards=self.exec_guards.into(ExecGuards) if self.exec_guards else None,
            features=self.features.into(Features),
            on_stop=self.on_stop,
            shared_symbol=self.shared_symbol,
            heartbeat_timeout=self.heartbeat_timeout,
            stop_grace=self.stop_grace,
            restart=self.restart.into(RestartPolicy),
            weight=self.weight,
            symbols=symbols,
        )
