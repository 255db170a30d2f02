"""Protective orders: exactly one stop and at most one target per holding, for what is really held."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from actors.ledger import BotBook, LedgerOrder
from actors.ledger_events import Protection
from actors.order_state import OrderState
from adapters.model import ClientOrderId, Instrument, OrderType, Side, Symbol
from risk.intent import Purpose
from risk.limits import RiskParams

_HUNDRED = Decimal(100)
_TYPES = {Purpose.STOP: OrderType.STOP, Purpose.TARGET: OrderType.TAKE_PROFIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is to be protected, and what is known around it."""

    symbol: Symbol
    book: BotBook  # with the prices that its stop and target shall have, if its orders named any
    live: Sequence[LedgerOrder]  # the bot's live orders in the market
    instrument: Instrument
    net: Decimal  # the account's position in the market; base, signed
    params: RiskParams | None  # None while the bot has no seat: then what protects it stays as it is
    liquidation_price: Decimal | None = None  # as the venue last said
    moved_s: Mapping[Purpose, float] = field(default_factory=dict)  # since its guards were last placed

    @property
    def side(self) -> Side:
        """Of the orders that reduce it."""
        return Side.SELL if self.book.size > 0 else Side.BUY


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarding:
    """A protective order that is wanted and missing."""

    symbol: Symbol
    side: Side
    size: Decimal
    trigger: Decimal
    type: OrderType
    purpose: Purpose
    inherited: Protection  # the prices that it goes on with, where only older guards name them


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionSteps:
    """What is missing and what is too much; an old guard counts as too much only once the new one rests."""

    place: tuple[Guarding, ...] = ()
    cancel: tuple[ClientOrderId, ...] = ()
    is_delayed: bool = False  # a guard is to move, but moved too short a while ago
    refused: str = ""  # why the stop must not be placed: the holding is to be closed


def protect(holding: Holding) -> ProtectionSteps:
    """The steps from the guards that there are to those that there shall be.

    A guard that covers the holding moves by ``stop_move_min_pct`` at least, and once in ``stop_move_interval``. Where
    a part has none, nothing is waited for. Prices are rounded toward the entry, so that a stop never loses more than
    declared.
    """
    book, live = holding.book, holding.live
    inherited = _inherited(holding)
    prices = book.protection if book.protection != Protection() else inherited
    wanted = {Purpose.STOP: prices.stop_loss or _derived_stop(holding), Purpose.TARGET: prices.take_profit}
    place: list[Guarding] = []
    cancel: list[LedgerOrder] = []
    is_delayed = False
    for purpose, price in wanted.items():
        guards = [order for order in live if order.purpose is purpose]
        fitting_side = [order for order in guards if order.order.side is holding.side]
        if not book.size or price is None:
            cancel += guards
            continue
        cancel += [order for order in guards if order.order.side is not holding.side]
        trigger = holding.instrument.round_price(price, holding.side)
        kept = _kept(holding, fitting_side, trigger)
        best = kept or _waiting(holding, fitting_side, purpose)
        is_delayed |= kept is None and best is not None
        if best is None:
            place.append(
                Guarding(
                    symbol=holding.symbol,
                    side=holding.side,
                    size=abs(book.size),
                    trigger=trigger,
                    type=_TYPES[purpose],
                    purpose=purpose,
                    inherited=inherited if book.protection == Protection() else Protection(),
                )
            )
        elif best.state is OrderState.OPEN:
            cancel += [order for order in fitting_side if order is not best]
    refused = next((reason for guard in place if (reason := _beyond_liquidation(holding, guard))), "")
    return ProtectionSteps(
        place=tuple(place),
        cancel=tuple(order.order.id for order in cancel if order.state is OrderState.OPEN),
        is_delayed=is_delayed,
        refused=refused,
    )


def is_bare(holding: Holding) -> bool:
    """Whether a part of the holding has no stop that rests at the venue, although it can have one.

    Bots that lean against the account's position have none: a reduce-only order finds nothing to reduce there, and
    what the account can lose is covered by the stops of the others.
    """
    size = abs(holding.book.size)
    return holding.book.size * holding.net > 0 and not any(
        order.state is OrderState.OPEN and order.remaining >= size
        for order in holding.live
        if order.purpose is Purpose.STOP and order.order.side is holding.side
    )


def _kept(holding: Holding, guards: Sequence[LedgerOrder], trigger: Decimal) -> LedgerOrder | None:
    """The guard that is right as it is, or not wrong enough to be moved."""
    least = trigger * holding.params.stop_move_min_pct / _HUNDRED if holding.params else Decimal(0)
    fitting = [order for order in guards if order.remaining == abs(holding.book.size)]
    fitting.sort(key=lambda order: (_off(order, trigger), order.state is not OrderState.OPEN))
    if fitting and (_off(fitting[0], trigger) == 0 or _off(fitting[0], trigger) < least):
        return fitting[0]
    return None


def _waiting(holding: Holding, guards: Sequence[LedgerOrder], purpose: Purpose) -> LedgerOrder | None:
    """The guard that is to move and has to wait: it covers the holding, and the venue cuts what is too much of it."""
    size = abs(holding.book.size)
    if holding.params is None or abs(holding.net) > size:
        covering = [order for order in guards if order.remaining == size]
    else:
        covering = [order for order in guards if order.remaining >= size]
    interval_s = holding.params.stop_move_interval.total_seconds() if holding.params else 0.0
    if not covering or holding.moved_s.get(purpose, math.inf) >= interval_s:
        return None
    return covering[-1]


def _off(order: LedgerOrder, trigger: Decimal) -> Decimal:
    return abs((order.order.trigger or trigger) - trigger)


def _derived_stop(holding: Holding) -> Decimal | None:
    """A stop for a holding that named none: so far from its entry, but well before the venue would close it.

    None for a bot that leans against the account: see ``is_bare``.
    """
    book = holding.book
    if book.size * holding.net <= 0:
        return None
    params = holding.params or RiskParams()
    distance = book.entry_price * params.protective_stop_pct / _HUNDRED
    if holding.liquidation_price is not None:
        distance = min(distance, abs(book.entry_price - holding.liquidation_price) / 2)
    return book.entry_price - distance if book.size > 0 else book.entry_price + distance


def _beyond_liquidation(holding: Holding, guard: Guarding) -> str:
    limit = holding.liquidation_price
    if guard.purpose is not Purpose.STOP or limit is None:
        return ""
    if (guard.trigger <= limit) if guard.side is Side.SELL else (guard.trigger >= limit):
        return f"a stop at {guard.trigger} lies beyond the liquidation price {limit:f}"
    return ""


def _inherited(holding: Holding) -> Protection:
    """After a lost journal, what rests at the venue is all that is known of how a holding shall be protected."""
    found: dict[Purpose, Decimal | None] = {}
    for order in holding.live:
        if order.purpose not in _TYPES or order.order.side is not holding.side:
            continue
        if order.is_adopted or holding.params is None:
            found[order.purpose] = order.order.trigger
        elif order.protection != Protection():
            found.setdefault(Purpose.STOP, order.protection.stop_loss)
            found.setdefault(Purpose.TARGET, order.protection.take_profit)
    return Protection(found.get(Purpose.STOP), found.get(Purpose.TARGET))
