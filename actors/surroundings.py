"""What an intent finds in its wallet: the live orders around it, in one pass over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from actors.ledger import LedgerOrder
from actors.order_state import OrderState
from adapters.model import ZERO, BotId, Side, Symbol, TimeInForce


@dataclass(slots=True)
class Surroundings:
    """Seen from one bot in one market, but for the last two fields."""

    buys: Decimal = ZERO  # of the bot's orders that could add exposure; base
    sells: Decimal = ZERO
    others_bid: Decimal | None = None  # the highest that another bot has resting
    others_ask: Decimal | None = None
    orders: int = 0  # of all bots in the market
    unknown: int = 0  # of the whole wallet
    unknown_since: datetime | None = None  # the oldest of them


def surroundings(live: Iterable[LedgerOrder], bot: BotId, symbol: Symbol) -> Surroundings:
    """Count the wallet's live orders for an intent of this bot in this market."""
    seen = Surroundings()
    for known in live:
        order = known.order
        if known.state is OrderState.UNKNOWN:
            seen.unknown += 1
            if seen.unknown_since is None or known.at < seen.unknown_since:
                seen.unknown_since = known.at
        if order.symbol != symbol:
            continue
        seen.orders += 1
        if known.bot == bot:
            if not known.purpose.reduces:
                if order.side is Side.BUY:
                    seen.buys += known.remaining
                else:
                    seen.sells += known.remaining
        elif order.price is not None and order.tif is not TimeInForce.IOC:
            if order.side is Side.BUY:
                seen.others_bid = max(seen.others_bid or order.price, order.price)
            else:
                seen.others_ask = min(seen.others_ask or order.price, order.price)
    return seen
