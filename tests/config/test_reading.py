"""A fleet file becomes the fleet that it says, and every key of it counts."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.bot_section import Bot, FeatureFlags, Guards, Params, Restart
from config.fleet_file import BotsFile, DecisionPool, FleetFile, Risk
from config.market_section import ReplayMarket, SyntheticMarket, VenueMarket
from config.model_section import ModelSection
from config.portfolio_section import Portfolio
from config.problems import MASK, FleetFileError
from config.reading import LoadedFleet, read_bots, read_fleet
from config.section import Section
from config.settings import render
from config.spec import BotSpec, FleetSpec, StrategySpec, WalletSpec
from config.wallet_section import Limits, Wallet
from risk.portfolio_params import PortfolioParams
from strategies.registry import strategy_class
from tests.config.bad_files import SECRET

CONFIG = Path(__file__).resolve().parents[2] / "config"
SHIPPED = [
    CONFIG / "demo.yaml",
    CONFIG / "hyperliquid-paper.yaml",
    *sorted((CONFIG / "examples").glob("*.yaml")),
]

OWN = """
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

class Mood(StrEnum):
    CALM = "calm"
    WILD = "wild"

@dataclass(frozen=True, kw_only=True)
class Own:
    symbol: str
    wait: timedelta = timedelta(seconds=1)
    pause: timedelta | None = None
    ratio: Decimal = Decimal("1.5")
    steps: tuple[int, ...] = ()
    mood: Mood = Mood.CALM
    side: Literal["long", "short"] = "long"
    weights: dict[str, float] | None = None

    def decide(self, view):
        return ()
