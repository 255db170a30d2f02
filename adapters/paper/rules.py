"""What the exchange refuses, and why: pure checks that raise before anything has changed."""

from __future__ import annotations

from decimal import Decimal

from adapters.errors import Insufficient, InvalidParam, RiskRejected, Temporary
from adapters.model import ZERO, Instrument, InstrumentKind, Order, OrderType, Side, TimeInForce
from adapters.paper import margin
from adapters.paper.margin import Markets
from adapters.paper.matching import Market
from adapters.paper.state import PaperAccount, Working

VENUE = "paper"


def check_form(order: Order, instrument: Instrument) -> None:
    """Check what can be judged by the order alone, when it is sent.

    Raises:
        InvalidParam: a price or size is missing, superfluous, off its tick or step.
        RiskRejected: more leverage than the instrument allows.
    """
    if not instrument.is_on_step(order.size):
        raise _invalid(f"size {order.size} is not a positive multiple of {instrument.step}")
    wants_price = order.type is OrderType.LIMIT
    wants_trigger = order.type.is_trigger
    for name, value, wanted in (
        ("price", order.price, wants_price),
        ("trigger", order.trigger, wants_trigger),
    ):
        if (value is not None) != wanted:
            raise _invalid(f"a {order.type} order {'needs a' if wanted else 'takes no'} {name}")
        if value is not None and not instrument.is_on_tick(value):
            raise _invalid(f"{name} {value} is not a positive multiple of {instrument.tick}")
    if order.tif is TimeInForce.POST_ONLY and order.type is not OrderType.LIMIT:
        raise _invalid(f"a {order.type} order cannot be post-only")
    if order.leverage is not None:
        check_leverage(order.leverage, instrument)


def check_leverage(leverage: int, instrument: Instrument) -> None:
    """Raise ``RiskRejected`` when the instrument does not allow it; a spot market allows none."""
    leverage_max = 1 if instrument.kind is InstrumentKind.SPOT else instrument.max_leverage
    if not 1 <= leverage <= leverage_max:
        raise RiskRejected(f"leverage {leverage} is not within 1 to {leverage_max}", venue=VENUE)


def check_arrival(working: Working, account: PaperAccount, markets: Markets) -> None:
    """Check what depends on the market and the account, when the order reaches the book.

    Raises:
        Temporary: the market has shown no price yet.
        InvalidParam: below the minimum notional, or post-only and would take.
        RiskRejected: reduce-only and there is nothing that it reduces.
        Insufficient: margin, cash or holdings do not suffice.
    """
    order, market = working.order, markets[working.order.symbol]
    if not market.mark:
        raise Temporary(f"no market data for {order.symbol} yet", venue=VENUE)
    if order.reduce_only and not closable(working, account):
        raise RiskRejected("a reduce-only order needs a position that it reduces", venue=VENUE)
    _check_notional(order, market, account.ledger.size(order.symbol))
    if order.tif is TimeInForce.POST_ONLY and market.would_take(order.side, working.limit):
        raise _invalid(f"post-only at {order.price} would take")
    if not order.reduce_only:
        _check_funds(working, account, markets)


def closable(working: Working, account: PaperAccount) -> Decimal:
    """How much of the account's position the order's side can close."""
    return max(-account.ledger.size(working.order.symbol) * working.order.side.sign, ZERO)


def _check_notional(order: Order, market: Market, position: Decimal) -> None:
    minimum = market.instrument.min_notional_usd
    notional = order.size * (order.price or order.trigger or market.mark)
    closes_all = position * order.side.sign < 0 and (
        order.size >= abs(position) if order.reduce_only else order.size == abs(position)
    )
    if notional < minimum and not closes_all:
        raise _invalid(f"notional {notional} is below the minimum of {minimum}")


def _check_funds(working: Working, account: PaperAccount, markets: Markets) -> None:
    order, market = working.order, markets[working.order.symbol]
    if market.is_spot and order.side is Side.SELL:
        resting = (
            other.remaining
            for other in account.arrived(order.symbol)
            if other.order.side is Side.SELL and not (other.order.type.is_trigger or other.order.reduce_only)
        )
        free = account.ledger.size(order.symbol) - sum(resting, ZERO)
        if order.size > free:
            raise Insufficient(f"selling {order.size} {order.symbol} takes more than {free}", venue=VENUE)
        return
    margin_after = margin.initial(account, markets, extra=working, leverage=order.leverage)
    fee = ZERO if market.is_spot else working.remaining * market.mark * market.instrument.taker_fee
    asked, available = margin_after + fee, margin.collateral(account, markets)
    if asked > available and margin_after > margin.initial(account, markets):  # what frees margin always may
        raise Insufficient(f"{asked:.2f} USD of margin asked, {available:.2f} available", venue=VENUE)


def _invalid(message: str) -> InvalidParam:
    return InvalidParam(message, venue=VENUE)
