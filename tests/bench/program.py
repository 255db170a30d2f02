"""Programs beside the bench: processes that say when they are ready, then answer each line with a line of numbers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True)
class Program:
    """One of them, while it runs."""

    asks: IO[str]
    answers: IO[str]

    def ask(self) -> list[float]:
        """Its numbers now."""
        self.asks.write("\n")
        return [float(number) for number in self.answers.readline().split()]


@contextmanager
def running(modules: Iterable[Sequence[str]]) -> Iterator[list[Program]]:
    """Start them all at once, each a module with its arguments; they end with the block."""
    with ExitStack() as stack:
        programs = []
        for module in modules:
            command = [sys.executable, "-m", *module]
            process = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
            )
            assert process.stdin is not None
            assert process.stdout is not None
            stack.callback(process.stdin.close)
            programs.append(Program(process.stdin, process.stdout))
        for program in programs:
            assert program.answers.readline() == "ready\n"
        yield programs
