"""A file as values with its variables filled in, and the collection of what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from config.document import BYTES_MAX, Document, decode, parse
from config.problems import MASK, FleetFileError, KeyPath, Problem, Redaction, dotted, looks_secret, report
from config.variables import Variables, protect, read_env_file, reveal


class Source:
    """One YAML file and its problems, which keep their order and never show a secret.

    Attributes:
        written: the values as the file has them, ``${VAR}`` included; safe to show outside of secret keys.
        values: the same with variables filled in.
    """

    def __init__(self, path: Path, *, environ: Mapping[str, str]) -> None:
        """Reads the file and its env file.

        Raises:
            FleetFileError: one of them cannot be read, or is no YAML.
        """
        self.path = path
        self._problems: list[Problem] = []
        self._wrong_keys: set[str] = set()
        self._redaction = Redaction()
        self._document = parse(protect(_text(path)))
        self.written: Any = _map_texts(self._document.value, reveal)
        for flaw in self._document.flaws:
            self._at_line(flaw.path, flaw.line, flaw.what)
        if self.written is None:
            if not self._problems:
                self.add((), "is empty; see config/examples/minimal.yaml")
            raise self.error()
        self.values: Any = self._expanded(environ)

    def add(self, path: KeyPath, what: str) -> None:
        """Book a problem at a key, unless the key has one already: a consequence tells nothing new."""
        if dotted(path) not in self._wrong_keys:
            self._at_line(path, self._document.line(path), what)

    def add_all(self, findings: Iterable[tuple[KeyPath, str]], *, under: KeyPath = ()) -> None:
        """Book several; their paths are relative to ``under``."""
        for path, what in findings:
            self.add((*under, *path), what)

    @property
    def is_sound(self) -> bool:
        """Whether no problem is booked."""
        return not self._problems

    def error(self) -> FleetFileError:
        """All that was booked, as the error to raise."""
        return report(self._problems)

    def wrap(self, key: str) -> None:
        """Let a file that is a bare list be the mapping of ``key`` to that list."""
        lines = {(key, *path): line for path, line in self._document.lines.items()}
        self._document = Document(self._document.value, lines)
        self.written, self.values = {key: self.written}, {key: self.values}
        self._problems = [
            Problem(p.file, p.line, f"{key}{p.key}" if p.key.startswith("[") else p.key, p.what)
            for p in self._problems
        ]
        self._wrong_keys = {problem.key for problem in self._problems}

    def _at_line(self, path: KeyPath, line: int, what: str) -> None:
        self._wrong_keys.add(dotted(path))
        self._problems.append(Problem(str(self.path), line, dotted(path), self._redaction(what)))

    def _expanded(self, environ: Mapping[str, str]) -> Any:
        env_name = self.written.get("env_file") if isinstance(self.written, dict) else None
        env_file: Mapping[str, str] = {}
        if isinstance(env_name, str) and env_name:
            env_file = self._env_file(env_name)
        variables = Variables(environ, env_file, env_name=env_name if isinstance(env_name, str) else "")
        wrong: list[tuple[KeyPath, str]] = []

        def expand(text: str, path: KeyPath) -> str:
            try:
                return variables.expand(text)
            except ValueError as error:
                wrong.append((path, str(error)))
                return reveal(text)

        values = _map_paths(self._document.value, expand)
        masks = {value: f"${{{name}}}" for name, value in variables.used.items()}
        self._redaction = Redaction(masks | dict.fromkeys(_secrets(values), MASK))
        self.add_all(wrong)
        return values

    def _env_file(self, name: str) -> Mapping[str, str]:
        path = self.path.parent / name
        try:
            text = _text(path)
        except Exception as error:
            self.add(
                ("env_file",), f"{str(error).removeprefix(f'{path}: ')} (looked for {name} beside this file)"
            )
            raise self.error() from None
        values, wrong = read_env_file(text)
        self._problems += [Problem(str(path), line, "", what) for line, what in wrong]
        return values


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise ValueError("is a folder; name the file in it")
        if not path.exists():
            raise ValueError("does not exist; check the path")
        if not path.is_file():
            raise ValueError("is no regular file; write the YAML to a file")
        with path.open("rb") as file:
            return decode(file.read(BYTES_MAX + 1))
    except OSError as error:
        what = f"cannot be read ({error.strerror}); check its permissions"
    except ValueError as error:
        what = str(error)
    raise report([Problem(str(path), 0, "", what)])


def _map_paths(value: Any, change: Any, path: KeyPath = ()) -> Any:
    if isinstance(value, dict):
        return {reveal(key): _map_paths(inner, change, (*path, reveal(key))) for key, inner in value.items()}
    if isinstance(value, list):
        return [_map_paths(inner, change, (*path, index)) for index, inner in enumerate(value)]
    return change(value, path) if isinstance(value, str) else value


def _map_texts(value: Any, change: Any) -> Any:
    return _map_paths(value, lambda text, _: change(text))


def _secrets(value: Any, *, is_secret: bool = False) -> Iterable[str]:
    """The texts under keys that look secret."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _secrets(inner, is_secret=is_secret or looks_secret(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, is_secret=is_secret)
    elif is_secret and value is not None:
        yield str(value)
