"""The drill's decisions, over a fleet that answers as told. tests/ray drills a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from actors.halt_times import HaltTimes, StepTimes
from actors.kill_switch import HaltProgress
from actors.ledger_events import HaltCause, Latch
from actors.messages import Engaged
from actors.status import FleetStatus, Totals
from actors.store import Latches
from adapters.model import ZERO, WalletId
from cluster.cli import drill_command
from cluster.cli.app import run
from cluster.driver import Incomplete
from cluster.exit_codes import ExitCode
from config.spec import FleetSpec, HaltLevel, WalletSpec

MAIN = WalletId("main")
STEP = StepTimes(gate_s=0.01, empty_s=0.02, flat_s=0.03, verified_s=0.03)


class Sea:
    """A running fleet, as the driver sees it. What happens during the drill is a test's to say."""

    def __init__(self) -> None:
        self.fleet = FleetSpec(fleet="sea", store="", wallets=(WalletSpec(name=MAIN),))
        self.latches = Latches(0, ())
        self.lifted: list[tuple[str, int | None]] = []
        self.error: BaseException | None = None
        self.meanwhile: Latch | None = None

    def spec(self) -> FleetSpec:
        return self.fleet

    def status(self) -> FleetStatus:
        return FleetStatus("sea", (), (), {}, Totals(0, 0, ZERO, ZERO, ZERO), ())

    def halt(self, scope: str, level: HaltLevel, reason: str, cause: HaltCause) -> int:
        return self.latch(Latch(scope, level, 0, reason, cause))

    def latch(self, latch: Latch) -> int:
        generation = self.latches.generation + 1
        known = {old.scope: old for old in self.latches.latches}
        known[latch.scope] = Latch(latch.scope, latch.level, generation, latch.reason, latch.cause)
        self.latches = Latches(generation, tuple(known.values()))
        return generation

    def halt_progress(self) -> HaltProgress:
        generation = self.latches.generation
        wallet = Engaged(MAIN, generation, True, 0, 0, 0)
        times = HaltTimes(generation, 0.005, {MAIN: STEP}, STEP)
        return HaltProgress(generation, self.latches.latches, True, (wallet,), times)

    def wait_until_halted(self, *, wait_s: float) -> HaltProgress:
        if self.error is not None:
            raise self.error
        progress = self.halt_progress()
        if self.meanwhile is not None:
            self.latch(self.meanwhile)
        return progress

    def lift(self, scope: str, reason: str, generation: int | None = None) -> Latches:
        self.lifted.append((scope, generation))
        left = tuple(
            latch for latch in self.latches.latches if (latch.scope, latch.generation) != (scope, generation)
        )
        self.latches = Latches(self.latches.generation + 1, left)
        return self.latches


@pytest.fixture
def sea(monkeypatch: pytest.MonkeyPatch) -> Sea:
    sea = Sea()

    @contextmanager
    def connected(home: Any) -> Iterator[Sea]:
        yield sea

    monkeypatch.setattr(drill_command, "connected", connected)
    return sea


def test_it_lifts_what_it_set_and_tells_the_times(sea: Sea, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drill", "--yes", "--json", "--level", "cancel_all"]) == ExitCode.OK
    assert sea.lifted == [("fleet", 1)]
    printed = json.loads(capsys.readouterr().out)
    assert (printed["scope"], printed["level"], printed["halt"]["latched_s"]) == (
        "fleet",
        "cancel_all",
        0.005,
    )
    assert printed["halt"]["wallets"]["main"]["flat_s"] == 0.03
    assert printed["lift"]["generation"] == 2


def test_real_money_is_not_drilled(sea: Sea, capsys: pytest.CaptureFixture[str]) -> None:
    sea.fleet = replace(
        sea.fleet, wallets=(*sea.fleet.wallets, WalletSpec(name=WalletId("real"), mode="live"))
    )
    assert run(["drill", "--yes"]) is ExitCode.REFUSED
    assert "real" in capsys.readouterr().err
    assert not sea.latches.generation


@pytest.mark.parametrize("scope", ["fleet", "bot:ann"])
def test_under_a_halt_it_is_refused(sea: Sea, scope: str) -> None:
    sea.latch(Latch(scope, HaltLevel.PAUSE_ENTRIES, 0, "lunch"))
    assert run(["drill", "--yes"]) is ExitCode.REFUSED
    assert not sea.lifted


def test_an_unknown_scope_is_not_found(sea: Sea) -> None:
    assert run(["drill", "--yes", "--scope", "wallet:nobody"]) is ExitCode.NOT_FOUND
    assert not sea.latches.generation


@pytest.mark.parametrize("error", [Incomplete("main: no answer"), KeyboardInterrupt()])
def test_what_was_not_verified_is_not_lifted(
    sea: Sea, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    sea.error = error
    assert run(["drill", "--yes"]) is ExitCode.INCOMPLETE
    assert not sea.lifted
    assert "flotilla resume fleet" in capsys.readouterr().err.replace("\n", " ")


def test_a_halt_that_was_deepened_meanwhile_stays(sea: Sea, capsys: pytest.CaptureFixture[str]) -> None:
    sea.meanwhile = Latch("fleet", HaltLevel.FLATTEN, 0, "daily loss", HaltCause.LOSS)
    assert run(["drill", "--yes", "--level", "reduce_only"]) is ExitCode.INCOMPLETE
    assert [latch.cause for latch in sea.latches.latches] == [HaltCause.LOSS]
    assert "not by the drill" in capsys.readouterr().err


def test_a_halt_of_somebody_else_in_its_place_is_not_lifted(sea: Sea) -> None:
    """Someone halted the fleet as deeply between the look and the latch: nothing was set by the drill."""
    sea.halt = lambda *_: sea.latch(Latch("fleet", HaltLevel.FLATTEN, 0, "loss", HaltCause.LOSS))  # type: ignore[method-assign]
    assert run(["drill", "--yes"]) is ExitCode.INCOMPLETE
    assert [latch.cause for latch in sea.latches.latches] == [HaltCause.LOSS]
