"""What a bot's orders and holdings in a wallet shall become, and the steps that are still missing.

Halts, stops, and silent bots all end here: each gives the bot a *stance*, the strictest wins, and every pass of the
wallet takes the steps that are left. Nothing is sent once and hoped for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from actors.ledger import Ledger, LedgerOrder
from adapters.model import BotId, ClientOrderId, Symbol, TimeInForce
from config.spec import ExitMode, HaltLevel
from risk.intent import Purpose


class Stance(IntEnum):
    """From free to flat; each includes the ones before."""

    TRADE = 0
    NO_OPENS = 1  # no new position; what rests may stay
    NO_ENTRIES = 2  # resting orders that could add exposure are cancelled
    CLEAR = 3  # every resting order goes, but for the stops and targets that protect a position
    FLAT = 4  # positions are closed, then their stops go too


_OF_HALT: Mapping[HaltLevel, Stance] = {
    HaltLevel.PAUSE_ENTRIES: Stance.NO_OPENS,
    HaltLevel.REDUCE_ONLY: Stance.NO_ENTRIES,
    HaltLevel.CANCEL_ALL: Stance.CLEAR,
    HaltLevel.FLATTEN: Stance.FLAT,
}
_OF_EXIT: Mapping[ExitMode, Stance] = {
    ExitMode.KEEP: Stance.NO_ENTRIES,
    ExitMode.PROTECT: Stance.CLEAR,
    ExitMode.FLATTEN: Stance.FLAT,
}


def stance_of(halt: HaltLevel | None, leaving: ExitMode | None, *, is_silent: bool) -> Stance:
    """The strictest of what a halt, an exit mode and a missing sign of life ask for."""
    return max(
        _OF_HALT[halt] if halt else Stance.TRADE,
        _OF_EXIT[leaving] if leaving else Stance.TRADE,
        Stance.NO_ENTRIES if is_silent else Stance.TRADE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """A holding that shall be closed."""

    bot: BotId
    symbol: Symbol
    size: Decimal  # base, signed: what is held


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What is left to do; nothing when both are empty."""

    cancels: tuple[ClientOrderId, ...] = ()
    closes: tuple[Close, ...] = ()


def steps_to(stance: Stance, bot: BotId, ledger: Ledger) -> Steps:
    """The cancels and closes that bring the bot from where its ledger stands to the stance."""
    if stance < Stance.NO_ENTRIES:
        return Steps()
    held = ledger.holdings(bot)
    closing = {order.order.symbol for order in ledger.live(bot) if is_closing_now(order)}
    cancels = []
    for order in ledger.live(bot):
        protects = order.purpose in (Purpose.STOP, Purpose.TARGET) and order.order.symbol in held
        if order.purpose.reduces and (stance is Stance.NO_ENTRIES or protects or is_closing_now(order)):
            continue
        cancels.append(order.order.id)
    closes = [
        Close(bot=bot, symbol=symbol, size=book.size)
        for symbol, book in held.items()
        if stance is Stance.FLAT and symbol not in closing
    ]
    return Steps(cancels=tuple(cancels), closes=tuple(closes))


def is_closing_now(order: LedgerOrder) -> bool:
    """A close that takes what there is and ends. One that rests may never fill, and must not stand in the way."""
    return order.purpose is Purpose.CLOSE and order.order.tif is TimeInForce.IOC
