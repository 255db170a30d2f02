"""Stop and target around an entry, in multiples of the average true range."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from adapters.model import Instrument, Quote, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """Where a market entry would fill, and the triggers of its two exits; quote per base, exits on tick."""

    entry: Decimal
    stop: Decimal
    target: Decimal


def atr_bracket(
    side: Side, quote: Quote, instrument: Instrument, *, atr: float, stop_atr: Decimal, target_atr: Decimal
) -> Bracket | None:
    """The bracket of an entry that takes the touch, or None when there is no room for one.

    Both exits are rounded the same way: the stop toward the entry and the target away from it, so the reward per
    risk is never less than ``target_atr / stop_atr``. There is no room when the range is below a tick, or so wide
    that the stop of a long or the target of a short would not be a price.

    Args:
        side: of the entry.
        quote: the touch that the entry takes.
        instrument: whose tick the exits are rounded to.
        atr: average true range, quote per base.
        stop_atr: distance of the stop, in ranges.
        target_atr: distance of the target, in ranges.
    """
    entry = quote.ask if side is Side.BUY else quote.bid
    reach = Decimal(str(atr)) * side.sign
    if not reach.is_finite():
        return None
    stop = instrument.round_price(entry - stop_atr * reach, side.opposite)
    target = instrument.round_price(entry + target_atr * reach, side.opposite)
    low, high = (stop, target) if side is Side.BUY else (target, stop)
    return Bracket(entry=entry, stop=stop, target=target) if 0 < low < entry < high else None
