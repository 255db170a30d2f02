"""What can be asked of the exchange endpoint, read strictly.

The venue hashes an action as it has understood it, not as it was sent: fields in its own order, unknown ones left out,
numbers without spare zeros. A signature over anything else recovers to an address that nobody has. So do these types:
``msgspec.to_builtins`` of one is what is hashed, hence the short names and the order of the fields.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

import msgspec

from adapters.simulators.hyperliquid.wire import plain

_NUMBER = re.compile(r"\d+(\.\d+)?")
_CLOID = re.compile(r"0x[0-9a-f]{32}")


class Struct(msgspec.Struct, frozen=True, omit_defaults=True):
    """Anything that is hashed."""


class Limit(Struct, frozen=True):
    """How long a limit order lives."""

    tif: Literal["Gtc", "Ioc", "Alo"]


class Trigger(Struct, frozen=True):
    """When a stop or target goes off, and whether at any price."""

    isMarket: bool  # noqa: N815 - the venue's name, as below
    triggerPx: str  # noqa: N815
    tpsl: Literal["tp", "sl"]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "triggerPx", _number(self.triggerPx))


class OrderKind(Struct, frozen=True):
    """A limit order or a trigger order."""

    limit: Limit | None = None
    trigger: Trigger | None = None

    def __post_init__(self) -> None:
        if (self.limit is None) == (self.trigger is None):
            raise ValueError("an order is a limit or a trigger order")


class OrderRequest(Struct, frozen=True):
    """One order."""

    a: int  # asset
    b: bool  # is a buy
    p: str  # price
    s: str  # size
    r: bool  # reduce only
    t: OrderKind
    c: str | None = None  # cloid

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "p", _number(self.p))
        msgspec.structs.force_setattr(self, "s", _number(self.s))
        if self.c is not None:
            _check_cloid(self.c)

    @property
    def price(self) -> Decimal:
        return Decimal(self.p)

    @property
    def size(self) -> Decimal:
        return Decimal(self.s)


class Builder(Struct, frozen=True):
    """Who is to get a fee besides the venue: taken note of, never charged."""

    b: str
    f: int


class PriorityFee(Struct, frozen=True):
    """Offered for being first: taken note of, never charged."""

    p: int


class PlaceOrders(Struct, frozen=True, tag_field="type", tag="order"):
    """Some orders, alone or as an entry with its exits."""

    orders: list[OrderRequest]
    grouping: Literal["na", "normalTpsl", "positionTpsl"] | PriorityFee
    builder: Builder | None = None


class CancelOne(Struct, frozen=True):
    """By the venue's number."""

    a: int
    o: int


class CancelOrders(Struct, frozen=True, tag_field="type", tag="cancel"):
    """Some cancels."""

    cancels: list[CancelOne]


class CancelOneByCloid(Struct, frozen=True):
    """By the client's name."""

    asset: int
    cloid: str


class CancelByCloid(Struct, frozen=True, tag_field="type", tag="cancelByCloid"):
    """Some cancels."""

    cancels: list[CancelOneByCloid]


class ModifyOne(Struct, frozen=True):
    """Cancel this, place that."""

    oid: int | str
    order: OrderRequest


class Modify(Struct, frozen=True, tag_field="type", tag="modify"):
    """One order."""

    oid: int | str
    order: OrderRequest


class ModifyOrders(Struct, frozen=True, tag_field="type", tag="batchModify"):
    """Some orders."""

    modifies: list[ModifyOne]


class UpdateLeverage(Struct, frozen=True, tag_field="type", tag="updateLeverage"):
    """For the next orders, and for the margin of the position."""

    asset: int
    isCross: bool  # noqa: N815
    leverage: int


class UpdateIsolatedMargin(Struct, frozen=True, tag_field="type", tag="updateIsolatedMargin"):
    """More or less margin for one position; millionths of a dollar."""

    asset: int
    isBuy: bool  # noqa: N815
    ntli: int


class ScheduleCancel(Struct, frozen=True, tag_field="type", tag="scheduleCancel"):
    """Cancel everything then, in milliseconds; without a time: never mind."""

    time: int | None = None


class Noop(Struct, frozen=True, tag_field="type", tag="noop"):
    """Nothing but its nonce."""


class SetReferrer(Struct, frozen=True, tag_field="type", tag="setReferrer"):
    """Taken note of."""

    code: str


class CreateSubAccount(Struct, frozen=True, tag_field="type", tag="createSubAccount"):
    """A second account of the same owner."""

    name: str


class SubAccountTransfer(Struct, frozen=True, tag_field="type", tag="subAccountTransfer"):
    """To or from a second account; millionths of a dollar."""

    subAccountUser: str  # noqa: N815
    isDeposit: bool  # noqa: N815
    usd: int


class VaultTransfer(Struct, frozen=True, tag_field="type", tag="vaultTransfer"):
    """To or from a vault; millionths of a dollar."""

    vaultAddress: str  # noqa: N815
    isDeposit: bool  # noqa: N815
    usd: int


class ApproveAgent(Struct, frozen=True, tag_field="type", tag="approveAgent"):
    """Another key may trade for the signer."""

    hyperliquidChain: str  # noqa: N815
    agentAddress: str  # noqa: N815
    nonce: int
    agentName: str = ""  # noqa: N815


class ApproveBuilderFee(Struct, frozen=True, tag_field="type", tag="approveBuilderFee"):
    """Taken note of."""

    hyperliquidChain: str  # noqa: N815
    maxFeeRate: str  # noqa: N815
    builder: str
    nonce: int


class UsdClassTransfer(Struct, frozen=True, tag_field="type", tag="usdClassTransfer"):
    """Between the signer's perpetuals and his spot account."""

    hyperliquidChain: str  # noqa: N815
    amount: str
    toPerp: bool  # noqa: N815
    nonce: int


class UsdSend(Struct, frozen=True, tag_field="type", tag="usdSend"):
    """To another user's perpetuals account."""

    hyperliquidChain: str  # noqa: N815
    destination: str
    amount: str
    time: int


UserAction = ApproveAgent | ApproveBuilderFee | UsdClassTransfer | UsdSend
TradeAction = (
    PlaceOrders
    | CancelOrders
    | CancelByCloid
    | Modify
    | ModifyOrders
    | UpdateLeverage
    | UpdateIsolatedMargin
    | ScheduleCancel
    | Noop
    | SetReferrer
    | CreateSubAccount
    | SubAccountTransfer
    | VaultTransfer
)
Action = TradeAction | UserAction


class Signature(msgspec.Struct, frozen=True):
    """Of the action's hash."""

    r: str
    s: str
    v: int


class Request(msgspec.Struct, frozen=True):
    """The body of a post to the exchange endpoint; the action still as it was sent."""

    action: dict[str, object]
    nonce: int
    signature: Signature
    vaultAddress: str | None = None  # noqa: N815
    expiresAfter: int | None = None  # noqa: N815


def _number(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    return plain(Decimal(text))


def _check_cloid(text: str) -> None:
    if not _CLOID.fullmatch(text):
        raise ValueError(f"{text!r} is no cloid")
