"""A user's own strategy modules: importable while a file is read, and where they came from."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def importable(folders: Sequence[Path]) -> Iterator[None]:
    """Put the folders first on the import path for as long as the block runs.

    The modules that came from them are forgotten afterwards: the next file may lie beside others of the same name.
    """
    roots = [str(folder.resolve()) for folder in folders]
    before = set(sys.modules)
    sys.path[:0] = roots
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for root in roots:
            sys.path.remove(root)
        for name in set(sys.modules) - before:
            is_theirs = any(Path(place).is_relative_to(root) for place in _places(name) for root in roots)
            if is_theirs and name.partition(".")[0] not in before:
                del sys.modules[name]


def folder_of(module_name: str, folders: Sequence[Path]) -> Path | None:
    """Which of the folders an imported module was found in; ``None`` for one that is installed elsewhere."""
    file = getattr(sys.modules.get(module_name), "__file__", None)
    if file is None:
        return None
    depth = module_name.count(".") + (Path(file).stem == "__init__")
    root = Path(file).resolve().parents[depth]
    return root if root in [folder.resolve() for folder in folders] else None


def _places(module_name: str) -> list[str]:
    """The file of a module, or the folders of a package that has no file of its own."""
    attributes = getattr(sys.modules[module_name], "__dict__", {})
    file = attributes.get("__file__")
    return [file] if file else list(attributes.get("__path__") or ())
