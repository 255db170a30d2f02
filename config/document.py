"""YAML text as plain values that remember their lines.

Scalars are read by YAML 1.2's rules, so that ``on`` and ``12:30`` stay text. Duplicate keys, tags, self-reference
and aliases that blow up are refused.

Source: YAML 1.2.2, section 10.3.2 "Tag Resolution" of the core schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from config.problems import KeyPath

NODES_MAX = 100_000  # aliases counted as often as they are used
BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Flaw:
    """A problem of the text, before anyone asks what it means."""

    path: KeyPath
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. ``value`` is ``None`` where the text is no YAML at all."""

    value: Any = None
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    flaws: tuple[Flaw, ...] = ()

    def line(self, path: KeyPath) -> int:
        """The line of the path, or of what contains it; 0 for the file."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return 0


def decode(content: bytes) -> str:
    """The file's text.

    Raises:
        ValueError: too large, binary, or not UTF-8.
    """
    if len(content) > BYTES_MAX:
        raise ValueError(f"larger than {BYTES_MAX >> 20} MiB; a fleet file is a few kB of YAML text")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("is UTF-16 text; save it as UTF-8")
    if b"\0" in content:
        raise ValueError("is a binary file; a fleet file is YAML text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is not UTF-8 text (line {line}); save it as UTF-8") from None


def parse(text: str) -> Document:
    """The text as values; never raises, what is wrong is in ``flaws``."""
    try:
        node = Loader(text).get_single_node()
        if node is None:
            return Document()
        walk = _Walk()
        value = walk.value(node, ())
        return Document(value, walk.lines, tuple(walk.flaws))
    except RecursionError:
        return _broken(0, "is nested too deeply; a fleet file needs about six levels")
    except _TooManyNodes:
        return _broken(0, f"its aliases expand to more than {NODES_MAX} values; write fewer of them")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _broken(mark.line + 1 if mark else 0, _yaml_words(error))
    except yaml.YAMLError:
        return _broken(0, "has a character that YAML does not allow; remove control characters")


class Loader(yaml.SafeLoader):
    """Composes nodes; the walk below makes the values."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the base class declares it so


for _tag, _pattern, _first in (
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    ("int", r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^{_pattern}$"), _first)


class _TooManyNodes(Exception):
    pass


class _Walk:
    """One pass over the nodes."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.flaws: list[Flaw] = []
        self._nodes = 0
        self._open: set[int] = set()  # containers that we are inside of

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise _TooManyNodes
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            return self._flaw(node, path, "contains itself; an alias must not lie inside its own anchor")
        if node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            return self._flaw(node, path, "has a YAML tag (!…); remove it")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self._item(item, (*path, index)) for index, item in enumerate(node.value)]
        finally:
            self._open.remove(id(node))

    def _item(self, node: yaml.Node, path: KeyPath) -> Any:
        self.lines[path] = node.start_mark.line + 1
        return self.value(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged |= self._merged(value_node, path)
            elif not isinstance(key_node, yaml.ScalarNode):
                self._flaw(key_node, path, "a key is a list or a mapping; keys are text (quote ${…} keys)")
            elif (key := key_node.value) in own:
                first = self.lines[*path, key]
                self._flaw(key_node, (*path, key), f"is here twice, first on line {first}; keep one of them")
            else:
                self.lines[*path, key] = key_node.start_mark.line + 1
                own[key] = self.value(value_node, (*path, key))
        return merged | own

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        lines = dict(self.lines)
        value = self.value(node, path)
        self.lines = {**self.lines, **lines}  # what the mapping says itself keeps its own lines
        if not isinstance(value, dict):
            self._flaw(node, path, "<< merges one mapping; write <<: *name")
            return {}
        return value

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text = node.value
        try:
            match node.tag.removeprefix("tag:yaml.org,2002:"):
                case "str" | "merge":
                    return text
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text, 0 if text[:2] in ("0o", "0x") else 10)
                case "float":
                    return self._float(node, path)
        except ValueError:
            return self._flaw(
                node, path, "is not the number that its tag or its length says; write it plainly"
            )
        return self._flaw(node, path, "has a YAML tag (!…); remove it")

    def _float(self, node: yaml.ScalarNode, path: KeyPath) -> float | None:
        value = float(node.value)
        if value in (float("inf"), float("-inf")) or Decimal(repr(value)) != Decimal(node.value):
            self._flaw(node, path, "has more digits than a YAML number keeps; write it in quotes")
            return None
        return value

    def _flaw(self, node: yaml.Node, path: KeyPath, what: str) -> None:
        self.flaws.append(Flaw(path, node.start_mark.line + 1, what))


def _broken(line: int, what: str) -> Document:
    return Document(flaws=(Flaw((), line, what),))


def _yaml_words(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's own words without the text they quote: that may be half of a secret."""
    problem = error.problem or "cannot be read"
    if "'\\t'" in problem:
        return "is not YAML: a tab; indent with spaces"
    if isinstance(error, yaml.composer.ComposerError):
        if "single document" in (error.context or ""):
            return "holds several YAML documents; keep one and remove the line ---"
        return "is not YAML: an alias (*name) has no anchor (&name) above it; quote a value that begins with * or &"
    if "found character" in problem or "escape" in problem or "tag" in problem or "directive" in problem:
        return "is not YAML: a value begins with a special character; put it in quotes"
    words = re.sub(r"'([^']*)'", lambda found: found[0] if _is_shown(found[1]) else "it", problem)
    return f"is not YAML: {words}; check indent, colons, quotes and brackets"


def _is_shown(quoted: str) -> bool:
    """Single characters and PyYAML's names of tokens (``<scalar>``), never the file's words."""
    return len(quoted) <= 1 or quoted.startswith("<")
