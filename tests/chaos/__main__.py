"""``make chaos``. The environment comes first, since Ray reads it when it is imported."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from cluster.home import Home


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--for", dest="for_s", type=float, default=600, help="seconds of faults")
    parser.add_argument("--faults", type=int, help="how many must bite; one every four seconds by default")
    parser.add_argument("--seed", type=int, help="of every choice; random by default")
    parser.add_argument("--wallets", type=int, default=4)
    parser.add_argument("--seats", type=int, default=5, help="bots a wallet")
    parser.add_argument("--json", action="store_true", help="the result as JSON instead of a table")
    parser.add_argument("--keep", type=Path, help="copy the fleet's home there at the end")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        home = Home(Path(folder) / "home")
        os.environ["FLOTILLA_HOME"] = str(home.path)
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(home.token_path)
        os.environ["RAY_AUTH_TOKEN"] = ""  # were it set, it would win over the file
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # silences a warning

        from tests.chaos.fleet_file import Roster
        from tests.chaos.run import Chaos, Settings, tell_on_stderr

        settings = Settings(
            seed=random.randrange(10_000) if asked.seed is None else asked.seed,
            for_s=asked.for_s,
            faults=round(asked.for_s / 4) if asked.faults is None else asked.faults,
            roster=Roster(wallets=asked.wallets, seats=asked.seats),
        )
        tell_on_stderr(f"seed {settings.seed}, {settings.for_s:g} s, {settings.faults} faults")
        try:
            result = Chaos(Path(folder), settings, tell_on_stderr).run()
        finally:
            if asked.keep is not None and home.path.exists():
                shutil.copytree(home.path, asked.keep, symlinks=True, dirs_exist_ok=True)
        print(json.dumps(result.as_json()) if asked.json else result.as_text())
        return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
