"""A user's own class, by the name ``module:Class`` that a fleet file gives it."""

from __future__ import annotations

import importlib
from typing import Any

from adapters.errors import ConfigError


def own_class(role: str, name: str) -> type[Any]:
    """Import the module and take the class.

    Args:
        role: what it shall be, for messages: "strategy".
        name: ``module:Class``.

    Raises:
        ConfigError: it is written otherwise, cannot be imported, or is no class.
    """
    module_name, _, class_name = name.partition(":")
    if not module_name or not class_name:
        raise ConfigError(f"{role} {name!r}: must be written my_module:MyClass")
    found = getattr(_module(module_name, f"{role} {name!r}"), class_name, None)
    if not isinstance(found, type):
        raise ConfigError(f"{role} {name!r}: module {module_name!r} has no class {class_name!r}")
    return found


def _module(name: str, whose: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The module itself or a package above it is absent; any other name is one that it imports.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigError(f"{whose}: no module named {error.name!r}") from error
        raise ConfigError(f"{whose}: importing {name!r} raised: {error}") from error
    except (Exception, SystemExit) as error:  # a user's module may raise anything while it is imported
        raise ConfigError(f"{whose}: importing {name!r} raised {type(error).__name__}: {error}") from error
