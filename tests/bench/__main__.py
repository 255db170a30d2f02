"""``make bench``. The environment comes first, since Ray reads it when it is imported."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cluster.home import Home


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        home = Home(Path(folder) / "home")
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(home.token_path)
        os.environ["RAY_AUTH_TOKEN"] = ""  # were it set, it would win over the file
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # silences a warning

        from tests.bench.run import run

        run(Path(folder), home)


if __name__ == "__main__":
    main()
