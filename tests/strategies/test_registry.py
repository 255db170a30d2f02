from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.errors import ConfigError
from strategies.advised import Advised
from strategies.hold import Hold
from strategies.momentum import Momentum
from strategies.quoter import Quoter
from strategies.registry import BUILT_IN, build, strategy_class, to_fields
from strategies.strategy import Strategy
from tests.builders import BTC, ETH, a_view

USERS_OWN = """
from __future__ import annotations
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from strategies.decision import AnyDecision
from strategies.strategy import View

@dataclass(frozen=True)
class Patient:
    symbol: str
    size_usd: Decimal = Decimal("12.50")
    wait: timedelta | None = None

    def __post_init__(self) -> None:
        if self.size_usd > 1000:
            raise RuntimeError("greedy")

    def decide(self, view: View) -> Sequence[AnyDecision]:
        return ()

@dataclass
class Thawed:
    symbol: str = "BTC"
    def decide(self, view: View) -> Sequence[AnyDecision]:
        return ()

@dataclass(frozen=True)
class Mute:
    symbol: str = "BTC"

@dataclass(frozen=True)
class Unreadable:
    odd: Missing = None
    def decide(self, view: View) -> Sequence[AnyDecision]:
        return ()

class Plain:
    def decide(self, view: View) -> Sequence[AnyDecision]:
        return ()

number = 3
"""


@pytest.fixture
def users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_patient.py").write_text(USERS_OWN)
    (tmp_path / "my_broken.py").write_text("raise RuntimeError('no luck today')\n")
    (tmp_path / "my_leaver.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "my_needy.py").write_text("import a_library_that_nobody_has\n")
    (tmp_path / "my_typo.py").write_text("def decide(:\n")
    monkeypatch.syspath_prepend(tmp_path)


EXAMPLES: list[tuple[str, Strategy]] = [
    ("hold", Hold(symbols=(BTC, ETH))),
    ("momentum", Momentum(symbol=BTC, stop_atr=Decimal("1.5"), bar_interval=timedelta(minutes=5))),
    ("quoter", Quoter(symbol=ETH, levels=3, spread_bps=Decimal("7.5"))),
    ("advised", Advised(candidates=(BTC,), min_confidence=60)),
]


def test_every_built_in_strategy_has_an_example_here() -> None:
    assert {kind for kind, _ in EXAMPLES} == set(BUILT_IN)


@pytest.mark.parametrize(("kind", "strategy"), EXAMPLES)
def test_a_strategy_survives_being_stored_as_json(kind: str, strategy: Strategy) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(to_fields(strategy)))
    assert "kind" not in stored
    assert build(kind, stored) == strategy
    assert strategy.decide(a_view()) == strategy.decide(a_view())


@pytest.mark.parametrize("duration", [300, 300.0, "PT5M", "PT300S"])
def test_durations_are_seconds_or_iso_8601(duration: Any) -> None:
    built = build("momentum", {"symbol": "BTC", "bar_interval": duration})
    assert isinstance(built, Momentum)
    assert built.bar_interval == timedelta(minutes=5)


@pytest.mark.parametrize("size", ["12.5", 12.5])
def test_decimals_are_text_or_numbers(size: Any) -> None:
    built = build("quoter", {"symbol": "BTC", "size_usd": size})
    assert isinstance(built, Quoter)
    assert built.size_usd == Decimal("12.5")


@pytest.mark.parametrize(
    ("kind", "fields", "text"),
    [
        ("momentun", {}, "unknown strategy 'momentun'; did you mean 'momentum'?"),
        ("zzz", {}, "there are: hold, momentum, quoter, advised"),
        ("momentum", {}, "symbol: is required"),
        ("momentum", {"symbol": "BTC", "kind": "momentum"}, "kind: unknown field"),
        ("momentum", {"symbol": "BTC", "fats": 3}, "fats: unknown field; did you mean 'fast'?"),
        ("momentum", {"symbol": "BTC", "fast": "many"}, "fast: Expected `int`"),
        ("momentum", {"symbol": "BTC", "fast": 30}, "fast: must be below slow"),
        ("momentum", {"symbol": "BTC", "bar_interval": "5 minutes"}, "bar_interval: Invalid ISO8601"),
        ("momentum", {"symbol": "BTC", "rsi_max": "nan"}, "rsi_max: must be a finite number"),
        ("quoter", {"symbol": "BTC", "size_usd": "NaN"}, "size_usd: must be a finite number"),
        ("quoter", {"symbol": "BTC", "size_usd": "Infinity"}, "size_usd: must be a finite number"),
        ("quoter", {"symbol": "BTC", "spread_bps": "-1"}, "spread_bps: must be above 0, is -1"),
        ("advised", {"candidates": ["BTC"], "executor": "qant"}, "executor: unknown executor 'qant'"),
        (":Patient", {}, "must be written my_module:MyClass"),
        ("my_patient:", {}, "must be written my_module:MyClass"),
        ("my_patience:Patient", {}, "no module named 'my_patience'"),
        ("my_patience.deep:Patient", {}, "no module named 'my_patience'"),
        (".patient:Patient", {}, "importing '.patient' raised TypeError"),
        ("my_needy:Patient", {}, "importing 'my_needy' raised: No module named 'a_library_that_nobody_has'"),
        ("my_broken:Patient", {}, "importing 'my_broken' raised RuntimeError: no luck today"),
        ("my_leaver:Patient", {}, "importing 'my_leaver' raised SystemExit: 3"),
        ("my_typo:Patient", {}, "importing 'my_typo' raised SyntaxError"),
        ("my_patient:Impatient", {}, "has no class 'Impatient'"),
        ("my_patient:number", {}, "has no class 'number'"),
        ("my_patient:Plain", {}, "Plain is not a frozen dataclass"),
        ("my_patient:Thawed", {}, "Thawed is not a frozen dataclass"),
        ("my_patient:Mute", {}, "Mute has no method decide"),
        ("my_patient:Unreadable", {}, "its field types cannot be read: name 'Missing' is not defined"),
        ("my_patient:Patient", {"symbol": 3}, "symbol: Expected `str`, got `int`"),
        ("my_patient:Patient", {"symbol": "BTC", "size_usd": "5000"}, "RuntimeError: greedy"),
    ],
)
@pytest.mark.usefixtures("users_own")
def test_what_is_wrong_is_said_precisely(kind: str, fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(kind, fields)
    assert text in str(caught.value)


def test_all_wrong_fields_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build("quoter", {"levels": "x", "spred_bps": 3, "size_usd": "NaN"})
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "levels",
        "size_usd",
        "spred_bps",
        "symbol",
    ]


@pytest.mark.usefixtures("users_own")
def test_a_users_own_class_is_built_like_a_built_in_one() -> None:
    built = build("my_patient:Patient", {"symbol": "BTC", "wait": 90})
    assert type(built) is strategy_class("my_patient:Patient")
    assert to_fields(built) == {"symbol": "BTC", "size_usd": "12.50", "wait": "PT90S"}
    assert build("my_patient:Patient", to_fields(built)) == built
