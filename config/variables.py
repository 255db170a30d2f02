"""``${VAR}`` in a fleet file, from the environment or from its env file.

The environment goes before the env file, so that one run can differ without an edit. Values of the env file may refer
to each other; the environment's are taken as they are. ``$${`` is a literal ``${``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from dotenv.parser import parse_stream

VALUE_MAX = 65_536  # characters after expansion
CHAIN_MAX = 50  # variables that refer to variables

_OPEN, _CLOSE = "\ue000", "\ue001"  # private use characters: YAML reads them as letters, unlike braces
_WRITTEN = re.compile(r"\$\{([^{}\n'\"]*)\}")
_REFERENCE = re.compile(rf"(?P<escape>\$)?\$(?:{_OPEN}(?P<name>[^{_OPEN}{_CLOSE}]*){_CLOSE}|\{{)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def protect(text: str) -> str:
    """The text with its ``${VAR}`` spelled so that YAML lets them stand unquoted, as in ``{key: ${KEY}}``.

    Every character keeps its place. ``reveal`` is the inverse.
    """
    return _WRITTEN.sub(rf"${_OPEN}\1{_CLOSE}", text)


def reveal(text: str) -> str:
    """The text as it was before ``protect``."""
    return text.replace(_OPEN, "{").replace(_CLOSE, "}")


def read_env_file(text: str) -> tuple[Mapping[str, str], tuple[tuple[int, str], ...]]:
    """The variables of an env file (``NAME=value`` lines), and the lines that are wrong with why."""
    values: dict[str, str] = {}
    wrong: list[tuple[int, str]] = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            wrong.append(
                (binding.original.line, "is not NAME=value; quote a value with spaces or quotes in it")
            )
        elif binding.key is not None and binding.value is None:
            wrong.append(
                (binding.original.line, f"{binding.key[:40]} has no value; write {binding.key[:40]}=…")
            )
        elif binding.key is not None:
            values[binding.key] = binding.value or ""
    return values, tuple(wrong)


class Variables:
    """All variables that one file can see. ``used`` tells which values went into it, for masking."""

    def __init__(
        self, environ: Mapping[str, str], env_file: Mapping[str, str], *, env_name: str = ""
    ) -> None:
        self._environ = environ
        self._env_file = env_file
        self._env_name = env_name
        self.used: dict[str, str] = {}

    def expand(self, text: str) -> str:
        """The protected text with its variables filled in.

        Raises:
            ValueError: a variable is missing, badly written, or refers to itself.
        """
        return self._expand(text, ())

    def _expand(self, text: str, via: tuple[str, ...]) -> str:
        def filled(found: re.Match[str]) -> str:
            if found["escape"]:
                return reveal(found[0][1:])
            if found["name"] is None:
                raise ValueError(
                    "a ${ is never closed; write ${NAME}, or $${ for the two characters themselves"
                )
            return self._value(found["name"], via)

        expanded = _REFERENCE.sub(filled, text)
        if len(expanded) > VALUE_MAX:
            raise ValueError(f"is longer than {VALUE_MAX} characters once its variables are filled in")
        return expanded

    def _value(self, name: str, via: tuple[str, ...]) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a ${…} holds no variable name; write ${NAME} with letters, digits and _")
        if name in self.used:
            return self.used[name]
        if name in via:
            circle = " -> ".join([*via[via.index(name) :], name])
            raise ValueError(f"variables refer to each other in a circle: {circle}; give one of them a value")
        if len(via) >= CHAIN_MAX:
            raise ValueError(f"variables refer to each other more than {CHAIN_MAX} deep; write it shorter")
        if name in self._environ:
            value = self._environ[name]
        elif name in self._env_file:
            value = self._expand(protect(self._env_file[name]), (*via, name))
        else:
            where = (
                f"the environment or in {self._env_name}"
                if self._env_name
                else "the environment or an env_file"
            )
            by = f" (needed by {via[-1]})" if via else ""
            raise ValueError(f"variable {name} is not set{by}; set {name} in {where}")
        self.used[name] = value
        return value
