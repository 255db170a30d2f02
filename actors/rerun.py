"""Recorded cycles run again: the same view must give the same decisions, refusals and orders.

Everything of ours is run again from what was seen: the strategy, the plan, the first line of defence, and the wallet's
review where one of its rules spoke. What others did is taken from the record: an executor's advice, whether a cancel
reached the venue, what the venue answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.answers import told
from actors.cycle_record import house_of
from actors.messages import CycleRecord, Refusal
from actors.recorded import digest, unpacked_context, unpacked_view
from adapters.model import BotId
from config.spec import BotSpec
from risk.first_line import FirstLine
from risk.plan import Plan, plan
from risk.review import Approved, review
from strategies.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field of a recorded cycle that came out otherwise."""

    bot: BotId
    epoch: int
    cycle: int
    field: str  # such as "decisions[1].stop_loss"
    recorded: Any  # plain JSON values
    again: Any


def rerun(spec: BotSpec, strategy: Strategy, record: CycleRecord) -> tuple[Difference, ...]:
    """Run one cycle again; what differs, nothing if all is well.

    Args:
        spec: the bot's limits, as they were.
        strategy: its strategy, as it was.
        record: the cycle.

    Raises:
        ValueError: the record keeps no view, or one that cannot be read.
    """
    view = unpacked_view(record.view)
    decisions = strategy.decide(view)
    house = house_of(spec, record.limits, record.halt)
    wishes = (
        plan(view, decisions, epoch=record.epoch, house=house, line=FirstLine(view, house))
        if decisions
        else Plan()
    )
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("view_digest", record.view_digest, digest(view)),
        ("decisions", record.decisions, tuple(decisions)),
        ("refusals", _judged_by_us(record), _refusals(wishes, record)),
        ("orders", record.intents, wishes.intents),
    )
    return tuple(
        Difference(
            bot=record.bot, epoch=record.epoch, cycle=record.cycle, field=path, recorded=was, again=now
        )
        for name, was, now in pairs
        for path, was, now in _differences(name, _plain(was), _plain(now))
    )


OUTSIDE = frozenset({"cancel_first", "exchange_down"})  # rules that go by what a venue answered


def _judged_by_us(record: CycleRecord) -> Sequence[Refusal]:
    return [refusal for refusal in record.refusals if refusal.rule not in OUTSIDE]


def _refusals(wishes: Plan, record: CycleRecord) -> Sequence[Refusal]:
    """As ``Bot`` puts them together: of the plan, of the wallet, and the wallet's advice."""
    verdicts = [
        review(intent, unpacked_context(record.contexts[intent.id]))
        for intent in wishes.intents
        if intent.id in record.contexts
    ]
    refused = [told(verdict) for verdict in verdicts if not isinstance(verdict, Approved)]
    advised = [told(one) for verdict in verdicts if isinstance(verdict, Approved) for one in verdict.advised]
    return [*map(told, wishes.refusals), *refused, *advised]


def _differences(path: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """The smallest parts that differ."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from _differences(f"{path}.{key}", was.get(key), now.get(key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for place, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _differences(f"{path}[{place}]", one, other)
    elif was != now:
        yield path, was, now


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
