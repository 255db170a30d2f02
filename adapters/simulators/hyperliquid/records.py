"""What the venue remembers of each user beside his orders, and how it tells a fill."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b

from adapters.model import ZERO, Fill, FundingDue, Liquidity, Side, Symbol
from adapters.paper.ledger import Holding
from adapters.simulators.hyperliquid.listing import Asset
from adapters.simulators.hyperliquid.orders import VenueOrder
from adapters.simulators.hyperliquid.wire import Json, millis, number, side_letter, usd

FILLS_KEPT = 10_000
TOLD_MAX = 2000  # fills or orders in one answer
NO_HASH = "0x" + 64 * "0"


@dataclass(slots=True, kw_only=True)
class Margin:
    """How a user wants one perpetual to be backed."""

    leverage: int
    is_cross: bool = True
    added: Decimal = ZERO  # USD, to an isolated position


@dataclass(slots=True, kw_only=True)
class FundingSums:
    """USD paid for one position; negative was received."""

    all_time: Decimal = ZERO
    since_open: Decimal = ZERO
    since_change: Decimal = ZERO


@dataclass(slots=True)
class Record:
    """One user."""

    volume: Decimal = ZERO  # USD traded, ever
    requests: int = 0  # actions, ever
    margins: dict[Symbol, Margin] = field(default_factory=dict)
    holdings: dict[Symbol, Holding] = field(default_factory=dict)
    funding: dict[Symbol, FundingSums] = field(default_factory=dict)
    fills: deque[Json] = field(default_factory=lambda: deque(maxlen=FILLS_KEPT))  # oldest first
    fundings: deque[Json] = field(default_factory=lambda: deque(maxlen=FILLS_KEPT))
    updates: list[Json] = field(default_factory=list)  # deposits and transfers

    def margin(self, asset: Asset) -> Margin:
        """The user's setting, or the venue's first one."""
        return self.margins.setdefault(asset.symbol, Margin(leverage=asset.leverage_at_first))

    def sums(self, symbol: Symbol) -> FundingSums:
        return self.funding.setdefault(symbol, FundingSums())

    def take_fill(self, order: VenueOrder, fill: Fill, trade: int) -> Json:
        """Book a fill, and tell it."""
        held = self.holdings.setdefault(fill.symbol, Holding())
        told = _told(order, fill, held, trade)
        held.add(fill.size * fill.side.sign, fill.price)
        self.volume += fill.price * fill.size
        sums = self.sums(fill.symbol)
        sums.since_change = ZERO
        if not held.size:
            sums.since_open = ZERO
        self.fills.append(told)
        return told

    def take_funding(self, due: FundingDue) -> Json | None:
        """Book what the user pays or receives, and tell it; None when he holds nothing."""
        held = self.holdings.get(due.symbol)
        if held is None or not held.size:
            return None
        paid = held.size * due.mark_price * due.rate
        sums = self.sums(due.symbol)
        sums.all_time += paid
        sums.since_open += paid
        sums.since_change += paid
        told: Json = {
            "time": millis(due.at),
            "hash": NO_HASH,
            "delta": {
                "type": "funding",
                "coin": due.symbol,
                "usdc": usd(-paid),
                "szi": number(held.size),
                "fundingRate": number(due.rate),
                "nSamples": None,
            },
        }
        self.fundings.append(told)
        return told


def _told(order: VenueOrder, fill: Fill, before: Holding, trade: int) -> Json:
    signed = fill.size * fill.side.sign
    closed = min(fill.size, abs(before.size)) if signed * before.size < 0 else ZERO
    gain = (fill.price - before.entry_price) * closed * (1 if before.size > 0 else -1)
    told: Json = {
        "coin": order.asset.coin,
        "px": number(fill.price),
        "sz": number(fill.size),
        "side": side_letter(fill.side),
        "time": millis(fill.at),
        "startPosition": number(before.size),
        "dir": _direction(order.asset, fill, before.size),
        "closedPnl": usd(gain),
        "hash": "0x" + blake2b(fill.id.encode(), digest_size=32).hexdigest(),
        "oid": order.oid,
        "crossed": fill.liquidity is Liquidity.TAKER,
        "fee": usd(fill.fee),
        "tid": trade,
        "feeToken": "USDC",
        "twapId": None,
    }
    if order.cloid is not None:
        told["cloid"] = order.cloid
    if order.status == "liquidatedCanceled" or order.kind == "Market":
        told["liquidation"] = {
            "liquidatedUser": order.user,
            "markPx": number(fill.price),
            "method": "market",
        }
    return told


def _direction(asset: Asset, fill: Fill, before: Decimal) -> str:
    is_buy = fill.side is Side.BUY
    if asset.is_spot:
        return "Buy" if is_buy else "Sell"
    if not before or (before > 0) == is_buy:
        return "Open Long" if is_buy else "Open Short"
    if fill.size > abs(before):
        return "Short > Long" if is_buy else "Long > Short"
    return "Close Short" if is_buy else "Close Long"
