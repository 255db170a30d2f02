"""``audit``, ``analyze`` and ``replay --from-audit``, from a fleet that is only in memory to files and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.messages import AdviceLine, CycleRecord
from adapters.model import BotId
from cluster.cli import audit_commands
from cluster.cli.app import run
from cluster.exit_codes import ExitCode
from config.spec import BotSpec, FleetSpec, StrategySpec
from risk.results import RoundTrip
from strategies.decision import Action, Decision
from tests.actors.builders import ANN, a_bot_spec, dec
from tests.actors.test_bot import LONG, a_life
from tests.builders import BTC, NOW

MOMENTUM = StrategySpec(kind="momentum", fields={"symbol": "BTC"})
SPEC = a_bot_spec(strategy=MOMENTUM, symbols=(BTC,))


class MemoryFleet:
    """What a running fleet answers."""

    def __init__(self, records: Sequence[CycleRecord]) -> None:
        self.records = records

    def spec(self) -> FleetSpec:
        return FleetSpec(fleet="desk", store="", bots=(SPEC,))

    def cycles(self, bot: BotId, *, cycle: int | None = None, limit: int = 20) -> Sequence[CycleRecord]:
        found = [record for record in self.records if cycle in (None, record.cycle)]
        return list(reversed(found))[:limit]

    def trips(self, bot: BotId) -> Sequence[RoundTrip]:
        return [
            RoundTrip(at=NOW + place * timedelta(minutes=9), pnl_usd=dec(usd))
            for place, usd in enumerate((8, -12, 28))
        ]


async def records_of(*turns: tuple[Decision, ...]) -> list[CycleRecord]:
    left = list(turns)
    life = await a_life(lambda view: left.pop(0), spec=SPEC, symbols=(BTC,))
    return [record for _ in turns if (record := await life.bot.cycle())]


@pytest.fixture
async def fleet(monkeypatch: pytest.MonkeyPatch) -> MemoryFleet:
    hold = Decision(symbol=BTC, action=Action.HOLD, reasoning="wait and see")
    records = await records_of((LONG,), (replace(LONG, leverage=99),), (hold,))
    line = AdviceLine(model="m-1", prompt_digest="ab", prompt="You trade.", reasoning="It goes up.")
    records[0] = msgspec.structs.replace(records[0], advice=line)
    found = MemoryFleet(records)

    @contextmanager
    def connected(_: object) -> Iterator[MemoryFleet]:
        yield found

    monkeypatch.setattr(audit_commands, "connected", connected)
    return found


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = ExitCode.OK) -> str:
    assert run(arguments) == code
    return capsys.readouterr().out


def test_a_cycle_is_told_from_what_was_seen_to_what_was_done(
    fleet: MemoryFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "audit", "ann", "--cycle", "11")
    places = [text.index(word) for word in ("saw", "asked", "decided", "done")]
    assert places == sorted(places)
    assert "999 / 1001" in text
    assert "> It goes up." in text
    assert "You trade." in text
    assert "open_long BTC" in text
    assert "why not" in text
    assert "placed" in text
    refused = printed(capsys, "audit", "ann", "--cycle", "12")
    assert "BTC refused by leverage_cap: 99 times leverage, at most 20" in refused


def test_as_json_it_has_every_field(fleet: MemoryFleet, capsys: pytest.CaptureFixture[str]) -> None:
    (told,) = json.loads(printed(capsys, "audit", "ann", "--cycle", "11", "--json"))
    assert told["trader_id"] == "ann"
    assert told["cot_trace"] == "It goes up."
    assert told["input_prompt_digest"] == "ab"
    assert told["actions"][0]["result"] == "placed"
    assert len(json.loads(printed(capsys, "audit", "ann", "--json"))) == 3


def test_a_cycle_that_left_no_record_is_not_found(
    fleet: MemoryFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(capsys, "audit", "ann", "--cycle", "99", code=ExitCode.NOT_FOUND)
    printed(capsys, "audit", "nobody", code=ExitCode.NOT_FOUND)
    printed(capsys, "analyze", "nobody", code=ExitCode.NOT_FOUND)
    printed(capsys, "audit", "nobody", "--export", "x", code=ExitCode.NOT_FOUND)


def test_the_performance_is_told_in_numbers(fleet: MemoryFleet, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "analyze", "ann")
    assert "66.7 %" in text
    assert "0.40 (" in text
    assert "leverage_cap 1" in text
    found = json.loads(printed(capsys, "analyze", "ann", "--last", "2", "--json"))
    assert (found["trades"], found["pnl_usd"], found["cycles"]) == (2, 16, 2)


@pytest.mark.parametrize(("suffix", "head"), [(".png", b"\x89PNG"), (".html", b"<!doctype html>")])
def test_it_is_drawn(
    fleet: MemoryFleet, capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str, head: bytes
) -> None:
    file = tmp_path / f"ann{suffix}"
    printed(capsys, "analyze", "ann", "--plot", str(file))
    assert file.read_bytes().startswith(head)
    assert file.stat().st_size > 10_000


def test_what_it_cannot_draw_is_refused_before_anything_is_asked(
    fleet: MemoryFleet, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed(capsys, "analyze", "ann", "--plot", "ann.jpg", code=ExitCode.BAD_INPUT)
    missing = tmp_path / "no" / "ann.png"
    printed(capsys, "analyze", "ann", "--plot", str(missing), code=ExitCode.BAD_INPUT)


class Same:
    """Stands for the bot's strategy, which these tests do not have."""

    def __init__(self, decisions: dict[int, tuple[Decision, ...]]) -> None:
        self.decisions = decisions

    def decide(self, view: Any) -> tuple[Decision, ...]:
        return self.decisions[view.cycle]


