"""The account: one order whatever happens to its copies, and what the exchange offers beside orders.

What every venue keeps is in ``tests/contract``; this is what only Hyperliquid has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.errors import (
    InvalidParam,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RiskRejected,
    Temporary,
    VenueError,
)
from adapters.hyperliquid import rest
from adapters.hyperliquid.errors import NonceSpent
from adapters.model import (
    ClientOrderId,
    Fill,
    InstrumentKind,
    Order,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    Symbol,
    TimeInForce,
)
from adapters.simulators.faults.plan import Fault, Kind, Where, script
from adapters.simulators.hyperliquid.terms import Terms
from tests.adapters.hyperliquid.grounds import PURR, Ground, opened
from tests.builders import BTC, ETH

ACTIONS = Where(path="/exchange")
MINUTE = timedelta(minutes=1)


def an_order(number: int = 1, **changes: Any) -> Order:
    base: dict[str, Any] = {
        "id": ClientOrderId(f"{number:032x}"),
        "symbol": BTC,
        "side": Side.BUY,
        "size": Decimal(1),
        "price": Decimal(990),
    }
    return Order(**{**base, **changes})


def a_market_order(number: int = 1, **changes: Any) -> Order:
    return an_order(number, **{"type": OrderType.MARKET, "price": None, **changes})


def accepted(ground: Ground) -> int:
    """How many orders the exchange took."""
    return sum(entry.deed == "accepted" for entry in ground.exchange.ledger.after(0))


async def test_an_order_that_is_placed_again_goes_out_under_its_first_nonce(ground: Ground) -> None:
    order = an_order(expires_at=ground.wall.now() + MINUTE)
    ground.nemesis.strike(script(Kind.RESET_BEFORE, Kind.RESET_AFTER, where=ACTIONS))
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await ground.venue.place(order)
    nonce = ground.venue.nonce_of(order.id)
    assert (await ground.venue.place(order)).status is OrderStatus.OPEN
    assert ground.venue.nonce_of(order.id) == nonce
    assert len(await ground.venue.open_orders()) == 1


async def test_the_same_order_from_two_sides_at_once_is_signed_once(ground: Ground) -> None:
    order = a_market_order(expires_at=ground.wall.now() + MINUTE)
    reports = await asyncio.gather(*(ground.venue.place(order) for _ in range(5)))
    assert [report.filled for report in reports] == [1] * 5
    assert [position.size for position in await ground.venue.positions()] == [1]


async def test_a_copy_that_is_still_on_its_way_finds_its_nonce_used(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = a_market_order(expires_at=ground.wall.now() + MINUTE)
    await ground.venue.instruments()
    ground.nemesis.strike(script(Fault(kind=Kind.REQUEST_DELAYED, seconds=60), where=ACTIONS))
    with monkeypatch.context() as patch:
        patch.setattr(rest, "ANSWER_MAX_S", 0.2)
        with pytest.raises(OutcomeUnknown):
            await ground.venue.place(order)
    assert (await ground.venue.place(order)).filled == 1
    ground.nemesis.heal()
    for _ in range(3):
        assert (await ground.venue.place(order)).filled == 1
    assert [position.size for position in await ground.venue.positions()] == [1]


async def test_an_order_that_a_dead_process_placed_is_found_and_not_placed_again(ground: Ground) -> None:
    order = a_market_order()
    await ground.venue.place(order)
    await ground.restart()
    again = await ground.venue.place(order)
    assert (again.status, again.filled) == (OrderStatus.FILLED, Decimal(1))
    assert [position.size for position in await ground.venue.positions()] == [1]


async def test_a_nonce_that_is_burnt_keeps_its_order_away_for_ever(ground: Ground) -> None:
    order = an_order(expires_at=ground.wall.now() + MINUTE)
    ground.nemesis.strike(script(Kind.RESET_BEFORE, where=ACTIONS))
    with pytest.raises(OutcomeUnknown):
        await ground.venue.place(order)
    nonce = ground.venue.nonce_of(order.id)
    assert nonce is not None
    await ground.venue.noop(nonce)
    with pytest.raises(OutcomeUnknown):
        await ground.venue.place(order)
    with pytest.raises(NotFound):
        await ground.venue.order(order.id)
    with pytest.raises(NonceSpent):
        await ground.venue.noop(nonce)


async def test_nonces_go_on_where_a_dead_process_left_them(ground: Ground) -> None:
    await ground.venue.place(an_order(1))
    first = ground.venue.nonce_of(an_order(1).id)
    await ground.restart()
    await ground.venue.place(an_order(2))
    second = ground.venue.nonce_of(an_order(2).id)
    assert first is not None
    assert second is not None
    assert second > first


async def test_leverage_is_set_when_it_differs_and_only_then(ground: Ground) -> None:
    await ground.venue.place(an_order(1, leverage=5))
    before = len(ground.exchange.ledger.after(0))
    await ground.venue.place(an_order(2, leverage=5))
    await ground.venue.place(an_order(3, leverage=7, reduce_only=False, symbol=BTC))
    changed = [entry for entry in ground.exchange.ledger.after(before) if "everage" in str(entry)]
    assert len(changed) == 1
    await ground.venue.place(a_market_order(4, leverage=7))
    assert [position.leverage for position in await ground.venue.positions()] == [7]


async def test_leverage_beyond_the_market_is_refused_and_nothing_is_sent(ground: Ground) -> None:
    with pytest.raises(RiskRejected):
        await ground.venue.update_leverage(BTC, 41)
    assert not ground.nemesis.bites


async def test_a_stop_and_a_target_wait_and_are_told_as_they_were_asked(ground: Ground) -> None:
    await ground.venue.place(a_market_order(1))
    stop = an_order(
        2, side=Side.SELL, type=OrderType.STOP, price=None, trigger=Decimal(900), reduce_only=True
    )
    target = an_order(
        3, side=Side.SELL, type=OrderType.TAKE_PROFIT, price=None, trigger=Decimal(1100), reduce_only=True
    )
    for order in (stop, target):
        assert (await ground.venue.place(order)).status is OrderStatus.OPEN
    assert {report.order.id: report.order for report in await ground.venue.open_orders()} == {
        stop.id: stop,
        target.id: target,
    }
    await ground.restart()
    adopted = {report.order.id: report.order for report in await ground.venue.open_orders()}
    assert adopted == {stop.id: stop, target.id: target}, "from the exchange's words alone"
    ground.show("895", "897")
    ended = await ground.venue.order(stop.id)
    assert (ended.status, ended.filled) == (OrderStatus.FILLED, Decimal(1))
    assert not await ground.venue.positions()


async def test_a_market_order_does_not_trade_beyond_its_slippage(ground: Ground) -> None:
    ground.show("999", "1001", size="0.5")
    report = await ground.venue.place(a_market_order(1, size=Decimal(1)))
    assert report.filled <= 1
    limit = ground.venue._sent.get(report.order.id)
    assert limit is not None
    assert Decimal(limit.signed.action["orders"][0]["p"]) == 1050


async def test_a_batch_is_one_action_and_each_order_has_its_own_answer(ground: Ground) -> None:
    orders = [an_order(1), an_order(2, size=Decimal("0.001")), a_market_order(3)]
    resting, refused, filled = await ground.venue.place_all(orders)
    assert isinstance(resting, OrderReport)
    assert isinstance(refused, InvalidParam)
    assert isinstance(filled, OrderReport)
    assert (resting.status, filled.filled) == (OrderStatus.OPEN, Decimal(1))
    assert ground.venue.nonce_of(orders[0].id) == ground.venue.nonce_of(orders[2].id)
    assert await ground.venue.cancel_all([orders[0]]) == [None]
    (error,) = await ground.venue.cancel_all([orders[0]])
    assert isinstance(error, NotFound)


async def test_one_order_of_a_lost_batch_brings_the_whole_batch_again_and_no_order_twice(
    ground: Ground,
) -> None:
    orders = [an_order(1, expires_at=ground.wall.now() + MINUTE), an_order(2, price=Decimal(980))]
    ground.nemesis.strike(script(Kind.RESET_AFTER, where=ACTIONS))
    with pytest.raises(OutcomeUnknown):
        await ground.venue.place_all(orders)
    for order in orders:
        assert (await ground.venue.place(order)).status is OrderStatus.OPEN
    assert len(await ground.venue.open_orders()) == 2


async def test_a_modified_order_is_another_one_in_its_place(ground: Ground) -> None:
    await ground.venue.place(an_order(1))
    report = await ground.venue.modify(an_order(1).id, an_order(2, price=Decimal(985)))
    assert (report.status, report.order.price) == (OrderStatus.OPEN, Decimal(985))
    assert [report.order.id for report in await ground.venue.open_orders()] == [an_order(2).id]


async def test_an_order_of_nobody_is_found_and_can_be_cancelled_by_its_number(ground: Ground) -> None:
    line = await ground.venue.place(an_order(1))
    stranger = ClientOrderId(f"oid-{line.venue_id}")
    assert (await ground.venue.order(stranger)).status is OrderStatus.OPEN


async def test_the_exchanges_own_switch_needs_volume_and_says_so(ground: Ground) -> None:
    with pytest.raises(VenueError, match="enough volume traded"):
        await ground.venue.schedule_cancel(ground.wall.now() + MINUTE)


async def test_a_switch_that_is_set_cancels_everything(tmp_path: Any) -> None:
    async with opened(tmp_path, Terms(schedule_cancel_volume_usd=Decimal(0))) as ground:
        ground.show()
        await ground.venue.place(an_order(1))
        await ground.venue.schedule_cancel(ground.wall.now() + MINUTE)
        ground.wall.advance(61)
        ground.show()
        assert (await ground.venue.order(an_order(1).id)).status is OrderStatus.CANCELLED


async def test_spot_is_bought_sold_and_held(ground: Ground) -> None:
    await ground.to_spot("1000")
    ground.show("0.20", "0.21", size="100000", symbol=PURR)
    report = await ground.venue.place(a_market_order(1, symbol=PURR, size=Decimal(1_000)))
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal(1_000))
    market = (await ground.venue.instruments())[PURR]
    assert market.kind is InstrumentKind.SPOT
    (held,) = await ground.venue.positions()
    assert held.symbol == PURR
    assert 990 <= held.size <= 1_000
    account = await ground.venue.account()
    assert Decimal(999_900) < account.equity_usd <= Decimal(1_000_000)


async def test_an_address_that_has_used_its_requests_is_told_to_wait(tmp_path: Any) -> None:
    async with opened(tmp_path, Terms(requests_at_first=3)) as ground:
        ground.show()
        for number in range(1, 5):  # three, and one that every ten seconds have
            await ground.venue.place(an_order(number))
        with pytest.raises(RateLimited) as limited:
            await ground.venue.place(an_order(5))
        assert limited.value.retry_after_s
        await ground.venue.cancel(an_order(1).id)


@pytest.mark.parametrize("tif", TimeInForce)
async def test_every_time_in_force_comes_back_as_it_was_asked(ground: Ground, tif: TimeInForce) -> None:
    order = an_order(1, tif=tif)
    report = await ground.venue.place(order)
    assert report.order == order
    assert (report.status is OrderStatus.OPEN) == (tif is not TimeInForce.IOC)


async def test_a_fill_is_of_its_order_also_after_a_restart(ground: Ground) -> None:
    order = a_market_order(1, symbol=BTC)
    await ground.venue.place(order)
    await ground.restart()
    fills: list[Fill] = list(await ground.venue.fills_since(0))
    assert [(fill.order_id, fill.symbol, fill.size) for fill in fills] == [
        (order.id, Symbol("BTC"), Decimal(1))
    ]


async def test_a_market_without_a_price_takes_no_market_order(ground: Ground) -> None:
    with pytest.raises(VenueError):
        await ground.venue.place(a_market_order(1, symbol=ETH))


def answering(ground: Ground, patch: pytest.MonkeyPatch, kind: str, spoil: Callable[[Any], Any]) -> None:
    """One kind of question is answered otherwise."""
    ask = ground.exchange.ask

    def asked(question: dict[str, Any], ip: str = "") -> Any:
        answer = ask(question, ip)
        return spoil(answer) if question["type"] == kind else answer

    patch.setattr(ground.exchange, "ask", asked)


async def test_a_fill_from_the_future_is_none_and_hides_none(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.venue.place(a_market_order(1))
    with monkeypatch.context() as patch:
        answering(
            ground,
            patch,
            "userFillsByTime",
            lambda told: [{**line, "time": line["time"] * 10} for line in told],
        )
        with pytest.raises(Temporary):
            await ground.venue.fills_since(0)
    (first,) = await ground.venue.fills_since(0)
    ground.show()
    await ground.venue.place(a_market_order(2))
    assert [fill.order_id for fill in await ground.venue.fills_since(first.sequence)] == [
        a_market_order(2).id
    ]


@pytest.mark.parametrize("price", ["1e99", "1e20", "1e-20", "-1", "NaN"])
async def test_a_price_beyond_all_prices_is_none_and_no_order_goes_out_by_it(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, price: str
) -> None:
    answering(ground, monkeypatch, "allMids", lambda told: {**told, "BTC": price})
    with pytest.raises(Temporary):
        await ground.venue.place(a_market_order(1))
    assert accepted(ground) == 0
