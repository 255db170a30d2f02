"""What a recording can give to bots, found out before it is replayed."""

from __future__ import annotations

from datetime import timedelta

from adapters.errors import ConfigError
from adapters.model import Bar, Symbol
from adapters.venue import MarketSource
from config.spec import BotSpec
from strategies.strategy import Needs


def bar_interval(source: MarketSource) -> timedelta | None:
    """The length of the recording's bars; ``None`` where it is of ticks. Raises ``ConfigError`` for two lengths."""
    intervals: dict[Symbol, timedelta] = {}
    for event in source.events():
        if not isinstance(event, Bar):
            return None
        intervals.setdefault(event.symbol, event.interval)
        if len(intervals) == len(source.instruments):
            break
    lengths = sorted(set(intervals.values()))
    if len(lengths) > 1:
        told = ", ".join(f"{symbol} {interval}" for symbol, interval in intervals.items())
        raise ConfigError(f"a replay needs bars of one length; these are {told}")
    return lengths[0] if lengths else None


def check_needs(bot: BotSpec, wanted: Needs, source: MarketSource, given: timedelta | None) -> None:
    """Refuse a bot that would wait for ever.

    Args:
        bot: who it is.
        wanted: what its strategy reads.
        source: the recording.
        given: the length of its bars; ``None`` where it is of ticks, of which any bar is made.

    Raises:
        ConfigError: a market is not recorded, or the recorded bars do not add up to those that are read.
    """
    missing = [symbol for symbol in wanted.symbols if symbol not in source.instruments]
    if missing:
        there = ", ".join(source.instruments)
        raise ConfigError(f"bot {bot.name} trades {', '.join(missing)}; the recording is of {there}")
    if given and wanted.indicators and wanted.bar_interval % given:
        raise ConfigError(
            f"bot {bot.name} reads bars of {wanted.bar_interval}; the recording's bars of {given} do not make them:"
            " bar_interval must be a multiple"
        )
