"""What is read is what was written, to the last digit and microsecond."""

import string
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.lifecycle import BotState, BotStatus
from actors.store import EquityPoint
from adapters.model import BotId, Symbol, WalletId
from cluster.store.sql import SqlStore
from config.spec import (
    BotSpec,
    ExitMode,
    FleetSpec,
    HaltLevel,
    MarketSpec,
    RestartPolicy,
    StrategySpec,
    WalletSpec,
)
from risk.leases import Grant
from risk.limits import ExecGuards, FleetLimits, RiskParams, WalletLimits
from tests.cluster.store.builders import NOON

round_trip = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NAMES = st.text(string.ascii_letters + string.digits + "-_.äß漢🚢'\"%", min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
MONEY = st.decimals(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**62)
SPANS = st.timedeltas(timedelta(0), timedelta(days=999))
ZONES = st.integers(-12 * 60, 12 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES | st.just(UTC))  # noqa: DTZ001
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
STATUSES = st.builds(
    BotStatus,
    bot=st.just(BotId("momo")),
    state=st.sampled_from(BotState),
    since=TIMES,
    epoch=COUNTS,
    incarnation=COUNTS,
    crashes=st.lists(TIMES, max_size=4).map(tuple),
    retry_at=st.none() | TIMES,
    settled=st.booleans(),
    reason=TEXTS,
)
GRANTS = st.builds(
    Grant,
    wallet=NAMES.map(WalletId),
    incarnation=COUNTS,
    granted_usd=MONEY,
    epoch=COUNTS,
    sequence=COUNTS,
    issued_usd=MONEY,
)
SYMBOLS = NAMES.map(Symbol)
BOTS = st.builds(
    BotSpec,
    name=NAMES.map(BotId),
    wallet=NAMES.map(WalletId),
    strategy=st.builds(StrategySpec, kind=NAMES, fields=st.dictionaries(NAMES, JSON, max_size=4)),
    decision_interval=SPANS,
    risk_params=st.builds(RiskParams, min_risk_reward_ratio=FLOATS, max_position_size_usd=MONEY),
    exec_guards=st.none() | st.builds(ExecGuards, cooldown_after_close=SPANS, max_margin_usage_pct=MONEY),
    on_stop=st.sampled_from(ExitMode),
    shared_symbol=st.booleans(),
    heartbeat_timeout=SPANS,
    stop_grace=SPANS,
    restart=st.builds(RestartPolicy, backoff=SPANS, backoff_max=SPANS, crashes_max=COUNTS, window=SPANS),
    symbols=st.lists(SYMBOLS, max_size=3).map(tuple),
    package=st.text("0123456789abcdef", max_size=64),
)
WALLETS = st.builds(
    WalletSpec,
    name=NAMES.map(WalletId),
    account=TEXTS,
    equity_usd=MONEY,
    limits=st.builds(WalletLimits, gross_notional_usd_max=st.none() | MONEY, market_data_age_max=SPANS),
    orphan_cancel_after=SPANS,
)
FLEETS = st.builds(
    FleetSpec,
    fleet=NAMES,
    store=TEXTS,
    market=st.builds(
        MarketSpec, speed=st.none() | FLOATS, step=SPANS, files=st.dictionaries(SYMBOLS, TEXTS, max_size=2)
    ),
    limits=st.builds(FleetLimits, gross_notional_usd_max=MONEY, lease_ttl=SPANS),
    on_breach=st.sampled_from(HaltLevel),
    decision_deadline=SPANS,
    wallets=st.lists(WALLETS, max_size=2).map(tuple),
)


@round_trip
@given(status=STATUSES)
async def test_a_status(store: SqlStore, status: BotStatus) -> None:
    await store.remove_bot(BotId("momo"))
    await store.add_bots(
        [BotSpec(name=BotId("momo"), wallet=WalletId("main"), strategy=StrategySpec(kind="hold"))]
    )
    await store.save_status(status)
    assert await store.load_statuses() == {status.bot: status}


@round_trip
@given(grant=GRANTS)
async def test_a_grant(store: SqlStore, grant: Grant) -> None:
    await store.save_grant(grant)
    kept = (await store.load_grants())[grant.wallet]
    assert kept == grant
    assert kept.granted_usd.as_tuple() == grant.granted_usd.as_tuple()  # 1.0 is not 1.00


@round_trip
@given(bot=BOTS)
async def test_a_bot(store: SqlStore, bot: BotSpec) -> None:
    await store.add_bots([bot])
    assert await store.load_bots() == [(bot, True)]
    await store.remove_bot(bot.name)


@round_trip
@given(fleet=FLEETS)
async def test_a_fleet(store: SqlStore, fleet: FleetSpec) -> None:
    await store.save_fleet(fleet)
    assert await store.load_fleet() == fleet


@round_trip
@given(
    offsets=st.lists(
        st.timedeltas(timedelta(hours=-3), timedelta(hours=3)), min_size=1, max_size=6, unique=True
    ),
    zones=st.lists(ZONES, min_size=6, max_size=6),
    money=MONEY,
)
async def test_times_keep_their_order(
    store: SqlStore, offsets: list[timedelta], zones: list[timezone], money: Decimal
) -> None:
    times = [(NOON + offset).astimezone(zone) for offset, zone in zip(offsets, zones, strict=False)]
    points = [
        EquityPoint(at=at, wallet=WalletId("main"), equity_usd=money, exposure_usd=money) for at in times
    ]
    await store.prune(before=NOON + timedelta(days=1))
    await store.add_equity(points)
    kept = await store.equity(since=times[0])
    assert list(kept) == sorted(
        (point for point in points if point.at >= times[0]), key=lambda point: point.at
    )
