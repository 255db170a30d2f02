"""The keys of a fleet file, with their ranges and defaults. The defaults are those of ``config.spec``.

Each section makes its frozen value itself (``limits()``, ``spec()``); what holds between sections is in
``config.consistency``.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from adapters.model import BotId, Symbol, WalletId
from config.field_types import (
    Count,
    Duration,
    FleetName,
    LeaseDuration,
    Leverage,
    Money,
    Multiple,
    Name,
    Number,
    Percent,
    PositiveDuration,
    Secret,
    Speed,
    SymbolName,
    Symbols,
)
from config.spec import (
    BotSpec,
    ExitMode,
    FleetSpec,
    HaltLevel,
    MarketSpec,
    RestartPolicy,
    StrategySpec,
    WalletSpec,
)
from risk.limits import ExecGuards, FleetLimits, RiskParams, WalletLimits

_Value = TypeVar("_Value")

_MARKET = MarketSpec()
_RISK = FleetLimits()
_FLEET = FleetSpec(fleet="", store="")
_LIMITS = WalletLimits()
_WALLET = WalletSpec(name=WalletId(""))
_PARAMS = RiskParams()
_GUARDS = ExecGuards()
_RESTART = RestartPolicy()
_BOT = BotSpec(name=BotId(""), wallet=WalletId(""), strategy=StrategySpec(kind=""))


class Section(BaseModel):
    """A mapping of known keys. Its errors never carry what the file says: that may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    def into(self, kind: type[_Value]) -> _Value:
        """The frozen value whose fields are this section's keys."""
        return kind(**{name: getattr(self, name) for name in type(self).model_fields})


class SyntheticMarket(Section):
    """A seeded random market."""

    source: Literal["synthetic"] = Field(
        "synthetic", description="Invented prices, the same for the same seed."
    )
    seed: Annotated[int, Number, Field(ge=0)] = Field(_MARKET.seed, description="Of the random numbers.")
    symbols: Symbols = Field(_MARKET.symbols, description="The markets there are.")
    step: PositiveDuration = Field(_MARKET.step, description="Market time from one quote to the next.")
    speed: Speed = Field(
        _MARKET.speed, description="Market seconds per second; `max` is as fast as possible."
    )
    latency: Duration = Field(_MARKET.latency, description="From sending an order to the exchange having it.")

    def spec(self, folder: Path) -> MarketSpec:
        return self.into(MarketSpec)


class ReplayMarket(Section):
    """Recorded markets."""

    source: Literal["replay"] = Field(description="Recorded prices.")
    files: dict[SymbolName, Annotated[str, Field(min_length=1)]] = Field(
        min_length=1,
        description="The recording of each symbol: CSV, Parquet, Feather, zip or gz; paths from here.",
    )
    speed: Speed = Field(
        _MARKET.speed, description="Market seconds per second; `max` is as fast as possible."
    )
    loop: bool = Field(_MARKET.loop, description="Whether it begins again at its end.")
    latency: Duration = Field(_MARKET.latency, description="From sending an order to the exchange having it.")

    def spec(self, folder: Path) -> MarketSpec:
        return MarketSpec(
            source=self.source,
            symbols=tuple(map(Symbol, self.files)),
            files={Symbol(symbol): str((folder / file).absolute()) for symbol, file in self.files.items()},
            speed=self.speed,
            loop=self.loop,
            latency=self.latency,
        )


def _synthetic_unless_told(value: Any) -> Any:
    return {"source": "synthetic", **value} if isinstance(value, dict) else value


Market = Annotated[
    Annotated[SyntheticMarket | ReplayMarket, Field(discriminator="source")],
    BeforeValidator(_synthetic_unless_told),
]


class Risk(Section):
    """Limits over all wallets."""

    gross_notional_usd_max: Money = Field(
        _RISK.gross_notional_usd_max, description="USD; worst-case exposure of the whole fleet."
    )
    daily_loss_pct_max: Percent = Field(
        _RISK.daily_loss_pct_max,
        description="% of the equity at the start of the UTC day; a breach halts the fleet.",
    )
    lease_ttl: LeaseDuration = Field(
        _RISK.lease_ttl,
        description="How long a wallet may add exposure without hearing from the guard; 1s to 1m.",
    )
    on_breach: HaltLevel = Field(_FLEET.on_breach, description="How far the halt after a breach goes.")

    def limits(self) -> FleetLimits:
        return FleetLimits(
            gross_notional_usd_max=self.gross_notional_usd_max,
            daily_loss_pct_max=self.daily_loss_pct_max,
            lease_ttl=self.lease_ttl,
        )


