"""Arguments and options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cluster.home import Home

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
WaitSeconds = Annotated[float, typer.Option("--wait-s", help="How long to wait, in seconds.", min=0.0)]
FleetPath = Annotated[Path, typer.Argument(help="The fleet file (YAML).", metavar="FLEET")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many, newest last.", min=1)]
BotNames = Annotated[list[str], typer.Argument(help="Names of bots; ALL for every one.", metavar="BOT...")]


def home() -> Home:
    """The home that ``FLOTILLA_HOME`` names."""
    return Home.from_environment(os.environ)
