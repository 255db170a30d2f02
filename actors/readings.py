"""What a wallet last read at its venue: account, positions and markets, each with its age; and what does not agree."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from decimal import Decimal

from actors.ledger import EXTERNAL, Ledger
from actors.order_desk import OrderDesk
from actors.recovery import mismatches, reconcile
from adapters.clock import Clock
from adapters.errors import VenueError
from adapters.model import Account, BotId, Instrument, Symbol
from adapters.venue import Venue

LOOKS_MAX = 3
EQUITY_AGE_MAX_S = 30.0  # an older reading counts as unknown: nothing may be added


class Readings:
    """Raises what the venue raises; an old reading then ages."""

    def __init__(
        self, venue: Venue, desk: OrderDesk, clock: Clock, alert: Callable[[str, BotId], None]
    ) -> None:
        self.account: Account | None = None
        self.positions: Mapping[Symbol, Decimal] = {}
        self.instruments: Mapping[Symbol, Instrument] = {}
        self.quarantined: set[Symbol] = set()  # mismatched twice: reduce only
        self._venue = venue
        self._desk = desk
        self._ledger: Ledger = desk.ledger
        self._clock = clock
        self._alert = alert
        self._account_at = 0.0  # monotonic
        self._suspects: set[Symbol] = set()  # mismatched once

    @property
    def equity_usd(self) -> Decimal | None:
        """``None`` when it is unknown: never read, or too long ago."""
        if self.account is None or self._clock.monotonic() - self._account_at > EQUITY_AGE_MAX_S:
            return None
        return self.account.equity_usd

    async def list_markets(self) -> None:
        """Read the markets' rules."""
        self.instruments = await self._venue.instruments()

    async def refresh_account(self) -> None:
        """Read the account."""
        self.account = await self._venue.account()
        self._account_at = self._clock.monotonic()

    async def recount(self) -> None:
        """Compare every book with the venue. A difference that holds over two looks quarantines its market."""
        await reconcile(self._desk, self._venue, self._clock.now())
        positions = await self._venue.positions()
        self.positions = {position.symbol: position.size for position in positions}
        differing = mismatches(self._ledger, positions)
        for symbol in self._suspects & differing.keys() - self.quarantined:
            ours, theirs = differing[symbol]
            self._alert(f"{symbol}: our books say {ours}, the venue says {theirs}; reduce only", EXTERNAL)
        self.quarantined = self._suspects & differing.keys()
        self._suspects = set(differing)

    async def look_again(self) -> None:
        """Bring books, positions and account to this instant, as far as the venue answers."""
        with contextlib.suppress(VenueError):
            await self.refresh_account()
            for _ in range(LOOKS_MAX):
                positions = await self._venue.positions()
                await self._desk.catch_up()
                self.positions = {position.symbol: position.size for position in positions}
                if not mismatches(self._ledger, positions):
                    return  # else something traded in between