class DecisionPool(Section):
    """The actors that run executors for `advised` strategies."""

    actors: Annotated[int, Number, Field(ge=1, le=64)] = Field(
        _FLEET.decision_actors, description="How many."
    )
    deadline: PositiveDuration = Field(
        _FLEET.decision_deadline, description="The longest that one advice may take."
    )


class Limits(Section):
    """Limits of one wallet."""

    gross_notional_usd_max: Money | None = Field(
        _LIMITS.gross_notional_usd_max,
        description="USD; worst-case exposure; at most the fleet's, which is the default.",
    )
    order_notional_usd_max: Money | None = Field(
        _LIMITS.order_notional_usd_max,
        description="USD; the largest single order; no limit of its own by default.",
    )
    open_orders_max: Count = Field(_LIMITS.open_orders_max, description="Resting orders, stops included.")
    price_collar_pct: Percent = Field(
        _LIMITS.price_collar_pct,
        description="% from the mid that a limit price may be off on the losing side.",
    )
    market_data_age_max: PositiveDuration = Field(
        _LIMITS.market_data_age_max, description="Older market data opens no position."
    )
    orders_per_second_max: Annotated[int, Number, Field(ge=1, le=1000)] = Field(
        _LIMITS.orders_per_second_max,
        description="Orders sent; closing and cancelling are not counted against it.",
    )


def _mode(value: Any) -> Any:
    if value == "live":
        raise ValueError("venue paper has no live mode; write paper")
    return value


class Wallet(Section):
    """One exchange account. What it must not tell is checked to exist and goes no further than this file."""

    venue: Literal["paper"] = Field("paper", description="The exchange; `paper` is embedded.")
    mode: Annotated[Literal["paper"], BeforeValidator(_mode)] = Field(
        "paper", description="`paper` sends nothing to a real exchange."
    )
    account: str = Field(_WALLET.account, max_length=200, description="The account's name at the venue.")
    key: Secret | None = Field(None, description="The account's key. Secret: write `${NAME}`.")
    secret: Secret = Field(None, description="The key's secret. Secret: write `${NAME}`.")
    passphrase: Secret = Field(None, description="The key's passphrase. Secret: write `${NAME}`.")
    equity_usd: Money = Field(_WALLET.equity_usd, description="USD; what a new paper account starts with.")
    orphan_cancel_after: PositiveDuration = Field(
        _WALLET.orphan_cancel_after, description="A bot that is silent for so long loses its resting entries."
    )
    journal: Literal["fsync", "group"] = Field(
        "fsync",
        description="When an order is on disk: each by itself before it is sent, or several together.",
    )
    limits: Limits = Field(Limits(), description="Limits of this wallet.")

    def spec(self, name: str) -> WalletSpec:
        return WalletSpec(
            name=WalletId(name),
            venue=self.venue,
            mode=self.mode,
            account=self.account,
            equity_usd=self.equity_usd,
            limits=self.limits.into(WalletLimits),
            orphan_cancel_after=self.orphan_cancel_after,
            journal=self.journal,
        )


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
    sharpe_pause_threshold: Annotated[float, Number] = Field(
        _GUARDS.sharpe_pause_threshold, description="Sharpe ratio per trade below which the bot pauses."
    )
    pause_duration_on_breach: Duration = Field(
        _GUARDS.pause_duration_on_breach, description="How long it pauses."
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
        return self


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

    def spec(self, strategy: StrategySpec, symbols: tuple[Symbol, ...]) -> BotSpec:
        return BotSpec(
            name=BotId(self.name),
            wallet=WalletId(self.wallet),
            strategy=strategy,
            decision_interval=self.decision_interval,
            risk_params=self.risk_params.into(RiskParams),
            exec_guards=self.exec_guards.into(ExecGuards) if self.exec_guards else None,
            on_stop=self.on_stop,
            shared_symbol=self.shared_symbol,
            heartbeat_timeout=self.heartbeat_timeout,
            stop_grace=self.stop_grace,
            restart=self.restart.into(RestartPolicy),
            symbols=symbols,
        )


class BotsFile(Section):
    """What `flotilla bots add` reads."""

    env_file: str | None = Field(None, description="A file of `NAME=value` lines beside this one.")
    bots: tuple[Bot, ...] = Field(min_length=1, description="The bots to add.")


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
            decision_actors=self.decision.actors,
            decision_deadline=self.decision.deadline,
            wallets=tuple(wallet.spec(name) for name, wallet in self.wallets.items()),
            bots=bots,
        )
