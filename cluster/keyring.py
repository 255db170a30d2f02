"""Secrets on the machine that uses them: one file each, for its owner's eyes only.

They never travel in a Ray call, a spec or an environment, since whatever a worker inherits any bot could read. To
bring them to other machines, copy the folder (``file_mounts`` in ray_cluster.yaml).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from adapters.errors import ConfigError

MODELS = "models"  # the owner of the keys of all language models, by the name of their variable


def keep(folder: Path, owner: str, secrets: Mapping[str, str]) -> None:
    """Have exactly these as the owner's; a crash leaves the old file or the new one."""
    path = folder / f"{owner}.json"
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(dict(secrets), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def find(folder: Path, owner: str) -> Mapping[str, str]:
    """The owner's secrets.

    Raises:
        ConfigError: there are none on this machine, or others may read them.
    """
    path = folder / f"{owner}.json"
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others; chmod 600 it")
        secrets: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing: `flotilla up` writes it, or copy it to this machine") from None
    except (OSError, ValueError):
        raise ConfigError(f"{path} cannot be read") from None
    return secrets
