"""Closing against each other before closing at the venue: bots that share a market settle between their books.

Two bots that both leave and lean against each other would pay the venue for nothing, and a remainder below the venue's
minimum could not be closed alone: the minimum is waived for a whole position only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from adapters.model import ZERO, BotId


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A holding that goes from one bot's book to another's; nothing happens at the venue."""

    giver: BotId
    taker: BotId
    size: Decimal  # base, signed: what the giver holds


def crossings(
    leaving: Mapping[BotId, Decimal], staying: Mapping[BotId, Decimal], *, least: Decimal
) -> list[Crossing]:
    """What to settle between the books of one market before the rest is closed at the venue.

    Those who leave give what they hold to the largest among them. What is left below the venue's minimum goes to the
    largest of those who stay, if there is one; alone, it is the whole position, which may be closed at any size.

    Args:
        leaving: holdings that shall be closed; base, signed, not zero.
        staying: all other holdings in the market.
        least: the venue's minimum for an order; base.
    """
    if not leaving:
        return []
    heir = max(sorted(leaving), key=lambda bot: abs(leaving[bot]))
    settled = [Crossing(giver=bot, taker=heir, size=leaving[bot]) for bot in sorted(leaving) if bot != heir]
    rest = sum(leaving.values(), ZERO)
    if rest and abs(rest) < least and staying:
        taker = max(sorted(staying), key=lambda bot: abs(staying[bot]))
        settled.append(Crossing(giver=heir, taker=taker, size=rest))
    return settled
