from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.model import BotId, ClientOrderId, WalletId
from risk.post_trade import (
    REJECTS_LEAST,
    NoOpens,
    api_failures_in_window,
    daily_loss,
    drawdown,
    external_activity,
    lost_market_data,
    orphan_sweep,
    reconcile_differences,
    reject_rate,
    repeated_execution,
    unknown_orders,
    unprotected_position,
)
from tests.builders import BOT, BTC, ETH

THIRTY = Decimal(30)
TEN_S, THIRTY_S, MINUTE = timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=1)


def dec(text: str | int) -> Decimal:
    return Decimal(text)


def test_a_difference_counts_at_the_second_look() -> None:
    differing = {ETH: (dec(0), dec(2)), BTC: (dec(1), dec("1.001"))}
    assert reconcile_differences(differing, ()) == ()
    (verdict,) = reconcile_differences(differing, {BTC})
    assert (verdict.symbol, verdict.reason) == (BTC, "BTC: our books say 1, the venue says 1.001")
    assert [v.symbol for v in reconcile_differences(differing, {BTC, ETH})] == [BTC, ETH]


def test_a_difference_that_is_gone_suspends_nothing() -> None:
    assert reconcile_differences({ETH: (dec(0), dec(2))}, {BTC}) == ()


@pytest.mark.parametrize(("equity", "halts"), [("9500.01", False), ("9500", True), ("0", True)])
def test_the_days_loss_is_measured_from_its_start(equity: str, halts: bool) -> None:
    verdict = daily_loss(dec(equity), dec(10_000), dec(5))
    assert (verdict is not None) == halts
    assert verdict is None or (verdict.scope, "9500.00" in verdict.reason) == ("fleet", True)


@pytest.mark.parametrize(("equity", "halts"), [("10800.01", False), ("10800", True)])
def test_a_drawdown_is_measured_from_the_peak(equity: str, halts: bool) -> None:
    verdict = drawdown(dec(equity), dec(12_000), dec(10))
    assert (verdict is not None) == halts
    assert verdict is None or verdict.scope == "fleet"


def test_without_a_limit_no_drawdown_is_too_deep() -> None:
    assert drawdown(dec(1), dec(12_000), None) is None


@pytest.mark.parametrize(
    ("count", "oldest_s", "stops"),
    [(0, 0.0, False), (2, 30.0, False), (3, 0.0, True), (1, 30.1, True), (0, 99.0, False)],
)
def test_many_or_old_unknown_orders_end_opening(count: int, oldest_s: float, stops: bool) -> None:
    verdict = unknown_orders(count, oldest_s, 2, THIRTY_S)
    assert (verdict is not None) == stops
    assert verdict is None or verdict.symbol is None


@pytest.mark.parametrize(
    ("sent", "rejected", "halts"),
    [(10, 3, False), (10, 4, True), (REJECTS_LEAST - 1, 9, False), (100, 30, False), (100, 31, True)],
)
def test_a_bot_that_is_rejected_too_often_is_halted(sent: int, rejected: int, halts: bool) -> None:
    verdict = reject_rate(BOT, sent, rejected, THIRTY)
    assert (verdict is not None) == halts
    assert verdict is None or verdict.scope == f"bot:{BOT}"


@pytest.mark.parametrize(
    ("age_s", "stops"), [(5.0, False), (5.1, True), (None, True), (float("nan"), True), (0.0, False)]
)
def test_a_market_without_prices_ends_opening(age_s: float | None, stops: bool) -> None:
    verdict = lost_market_data([(ETH, 0.1), (BTC, age_s)], timedelta(seconds=5))
    assert (verdict is not None) == stops
    assert verdict is None or verdict.reason.startswith("no prices of BTC")


def test_a_wallet_that_is_in_no_market_misses_no_prices() -> None:
    assert lost_market_data([], timedelta(seconds=5)) is None


def test_what_is_not_ours_is_counted() -> None:
    assert external_activity([]) is None
    verdict = external_activity([ClientOrderId(name) for name in "gfedcba"])
    assert verdict is not None
    assert verdict.reason == "not ours: a, b, c, d, e, 7 in all"


@pytest.mark.parametrize(("silent_for_s", "sweeps"), [(15.0, False), (15.1, True)])
def test_a_silent_bots_entries_are_swept(silent_for_s: float, sweeps: bool) -> None:
    verdict = orphan_sweep(BOT, silent_for_s, timedelta(seconds=15))
    assert (verdict is not None) == sweeps
    assert verdict is None or verdict.bot == BOT


@pytest.mark.parametrize(("bare_for_s", "closes"), [(10.0, False), (10.1, True)])
def test_a_position_without_its_stop_is_closed(bare_for_s: float, closes: bool) -> None:
    verdict = unprotected_position(BOT, BTC, bare_for_s, TEN_S)
    assert (verdict is not None) == closes
    assert verdict is None or (verdict.bot, verdict.symbol) == (BOT, BTC)


@pytest.mark.parametrize(("fills", "halts"), [(20, False), (21, True)])
def test_fills_that_nobody_decided_on_halt_the_bot(fills: int, halts: bool) -> None:
    verdict = repeated_execution(BotId("ann"), fills, 20)
    assert (verdict is not None) == halts
    assert verdict is None or verdict.scope == "bot:ann"


@pytest.mark.parametrize(("failures", "halts"), [(5, False), (6, True)])
def test_failed_calls_within_the_window_halt_the_wallet(failures: int, halts: bool) -> None:
    verdict = api_failures_in_window(WalletId("main"), [100.0] * failures, 159.9, MINUTE, 5)
    assert (verdict is not None) == halts
    assert verdict is None or verdict.scope == "wallet:main"


def test_a_failure_leaves_the_window_when_it_is_over() -> None:
    assert api_failures_in_window(WalletId("main"), [100.0] * 9, 160.0, MINUTE, 5) is None


@given(st.integers(0, 50), st.floats(0, 100), st.integers(0, 50), st.floats(0, 100))
def test_more_of_what_is_unknown_never_opens_again(
    count: int, age_s: float, more: int, longer_s: float
) -> None:
    if unknown_orders(count, age_s, 2, THIRTY_S) is not None:
        worse = unknown_orders(count + more, age_s + longer_s, 2, THIRTY_S)
        assert isinstance(worse, NoOpens)
