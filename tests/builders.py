"""Plain values for tests, each with one sensible default; a field that does not exist is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.model import (
    Account,
    BotId,
    ClientOrderId,
    Instrument,
    Order,
    OrderReport,
    OrderStatus,
    OrderType,
    Position,
    Quote,
    Side,
    Snapshot,
    Symbol,
    TimeInForce,
)
from risk.context import ReviewContext
from risk.intent import Intent, Purpose, client_order_id
from risk.limits import RiskParams, WalletLimits
from strategies.strategy import Budget, View

NOW = datetime(2026, 1, 5, 12, 0, 30, tzinfo=UTC)
BAR_AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)  # close of the newest bar
BTC = Symbol("BTC")
ETH = Symbol("ETH")
SOL = Symbol("SOL")
BOT = BotId("bot-1")


def an_instrument(**changes: Any) -> Instrument:
    """BTC: tick 0.5, step 0.001, 10 USD at least, major."""
    base = Instrument(symbol=BTC, tick=Decimal("0.5"), step=Decimal("0.001"), is_major=True)
    return replace(base, **changes)


def a_quote(bid: str = "999.5", ask: str = "1000.5", symbol: Symbol = BTC) -> Quote:
    size = Decimal(5)
    return Quote(symbol=symbol, bid=Decimal(bid), bid_size=size, ask=Decimal(ask), ask_size=size, at=NOW)


def a_snapshot(**changes: Any) -> Snapshot:
    """BTC at 1000, fresh, without indicators."""
    base = Snapshot(
        symbol=BTC,
        quote=a_quote(),
        mark_price=Decimal(1000),
        age_s=0.1,
        open_interest=Decimal(1_000_000),
        bar_at=BAR_AT,
        close=1000.0,
    )
    return replace(base, **changes)


def an_account(**changes: Any) -> Account:
    return replace(Account(equity_usd=Decimal(10_000), cash_usd=Decimal(10_000), at=NOW), **changes)


def a_position(size: str, symbol: Symbol = BTC) -> Position:
    return Position(symbol=symbol, size=Decimal(size), entry_price=Decimal(1000), mark_price=Decimal(1000))


def a_view(**changes: Any) -> View:
    """A flat bot that sees BTC at 1000."""
    base = View(
        now=NOW,
        bot=BOT,
        cycle=7,
        account=an_account(),
        markets={BTC: a_snapshot()},
        instruments={BTC: an_instrument()},
        budget=Budget(notional_usd=Decimal(5000), positions=3, opens_this_cycle=3),
    )
    return replace(base, **changes)


def a_resting_order(
    side: Side, price: str, size: str, *, leg: int = 900, symbol: Symbol = BTC, **changes: Any
) -> OrderReport:
    """An entry of the bot that rests at the venue; ``changes`` are the order's."""
    order = Order(
        id=client_order_id(BOT, 1, 1, leg),
        symbol=symbol,
        side=side,
        size=Decimal(size),
        price=Decimal(price),
        tif=TimeInForce.POST_ONLY,
    )
    return OrderReport(order=replace(order, **changes), status=OrderStatus.OPEN, at=NOW)


def an_intent(**changes: Any) -> Intent:
    """A long of 0.5 BTC at 1000 with a stop and a target, two of reward per one of risk."""
    base = Intent(
        id=ClientOrderId(client_order_id(BOT, 1, 7, 0)),
        bot=BOT,
        cycle=7,
        symbol=BTC,
        side=Side.BUY,
        purpose=Purpose.OPEN,
        size=Decimal("0.5"),
        type=OrderType.LIMIT,
        price=Decimal(1000),
        tif=TimeInForce.GTC,
        leverage=2,
        stop_loss=Decimal(950),
        take_profit=Decimal(1100),
    )
    return replace(base, **changes)


def a_context(**changes: Any) -> ReviewContext:
    """A flat bot on a fresh BTC market, with room for everything."""
    base = ReviewContext(
        now=NOW,
        instrument=an_instrument(),
        snapshot=a_snapshot(),
        account=an_account(),
        params=RiskParams(),
        guards=None,
        limits=WalletLimits(),
        symbols=(BTC,),
        has_lease=True,
        lease_room_usd=Decimal(100_000),
        lease_budget_usd=Decimal(100_000),
    )
    return replace(base, **changes)
