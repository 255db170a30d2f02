"""``simulate llm``: a model server on this machine that speaks the chat-completions API."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Annotated

import typer

from adapters.errors import ConfigError
from cluster.cli.options import AsJson
from cluster.cli.output import console, print_json
from cluster.cli.venue_commands import AllowRemote, Host, Port, check_host

Seed = Annotated[int, typer.Option("--seed", help="Of the faults.")]
Latency = Annotated[float, typer.Option("--latency", help="Seconds from a request to its answer.", min=0.0)]
FaultRate = Annotated[
    float,
    typer.Option("--faults", help="Share of requests that go wrong, in any way there is.", min=0.0, max=1.0),
]
KeyFrom = Annotated[
    str,
    typer.Option("--key-from", help="Let in who bears the key that this variable holds.", metavar="VARIABLE"),
]


def register(simulate: typer.Typer) -> None:
    """Add the command."""
    simulate.command()(llm)


def llm(
    host: Host = "127.0.0.1",
    port: Port = 8802,
    allow_remote: AllowRemote = False,
    seed: Seed = 7,
    latency: Latency = 0.5,
    faults: FaultRate = 0.0,
    key_from: KeyFrom = "",
    as_json: AsJson = False,
) -> None:
    """Run a local model server with a trader by rule in it: no model, no cost. Ends with Ctrl-C."""
    check_host(host, allow_remote=allow_remote)
    if key_from and not os.environ.get(key_from):
        raise ConfigError(f"--key-from {key_from}: the variable is not set")
    from adapters.simulators.llm.faults import Fault, FaultPlan  # heavy: only who hosts pays for it
    from adapters.simulators.llm.server import ModelServer

    server = ModelServer(
        latency_s=latency,
        key=os.environ[key_from] if key_from else None,
        faults=FaultPlan(rates={fault: faults / len(Fault) for fault in Fault}, seed=seed),
    )

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            url = await server.start(host, port)
        except OSError as error:
            raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        try:
            print_json({"url": url}) if as_json else console.print(f"The model is at {url}", highlight=False)
            await stop.wait()
        finally:
            await server.aclose()

    asyncio.run(run())
