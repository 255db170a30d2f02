"""What is refused, and that a refusal changes nothing."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.errors import Insufficient, InvalidParam, NotFound, RiskRejected, Temporary, VenueError
from adapters.model import ClientOrderId, Order, OrderStatus, OrderType, Side, Symbol, TimeInForce
from tests.adapters.paper.builders import COIN, START, Desk, a_quote, an_order, buy, sell

REFUSALS: list[tuple[str, Callable[[], Order], type[VenueError]]] = [
    ("unknown symbol", lambda: buy(1, 90, symbol=Symbol("NONE")), InvalidParam),
    ("no market data", lambda: buy(100, 1, symbol=COIN), Temporary),
    ("off the tick", lambda: buy(1, "90.5"), InvalidParam),
    ("off the step", lambda: buy("0.0005", 90), InvalidParam),
    ("no size", lambda: buy(0, 90), InvalidParam),
    ("negative price", lambda: buy(1, -90), InvalidParam),
    ("below the minimum notional", lambda: buy("0.1", 99), InvalidParam),
    ("limit without price", lambda: buy(1, type=OrderType.LIMIT), InvalidParam),
    ("market with price", lambda: buy(1, 90, type=OrderType.MARKET), InvalidParam),
    ("stop without trigger", lambda: buy(1, type=OrderType.STOP), InvalidParam),
    ("limit with trigger", lambda: buy(1, 90, trigger=Decimal(95)), InvalidParam),
    ("market post-only", lambda: buy(1, tif=TimeInForce.POST_ONLY), InvalidParam),
    ("post-only that takes", lambda: buy(1, 101, tif=TimeInForce.POST_ONLY), InvalidParam),
    ("too much leverage", lambda: buy(1, 90, leverage=21), RiskRejected),
    ("no leverage", lambda: buy(1, 90, leverage=0), RiskRejected),
    ("reduce-only when flat", lambda: sell(1, 110, reduce_only=True), RiskRejected),
    ("more than the account is good for", lambda: buy(20_000, 99), Insufficient),
]


@pytest.mark.parametrize(("build", "error"), [pytest.param(b, e, id=name) for name, b, e in REFUSALS])
def test_a_refusal_raises_and_leaves_no_trace(build: Callable[[], Order], error: type[VenueError]) -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    before = desk.exchange.account_state("ann")
    order = build()
    with pytest.raises(error):
        desk.place(order)
    assert not desk.heard
    assert desk.exchange.account_state("ann") == before
    with pytest.raises(NotFound):
        desk.report(order)


def test_closing_a_whole_position_is_exempt_from_the_minimum_notional() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    desk.place(buy("0.15"))
    desk.place(sell("0.1", 120))
    desk.on(a_quote(120, 121, "0.1", t=1))
    assert desk.size() == Decimal("0.05")
    with pytest.raises(InvalidParam, match="minimum"):
        desk.place(sell("0.04", reduce_only=True))
    desk.on(a_quote(99, 101, t=2))
    assert desk.place(sell("0.05")).status is OrderStatus.FILLED


def test_an_order_is_known_by_its_id_open_or_final_and_asking_twice_places_it_once() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    resting, taking = buy(1, 90), buy(1)
    first = [desk.place(resting), desk.place(taking)]
    heard = len(desk.heard)
    assert [desk.place(resting), desk.place(taking)] == first
    assert len(desk.heard) == heard
    assert desk.size() == 1


def test_two_accounts_may_use_the_same_id() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    order = buy(1)
    desk.place(order)
    desk.place(order, "bob")
    assert desk.size("bob") == 1


def test_an_order_that_arrives_after_its_expiry_is_reported_expired() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    order = buy(1, expires_at=START - timedelta(seconds=1))
    assert desk.place(order).status is OrderStatus.EXPIRED
    assert desk.place(order).status is OrderStatus.EXPIRED
    assert desk.size() == 0


def test_a_cancelled_order_is_gone_and_cannot_be_cancelled_again() -> None:
    desk = Desk()
    desk.on(a_quote(99, 101))
    order = buy(1, 90)
    desk.place(order)
    assert desk.exchange.cancel("ann", order.id).status is OrderStatus.CANCELLED
    with pytest.raises(NotFound):
        desk.exchange.cancel("ann", order.id)
    assert desk.report(order).status is OrderStatus.CANCELLED


def test_unknown_accounts_and_orders_are_not_found() -> None:
    desk = Desk()
    for ask in (
        lambda: desk.exchange.order("ann", ClientOrderId("nothing")),
        lambda: desk.exchange.cancel("ann", ClientOrderId("nothing")),
        lambda: desk.exchange.positions("nobody"),
    ):
        with pytest.raises(NotFound):
            ask()


def test_only_the_newest_final_orders_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.paper.execution.FINISHED_KEPT", 2)
    desk = Desk()
    desk.on(a_quote(99, 101))
    orders = [an_order(Side.BUY, 1) for _ in range(3)]
    for order in orders:
        desk.place(order)
    with pytest.raises(NotFound):
        desk.report(orders[0])
    assert desk.report(orders[1]).status is OrderStatus.FILLED


def test_a_refused_id_stays_refused_however_often_it_arrives() -> None:
    """A copy of the request that the network delivers late must not trade after its sender was told no."""
    desk = Desk()
    desk.on(a_quote(99, 101))
    order = buy(1, 101, tif=TimeInForce.POST_ONLY)
    with pytest.raises(InvalidParam):
        desk.place(order)
    desk.on(a_quote(109, 111))
    with pytest.raises(InvalidParam):
        desk.place(order)
    assert not desk.exchange.open_orders("ann")
