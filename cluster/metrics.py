"""The fleet's numbers in Prometheus' text format, from the same status that operators see.

Counters of a bot begin anew with each of its processes, as Prometheus expects of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.status import FleetStatus
from strategies.strategy import GateState

MILLI = 1e-3


class StatusCollector(Collector):
    """One status as metrics."""

    def __init__(self, status: FleetStatus) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        yield from _of_orders(self._status)
        yield from _of_gates(self._status)
        yield from _of_money(self._status)


def exposition(status: FleetStatus) -> bytes:
    """What a scrape gets."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(status))
    return generate_latest(registry)


def _of_orders(status: FleetStatus) -> Iterable[Metric]:
    wishes = CounterMetricFamily("flotilla_wishes", "What bots wanted of their wallets.", labels=["bot"])
    rejections = CounterMetricFamily(
        "flotilla_rejections",
        "Wishes that became no order, by our rule or by the class of the venue's error.",
        labels=["bot", "class"],
    )
    opens = CounterMetricFamily("flotilla_opens", "Orders sent that open a position.", labels=["bot"])
    in_hour = GaugeMetricFamily("flotilla_opens_in_hour", "Of them, within the last hour.", labels=["bot"])
    ceiling = GaugeMetricFamily(
        "flotilla_opens_per_hour_max", "What the bot's guards and interval allow.", labels=["bot"]
    )
    latency = GaugeMetricFamily(
        "flotilla_decision_to_order_seconds",
        "From a decision to the venue's answer, over the bot's last orders.",
        labels=["bot", "quantile"],
    )
    for bot in status.bots:
        kpis = bot.kpis
        wishes.add_metric([bot.name], kpis.wishes)
        opens.add_metric([bot.name], kpis.opens)
        in_hour.add_metric([bot.name], kpis.opens_in_hour)
        for reason, count in kpis.rejections.items():
            rejections.add_metric([bot.name, reason], count)
        if kpis.opens_per_hour_max is not None:
            ceiling.add_metric([bot.name], kpis.opens_per_hour_max)
        for quantile, value_ms in (("0.5", kpis.order_ms_p50), ("0.95", kpis.order_ms_p95)):
            if value_ms is not None:
                latency.add_metric([bot.name, quantile], value_ms * MILLI)
    return wishes, rejections, opens, in_hour, ceiling, latency


def _of_gates(status: FleetStatus) -> Iterable[Metric]:
    gates = GaugeMetricFamily(
        "flotilla_performance_gate", "1 for the state that the bot's gate is in.", labels=["bot", "state"]
    )
    ratios = GaugeMetricFamily(
        "flotilla_sharpe_ratio", "Per trade, as the performance gate judges it.", labels=["bot"]
    )
    for bot in status.bots:
        for state in GateState:
            gates.add_metric([bot.name, state], bot.gate.state is state)
        if bot.gate.sharpe is not None:
            ratios.add_metric([bot.name], bot.gate.sharpe)
    return gates, ratios


def _of_money(status: FleetStatus) -> Iterable[Metric]:
    running = GaugeMetricFamily("flotilla_bots_running", "Bots that run.", value=status.totals.running)
    halts = GaugeMetricFamily("flotilla_halts", "Halts in force.", value=len(status.halts))
    equity = GaugeMetricFamily("flotilla_equity_usd", "Worth of a wallet's account.", labels=["wallet"])
    exposure = GaugeMetricFamily(
        "flotilla_exposure_usd", "Worst-case exposure of a wallet.", labels=["wallet"]
    )
    unknown = GaugeMetricFamily(
        "flotilla_unknown_orders", "Orders of unknown outcome of a wallet.", labels=["wallet"]
    )
    for wallet in status.wallets:
        exposure.add_metric([wallet.name], float(wallet.exposure_usd))
        unknown.add_metric([wallet.name], wallet.unknown_orders)
        if wallet.equity_usd is not None:
            equity.add_metric([wallet.name], float(wallet.equity_usd))
    pnl = GaugeMetricFamily("flotilla_pnl_usd", "Of a bot, unrealized included.", labels=["bot"])
    for bot in status.bots:
        pnl.add_metric([bot.name], float(bot.pnl_usd))
    return running, halts, equity, exposure, unknown, pnl
