"""Logs as JSON lines: one file an actor, for reading, never for recovery."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG_BYTES_MAX = 10 * 1024 * 1024
LOGS_KEPT = 3


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        for name in ("bot", "wallet"):
            if value := getattr(record, name, ""):
                line[name] = value
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_file(folder: Path, name: str) -> Path:
    """Where the actor of that name logs."""
    return folder / f"{name.replace(':', '-')}.jsonl"


def log_to(folder: Path, name: str) -> None:
    """Send this process's log lines to the actor's file, which is rotated at 10 MiB."""
    handler = RotatingFileHandler(
        log_file(folder, name), maxBytes=LOG_BYTES_MAX, backupCount=LOGS_KEPT, encoding="utf-8"
    )
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
