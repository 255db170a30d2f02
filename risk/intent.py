"""An intent: one leg of a decision on its way to becoming an order, and the identity that it keeps for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache

from adapters.model import BotId, ClientOrderId, OrderType, Side, Symbol, TimeInForce

PREFIX = "f107"  # marks an order as ours at any venue


class Purpose(StrEnum):
    """Why an order exists. Only OPEN and QUOTE can add exposure."""

    OPEN = "open"
    QUOTE = "quote"
    CLOSE = "close"
    STOP = "stop"
    TARGET = "target"

    @property
    def reduces(self) -> bool:
        return self is not Purpose.OPEN and self is not Purpose.QUOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a bot asks of its wallet."""

    id: ClientOrderId
    bot: BotId
    cycle: int
    symbol: Symbol
    side: Side
    purpose: Purpose
    size: Decimal  # base
    type: OrderType = OrderType.MARKET
    price: Decimal | None = None  # limit price
    trigger: Decimal | None = None
    tif: TimeInForce = TimeInForce.IOC
    leverage: int | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    confidence: int = 100


@cache
def bot_tag(bot: BotId) -> str:
    """Eight hex digits that name the bot inside a client order id."""
    return hashlib.blake2b(bot.encode(), digest_size=4).hexdigest()


def client_order_id(bot: BotId, epoch: int, cycle: int, leg: int) -> ClientOrderId:
    """The identity of one leg: 4 digits prefix, 8 bot, 6 epoch, 10 cycle, 4 leg; 32 hex digits in all.

    It comes from the decision, never from the clock, so that a retry has the same id and two honest equal orders
    have two. 128 bits as hex is the narrowest form that every venue takes (Hyperliquid's ``cloid``).

    Raises:
        ValueError: a number does not fit its digits.
    """
    if not (0 <= epoch < 16**6 and 0 <= cycle < 16**10 and 0 <= leg < 16**4):
        raise ValueError(f"epoch {epoch}, cycle {cycle} or leg {leg} does not fit a client order id")
    return ClientOrderId(f"{PREFIX}{bot_tag(bot)}{epoch:06x}{cycle:010x}{leg:04x}")


def is_ours(order_id: str) -> bool:
    """Whether the id was made by ``client_order_id``."""
    return len(order_id) == 32 and order_id.startswith(PREFIX)


def decision_of(order_id: ClientOrderId) -> str:
    """The part of the id that all legs of one decision share: prefix, bot, epoch and cycle."""
    return order_id[:28]


def tag_of(order_id: ClientOrderId) -> str:
    """The tag of the bot that made the order; see ``bot_tag``."""
    return order_id[4:12]
