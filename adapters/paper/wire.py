"""What is said between the paper exchange and its customers: the ``Venue`` verbs, and news."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from adapters.link import Protocols
from adapters.model import (
    Account,
    Bar,
    ClientOrderId,
    Fill,
    Instrument,
    MarketContext,
    Order,
    OrderReport,
    Position,
    Quote,
    Symbol,
    Trade,
)


class Open(msgspec.Struct, frozen=True, tag=True):
    """Speak for this account from now on, opened with a deposit if it is new; also what the markets are."""

    account: str
    cash_usd: Decimal


class Listing(msgspec.Struct, frozen=True, tag=True):
    """The markets."""

    instruments: Mapping[Symbol, Instrument]


class Place(msgspec.Struct, frozen=True, tag=True):
    """Answered with ``Reported``."""

    order: Order


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Answered with ``Reported``."""

    id: ClientOrderId


class Ask(msgspec.Struct, frozen=True, tag=True):
    """The order by its id. Answered with ``Reported``."""

    id: ClientOrderId


class AskOpen(msgspec.Struct, frozen=True, tag=True):
    """All open orders. Answered with ``AllReported``."""


class AskPositions(msgspec.Struct, frozen=True, tag=True):
    """Answered with ``Positions``."""


class AskAccount(msgspec.Struct, frozen=True, tag=True):
    """Answered with ``Worth``."""


class AskFills(msgspec.Struct, frozen=True, tag=True):
    """Fills above the number. Answered with ``Fills``."""

    sequence: int


class Follow(msgspec.Struct, frozen=True, tag=True):
    """Send me the market's news, the recent past first as bars. Answered with ``Listing``."""


class Reported(msgspec.Struct, frozen=True, tag=True):
    """One order; also sent as news of the account's orders."""

    report: OrderReport


class AllReported(msgspec.Struct, frozen=True, tag=True):
    """Several orders."""

    reports: tuple[OrderReport, ...]


class Positions(msgspec.Struct, frozen=True, tag=True):
    """Non-zero positions."""

    positions: tuple[Position, ...]


class Worth(msgspec.Struct, frozen=True, tag=True):
    """The account."""

    account: Account


class Fills(msgspec.Struct, frozen=True, tag=True):
    """Some fills, oldest first."""

    fills: tuple[Fill, ...]


class Filled(msgspec.Struct, frozen=True, tag=True):
    """News: one of the account's orders traded."""

    fill: Fill


class Quoted(msgspec.Struct, frozen=True, tag=True):
    """News of a market."""

    quote: Quote


class Traded(msgspec.Struct, frozen=True, tag=True):
    """News of a market."""

    trade: Trade


class Closed(msgspec.Struct, frozen=True, tag=True):
    """News of a market: a bar."""

    bar: Bar


class Marked(msgspec.Struct, frozen=True, tag=True):
    """News of a market."""

    context: MarketContext


PaperRequest = Open | Place | Cancel | Ask | AskOpen | AskPositions | AskAccount | AskFills | Follow
PaperReply = Listing | Reported | AllReported | Positions | Worth | Fills
PaperNews = Reported | Filled | Quoted | Traded | Closed | Marked
PAPER_LINK = Protocols.of(requests=PaperRequest, replies=PaperReply, notices=PaperNews)
