"""The command ``flotilla``: its sub-commands, and what their failures become."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from adapters.errors import ConfigError, Conflict, LinkError, TradingError
from cluster.cli import (
    audit_commands,
    bot_commands,
    drill_command,
    fleet_commands,
    halt_commands,
    model_commands,
    reading_commands,
    replay_command,
    simulate_command,
    venue_commands,
)
from cluster.cli.output import errors
from cluster.driver import Incomplete, NotRunning, Unknown
from cluster.exit_codes import ExitCode

app = typer.Typer(
    name="flotilla",
    help="A supervised fleet of trading bots on Ray, under one risk budget and one kill switch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
fleet_commands.register(app)
halt_commands.register(app)
drill_command.register(app)
reading_commands.register(app)
audit_commands.register(app)
replay_command.register(app)
simulate_command.register(app)
venue_commands.register(app)
model_commands.register(venue_commands.app)
app.add_typer(bot_commands.app, name="bots")


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    try:
        app(list(arguments), prog_name="flotilla")
    except SystemExit as end:  # how Typer ends, with 2 for a wrong command line
        return int(end.code or ExitCode.OK)
    except NotRunning as error:
        return _say(error, ExitCode.NOT_RUNNING)
    except Unknown as error:
        return _say(error, ExitCode.NOT_FOUND)
    except Conflict as error:
        return _say(error, ExitCode.REFUSED)
    except Incomplete as error:
        return _say(error, ExitCode.INCOMPLETE)
    except ConfigError as error:
        return _say(error, ExitCode.BAD_INPUT)
    except LinkError as error:
        return _say(f"the fleet does not answer: {error}", ExitCode.FAILED)
    except TradingError as error:
        return _say(error, ExitCode.FAILED)
    return ExitCode.OK


def _say(error: object, code: ExitCode) -> int:
    errors.print(f"flotilla: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    return code
