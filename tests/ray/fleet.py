"""Drives a real fleet as an operator does: the command line as processes, and the exchange asked for the truth."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.clock import SystemClock
from adapters.errors import VenueError
from adapters.link import Caller, Peer
from adapters.model import BotId, OrderReport, Symbol
from adapters.paper.client import PaperClient
from adapters.paper.wire import PAPER_LINK
from cluster.home import Home
from cluster.ray_runtime import boot
from risk.intent import bot_tag, tag_of

PROJECT = Path(__file__).resolve().parents[2]
USER_CODE = Path(__file__).parent / "user_code"
POLL_S = 0.1
Status = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """One account by the exchange's own word."""

    positions: Mapping[Symbol, Decimal]
    orders: Sequence[OrderReport]

    def orders_of(self, bot: str) -> list[OrderReport]:
        return [report for report in self.orders if tag_of(report.order.id) == bot_tag(BotId(bot))]


class Fleet:
    """A home in which at most one fleet runs. ``end`` leaves nothing of it."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.home = Home(folder)
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "PYTHONPATH": str(PROJECT),
            "FLOTILLA_HOME": str(self.home.path),
            **(environ or {}),
        }
        self._watcher: subprocess.Popen[str] | None = None

    def run(
        self, *arguments: str, timeout_s: float = 120, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """One command of ``flotilla``."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cluster", *arguments]

    def ask(self, *arguments: str, timeout_s: float = 120) -> Any:
        """What a command prints with ``--json``; it must succeed."""
        done = self.run(*arguments, "--json", timeout_s=timeout_s)
        assert done.returncode == 0, f"flotilla {' '.join(arguments)}: {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout)

    def ray(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """One of Ray's own commands, with what ``flotilla env`` exports and nothing else."""
        shell = (
            f'eval "$({sys.executable} -m cluster env)" && exec {sys.executable} -m ray.scripts.scripts "$@"'
        )
        return subprocess.run(
            ["bash", "-c", shell, "ray", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def status(self) -> Status:
        """The status, over a connection that stays open."""
        if self._watcher is None:
            self._watcher = subprocess.Popen(
                [sys.executable, "-m", "tests.ray.watcher"],
                cwd=PROJECT,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self._watcher.stdin is not None
        assert self._watcher.stdout is not None
        self._watcher.stdin.write("\n")
        self._watcher.stdin.flush()
        answer = self._watcher.stdout.readline()
        assert answer, "the watcher has ended"
        status: Status = json.loads(answer, parse_float=Decimal)
        return status

    def until(self, holds: Callable[[Status], object], what: str, *, within_s: float = 30) -> Status:
        """The first status for which it holds. A status that is not there yet does not count."""
        deadline = time.monotonic() + within_s
        while True:
            status = self.status()
            if "error" not in status and holds(status):
                return status
            assert time.monotonic() < deadline, (
                f"not within {within_s:g} s: {what}\n{json.dumps(status, default=str)}"
            )
            time.sleep(POLL_S)

    def account(self, wallet: str, *, within_s: float = 15) -> Account:
        """The account at the exchange, asked over its socket, once it answers."""

        async def dial() -> Caller:
            return await Peer.dial(self.home.sockets / "exchange.sock", PAPER_LINK, SystemClock())

        async def ask() -> Account:
            client = PaperClient(dial, wallet, Decimal(1))
            try:
                held, orders = await client.positions(), await client.open_orders()
                return Account({position.symbol: position.size for position in held}, orders)
            finally:
                await client.aclose()

        deadline = time.monotonic() + within_s
        while True:
            try:
                return asyncio.run(ask())
            except VenueError:
                assert time.monotonic() < deadline, "the exchange does not answer"
                time.sleep(POLL_S)

    def disconnect(self) -> None:
        """Give up the open connection, as before the fleet ends."""
        if self._watcher is not None:
            self._watcher.communicate(timeout=20)
            self._watcher = None

    def end(self) -> None:
        """Down, and in any case nothing left."""
        with suppress(subprocess.TimeoutExpired):
            self.disconnect()
        try:
            if boot.running(self.home) is not None:
                with suppress(subprocess.TimeoutExpired):
                    self.run("down", "--yes", "--force", "--wait-s", "20", timeout_s=90)
        finally:
            boot.stop(self.home)
            if self._watcher is not None:
                self._watcher.kill()
                self._watcher.communicate()


def kill(pid: int) -> None:
    """SIGKILL, by pid."""
    os.kill(pid, signal.SIGKILL)


def named(lines: Sequence[Status], name: str) -> Status:
    """The bot or wallet of that name."""
    return next(line for line in lines if line["name"] == name)


def all_up(status: Status) -> bool:
    """Every wanted bot runs, every wallet serves under a lease, and every actor answers."""
    return (
        all(bot["state"] == "RUNNING" for bot in status["bots"] if bot["wanted"])
        and all(w["state"] == "READY" and w["lease"] and w["lease"]["left_s"] > 0 for w in status["wallets"])
        and {"supervisor", "risk_guard", "kill_switch", "recorder", "market_data", "exchange", "decision"}
        <= status["actors"].keys()
    )
