"""What a run found, as a table for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.chaos.injection import Fault
from tests.chaos.schedule import Hurt
from tests.chaos.verdict import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run."""

    seed: int
    for_s: float
    wanted: int  # faults
    faults: Sequence[Fault]
    missed: int  # planned instants at which no process could be hurt
    halts_s: Sequence[float]  # from each halt's command to its complete report
    own_halts: int  # that the fleet put on by itself, and an operator took off
    violations: Sequence[Violation]
    orders: int
    fills: int
    peak_usd: Decimal
    limit_usd: Decimal
    naked_s: float  # the longest that a position had no stop while wallet and exchange were well

    @property
    def passed(self) -> bool:
        return not self.violations and len(self.faults) >= self.wanted

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "for_s": self.for_s,
            "passed": self.passed,
            "faults": len(self.faults),
            "faults_wanted": self.wanted,
            "recovery": [_figures(hurt, kind, faults) for hurt, kind, faults in self._groups()],
            "each": [
                {
                    "at": fault.began.isoformat(timespec="milliseconds"),
                    "fault": fault.hurt,
                    "actor": fault.actor,
                    "for_s": fault.for_s,
                    "recovery_s": fault.recovery_s,
                }
                for fault in self.faults
            ],
            "halts_s": [round(took, 3) for took in self.halts_s],
            "own_halts": self.own_halts,
            "violations": [{"promise": found.promise, "text": found.text} for found in self.violations],
            "orders": self.orders,
            "fills": self.fills,
            "peak_usd": str(self.peak_usd),
            "limit_usd": str(self.limit_usd),
            "naked_s": self.naked_s,
        }

    def as_text(self) -> str:
        """Table, figures, violations, and one line at the end."""
        head = (
            f"{'fault':<7}{'actor':<13}{'bit':>5}{'well again':>12}{'median s':>10}{'p99 s':>9}{'max s':>9}"
        )
        lines = [head, *(_row(_figures(hurt, kind, faults)) for hurt, kind, faults in self._groups()), ""]
        if self.halts_s:
            lines.append(
                f"halts: {len(self.halts_s)} complete, median {_quantile(self.halts_s, 0.5):.1f} s,"
                f" max {max(self.halts_s):.1f} s"
            )
        lines.append(f"halts that the fleet put on by itself, and that were lifted: {self.own_halts}")
        lines.append(f"worst-case exposure: at most {self.peak_usd:.2f} of {self.limit_usd} USD")
        lines.append(f"longest without a stop, illnesses left out: {self.naked_s:.2f} s")
        if len(self.faults) < self.wanted:
            lines.append(f"only {len(self.faults)} of {self.wanted} faults bit; {self.missed} found nobody")
        lines += [f"VIOLATION {found.promise}: {found.text}" for found in self.violations]
        lines.append(
            f"chaos: {len(self.faults)} faults, {len(self.violations)} violations, {self.orders:,} orders,"
            f" {self.fills:,} fills, seed {self.seed}, {self.for_s:g} s"
        )
        return "\n".join(lines)

    def _groups(self) -> list[tuple[str, str, list[Fault]]]:
        kinds = dict.fromkeys(fault.kind for fault in sorted(self.faults, key=lambda fault: fault.kind))
        groups = []
        for hurt in Hurt:
            alike = [fault for fault in self.faults if fault.hurt is hurt]
            groups.append((str(hurt), "all", alike))
            groups += [(str(hurt), kind, [fault for fault in alike if fault.kind == kind]) for kind in kinds]
        return [group for group in groups if group[2]]


def _figures(hurt: str, kind: str, faults: Sequence[Fault]) -> dict[str, Any]:
    times = [fault.recovery_s for fault in faults if fault.recovery_s is not None]
    figures = {
        "median_s": _quantile(times, 0.5),
        "p99_s": _quantile(times, 0.99),
        "max_s": max(times, default=None),
    }
    return {"fault": hurt, "actor": kind, "bit": len(faults), "recovered": len(times), **figures}


def _row(line: dict[str, Any]) -> str:
    times = "".join(
        f"{'-' if line[name] is None else format(line[name], '.2f'):>{width}}"
        for name, width in (("median_s", 10), ("p99_s", 9), ("max_s", 9))
    )
    return f"{line['fault']:<7}{line['actor']:<13}{line['bit']:>5}{line['recovered']:>12}{times}"


def _quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that so large a share of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
