"""Where the command line begins: the environment first, since Ray reads it when it is imported."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """The console script ``flotilla``, and ``python -m cluster``."""
    from cluster.home import Home

    if "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:  # a job has its environment from its fleet
        home = Home.from_environment(os.environ)
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(home.token_path)
        os.environ["RAY_AUTH_TOKEN"] = ""  # were it set, it would win over the file
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; silences a warning

    from cluster.cli.app import run

    sys.exit(run(sys.argv[1:]))
