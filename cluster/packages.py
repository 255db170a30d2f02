"""A user's own strategy code as a package: the same folder gives the same bytes, and the bytes their name."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from adapters.errors import ConfigError
from cluster.build import OUR_NAMES
from config.spec import BotSpec

PASSED_OVER = {"__pycache__", "node_modules", "venv", "env", "build", "dist"}
SETTINGS = {".yaml", ".yml", ".env", ".key", ".pem"}  # what may hold a key goes nowhere
PACKAGE_BYTES_MAX = 20 * 1024 * 1024
_STAMP = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip file knows: the time must not change the bytes


def pack(folder: Path) -> tuple[str, bytes]:
    """The folder as a zip file, and its sha256 in hex.

    Hidden files, caches, virtual environments and build output stay out, and so do settings: a fleet file and its
    env file lie beside the code, and the package goes to every machine.

    Raises:
        ConfigError: the folder would shadow one of our packages, or is larger than 20 MiB.
    """
    for name in OUR_NAMES:
        if (folder / name).is_dir() or (folder / f"{name}.py").is_file():
            raise ConfigError(
                f"{folder}: holds {name!r}, a name that Flotilla's own code uses: on the workers it would shadow"
                " ours. Keep your strategies in a folder without it"
            )
    buffer = io.BytesIO()
    total = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if not path.is_file() or any(part.startswith(".") or part in PASSED_OVER for part in parts):
                continue
            if path.suffix.lower() in SETTINGS:
                continue
            total += path.stat().st_size
            if total > PACKAGE_BYTES_MAX:
                raise ConfigError(
                    f"{folder}: more than {PACKAGE_BYTES_MAX // 2**20} MiB; keep strategies apart from data"
                )
            archive.writestr(
                zipfile.ZipInfo("/".join(parts), _STAMP), path.read_bytes(), zipfile.ZIP_DEFLATED
            )
    package = buffer.getvalue()
    return hashlib.sha256(package).hexdigest(), package


def packaged(bots: Sequence[BotSpec], folder: Path | None) -> tuple[tuple[BotSpec, ...], Mapping[str, bytes]]:
    """The bots with the digest of the user code that they need, and that code by digest.

    Raises:
        ConfigError: see ``pack``.
    """
    if folder is None or not any(bot.strategy.is_users_own for bot in bots):
        return tuple(bots), {}
    digest, package = pack(folder)
    with_code = (replace(bot, package=digest) if bot.strategy.is_users_own else bot for bot in bots)
    return tuple(with_code), {digest: package}
