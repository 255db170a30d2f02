"""A bot's language model in the file: what is wrong is told by its key, and its secret stays a reference."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.llm.settings import Model
from config.problems import MASK, FleetFileError
from config.reading import LoadedFleet, read_bots, read_fleet
from config.settings import render
from strategies.registry import build
from strategies.strategy import needs

SECRET = "sk-canary-55e0"  # pragma: allowlist secret
ENVIRON = {"LLM_KEY": SECRET, "PRICE": "2.5"}
PLAIN = {"name": "gpt", "key": "${LLM_KEY}"}
EXECUTOR = """
class Careful:
    def advise(self, view):
        return []
"""


def a_file(folder: Path, model: Any, **changes: Any) -> Path:
    strategy = {"kind": "advised", "executor": "llm", "candidates": ["BTC"], "model": model} | changes
    strategy = {key: value for key, value in strategy.items() if value is not None}
    content = {
        "fleet": "base",
        "wallets": {"alpha": {}},
        "bots": [{"name": "one", "wallet": "alpha", "strategy": strategy}],
    }
    path = folder / "fleet.yaml"
    path.write_text(json.dumps(content))
    return path


def read(folder: Path, model: Any, environ: Mapping[str, str] = ENVIRON, **changes: Any) -> LoadedFleet:
    return read_fleet(a_file(folder, model, **changes), environ=environ)


def model_of(fleet: LoadedFleet) -> Model:
    """As the bot will have it, after a way through the store."""
    (bot,) = fleet.spec.bots
    fields = msgspec.json.decode(msgspec.json.encode(bot.strategy.fields))
    found = needs(build(bot.strategy.kind, fields)).model
    assert found is not None
    return found


def test_a_model_is_read_and_its_secret_is_not_in_it(tmp_path: Path) -> None:
    loaded = read(tmp_path, PLAIN | {"prompt_usd_per_mtok": "${PRICE}", "deadline": "9s"})
    model = model_of(loaded)
    assert (model.name, model.key, model.prompt_usd_per_mtok) == ("gpt", "${LLM_KEY}", Decimal("2.5"))
    assert model.deadline.total_seconds() == 9
    assert loaded.model_keys == {"LLM_KEY": SECRET}
    for shown in (
        repr(loaded),
        pickle.dumps(loaded.spec).decode("latin1"),
        str(loaded.settings),
        render(loaded.settings),
    ):
        assert SECRET not in shown


def test_an_endpoint_without_key_needs_none(tmp_path: Path) -> None:
    loaded = read(tmp_path, {"name": "local", "base_url": "http://127.0.0.1:8802/v1"}, {})
    assert model_of(loaded).key is None
    assert loaded.model_keys == {}


def test_the_printed_settings_are_a_file_again(tmp_path: Path) -> None:
    model = PLAIN | {
        "template": "Trade {{ bot }}.\nWell.\n",
        "cost_usd_per_day_max": 5,
        "output_usd_per_mtok": 1,
    }
    loaded = read(tmp_path, model)
    printed = tmp_path / "printed.yaml"
    printed.write_text(render(loaded.settings))
    assert "${LLM_KEY}" in printed.read_text()
    assert read_fleet(printed, environ=ENVIRON).spec == loaded.spec


def test_a_template_may_be_a_file_beside_the_fleet(tmp_path: Path) -> None:
    (tmp_path / "mine.md.j2").write_text("You are {{ bot }}, with {{ budget.positions }} slots.")
    model = model_of(read(tmp_path, PLAIN | {"template": "mine.md.j2"}))
    assert model.template == "You are {{ bot }}, with {{ budget.positions }} slots.\n"


def test_keys_of_added_bots_come_along(tmp_path: Path) -> None:
    fleet = read(tmp_path, PLAIN).spec
    model = {"name": "m", "key": "${OTHER}"}
    strategy = {"kind": "advised", "executor": "llm", "candidates": ["ETH"], "model": model}
    bot = {"name": "two", "wallet": "alpha", "strategy": strategy}
    (tmp_path / "bots.yaml").write_text(json.dumps([bot]))
    loaded = read_bots(tmp_path / "bots.yaml", fleet=fleet, environ={"OTHER": "sk-2"})
    assert loaded.model_keys == {"OTHER": "sk-2"}
    assert "sk-2" not in repr(loaded)


def test_an_executor_of_ones_own_is_packed_with_the_bot(tmp_path: Path) -> None:
    (tmp_path / "careful_executor.py").write_text(EXECUTOR)
    loaded = read(tmp_path, None, executor="careful_executor:Careful")
    assert loaded.package_folder == tmp_path
    assert loaded.spec.bots[0].strategy.is_users_own


@pytest.mark.parametrize(
    ("model", "changes", "key", "words"),
    [
        (None, {}, "strategy.model", "is missing; executor llm asks one"),
        (PLAIN, {"executor": "quant"}, "strategy.model", "has no effect with executor quant"),
        ("gpt", {}, "strategy.model", "write a mapping"),
        ({}, {}, "model.name", "is missing"),
        ({"name": ""}, {}, "model.name", "is empty"),
        ({"name": "m", "key": SECRET}, {}, "model.key", "is written out; write ${NAME}"),
        ({"name": "m", "key": "Bearer ${LLM_KEY}"}, {}, "model.key", "is written out"),
        ({"name": "m", "key": "${NOWHERE}"}, {}, "model.key", "variable NOWHERE is not set"),
        ({"name": "m", "key": 5}, {}, "model.key", "is no reference"),
        ({"name": "m", "kee": 5}, {}, "model.kee", "did you mean key?"),
        ({"name": "m", "base_url": "localhost"}, {}, "strategy.model", "base_url: is no address"),
        ({"name": "m", "base_url": f"http://me:{SECRET}@host/v1"}, {}, "strategy.model", "base_url: is no address"),
        ({"name": "m", "deadline": 5}, {}, "model.deadline", "unit"),
        ({"name": "m", "deadline": "30s"}, {}, "model.deadline", "is not below decision.deadline, which is 30s"),
        ({"name": "m", "concurrency": 0}, {}, "model.concurrency", "too small"),
        ({"name": "m", "concurrency": True}, {}, "model.concurrency", "truth value"),
        ({"name": "m", "temperature": 3}, {}, "model.temperature", "too large"),
        ({"name": "m", "prompt_usd_per_mtok": -1}, {}, "model.prompt_usd_per_mtok", "too small"),
        ({"name": "m", "tokens_per_day_max": 0}, {}, "model.tokens_per_day_max", "too small"),
        ({"name": "m", "cost_usd_per_day_max": 5}, {}, "strategy.model", "no effect without prices"),
        ({"name": "m", "record_prompt": "maybe"}, {}, "model.record_prompt", "neither true nor false"),
        ({"name": "m", "template": "nowhere.j2"}, {}, "model.template", "there is no file nowhere.j2"),
        ({"name": "m", "template": "{{ nonsense }}\n"}, {}, "model.template", "'nonsense' is undefined"),
        ({"name": "m", "template": "{% if %}\n"}, {}, "model.template", "prompt template"),
        (None, {"executor": "nowhere:Executor"}, "strategy.executor", "no module named 'nowhere'"),
        (None, {"executor": "json:loads"}, "strategy.executor", "has no class 'loads'"),
        (None, {"executor": "json:JSONDecoder"}, "strategy.executor", "has no method advise"),
        (None, {"executor": "llmm"}, "strategy.executor", "did you mean 'llm'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_key(
    model: Any, changes: dict[str, Any], key: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(FleetFileError) as caught:
        read(tmp_path, model, **changes)
    text = str(caught.value)
    assert f"{key}: " in text
    assert words in text
    assert SECRET not in text
    assert len(text.splitlines()) == 1


def test_a_wrong_file_shows_no_secret_that_it_uses(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError) as caught:
        read(tmp_path, {"name": "${LLM_KEY}", "key": "${LLM_KEY}", "temperature": "${LLM_KEY}"})
    assert SECRET not in str(caught.value)
    assert MASK in str(caught.value) or "${LLM_KEY}" in str(caught.value)
