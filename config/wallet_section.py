"""The keys of one wallet."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from adapters.model import WalletId
from config.field_types import Count, Money, Number, Percent, PositiveDuration, Secret, SymbolName
from config.section import Section
from config.spec import ForeignOrders, UnknownOrders, WalletSpec
from risk.limits import WalletLimits

_LIMITS = WalletLimits()
_WALLET = WalletSpec(name=WalletId(""))


class Limits(Section):
    """Limits of one wallet."""

    gross_notional_usd_max: Money | None = Field(
        _LIMITS.gross_notional_usd_max,
        description="USD; worst-case exposure; at most the fleet's, which is the default.",
    )
    position_notional_usd_max: Money | None = Field(
        _LIMITS.position_notional_usd_max,
        description="USD; worst-case exposure in one market, all its bots together; no limit of its own by default.",
    )
    order_notional_usd_max: Money | None = Field(
        _LIMITS.order_notional_usd_max,
        description="USD; the largest single order; by default a tenth of `gross_notional_usd_max`, or of the lease, "
        "but at least 1000.",
    )
    order_size_max: dict[SymbolName, Annotated[Decimal, Number, Field(gt=0)]] = Field(
        {},
        description="Base units; the largest single order, by market, such as `{BTC: 0.5}`.",
    )
    open_orders_max: Count = Field(_LIMITS.open_orders_max, description="Resting orders, stops included.")
    open_orders_per_symbol_max: Count = Field(
        _LIMITS.open_orders_per_symbol_max, description="Resting orders in one market, stops included."
    )
    price_collar_pct: Percent = Field(
        _LIMITS.price_collar_pct,
        description="% from the mid that a limit price may be off on the losing side.",
    )
    price_collar_major_pct: Percent = Field(
        _LIMITS.price_collar_major_pct,
        description="The same for BTC and ETH, where `price_collar_pct` is not narrower.",
    )
    market_data_age_max: PositiveDuration = Field(
        _LIMITS.market_data_age_max, description="Older market data opens nothing in its market."
    )
    market_data_lost_after: PositiveDuration = Field(
        _LIMITS.market_data_lost_after,
        description="Without prices of a market that it is in for so long, the wallet opens nothing anywhere.",
    )
    orders_per_second_max: Annotated[int, Number, Field(ge=1, le=1000)] = Field(
        _LIMITS.orders_per_second_max,
        description="Orders sent; closing and cancelling are not counted against it.",
    )
    unknown_orders_max: Annotated[int, Number, Field(ge=0, le=100_000)] = Field(
        _LIMITS.unknown_orders_max,
        description="Orders of unknown outcome; with more of them the wallet opens nothing.",
    )
    unknown_order_age_max: PositiveDuration = Field(
        _LIMITS.unknown_order_age_max,
        description="With an order whose outcome is unknown for longer, the wallet opens nothing.",
    )
    unprotected_max: PositiveDuration = Field(
        _LIMITS.unprotected_max,
        description="A position that misses the stop it shall have for longer is closed.",
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
    key: Secret = Field(None, description="The account's key. Secret: write `${NAME}`.")
    secret: Secret = Field(None, description="The key's secret. Secret: write `${NAME}`.")
    passphrase: Secret = Field(None, description="The key's passphrase. Secret: write `${NAME}`.")
    equity_usd: Money = Field(_WALLET.equity_usd, description="USD; what a new paper account starts with.")
    orphan_cancel_after: PositiveDuration = Field(
        _WALLET.orphan_cancel_after, description="A bot that is silent for so long loses its resting entries."
    )
    unknown_orders: UnknownOrders = Field(
        _WALLET.unknown_orders,
        description="What becomes of entries with our id that no journal has; stops and targets are adopted.",
    )
    foreign_orders: ForeignOrders = Field(
        _WALLET.foreign_orders, description="What becomes of orders on the account that are not ours."
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
            unknown_orders=self.unknown_orders,
            foreign_orders=self.foreign_orders,
            journal=self.journal,
        )
