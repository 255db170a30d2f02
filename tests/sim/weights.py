"""Mixes of faults that let one kind of bug matter often: class to (how likely, seconds between two; 0: all along)."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.simulation.faults import Kind

Weights = Mapping[Kind, tuple[float, float]]

PEACE: Weights = {}  # nothing breaks, so bots trade as much as they can
LATE: Weights = {
    Kind.SLOW: (1, 0),
    Kind.LOSE_ANSWERS: (0.7, 0),
    Kind.LOSE_REQUESTS: (0.3, 0),
    Kind.DOUBLE: (0.5, 0),
}
CRASHES: Weights = {Kind.CRASH: (1, 4), Kind.CRASH_SOON: (1, 4), Kind.CRASH_IN_JOURNAL: (1, 6)}
MOVES: Weights = {Kind.FAILOVER: (1, 6), Kind.SLOW: (0.7, 0)}
HALTS: Weights = {Kind.HALT: (1, 4)}
HALTS_LATE: Weights = {**HALTS, Kind.SLOW: (1, 0), Kind.LOSE_ANSWERS: (0.5, 0)}
HALTS_AND_CRASHES: Weights = {**HALTS, Kind.CRASH: (1, 4)}
SLOW: Weights = {Kind.SLOW: (1, 0)}
LOSSES: Weights = {Kind.LOSE_ANSWERS: (1, 0), Kind.LOSE_REQUESTS: (1, 0)}
HALTS_AND_CUTS: Weights = {**HALTS, Kind.PARTITION: (1, 4), Kind.FREEZE: (1, 4)}
MOVES_AND_FREEZES: Weights = {Kind.FAILOVER: (1, 4), Kind.FREEZE: (1, 4)}
