"""What a wallet's journal holds: the facts from which its ledger is rebuilt."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from actors.order_state import OrderEvent, OrderState
from adapters.model import BotId, ClientOrderId, Fill, Order, Symbol
from config.spec import HaltLevel
from risk.intent import Purpose


class Protection(msgspec.Struct, frozen=True, array_like=True):
    """The stop and target prices that a position shall have at the venue."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


class Latch(msgspec.Struct, frozen=True, array_like=True):
    """One halt in force: ``scope`` is "fleet", "wallet:NAME" or "bot:NAME"."""

    scope: str
    level: HaltLevel
    generation: int
    reason: str = ""


class Intended(msgspec.Struct, frozen=True, tag=True):
    """An order is about to be sent."""

    order: Order
    bot: BotId
    purpose: Purpose
    exposure_usd: Decimal  # worst case that it reserves; 0 for orders that can only reduce
    protection: Protection
    at: datetime


class Learned(msgspec.Struct, frozen=True, tag=True):
    """News about an order, and where it is known from."""

    id: ClientOrderId
    event: OrderEvent
    proof: str
    at: datetime


class Traded(msgspec.Struct, frozen=True, tag=True):
    """One execution."""

    fill: Fill


class Crossed(msgspec.Struct, frozen=True, tag=True):
    """A holding went from one bot's book to another's, at a price, without the venue."""

    symbol: Symbol
    giver: BotId
    taker: BotId
    size: Decimal  # base, signed: what the giver held
    price: Decimal
    at: datetime


class Latched(msgspec.Struct, frozen=True, tag=True):
    """The halts in force from now on, all of them."""

    latches: tuple[Latch, ...]
    generation: int


class Seated(msgspec.Struct, frozen=True, tag=True):
    """From now on this is the bot's epoch; orders of an older one are refused."""

    bot: BotId
    epoch: int


class LeaseTaken(msgspec.Struct, frozen=True, tag=True):
    """The lease in force: only a higher (epoch, sequence) replaces it."""

    epoch: int
    sequence: int
    budget_usd: Decimal


class OrderLine(msgspec.Struct, frozen=True, array_like=True):
    """One order of a summary."""

    order: Order
    bot: BotId
    purpose: Purpose
    exposure_usd: Decimal
    protection: Protection
    at: datetime
    state: OrderState
    filled: Decimal
    cost_usd: Decimal
    proof: str


class BookLine(msgspec.Struct, frozen=True, array_like=True):
    """One bot's holding in one market, of a summary."""

    bot: BotId
    symbol: Symbol
    size: Decimal
    cost_usd: Decimal
    trade_usd: Decimal
    protection: Protection
    closed_at: datetime | None


class RecordLine(msgspec.Struct, frozen=True, array_like=True):
    """One bot's results, of a summary."""

    bot: BotId
    epoch: int
    realized_usd: Decimal
    fees_usd: Decimal
    wins: int
    trades: int
    recent_usd: tuple[Decimal, ...]


class Summary(msgspec.Struct, frozen=True, tag=True):
    """Everything that came before, in one record: what compaction writes."""

    orders: tuple[OrderLine, ...]
    books: tuple[BookLine, ...]
    records: tuple[RecordLine, ...]
    latches: tuple[Latch, ...]
    generation: int
    lease: LeaseTaken
    fill_sequence: int


LedgerEvent = Intended | Learned | Traded | Crossed | Latched | Seated | LeaseTaken | Summary
