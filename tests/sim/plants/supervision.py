"""Bugs around who may act: epochs, retirements, bots that are gone."""

from __future__ import annotations

import pytest

from actors import views
from actors.journal import LogJournal
from actors.ledger_events import Leaving, LedgerEvent
from actors.seat import Seat
from actors.wallet import Wallet
from adapters.model import BotId
from cluster.simulation.faults import Kind
from tests.sim.plant import Draw, Plant
from tests.sim.weights import MOVES_AND_FREEZES


class SeatsAnyEpoch(Plant):
    """G5: a bot whose epoch is over, since the supervisor has started another, is still served.

    Script: bots see prices of any age. A wallet that was long away shows none, which would keep most of them quiet.
    """

    bound = 30
    faults = MOVES_AND_FREEZES
    caught_by = frozenset({"epoch"})

    def can_matter(self, draw: Draw) -> bool:
        return draw.has(Kind.FAILOVER)

    def stage(self, patch: pytest.MonkeyPatch, seed: int) -> None:
        patch.setattr(views, "is_stale", lambda snapshot, limit_s: False)

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        find = Wallet._seat

        def anybody(self: Wallet, bot: BotId, epoch: int) -> Seat:
            seat = self.seats.get(bot)
            return find(self, bot, max(epoch, seat.epoch) if seat else epoch)

        patch.setattr(Wallet, "_seat", anybody)


class ForgetsRetirements(Plant):
    """G5: a wallet that is started again does not know who was on the way out."""

    caught_by = frozenset({"I6", "I9", "G5"})

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        append = LogJournal.append

        def without(self: LogJournal, *events: LedgerEvent) -> None:
            append(self, *(event for event in events if not isinstance(event, Leaving)))

        patch.setattr(LogJournal, "append", without)


PLANTS: tuple[type[Plant], ...] = (SeatsAnyEpoch, ForgetsRetirements)
