"""The portfolio at the guard: what every wallet last said of its bots, and the budgets that they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from adapters.clock import Clock
from adapters.model import ZERO, BotId, WalletId
from risk.leases import BotUse, Renewal
from risk.limits import FleetLimits
from risk.portfolio import bot_budgets


class Portfolio:
    """Budgets change every ``rebalance_every``; a bot that has none yet need not wait for it.

    Nothing is on disk: each wallet says what budgets it has in force, and a new guard goes on from there.
    """

    def __init__(self, limits: FleetLimits, clock: Clock) -> None:
        self._params = limits.portfolio
        self._limit_usd = limits.gross_notional_usd_max
        self._clock = clock
        self._uses: dict[WalletId, Sequence[BotUse]] = {}
        self._budgets: dict[BotId, Decimal] = {}
        self._due_at = 0.0  # monotonic

    def budgets(self, renewal: Renewal, equity_usd: Decimal | None) -> Mapping[BotId, Decimal] | None:
        """Take the wallet's word, and say what its bots may use; ``None`` where the fleet has no portfolio.

        Args:
            renewal: of the newest incarnation of a wallet.
            equity_usd: of the fleet; ``None`` while any wallet's is unknown.
        """
        if self._params is None:
            return None
        self._uses[renewal.wallet] = renewal.bots
        for use in renewal.bots:
            if use.budget_usd is not None:
                self._budgets.setdefault(use.bot, use.budget_usd)
        now = self._clock.monotonic()
        is_due = now >= self._due_at
        if is_due or any(self._waits(use) for use in renewal.bots):
            between = replace(self._params, raise_step_pct=ZERO)  # falls, and room for those who have none
            self._budgets = dict(
                bot_budgets(
                    [use for uses in self._uses.values() for use in uses],
                    self._budgets,
                    params=self._params if is_due else between,
                    limit_usd=self._limit_usd,
                    equity_usd=equity_usd,
                )
            )
        if is_due and equity_usd is not None:
            self._due_at = now + self._params.rebalance_every.total_seconds()
        return {use.bot: self._budgets.get(use.bot, ZERO) for use in renewal.bots}

    def _waits(self, use: BotUse) -> bool:
        return use.enabled and use.weight > 0 and not self._budgets.get(use.bot)
