"""What the command line's exit codes mean. Stable: scripts depend on them."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """One meaning each."""

    OK = 0
    FAILED = 1  # something unforeseen; the text says what
    BAD_INPUT = 2  # the file or the command is wrong; nothing was changed
    NOT_RUNNING = 3  # no fleet runs in this home
    NOT_FOUND = 4  # no such bot, wallet or cycle
    REFUSED = (
        5  # it makes sense, but not now: another fleet is up, a bot still runs, a confirmation is missing
    )
    INCOMPLETE = 6  # begun, and not complete within its time: what is missing is named
    VIOLATED = 7  # a promise of the fleet did not hold under simulated faults: which and where is told
    DIFFERS = 8  # a recorded cycle came out otherwise when it was run again: where is told