@pytest.fixture
def strategy(monkeypatch: pytest.MonkeyPatch, fleet: MemoryFleet) -> Same:
    same = Same(
        {
            record.cycle: tuple(msgspec.convert(plain, Decision) for plain in record.decisions)
            for record in fleet.records
        }
    )
    monkeypatch.setattr("cluster.cli.audit_replay.build", lambda kind, fields: same)
    return same


def test_exported_cycles_run_again_and_are_the_same(
    fleet: MemoryFleet, strategy: Same, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    exported = json.loads(printed(capsys, "audit", "ALL", "--export", str(tmp_path), "--json"))
    assert exported["cycles"] == {"ann": 3}
    found = json.loads(printed(capsys, "replay", "--from-audit", str(tmp_path), "--json"))
    assert found == {"cycles": 3, "differing": 0, "differences": []}
    assert "0 came out otherwise" in printed(capsys, "replay", "--from-audit", str(tmp_path))


def test_a_difference_is_named_and_ends_with_its_own_code(
    fleet: MemoryFleet, strategy: Same, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed(capsys, "audit", ANN, "--export", str(tmp_path))
    strategy.decisions[11] = (replace(LONG, stop_loss=dec(901)),)
    text = printed(capsys, "replay", "--from-audit", str(tmp_path), "--json", code=ExitCode.DIFFERS)
    found = json.loads(text)
    assert found["differing"] == 1
    first = found["differences"][0]
    assert (first["bot"], first["cycle"], first["field"]) == ("ann", 11, "decisions[0].stop_loss")
    assert (first["recorded"], first["again"]) == ("900", "901")
    assert "orders[0].stop_loss" in printed(
        capsys, "replay", "--from-audit", str(tmp_path), code=ExitCode.DIFFERS
    )


def test_an_export_is_plain_lines_that_hold_the_bots_settings(
    fleet: MemoryFleet, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed(capsys, "audit", "ann", "--export", str(tmp_path))
    assert msgspec.json.decode((tmp_path / "ann" / "bot.json").read_bytes(), type=BotSpec) == SPEC
    lines = (tmp_path / "ann" / "cycles.jsonl").read_text().splitlines()
    assert [json.loads(line)["cycle"] for line in lines] == [11, 12, 13]


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay",),
        ("replay", "fleet.yaml", "--from-audit", "x"),
        ("replay", "--from-audit", "x", "--symbol", "BTC"),
        ("replay", "--from-audit", "no-such-folder"),
    ],
)
def test_what_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(arguments) == ExitCode.BAD_INPUT


def test_a_damaged_export_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "bot.json").write_text("{")
    (tmp_path / "ann" / "cycles.jsonl").write_text("")
    assert run(["replay", "--from-audit", str(tmp_path)]) == ExitCode.BAD_INPUT
    assert "is no export of this version" in capsys.readouterr().err
