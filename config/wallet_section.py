"""The keys of one wallet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from adapters.model import WalletId
from config.field_types import Count, Money, Network, Number, Percent, PositiveDuration, Secret, SymbolName
from config.section import Section
from config.spec import ForeignOrders, UnknownOrders, WalletSpec
from risk.limits import WalletLimits

_LIMITS = WalletLimits()
_WALLET = WalletSpec(name=WalletId(""))
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


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


class Wallet(Section):
    """One exchange account. What it must not tell is checked to exist and goes no further than this file."""

    venue: Literal["paper", "hyperliquid"] = Field("paper", description="The exchange; `paper` is embedded.")
    mode: Literal["paper", "live"] = Field(
        "paper",
        description="`paper` sends nothing to a real exchange; `live` does, if `flotilla up` has `--live` too.",
    )
    network: Network = Field(
        _WALLET.network, description="`mainnet`, `testnet`, or the base URL of a venue of one's own."
    )
    account: str = Field(
        _WALLET.account, max_length=200, description="The account's name, or its address, at the venue."
    )
    vault: str = Field(
        _WALLET.vault,
        max_length=200,
        description="The vault or sub-account that is traded for; by default none.",
    )
    margin: Literal["cross", "isolated"] = Field(
        "cross", description="Whether all positions share the account's margin, or each has its own."
    )
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

    @field_validator("mode")
    @classmethod
    def _has_one(cls, value: str, info: ValidationInfo) -> str:
        if value == "live" and info.data.get("venue") == "paper":
            raise ValueError("venue paper has no live mode; write paper")
        return value

    @property
    def secrets(self) -> dict[str, str]:
        """What the wallet signs with, by key; empty in paper mode, which needs none."""
        given = {"key": self.key, "secret": self.secret, "passphrase": self.passphrase}
        is_live = self.mode == "live"
        return {
            name: value.get_secret_value() for name, value in given.items() if is_live and value is not None
        }

    def flaws(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What the venue has no use for, and what a live wallet needs and does not have."""
        if self.venue == "paper":
            for name in ("network", "vault", "margin"):
                if getattr(self, name) != getattr(_WALLET, name):
                    yield (name,), "has no effect at venue paper; remove it"
        if self.mode != "live":
            return
        if self.key is None:
            yield ("key",), "is missing; a live wallet signs with it: write ${NAME}"
        for name in ("account", "vault"):
            address = getattr(self, name)
            if address and not ADDRESS.fullmatch(address):
                yield (name,), "is no address; write 0x and 40 hexadecimal digits"
        if not self.account:
            yield (
                ("account",),
                "is missing; write the address of the account, also where an API wallet signs for it",
            )

    def spec(self, name: str) -> WalletSpec:
        return WalletSpec(
            name=WalletId(name),
            venue=self.venue,
            mode=self.mode,
            network=self.network,
            account=self.account,
            vault=self.vault,
            margin=self.margin,
            equity_usd=self.equity_usd,
            limits=self.limits.into(WalletLimits),
            orphan_cancel_after=self.orphan_cancel_after,
            unknown_orders=self.unknown_orders,
            foreign_orders=self.foreign_orders,
            journal=self.journal,
        )
