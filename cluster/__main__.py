"""``python -m cluster`` is ``flotilla``."""

from cluster.cli.entry import main

main()
