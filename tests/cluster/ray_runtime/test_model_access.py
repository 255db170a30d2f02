"""Keys of models are found on the machine of the Decision actor alone; executors of ones own stay with their bot."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.decision import DecisionMember
from adapters.clock import SystemClock
from adapters.errors import ConfigError
from adapters.llm.settings import Model, SecretRef
from adapters.model import Symbol
from cluster.home import Home
from cluster.keyring import MODELS, keep
from cluster.ray_runtime.bot_host import _advisor
from cluster.ray_runtime.model_access import model_access
from cluster.ray_runtime.remote import RemoteAdvisor
from strategies.advised import Advised
from strategies.decision import Decision
from strategies.hold import Hold
from strategies.strategy import View

MODEL = Model(name="m", key=SecretRef("${FLEET_TEST_KEY}"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.make_folders()
    return found


def key(home: Home, model: Model = MODEL) -> str | None:
    return model_access(home, SystemClock())._key_of(model)


def test_a_key_comes_from_the_homes_secrets_or_from_the_environment(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(home.secrets, MODELS, {"FLEET_TEST_KEY": "from the file"})
    assert key(home) == "from the file"
    keep(home.secrets, MODELS, {"FLEET_TEST_KEY": "changed"})
    assert key(home) == "changed"
    monkeypatch.setenv("FLEET_TEST_KEY", "from the environment")
    assert key(home) == "from the environment"
    assert key(home, Model(name="local")) is None


def test_a_key_that_is_not_there_is_named_and_no_other(home: Home) -> None:
    with pytest.raises(ConfigError, match=r"models\.json is missing"):
        key(home)
    keep(home.secrets, MODELS, {"ANOTHER": "a secret of somebody else"})
    with pytest.raises(ConfigError, match="the key FLEET_TEST_KEY is not on this machine") as caught:
        key(home)
    assert "somebody" not in str(caught.value)


class Careful:
    """A user's own executor."""

    def advise(self, view: View) -> list[Decision]:
        return []


def test_an_executor_of_ones_own_runs_in_its_bots_process() -> None:
    candidates = (Symbol("BTC"),)
    own = Advised(executor=f"{__name__}:Careful", candidates=candidates)
    assert isinstance(_advisor(own, 1.0), DecisionMember)
    assert isinstance(_advisor(Advised(candidates=candidates), 1.0), RemoteAdvisor)
    assert isinstance(_advisor(Hold(), 1.0), RemoteAdvisor)
