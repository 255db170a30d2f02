"""What a wallet tells the guard of its bots, for the fleet's portfolio."""

from __future__ import annotations

from collections.abc import Mapping

from actors.gate import Gate
from actors.ledger import EXTERNAL, Ledger
from actors.prices import Prices
from actors.seat import Seat
from adapters.model import BotId
from risk.leases import BotUse


def bot_uses(ledger: Ledger, gate: Gate, prices: Prices, seats: Mapping[BotId, Seat]) -> tuple[BotUse, ...]:
    """Every bot that is seated, and every one that left something behind.

    Args:
        ledger: the wallet's.
        gate: for halts, and for the budgets in force.
        prices: to value what the bots hold.
        seats: of the bots that may trade.
    """
    exposures = prices.exposures(ledger)
    seated = [
        BotUse(
            bot=bot,
            weight=seat.spec.weight,
            enabled=gate.level(bot) is None,
            used_usd=exposures.bot_usd(bot),
            budget_usd=gate.budget_usd(bot),
            performance=ledger.record(bot).performance(),
            volatility_pct=prices.volatility_pct(seat.spec.symbols),
        )
        for bot, seat in sorted(seats.items())
    ]
    gone = [
        BotUse(bot=bot, enabled=False, used_usd=exposures.bot_usd(bot))
        for bot in sorted(ledger.records)
        if bot not in seats and bot != EXTERNAL and ledger.exposed(bot)
    ]
    return (*seated, *gone)
