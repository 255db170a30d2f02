"""Where a fleet's state lives on this machine."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from adapters.errors import ConfigError

HOME_VARIABLE = "FLOTILLA_HOME"

_SOCKETS_ROOT = Path("/tmp")  # noqa: S108 - short, the same for every process; the folders below are checked to be ours
_RELATIVE_SQLITE = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)(?P<path>.+)")


class UnsafeFolder(ConfigError):
    """A folder that must be ours alone belongs to somebody else, or is not a folder."""


@dataclass(frozen=True, slots=True)
class Home:
    """One fleet's home folder: durable state, logs, and what the running processes need to find each other.

    Everything durable lies below ``path``. Unix sockets and Ray's own files lie below ``runtime``, which is short
    (a socket's path holds 107 bytes at most, unix(7), and Ray appends up to 64 to its folder) and is gone
    after the fleet has ended.

    The runtime folder depends on the home's path and the user only, never on ``TMPDIR``, so that a
    command line and a bot with different environments find the same sockets.
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path.expanduser().resolve())

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Home:
        """The home that ``FLOTILLA_HOME`` names; ``~/.flotilla`` where it is unset or empty."""
        return cls(Path(environ.get(HOME_VARIABLE) or "~/.flotilla"))

    @property
    def state(self) -> Path:
        """The store, and all else that must survive."""
        return self.path / "state"

    @property
    def journals(self) -> Path:
        """One folder per fleet, one journal per wallet."""
        return self.state / "wallets"

    @property
    def paper(self) -> Path:
        """The books of the paper exchange."""
        return self.state / "paper"

    @property
    def secrets(self) -> Path:
        """What live wallets sign with, and other keys; readable by its owner only."""
        return self.path / "secrets"

    @property
    def ray_store(self) -> Path:
        """Ray's own tables (RocksDB). They live as long as this home's Ray, no longer."""
        return self.state / "ray-gcs"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """What is known of the processes that run now."""
        return self.path / "run"

    @property
    def ray_address_file(self) -> Path:
        """Where this home's Ray answers, while it runs."""
        return self.run / "ray-address.json"

    @property
    def token_path(self) -> Path:
        """The secret that Ray's processes and clients share; readable by its owner only."""
        return self.path / "token"

    @property
    def key(self) -> str:
        """Eight hex digits that stand for this home in short names."""
        return blake2b(os.fsencode(self.path), digest_size=4).hexdigest()

    @property
    def runtime(self) -> Path:
        """Sockets, and Ray's temporary folders; gone once the fleet has ended."""
        return _SOCKETS_ROOT / f"flotilla-{os.getuid()}" / self.key

    @property
    def sockets(self) -> Path:
        """Unix sockets between bots and wallets; a name of up to 60 bytes fits."""
        return self.runtime / "s"

    def make_folders(self) -> None:
        """Creates what is missing; every folder is for its owner only.

        Raises:
            UnsafeFolder: a folder exists and is somebody else's, or is a link or a file.
            OSError: it cannot be created.
        """
        own = (self.path, self.state, self.journals, self.paper, self.logs, self.run, self.secrets)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for folder in (*own, self.runtime.parent, self.runtime, self.sockets):
            _make_private(folder)

    def store_url(self, url: str) -> str:
        """``url`` with a relative SQLite path taken from this home instead of the working directory."""
        return _RELATIVE_SQLITE.sub(lambda m: f"{m['scheme']}{self.path}/{m['path']}", url, count=1)


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UnsafeFolder(f"{folder} is not a folder of this user (uid {os.getuid()})")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
