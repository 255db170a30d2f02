"""What Prometheus scrapes: the KPIs under stable names, over HTTP on this machine."""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.kpis import Kpis
from actors.status import BotLineup, FleetStatus, Totals, WalletLineup
from adapters.model import ZERO, WalletId
from cluster.metrics import exposition
from cluster.metrics_server import serving_metrics
from strategies.strategy import GateState, PerformanceGate
from tests.actors.builders import dec
from tests.builders import NOW
from tests.cluster.test_output import a_bot

KPIS = Kpis(
    wishes=40,
    rejections={"lease": 3, "InvalidParam": 1},
    opens=12,
    opens_in_hour=7,
    opens_per_hour_max=20.0,
    orders_timed=12,
    order_ms_p50=12.5,
    order_ms_p95=80.0,
)
GATE = PerformanceGate(state=GateState.PAUSED, sharpe=-0.8, threshold=-0.5, until=NOW)
WALLET = WalletLineup(
    name=WalletId("main"),
    venue="paper",
    mode="paper",
    state="READY",
    incarnation=1,
    pid=1,
    node=None,
    equity_usd=dec(10_000),
    exposure_usd=dec(250),
    lease=None,
    venue_positions={},
    orders_sent=9,
    refusals={},
    unknown_orders=2,
    problems=(),
)


def a_status(*bots: BotLineup, wallets: tuple[WalletLineup, ...] = (WALLET,)) -> FleetStatus:
    totals = Totals(bots=len(bots), running=len(bots), equity_usd=ZERO, exposure_usd=ZERO, pnl_usd=ZERO)
    return FleetStatus(fleet="desk", bots=bots, wallets=wallets, actors={}, totals=totals, halts=())


def a_busy_bot(**changes: Any) -> BotLineup:
    return msgspec.structs.replace(a_bot(None), **{"kpis": KPIS, "gate": GATE} | changes)


def samples(status: FleetStatus) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(exposition(status).decode())
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("flotilla_wishes_total", ("ann",), 40),
        ("flotilla_rejections_total", ("ann", "lease"), 3),
        ("flotilla_rejections_total", ("ann", "InvalidParam"), 1),
        ("flotilla_opens_total", ("ann",), 12),
        ("flotilla_opens_in_hour", ("ann",), 7),
        ("flotilla_opens_per_hour_max", ("ann",), 20),
        ("flotilla_decision_to_order_seconds", ("ann", "0.5"), 0.0125),
        ("flotilla_decision_to_order_seconds", ("ann", "0.95"), 0.08),
        ("flotilla_performance_gate", ("ann", "paused"), 1),
        ("flotilla_performance_gate", ("ann", "open"), 0),
        ("flotilla_sharpe_ratio", ("ann",), -0.8),
        ("flotilla_bots_running", (), 1),
        ("flotilla_halts", (), 0),
        ("flotilla_equity_usd", ("main",), 10_000),
        ("flotilla_exposure_usd", ("main",), 250),
        ("flotilla_unknown_orders", ("main",), 2),
        ("flotilla_pnl_usd", ("ann",), 0),
    ],
)
def test_each_number_has_its_name_and_labels(name: str, labels: tuple[str, ...], value: float) -> None:
    assert samples(a_status(a_busy_bot()))[name, labels] == pytest.approx(value)


def test_what_is_not_known_is_left_out() -> None:
    found = samples(a_status(a_busy_bot(kpis=Kpis(), gate=PerformanceGate())))
    names = {name for name, _ in found}
    assert not names & {
        "flotilla_decision_to_order_seconds",
        "flotilla_opens_per_hour_max",
        "flotilla_sharpe_ratio",
        "flotilla_rejections_total",
    }
    assert found["flotilla_wishes_total", ("ann",)] == 0


async def test_it_is_served_over_http_and_says_when_there_is_no_fleet() -> None:
    status: list[FleetStatus | None] = [None, a_status(a_busy_bot())]

    async def next_status() -> FleetStatus | None:
        return status.pop(0)

    async with serving_metrics(0, next_status) as port, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.status == 503
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert 'flotilla_wishes_total{bot="ann"} 40.0' in await answer.text()


async def test_a_port_that_is_taken_is_an_error() -> None:
    async def nothing() -> None:
        return None

    async with serving_metrics(0, nothing) as port:
        with pytest.raises(OSError, match="in use"):
            async with serving_metrics(port, nothing):
                pass
