"""Answers each line on standard input with the fleet's status: one connection for a thousand looks."""

import os
import sys

from adapters.errors import TradingError
from cluster.home import Home
from cluster.ray_runtime import boot


def main() -> None:
    home = Home.from_environment(os.environ)
    os.environ.update(boot.environment(home))  # before Ray is imported

    from cluster.cli.output import print_json
    from cluster.driver import connected

    with connected(home) as fleet:
        for _ in sys.stdin:
            try:
                print_json(fleet.status())
            except TradingError as error:
                print_json({"error": str(error)})
            sys.stdout.flush()


if __name__ == "__main__":
    main()