"""


def read(folder: Path, content: Any, *, environ: Mapping[str, str] | None = None) -> LoadedFleet:
    path = folder / "fleet.yaml"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_fleet(path, environ=environ or {})


def a_fleet(**changes: Any) -> dict[str, Any]:
    bot = {"name": "one", "wallet": "alpha", "strategy": "hold", "exec_guards": {}}
    base = {"fleet": "base", "risk": {"portfolio": {}}, "wallets": {"alpha": {}, "beta": {}}, "bots": [bot]}
    return base | changes


def advised_by(model: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "advised", "executor": "llm", "candidates": ["BTC"], "model": dict(model)}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_fleets_are_right(path: Path) -> None:
    loaded = read_fleet(path, environ={})
    assert loaded.spec.bots
    assert path.read_text().count("#") >= 3


def test_the_demo_is_what_the_readme_promises() -> None:
    demo = read_fleet(CONFIG / "demo.yaml", environ={})
    assert len(demo.spec.bots) >= 8
    assert len(demo.spec.wallets) == 3
    assert {bot.strategy.kind for bot in demo.spec.bots} == {"momentum", "quoter", "advised", "hold"}
    assert demo.package_folder is None


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_printed_settings_are_a_file_that_gives_the_same_fleet(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    written = read_fleet(folder / path.name, environ={})
    printed = folder / "printed.yaml"
    printed.write_text(render(written.settings))
    assert read_fleet(printed, environ={}).spec == written.spec


def test_the_example_with_own_code_says_which_folder_to_pack() -> None:
    loaded = read_fleet(CONFIG / "examples" / "own_strategy.yaml", environ={})
    assert loaded.package_folder == CONFIG / "examples"
    assert "own_strategy.breakout" not in sys.modules
    assert str(CONFIG / "examples") not in sys.path


# G8: nothing configured is silent

PLACES: Mapping[type[Section], tuple[Any, ...]] = {
    FleetFile: (),
    SyntheticMarket: ("market",),
    ReplayMarket: ("market",),
    VenueMarket: ("market",),
    Risk: ("risk",),
    Portfolio: ("risk", "portfolio"),
    DecisionPool: ("decision",),
    Wallet: ("wallets", "alpha"),
    Limits: ("wallets", "alpha", "limits"),
    Bot: ("bots", 0),
    Params: ("bots", 0, "risk_params"),
    Guards: ("bots", 0, "exec_guards"),
    FeatureFlags: ("bots", 0, "features"),
    Restart: ("bots", 0, "restart"),
    ModelSection: ("bots", 0, "strategy", "model"),
}

OTHER: Mapping[type[Section], Mapping[str, Any]] = {
    FleetFile: {
        "fleet": "other",
        "metrics_port": 9,
        "store": "sqlite:///x.db",
        "market": {"seed": 8},
        "risk": {"lease_ttl": "3s"},
        "decision": {"actors": 3},
        "wallets": {"alpha": {}},
        "bots": [],
    },
    SyntheticMarket: {
        "source": "replay",
        "seed": 8,
        "symbols": ["BTC"],
        "step": "1s",
        "speed": "max",
        "latency": "1s",
    },
    VenueMarket: {"network": "testnet", "symbols": ["BTC"], "latency": "9s"},
    ReplayMarket: {
        "source": "synthetic",
        "files": {"ETH": "bars.csv"},
        "speed": 2,
        "loop": False,
        "latency": "0s",
    },
    Risk: {
        "gross_notional_usd_max": 5,
        "daily_loss_pct_max": 1,
        "drawdown_from_peak_pct_max": 1,
        "equity_unknown_max": "9s",
        "market_data_silent_max": "9s",
        "lease_ttl": "9s",
        "max_api_failures_in_window": 9,
        "api_failure_window": "9s",
        "on_breach": "pause_entries",
        "on_irrecoverable": "pause_entries",
        "portfolio": {"policy": "equal"},
    },
    Portfolio: {
        "policy": "equal",
        "rebalance_every": "9s",
        "gross_equity_multiple_max": 9,
        "bot_share_max_pct": 9,
        "bot_share_min_pct": 9,
        "raise_step_pct": 9,
        "performance_factor_min": 0.9,
        "performance_factor_max": 9,
        "volatility_target_pct": 9,
    },
    DecisionPool: {"actors": 9, "deadline": "1s"},
    Wallet: {
        "network": "http://127.0.0.1:3001",
        "vault": "0x9",
        "margin": "isolated",
        "account": "mine",
        "equity_usd": 5,
        "orphan_cancel_after": "1m",
        "unknown_orders": "adopt",
        "foreign_orders": "cancel",
        "journal": "group",
        "limits": {"open_orders_max": 1},
    },
    Limits: {
        "gross_notional_usd_max": 9,
        "position_notional_usd_max": 9,
        "order_notional_usd_max": 9,
        "order_size_max": {"BTC": 9},
        "open_orders_max": 9,
        "open_orders_per_symbol_max": 9,
        "price_collar_pct": 9,
        "price_collar_major_pct": 9,
        "market_data_age_max": "9s",
        "market_data_lost_after": "9s",
        "orders_per_second_max": 9,
        "unknown_orders_max": 9,
        "unknown_order_age_max": "9s",
        "unprotected_max": "9s",
    },
    Bot: {
        "name": "two",
        "wallet": "beta",
        "strategy": {"kind": "hold", "symbols": ["BTC"]},
        "decision_interval": "9s",
        "risk_params": {"max_positions": 1},
        "exec_guards": {"max_new_positions_per_cycle": 2},
        "features": {"shadow_mode": True},
        "on_stop": "flatten",
        "shared_symbol": True,
        "heartbeat_timeout": "9s",
        "stop_grace": "9s",
        "restart": {"crashes_max": 0},
        "weight": 9,
    },
    Params: {
        "major_coin_leverage": 9,
        "altcoin_leverage": 9,
        "min_confidence": 9,
        "min_risk_reward_ratio": 9,
        "max_positions": 9,
        "max_position_size_usd": 9,
        "protective_stop_pct": 9,
        "stop_move_min_pct": 9,
        "stop_move_interval": "9s",
        "max_order_size_usd": 9,
        "max_orders_per_second": 9,
        "max_same_orders": 9,
        "same_orders_window": "9s",
        "max_fills_per_decision": 9,
        "max_reject_rate_pct": 9,
        "reject_rate_window": "9s",
    },
    Guards: {
        "max_new_positions_per_cycle": 9,
        "cooldown_after_close": "9s",
        "liquidity_threshold_usd": 9,
        "max_margin_usage_pct": 9,
        "btceth_position_value_min_equity_multiple": 9,
        "btceth_position_value_max_equity_multiple": 9,
        "alt_position_value_min_equity_multiple": 1,
        "alt_position_value_max_equity_multiple": 9,
        "scale_in": True,
        "sharpe_pause_threshold": 9,
        "sharpe_window": 9,
        "sharpe_trades_min": 9,
        "pause_duration_on_breach": "9s",
        "slowdown_after_pause": "9s",
        "slowdown_interval_multiple": 9,
        "min_confidence_on_breach": 9,
    },
    FeatureFlags: {
        "multi_decision": False,
        "sl_tp_orchestration": False,
        "idempotent_retries": False,
        "gating_thresholds": False,
        "shadow_mode": True,
    },
    Restart: {"backoff": "9s", "backoff_max": "9s", "crashes_max": 9, "window": "9s"},
    ModelSection: {
        "name": "other",
        "base_url": "http://127.0.0.1:9/v1",
        "key": "${OTHER_KEY}",
        "deadline": "9s",
        "concurrency": 9,
        "temperature": 0.9,
        "prompt_tokens_max": 9,
        "output_tokens_max": 9,
        "prompt_usd_per_mtok": 9,
        "output_usd_per_mtok": 9,
        "tokens_per_day_max": 9,
        "cost_usd_per_day_max": 9,
        "template": "Trade {{ bot }}\nwell.",
        "record_prompt": True,
    },
}

# Keys whose effect is not in the spec; each has its own test below.
ELSEWHERE = {
    FleetFile: {"env_file"},
    Wallet: {"venue", "mode", "key", "secret", "passphrase"},
}


def with_key(content: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(content))
    place: Any = changed
    for part in path[:-1]:
        place = place[part] if isinstance(place, list) else place.setdefault(part, {})
    place[path[-1]] = value
    return changed


def all_keys() -> list[tuple[type[Section], str]]:
    return [(section, key) for section in PLACES for key in section.model_fields]


@pytest.mark.parametrize(
    ("section", "key"), all_keys(), ids=lambda part: part if isinstance(part, str) else part.__name__
)
def test_every_key_changes_the_fleet(section: type[Section], key: str, tmp_path: Path) -> None:
    if key in ELSEWHERE.get(section, ()):
        return
    (tmp_path / "bars.csv").touch()
    replay = {"source": "replay", "files": {"BTC": "bars.csv"}}
    venue = {"source": "hyperliquid", "symbols": ["BTC", "ETH"]}
    base = a_fleet(market={ReplayMarket: replay, VenueMarket: venue}.get(section, {}))
    if section is Wallet:
        base["wallets"]["alpha"]["venue"] = "hyperliquid"
    if section is ModelSection:
        model = {"name": "any", "key": "${KEY}", "prompt_usd_per_mtok": 1}
        base["bots"][0]["strategy"] = advised_by(model)
    if (section, key) == (SyntheticMarket, "source"):
        changed = a_fleet(market=replay)
    elif section in (ReplayMarket, VenueMarket) and key == "source":
        changed = a_fleet()
    else:
        changed = with_key(base, (*PLACES[section], key), OTHER[section][key])
    if key == "wallets":
        base["bots"] = changed["bots"] = []
    environ = {"KEY": SECRET, "OTHER_KEY": SECRET}
    assert read(tmp_path, changed, environ=environ).spec != read(tmp_path, base, environ=environ).spec


def test_the_walk_over_the_keys_forgets_no_section() -> None:
    def sections(kind: type[Section]) -> set[type[Section]]:
        return {kind, *(inner for sub in kind.__subclasses__() for inner in sections(sub))}

    assert sections(Section) - {Section, BotsFile} == set(PLACES)
    assert set(BotsFile.model_fields) <= set(FleetFile.model_fields)


def test_every_field_of_the_spec_has_its_key() -> None:
    computed = {"name", "symbols", "package"}
    for spec, section in ((BotSpec, Bot), (WalletSpec, Wallet)):
        assert {field.name for field in dataclasses.fields(spec)} - computed <= set(section.model_fields)


def test_the_defaults_are_those_of_the_spec(tmp_path: Path) -> None:
    bot = {"name": "one", "wallet": "alpha", "strategy": "hold"}
    content = a_fleet(bots=[bot], wallets={"alpha": {}}, risk={})
    expected = FleetSpec(
        fleet="base",
        store="sqlite:///state/base.db",
        wallets=(WalletSpec(name="alpha"),),  # type: ignore[arg-type]
        bots=(
            BotSpec(
                name="one",  # type: ignore[arg-type]
                wallet="alpha",  # type: ignore[arg-type]
                strategy=StrategySpec(kind="hold", fields={"symbols": []}),
            ),
        ),
    )
    assert read(tmp_path, content).spec == expected


def test_the_env_file_gives_variables(tmp_path: Path) -> None:
    (tmp_path / "my.env").write_text("DESK=seven\n")
    loaded = read(tmp_path, a_fleet(env_file="my.env", wallets={"alpha": {"account": "${DESK}"}}))
    assert loaded.spec.wallets[0].account == "seven"


@pytest.mark.parametrize("key", ["key", "secret", "passphrase"])
def test_a_secret_is_known_to_be_there_and_goes_nowhere(key: str, tmp_path: Path) -> None:
    content = f"fleet: base\nwallets: {{alpha: {{{key}: ${{KEY}}}}}}\n"
    loaded = read(tmp_path, content, environ={"KEY": SECRET})
    assert loaded.settings["wallets"]["alpha"][key] == MASK
    assert SECRET not in repr(loaded)
    assert SECRET not in render(loaded.settings)
    assert SECRET.encode() not in pickle.dumps(loaded)


LIVE = {
    "venue": "hyperliquid",
    "mode": "live",
    "network": "testnet",
    "account": f"0x{'a1' * 20}",
    "key": "${KEY}",
}


def a_live_fleet(**changes: object) -> dict[str, Any]:
    market = {"source": "hyperliquid", "network": "testnet", "symbols": ["BTC", "ETH"]}
    wallet = {key: value for key, value in (LIVE | changes).items() if value is not None}
    return a_fleet(market=market, wallets={"alpha": wallet})


def test_a_live_wallet_hands_its_key_over_beside_the_fleet_and_nowhere_else(tmp_path: Path) -> None:
    loaded = read(tmp_path, a_live_fleet(), environ={"KEY": SECRET})
    assert loaded.secrets == {"alpha": {"key": SECRET}}
    assert loaded.spec.wallets[0].mode == "live"
    assert SECRET not in repr(loaded)
    assert SECRET.encode() not in pickle.dumps(loaded.spec)


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"key": None}, "key", "is missing"),
        ({"account": None}, "account", "is missing"),
        ({"account": "0x12"}, "account", "is no address"),
        ({"vault": "mine"}, "vault", "is no address"),
        ({"network": "mainnet"}, "mode", r"network: mainnet"),
        ({"network": "ftp://x"}, "network", "is no network"),
        ({"venue": "paper"}, "mode", "no live mode"),
    ],
)
def test_a_live_wallet_that_could_not_trade_is_refused(
    changes: dict[str, Any], where: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(FleetFileError, match=rf"wallets\.alpha\.{where}.*{words}"):
        read(tmp_path, a_live_fleet(**changes), environ={"KEY": SECRET})


def test_a_key_that_the_paper_venue_does_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match=r"wallets\.alpha\.margin.*no effect"):
        read(tmp_path, a_fleet(wallets={"alpha": {"margin": "isolated"}}))


@pytest.mark.parametrize(("key", "value"), [("venue", "kraken"), ("mode", "live")])
def test_another_venue_or_mode_is_refused(key: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match=rf"wallets\.alpha\.{key}"):
        read(tmp_path, a_fleet(wallets={"alpha": {key: value}}))


# values


def test_a_number_may_come_from_a_variable(tmp_path: Path) -> None:
    content = a_fleet(risk={"gross_notional_usd_max": "${GROSS}", "lease_ttl": "${TTL}"})
    loaded = read(tmp_path, content, environ={"GROSS": "12.50", "TTL": "3s"})
    assert loaded.spec.limits.gross_notional_usd_max == Decimal("12.50")


def test_money_keeps_every_digit(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "fleet: base\nwallets: {a: {equity_usd: 10000.1}, b: {equity_usd: '0.12345678901234567890'}}",
    )
    assert [wallet.equity_usd for wallet in loaded.spec.wallets] == [
        Decimal("10000.1"),
        Decimal("0.12345678901234567890"),
    ]


def test_files_of_a_replay_are_found_beside_the_fleet_file(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").touch()
    loaded = read(tmp_path, a_fleet(market={"source": "replay", "files": {"BTC": "bars.csv"}}))
    assert loaded.spec.market.files == {"BTC": str(tmp_path / "bars.csv")}
    assert loaded.spec.market.symbols == ("BTC",)


# the portfolio


def test_a_fleet_without_the_section_has_no_portfolio_and_one_with_it_has_its_defaults(
    tmp_path: Path,
) -> None:
    assert read(tmp_path, a_fleet(risk={})).spec.limits.portfolio is None
    assert read(tmp_path, a_fleet(risk={"portfolio": {}})).spec.limits.portfolio == PortfolioParams()


def test_a_weight_that_nothing_reads_is_refused(tmp_path: Path) -> None:
    bot = {"name": "one", "wallet": "alpha", "strategy": "hold", "weight": 2}
    assert read(tmp_path, a_fleet(bots=[bot])).spec.bots[0].weight == 2
    with pytest.raises(FleetFileError, match=r"bots\[0\]\.weight: has no effect without risk\.portfolio"):
        read(tmp_path, a_fleet(bots=[bot], risk={}))


# strategies


def test_fields_of_ones_own_strategy_are_checked_and_come_back_exactly(tmp_path: Path) -> None:
    (tmp_path / "own_fields.py").write_text(OWN)
    fields = {
        "kind": "own_fields:Own",
        "symbol": "BTC",
        "wait": "1m30s",
        "pause": "250ms",
        "ratio": "0.10",
        "steps": [1, 2],
        "mood": "wild",
        "side": "short",
        "weights": {"a": 0.5},
    }
    bot = {"name": "one", "wallet": "alpha", "strategy": fields}
    loaded = read(tmp_path, a_fleet(bots=[bot]))
    stored = loaded.spec.bots[0].strategy.fields
    assert json.loads(json.dumps(stored)) == stored
    assert loaded.package_folder == tmp_path
    assert loaded.spec.bots[0].symbols == ("BTC",)
    sys.path.insert(0, str(tmp_path))
    try:
        again = msgspec.convert(stored, strategy_class("own_fields:Own"), strict=False)
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["own_fields"]
    assert json.loads(msgspec.json.encode(again)) == stored
    assert str(getattr(again, "ratio")) == "0.10"  # noqa: B009 - the class is not known here


def test_a_module_is_also_looked_for_on_the_search_path(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "own_else.py").write_text(OWN)
    path = tmp_path / "fleet.yaml"
    bot = {"name": "one", "wallet": "alpha", "strategy": {"kind": "own_else:Own", "symbol": "BTC"}}
    path.write_text(json.dumps(a_fleet(bots=[bot])))
    assert read_fleet(path, environ={}, search_path=[elsewhere]).package_folder == elsewhere


def test_modules_of_one_file_must_lie_in_one_folder(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "own_there.py").write_text(OWN)
    (tmp_path / "own_here.py").write_text(OWN)
    path = tmp_path / "fleet.yaml"
    bots = [
        {
            "name": f"bot{n}",
            "wallet": "alpha",
            "strategy": {"kind": f"{module}:Own", "symbol": symbol},
        }
        for n, (module, symbol) in enumerate([("own_here", "BTC"), ("own_there", "ETH")])
    ]
    path.write_text(json.dumps(a_fleet(bots=bots)))
    with pytest.raises(FleetFileError, match="one folder"):
        read_fleet(path, environ={}, search_path=[elsewhere])


def test_two_files_may_have_modules_of_one_name(tmp_path: Path) -> None:
    for name, default in (("a", "1.5"), ("b", "2.5")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "same_name.py").write_text(OWN.replace('Decimal("1.5")', f'Decimal("{default}")'))
        bot = {"name": "one", "wallet": "alpha", "strategy": {"kind": "same_name:Own", "symbol": "BTC"}}
        loaded = read(folder, a_fleet(bots=[bot]))
        assert loaded.spec.bots[0].strategy.fields["ratio"] == default


# bots files


def momentum(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "wallet": "alpha", "strategy": {"kind": "momentum", "symbol": "BTC"}} | changes


def running(folder: Path) -> FleetSpec:
    return read(folder, a_fleet(bots=[momentum("one")])).spec


def test_an_added_bots_weight_needs_a_portfolio_too(tmp_path: Path) -> None:
    path = tmp_path / "bots.yaml"
    path.write_text(json.dumps([momentum("two", wallet="beta", weight=2)]))
    assert read_bots(path, fleet=running(tmp_path), environ={}).bots[0].weight == 2
    bare = read(tmp_path, a_fleet(risk={})).spec
    with pytest.raises(FleetFileError, match=r"bots\[0\]\.weight"):
        read_bots(path, fleet=bare, environ={})


def added(folder: Path, content: Any) -> tuple[BotSpec, ...]:
    path = folder / "bots.yaml"
    path.write_text(json.dumps(content))
    return read_bots(path, fleet=running(folder), environ={}).bots


@pytest.mark.parametrize(
    "content", [[momentum("two", wallet="beta")], {"bots": [momentum("two", wallet="beta")]}]
)
def test_bots_are_added_from_a_list_or_a_mapping(content: Any, tmp_path: Path) -> None:
    assert [bot.name for bot in added(tmp_path, content)] == ["two"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([momentum("one", wallet="beta")], r"bots\[0\]\.name: 'one' is taken by the running fleet"),
        ([momentum("One", wallet="beta")], "only in case"),
        ([momentum("two")], "belongs to bot 'one'"),
        ([momentum("two", shared_symbol=True)], "in both"),
        ([momentum("two", wallet="gamma")], "no wallet 'gamma'"),
        ([momentum("two", strategy={"kind": "momentum", "symbol": "XRP"})], "the market has no XRP"),
        ([momentum("two", stop_grace=5)], r"bots\[0\]\.stop_grace: 5 has no unit"),
        ([momentum("two", wallet="${NOT_SET}")], r"bots\[0\]\.wallet: variable NOT_SET"),
        ({"bots": []}, "at least one bot"),
        ([], "at least one bot"),
        ({"env_file": "x.env"}, "does not exist"),
        ({"risk": {}, "bots": [momentum("two", wallet="beta")]}, "risk: is no key here"),
        (a_fleet(), "flotilla up"),
        ("two", "is text"),
    ],
)
def test_bots_that_do_not_fit_the_running_fleet_are_refused(content: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match=words) as raised:
        added(tmp_path, content)
    assert "bots.yaml" in str(raised.value)


def test_lines_of_a_bare_list_are_right(tmp_path: Path) -> None:
    path = tmp_path / "bots.yaml"
    path.write_text("- name: two\n  wallet: beta\n  strategy: hold\n  nope: 1\n")
    with pytest.raises(FleetFileError, match=r"bots\.yaml:4: bots\[0\]\.nope"):
        read_bots(path, fleet=running(tmp_path), environ={})


# the error


def test_the_error_survives_pickling(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError) as raised:
        read(tmp_path, "fleet: 5\n")
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


KEYS = sorted({key for section in PLACES for key in section.model_fields} | {"kind", "x", "", "a:b", "<<"})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["hold", "momentum", "5s", "replay", "BTC", "alpha", "${X}", "$${", "a:b", "max"])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), TREES, max_size=8))
def test_any_mapping_is_a_fleet_or_a_fleet_file_error(tmp_path: Path, content: dict[str, Any]) -> None:
    message = "fleet.yaml"
    try:
        read(tmp_path, {"fleet": "base", "wallets": {"alpha": {}}} | content)
    except FleetFileError as error:
        message = str(error)
    assert "fleet.yaml" in message


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_bytes(content)
    with pytest.raises(FleetFileError, match=r"fleet\.yaml"):
        read_fleet(path, environ={})
