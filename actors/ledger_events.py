"""What a wallet's journal holds: the facts from which its ledger is rebuilt."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from actors.order_state import OrderEvent, OrderState
from adapters.model import BotId, ClientOrderId, Fill, Order, Symbol
from config.spec import ExitMode, HaltLevel
from risk.intent import Purpose


class Protection(msgspec.Struct, frozen=True, array_like=True):
    """The stop and target prices that a position shall have at the venue."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


class HaltCause(StrEnum):
    """Why a halt was set."""

    OPERATOR = "operator"
    DRILL = "drill"  # lifted again by the command that set it, and only by itself
    LOSS = "loss"  # of the day, or from the peak
    DISTRESS = "distress"  # a wallet failed to know what it must, or asked for it
    IRRECOVERABLE = "irrecoverable"  # a strategy gave up
    AMNESIA = "amnesia"  # a wallet has heard of halts that the store does not know


class Latch(msgspec.Struct, frozen=True, array_like=True):
    """One halt in force: ``scope`` is "fleet", "wallet:NAME" or "bot:NAME".

    Generation 0 is a wallet's own, of which the kill switch does not know yet.
    """

    scope: str
    level: HaltLevel
    generation: int
    reason: str = ""
    cause: HaltCause = HaltCause.OPERATOR


class Intended(msgspec.Struct, frozen=True, tag=True):
    """An order is about to be sent, or was found."""

    order: Order
    bot: BotId
    purpose: Purpose
    reserve_price: Decimal  # at which its exposure is counted; 0 for orders that can only reduce
    protection: Protection
    at: datetime
    is_adopted: bool = False  # found at the venue; else written ahead


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


class Leaving(msgspec.Struct, frozen=True, tag=True):
    """The bot is on its way out in this mode, or, with ``None``, no more."""

    bot: BotId
    mode: ExitMode | None


class Began(msgspec.Struct, frozen=True, tag=True):
    """An incarnation of the wallet goes on with this journal; what it does from here on is in it."""

    incarnation: int


class LeaseTaken(msgspec.Struct, frozen=True, tag=True):
    """The lease in force: only a higher (epoch, sequence) replaces it. Its holder had this journal, whole."""

    epoch: int
    sequence: int
    budget_usd: Decimal
    incarnation: int = 0  # of the wallet


class OrderLine(msgspec.Struct, frozen=True, array_like=True):
    """One order of a summary."""

    order: Order
    bot: BotId
    purpose: Purpose
    reserve_price: Decimal
    protection: Protection
    at: datetime
    state: OrderState
    filled: Decimal
    cost_usd: Decimal
    proof: str
    is_adopted: bool


class BookLine(msgspec.Struct, frozen=True, array_like=True):
    """One bot's holding in one market, of a summary."""

    bot: BotId
    symbol: Symbol
    size: Decimal
    cost_usd: Decimal
    trade_usd: Decimal
    protection: Protection
    closed_at: datetime | None


class NetLine(msgspec.Struct, frozen=True, array_like=True):
    """The account's own position in one market, of a summary."""

    symbol: Symbol
    size: Decimal
    cost_usd: Decimal


class RecordLine(msgspec.Struct, frozen=True, array_like=True):
    """One bot's results, of a summary."""

    bot: BotId
    epoch: int
    realized_usd: Decimal
    fees_usd: Decimal
    wins: int
    trades: int
    recent_usd: tuple[Decimal, ...]  # of its last round trips
    recent_at: tuple[datetime, ...] = ()  # when each was flat again; empty in older journals


class Summary(msgspec.Struct, frozen=True, tag=True):
    """Everything that came before, in one record: what compaction writes."""

    orders: tuple[OrderLine, ...]
    books: tuple[BookLine, ...]
    nets: tuple[NetLine, ...]
    records: tuple[RecordLine, ...]
    latches: tuple[Latch, ...]
    generation: int
    lease: LeaseTaken
    began: tuple[int, ...]
    leaving: tuple[Leaving, ...]
    fill_sequence: int
    unclaimed: tuple[tuple[ClientOrderId, Decimal], ...]


LedgerEvent = (
    Intended | Learned | Traded | Crossed | Latched | Seated | Leaving | Began | LeaseTaken | Summary
)
