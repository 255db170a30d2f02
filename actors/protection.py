"""Protective orders: exactly one stop and at most one target per holding, for what is really held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from actors.ledger import BotBook, LedgerOrder
from actors.ledger_events import Protection
from actors.order_state import OrderState
from adapters.model import ClientOrderId, Instrument, OrderType, Side, Symbol
from risk.intent import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarding:
    """A protective order that is wanted and missing."""

    symbol: Symbol
    side: Side
    size: Decimal
    trigger: Decimal
    type: OrderType
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionSteps:
    """Placed first, cancelled after: a position is never without its stop while it is replaced."""

    place: tuple[Guarding, ...] = ()
    cancel: tuple[ClientOrderId, ...] = ()


def protect(
    symbol: Symbol, book: BotBook, live: Sequence[LedgerOrder], instrument: Instrument
) -> ProtectionSteps:
    """What is missing and what is too much among the holding's protective orders.

    Args:
        symbol: the market.
        book: the bot's holding there, with the prices its stop and target shall have.
        live: the bot's live orders there.
        instrument: for the tick. A stop is rounded toward the entry, so that it never loses more than declared.
    """
    place: list[Guarding] = []
    cancel: list[ClientOrderId] = []
    side = Side.SELL if book.size > 0 else Side.BUY
    prices = book.protection if book.protection != Protection() else _resting(live)
    wanted = {
        Purpose.STOP: (OrderType.STOP, prices.stop_loss),
        Purpose.TARGET: (OrderType.TAKE_PROFIT, prices.take_profit),
    }
    for purpose, (kind, price) in wanted.items():
        resting = [order for order in live if order.purpose is purpose]
        if not book.size or price is None:
            cancel += [order.order.id for order in resting if order.state is OrderState.OPEN]
            continue
        trigger = instrument.round_price(price, side)
        size = abs(book.size)
        fitting = [
            order
            for order in resting
            if order.remaining == size and order.order.trigger == trigger and order.order.side is side
        ]
        if not fitting:
            place.append(
                Guarding(symbol=symbol, side=side, size=size, trigger=trigger, type=kind, purpose=purpose)
            )
        surplus = [order for order in resting if order not in fitting[:1]]
        cancel += [order.order.id for order in surplus if order.state is OrderState.OPEN]
    return ProtectionSteps(place=tuple(place), cancel=tuple(cancel))


def _resting(live: Sequence[LedgerOrder]) -> Protection:
    """After a lost journal, what rests at the venue is all that is known of how a holding shall be protected."""
    triggers = {order.purpose: order.order.trigger for order in live}
    return Protection(triggers.get(Purpose.STOP), triggers.get(Purpose.TARGET))
