"""``simulate``: venues on this machine that speak the real ones' protocols."""

from __future__ import annotations

import asyncio
import re
import signal
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from adapters.clock import SystemClock
from adapters.errors import ConfigError
from adapters.model import Symbol
from cluster.cli.options import AsJson
from cluster.cli.output import console, print_json

app = typer.Typer(
    help="Venues on this machine that speak the real ones' own protocols.", no_args_is_help=True
)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
Host = Annotated[str, typer.Option("--host", help="Where to listen.")]
AllowRemote = Annotated[
    bool,
    typer.Option("--allow-remote", help="Let other machines in, with a --host that is not this one's own."),
]
Port = Annotated[int, typer.Option("--port", help="0 takes a free one.", min=0, max=65535)]
Seed = Annotated[int, typer.Option("--seed", help="Of the synthetic market, and of the faults.")]
Fund = Annotated[
    list[str] | None, typer.Option("--fund", help="Who has how much; may be repeated.", metavar="ADDRESS=USD")
]
Coins = Annotated[
    str, typer.Option("--coins", help="Of the synthetic market; a name with a slash is a spot market.")
]
Market = Annotated[
    list[str] | None,
    typer.Option("--market", help="Play a recording instead; one for each coin.", metavar="COIN=FILE"),
]
Speed = Annotated[float, typer.Option("--speed", help="Of a recording.", min=0.001)]
FaultRate = Annotated[
    float,
    typer.Option("--faults", help="Share of messages that go wrong, at a second address.", min=0.0, max=1.0),
]
LedgerFile = Annotated[
    Path | None, typer.Option("--ledger", help="Append what happens, a JSON document a line.", metavar="FILE")
]
WeightPerMinute = Annotated[
    int | None,
    typer.Option("--weight-per-minute", help="Limit requests of an IP address; live: 1200.", min=1),
]
RequestsAtFirst = Annotated[
    int | None,
    typer.Option("--requests-at-first", help="Limit actions of a user, as for volume; live: 10000.", min=0),
]
Mainnet = Annotated[bool, typer.Option("--mainnet", help="Take signatures for the mainnet, not the testnet.")]
CloidOnce = Annotated[bool, typer.Option("--cloid-once", help="Refuse a cloid that was used before.")]


@app.callback()
def simulate() -> None:
    """Venues on this machine that speak the real ones' own protocols."""


@app.command()
def hyperliquid(
    host: Host = "127.0.0.1",
    port: Port = 8801,
    allow_remote: AllowRemote = False,
    seed: Seed = 7,
    fund: Fund = None,
    coins: Coins = "",
    market: Market = None,
    speed: Speed = 1.0,
    faults: FaultRate = 0.0,
    ledger: LedgerFile = None,
    weight_per_minute: WeightPerMinute = None,
    requests_at_first: RequestsAtFirst = None,
    mainnet: Mainnet = False,
    cloid_once: CloidOnce = False,
    as_json: AsJson = False,
) -> None:
    """Run a local Hyperliquid: its official SDK trades here unmodified. Ends with Ctrl-C."""
    check_host(host, allow_remote=allow_remote)
    from adapters.simulators.hyperliquid import hosting  # heavy: only who hosts pays for it
    from adapters.simulators.hyperliquid.terms import Terms

    plain = hosting.Setup()
    setup = hosting.Setup(
        host=host,
        port=port,
        seed=seed,
        symbols=tuple(map(Symbol, coins.split(","))) if coins else plain.symbols,
        files={Symbol(coin): Path(file) for coin, file in _pairs("--market", market)},
        speed=speed,
        funds=dict(_fund(address, usd) for address, usd in _pairs("--fund", fund)),
        terms=Terms(
            mainnet=mainnet,
            cloid_once=cloid_once,
            weight_per_minute=weight_per_minute,
            requests_at_first=requests_at_first,
        ),
        fault_rate=faults,
        ledger=ledger,
    )

    def tell(addresses: hosting.Addresses) -> None:
        if as_json:
            print_json(addresses)
            return
        console.print(f"Hyperliquid is at {addresses.url}", highlight=False, soft_wrap=True)
        if addresses.faulty_url is not None:
            console.print(f"and with faults at {addresses.faulty_url}", highlight=False, soft_wrap=True)

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await hosting.host(setup, SystemClock(), ready=tell, stop=stop)

    asyncio.run(run())


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="simulate")


def check_host(host: str, *, allow_remote: bool) -> None:
    """Raise ``ConfigError`` for an address that other machines reach, unless they shall."""
    try:
        is_local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not (is_local or allow_remote):
        raise ConfigError(f"--host {host}: other machines could reach it; say --allow-remote if they shall")


def _pairs(option: str, texts: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise ConfigError(f"{option} {text!r}: must be two things with = between them")
        pairs.append((name, value))
    return pairs


def _fund(address: str, usd: str) -> tuple[str, Decimal]:
    if not _ADDRESS.fullmatch(address):
        raise ConfigError(f"--fund {address}=...: the address must be 0x and 40 hex digits")
    try:
        amount = Decimal(usd)
    except InvalidOperation as error:
        raise ConfigError(f"--fund {address}={usd}: must be dollars, as in 10000") from error
    if not (amount.is_finite() and amount > 0):
        raise ConfigError(f"--fund {address}={usd}: must be more than nothing")
    return address, amount
