"""Recorded cycles in a folder: what ``audit --export`` writes and ``replay --from-audit`` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from actors.messages import CycleRecord
from adapters.errors import ConfigError
from config.spec import BotSpec

SPEC = "bot.json"  # the bot's settings when the export was made
CYCLES = "cycles.jsonl"  # a record a line, oldest first


def export(folder: Path, spec: BotSpec, records: Sequence[CycleRecord]) -> Path:
    """Write one bot's cycles; where they are now. Raises ``ConfigError`` where the folder cannot be written."""
    own = folder / spec.name
    oldest_first = sorted(records, key=lambda record: (record.epoch, record.cycle))
    try:
        own.mkdir(parents=True, exist_ok=True)
        (own / SPEC).write_bytes(msgspec.json.format(msgspec.json.encode(spec)) + b"\n")
        (own / CYCLES).write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in oldest_first))
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from error
    return own


def exported(folder: Path) -> Iterator[tuple[BotSpec, Sequence[CycleRecord]]]:
    """Every bot of an export. Raises ``ConfigError`` where there is none, or it cannot be read."""
    found = sorted(folder.glob(f"*/{SPEC}"))
    if not found:
        raise ConfigError(f"{folder}: no export is there; make one with flotilla audit BOT --export {folder}")
    for spec_file in found:
        cycles_file = spec_file.with_name(CYCLES)
        try:
            spec = msgspec.json.decode(spec_file.read_bytes(), type=BotSpec)
            lines = cycles_file.read_bytes().splitlines()
            yield spec, [msgspec.json.decode(line, type=CycleRecord) for line in lines]
        except OSError as error:
            raise ConfigError(f"{error.filename}: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"{spec_file.parent}: is no export of this version ({error})") from error
