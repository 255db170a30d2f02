"""Language models as a member of the Decision pool reaches them: their keys are found on its own machine."""

from __future__ import annotations

import os

from actors.language_model import LanguageModels
from adapters.clock import Clock
from adapters.errors import ConfigError
from adapters.llm.settings import Model, variable
from cluster.home import Home
from cluster.keyring import MODELS, find


def model_access(home: Home, clock: Clock) -> LanguageModels:
    """Models with keys from this process's environment, or from the home's secrets."""

    def key_of(model: Model) -> str | None:
        return None if model.key is None else _key(home, variable(model.key))

    return LanguageModels(key_of, clock)


def _key(home: Home, name: str) -> str:
    """The secret of that name."""
    value = os.environ.get(name) or find(home.secrets, MODELS).get(name)
    if not value:
        raise ConfigError(
            f"the key {name} is not on this machine: `flotilla up` writes it into {home.secrets}"
        )
    return value
