"""What the exchange has really answered is read, old and new; what is spoilt is an error and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from adapters.errors import Temporary, VenueError
from adapters.hyperliquid import wire
from adapters.hyperliquid.account import has_holdings, perp_positions, worth
from adapters.hyperliquid.fills import FillBook
from adapters.hyperliquid.markets import Markets
from adapters.hyperliquid.orders import order_of, report_of, status_of
from adapters.hyperliquid.sent import SentOrders
from adapters.hyperliquid.wire import (
    AssetContext,
    Candle,
    ClearinghouseState,
    FillLine,
    L2Book,
    OrderLine,
    OrderUpdate,
    RequestCount,
    SpotState,
    StatusAnswer,
    decoded,
)
from adapters.model import ZERO, OrderReport, OrderStatus, OrderType, Symbol, TimeInForce
from tests.adapters.hyperliquid.spoiling import Recordings, Spoil, recordings, spoils, spoilt

NO_MARKETS = Markets([])
CASSETTES = {
    "test_get_user_state": ClearinghouseState,
    "test_get_open_orders": list[OrderLine],
    "test_get_user_fills": list[FillLine],
    "test_historical_orders": list[OrderUpdate],
    "test_user_rate_limit": RequestCount,
    "test_get_candles_snapshot": list[Candle],
    "test_get_l2_snapshot": L2Book,
}
ANSWERS = {
    "clearinghouseState": ClearinghouseState,
    "spotClearinghouseState": SpotState,
    "openOrders": list[OrderLine],
    "frontendOpenOrders": list[OrderLine],
    "userFills": list[FillLine],
    "historicalOrders": list[OrderUpdate],
    "orderStatus": StatusAnswer,
    "l2Book": L2Book,
    "candleSnapshot": list[Candle],
}


@pytest.fixture
def payloads(shared_data: Path) -> Path:
    return shared_data / "payloads" / "hyperliquid"


def cases(payloads: Path) -> Iterator[tuple[str, str, str]]:
    """Recorded answers: (id, question, body)."""
    for case in json.loads((payloads / "ccxt_static_responses.json").read_text())["cases"]:
        yield case["id"], case["endpoint"], json.dumps(case["response"])


def case(payloads: Path, name: str) -> str:
    """One of them."""
    return next(body for id_, _, body in cases(payloads) if id_ == name)


@pytest.mark.parametrize("name", CASSETTES)
def test_what_was_recorded_live_is_read(payloads: Path, name: str) -> None:
    recorded = json.loads((payloads / "sdk_cassettes" / f"{name}.json").read_text())
    body = recorded[-1]["response"]["body"]
    told: Any = decoded(json.dumps(body), CASSETTES[name])
    if isinstance(body, list):
        assert len(told) == len(body) > 0


def test_every_recorded_answer_of_a_kind_that_we_ask_for_is_read(payloads: Path) -> None:
    read = [
        name
        for name, question, body in cases(payloads)
        if question in ANSWERS and decoded(body, ANSWERS[question]) is not None
    ]
    assert len(read) >= 12


def test_fields_that_an_old_answer_lacks_and_a_new_one_has_do_no_harm(payloads: Path) -> None:
    (old,) = json.loads((payloads / "sdk_cassettes/test_get_user_state.json").read_text())
    before = decoded(json.dumps(old["response"]["body"]), ClearinghouseState)
    after = decoded(case(payloads, "clearinghouseState-hip3-isolated-long"), ClearinghouseState)
    assert (before.time, after.time) == (None, 1764350959056)
    (btc, *_) = perp_positions(before, NO_MARKETS)
    (crcl,) = perp_positions(after, NO_MARKETS)
    assert (btc.symbol, btc.size, btc.entry_price, btc.leverage) == (
        "BTC",
        Decimal("-0.00785"),
        Decimal("26951.0"),
        20,
    )
    assert (crcl.size, crcl.liquidation_price) == (Decimal("0.13"), Decimal("64.2010892308"))
    assert crcl.mark_price == Decimal("10.41482") / Decimal("0.13")
    with pytest.raises(Temporary):
        worth(before, SpotState([]), NO_MARKETS, {})


def test_an_account_is_worth_its_perpetuals_and_its_spot_cash(payloads: Path) -> None:
    state = decoded(case(payloads, "clearinghouseState-hip3-isolated-long"), ClearinghouseState)
    spot = decoded(b'{"balances":[{"coin":"USDC","total":"100.5","hold":"10.5"}]}', SpotState)
    account = worth(state, spot, NO_MARKETS, {})
    assert account.equity_usd == Decimal("106.5") + Decimal("0.889701")
    assert account.cash_usd == Decimal("0.163333") + 90
    assert account.margin_used_usd == Decimal("3.459702")
    assert account.at.isoformat() == "2025-11-28T17:29:19.056000+00:00"


def test_an_order_that_is_told_is_the_order_that_rests(payloads: Path) -> None:
    (stop,) = decoded(case(payloads, "frontendOpenOrders-trigger"), list[OrderLine])
    order = order_of(stop, Symbol("ADA"))
    assert (order.type, order.trigger, order.price, order.size) == (
        OrderType.STOP,
        Decimal("0.6"),
        None,
        Decimal(40),
    )
    status = decoded(case(payloads, "orderStatus-alo-open"), StatusAnswer)
    assert isinstance(status.order, OrderUpdate)
    post_only = order_of(status.order.order, Symbol("HYPE"))
    assert (post_only.tif, post_only.id) == (TimeInForce.POST_ONLY, "oid-80972193016")
    filled = decoded(case(payloads, "orderStatus-spot-ioc-filled"), StatusAnswer)
    assert isinstance(filled.order, OrderUpdate)
    report = report_of(filled.order, order_of(filled.order.order, Symbol("PURR/USDC")), (ZERO, ZERO))
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal(1000))


def test_a_reduce_only_order_that_was_cut_down_has_traded_what_its_fills_say() -> None:
    line = OrderLine("BTC", "A", Decimal(990), Decimal(0), 7, 1, size=Decimal(3), reduce_only=True)
    order = order_of(line, Symbol("BTC"))
    update = OrderUpdate(line, "reduceOnlyCanceled", 2)
    report = report_of(update, order, (Decimal(1), Decimal(990)), is_all=True)
    assert report.status is OrderStatus.CANCELLED
    assert (report.filled, report.average_price) == (Decimal(1), Decimal(990))


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("open", OrderStatus.OPEN),
        ("triggered", OrderStatus.OPEN),
        ("filled", OrderStatus.FILLED),
        ("canceled", OrderStatus.CANCELLED),
        ("marginCanceled", OrderStatus.CANCELLED),
        ("liquidatedCanceled", OrderStatus.CANCELLED),
        ("scheduledCancel", OrderStatus.CANCELLED),
        ("iocCancelRejected", OrderStatus.CANCELLED),
        ("rejected", OrderStatus.REJECTED),
        ("perpMarginRejected", OrderStatus.REJECTED),
        ("badAloPxRejected", OrderStatus.REJECTED),
    ],
)
def test_a_status_is_what_its_word_says(word: str, status: OrderStatus) -> None:
    assert status_of(word) is status


def test_a_status_that_nobody_knows_is_no_answer() -> None:
    with pytest.raises(Temporary):
        status_of("evaporated")


def test_every_context_of_a_live_capture_is_read(payloads: Path) -> None:
    told = json.loads((payloads / "nautilus/ws_all_dexs_asset_ctxs.json").read_text())["data"]["ctxs"]
    contexts = [decoded(json.dumps(ctx), AssetContext) for _, ctxs in told for ctx in ctxs]
    assert len(contexts) > 200
    assert contexts[0].open_interest == Decimal("27353.17682")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e99", "1e-99"])
def test_what_is_no_number_is_not_read_as_one(value: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(json.dumps({"px": value, "sz": "1"}), wire.PriceLevel)


def test_a_time_beyond_all_times_is_not_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(b'{"coin":"BTC","levels":[[],[]],"time":99999999999999999}', L2Book)


def reports(updates: list[OrderUpdate]) -> list[OrderReport]:
    told = ((update, order_of(update.order, Symbol(update.order.coin))) for update in updates)
    return [report_of(update, order, (ZERO, ZERO)) for update, order in told]


def status(told: StatusAnswer) -> list[OrderReport]:
    return reports([told.order] if isinstance(told.order, OrderUpdate) else [])


def state(told: ClearinghouseState) -> tuple[object, object]:
    return perp_positions(told, NO_MARKETS), worth(told, SpotState([]), NO_MARKETS, {})


READ: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "clearinghouseState": (ClearinghouseState, state),
    "spotClearinghouseState": (SpotState, lambda told: has_holdings(told, NO_MARKETS)),
    "openOrders": (list[OrderLine], lambda told: [order_of(line, Symbol(line.coin)) for line in told]),
    "userFills": (list[FillLine], lambda told: FillBook(SentOrders()).page(told, 0, NO_MARKETS)),
    "historicalOrders": (list[OrderUpdate], reports),
    "orderStatus": (StatusAnswer, status),
    "l2Book": (L2Book, id),
    "trades": (list[wire.TradeLine], id),
    "candleSnapshot": (list[Candle], id),
    "allMids": (dict[str, Decimal], wire.prices_in),
    "userRateLimit": (RequestCount, id),
    "meta": (wire.PerpMeta, lambda told: Markets.listed(told, wire.SpotMeta([], []))),
    "spotMeta": (wire.SpotMeta, lambda told: Markets.listed(wire.PerpMeta([]), told)),
}


def read_all(recorded: Recordings, changes: Sequence[Spoil]) -> int:
    """Read every recorded answer, spoilt in the same way; how many were."""
    spoilt_ones = [(kind, spoilt(body, changes)) for kind in READ for body in recorded[kind]]
    for kind, body in spoilt_ones:
        shape, read = READ[kind]
        with suppress(msgspec.MsgspecError, ValueError, VenueError):
            read(decoded(body, shape))
    return len(spoilt_ones)


def test_a_spoilt_answer_is_read_or_is_an_error_that_is_expected(payloads: Path) -> None:
    recorded, count = recordings(payloads), 0

    @settings(max_examples=500, deadline=None)
    @given(spoils)
    def read(changes: Sequence[Spoil]) -> None:
        nonlocal count
        count += read_all(recorded, changes)

    read()
    assert count >= 10_000
