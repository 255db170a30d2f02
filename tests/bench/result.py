"""The result as text: tables for the terminal and for the manual, where the last one is kept between two markers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BEGIN = "<!-- written by `make bench` -->"
END = "<!-- end of what `make bench` writes -->"
_HEAD = "| what | ours | against | ratio | CPU ratio | goal | met |\n|---|---|---|---|---|---|---|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One comparison."""

    what: str
    ours: str
    against: str
    ratio: float
    cpu_ratio: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    why_not: str = ""  # one sentence, shown where the goal is missed

    @property
    def met(self) -> bool | None:
        """By wall time and by CPU time; ``None`` without a goal."""
        if self.at_most is None and self.at_least is None:
            return None
        ratios = [self.ratio] if self.cpu_ratio is None else [self.ratio, self.cpu_ratio]
        low, high = self.at_least or 0.0, self.at_most or float("inf")
        return all(low <= ratio <= high for ratio in ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Some comparisons, and what must be known to read them."""

    title: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


def as_markdown(section: Section) -> str:
    rows = "\n".join(map(_row, section.lines))
    missed: dict[str, list[str]] = {}
    for line in section.lines:
        if line.met is False:
            missed.setdefault(line.why_not, []).append(line.what)
    why_not = [f"Missed by {', '.join(whats)}: {reason}" for reason, whats in missed.items()]
    notes = "\n".join(f"- {note}" for note in (*section.notes, *why_not))
    return f"### {section.title}\n\n{_HEAD}\n{rows}\n\n{notes}\n"


def put_between_markers(page: Path, text: str) -> None:
    """Replace what stands between the markers of a page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{page} has no markers"
    assert end, f"{page} has no end marker"
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def _row(line: Line) -> str:
    goal = f"≤ {line.at_most:g}" if line.at_most else f"≥ {line.at_least:g}" if line.at_least else "–"
    met = {None: "–", True: "yes", False: "**no**"}[line.met]
    cpu = "–" if line.cpu_ratio is None else _short(line.cpu_ratio)
    cells = (line.what, line.ours, line.against, _short(line.ratio), cpu, goal, met)
    return f"| {' | '.join(cells)} |"


def _short(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 20 else f"{ratio:.2f}x" if ratio >= 0.095 else f"{ratio:.2g}x"
