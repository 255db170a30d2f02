"""What a wallet last read at its venue: account, positions and markets, each with its age; and what does not agree."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from actors.ledger import EXTERNAL, Ledger
from actors.order_desk import OrderDesk
from actors.recovery import mismatches, reconcile
from adapters.clock import Clock
from adapters.errors import VenueError
from adapters.model import Account, BotId, ClientOrderId, Instrument, Position, Symbol
from adapters.venue import Venue
from risk.post_trade import external_activity, reconcile_differences

LOOKS_MAX = 3
EQUITY_AGE_MAX_S = 30.0  # an older reading counts as unknown: nothing may be added


class Readings:
    """Raises what the venue raises; an old reading then ages."""

    def __init__(
        self,
        venue: Venue,
        desk: OrderDesk,
        clock: Clock,
        rosters: Callable[[], Mapping[BotId, Sequence[Symbol]]],
        alert: Callable[[str, BotId], None],
    ) -> None:
        self.account: Account | None = None
        self.instruments: Mapping[Symbol, Instrument] = {}
        self.quarantined: set[tuple[BotId, Symbol]] = set()  # their market differed twice: reduce only
        self.differing: Mapping[Symbol, tuple[Decimal, Decimal]] = {}  # at the last look: (ours, the venue's)
        self.refusing_opens: set[Symbol] = set()  # by the venue's answers, until the markets are listed again
        self._venue = venue
        self._desk = desk
        self._ledger: Ledger = desk.ledger
        self._clock = clock
        self._rosters = rosters
        self._alert = alert
        self.read_at = clock.monotonic()  # when the account was; before the first time, when we began
        self.asked_at = self.read_at  # when it was asked for: orders sent since then may not be in it
        self._positions: Mapping[Symbol, Position] = {}
        self._strangers: set[ClientOrderId] = set()  # orders that are not ours, and were told of

    @property
    def positions(self) -> Mapping[Symbol, Decimal]:
        """The account's positions when they were last read; base, signed."""
        return {symbol: position.size for symbol, position in self._positions.items()}

    @property
    def equity_usd(self) -> Decimal | None:
        """``None`` when it is unknown: never read, or too long ago."""
        if self.account is None or self._clock.monotonic() - self.read_at > EQUITY_AGE_MAX_S:
            return None
        return self.account.equity_usd

    @property
    def absent(self) -> Mapping[str, str]:
        """The account, where it was last read too long ago."""
        if self.equity_usd is not None:
            return {}
        age_s = self._clock.monotonic() - self.read_at
        return {"account": f"read {age_s:.1f} s ago, at most {EQUITY_AGE_MAX_S:g} s"}

    async def list_markets(self) -> None:
        """Read the markets' rules."""
        self.instruments = await self._venue.instruments()
        self.refusing_opens.clear()

    async def refresh_account(self) -> None:
        """Read the account, and with it the venue's clock."""
        asked_at = self._clock.monotonic()
        self.account = await self._venue.account()
        self._desk.venue_clock.heard(self.account.at, asked_at=asked_at)
        self.read_at, self.asked_at = self._clock.monotonic(), asked_at

    async def recount(self) -> None:
        """Compare every book with the venue, and tell of what is not ours.

        A difference that holds over two looks quarantines those whose market it is: they may only reduce there until
        a look finds none. A look that fails shows nothing.
        """
        await reconcile(self._desk, self._venue, self._clock.now())
        await self._look_at_positions()
        self._tell_of_strangers()
        suspected, self.differing = set(self.differing), mismatches(self._ledger, self._positions.values())
        quarantined: set[tuple[BotId, Symbol]] = set()
        for verdict in reconcile_differences(self.differing, suspected):
            assert verdict.symbol is not None, "it names the market"
            concerned = {(bot, verdict.symbol) for bot in self._concerned(verdict.symbol)}
            if concerned - self.quarantined:
                self._alert(f"{verdict.reason}; reduce only", EXTERNAL)
            quarantined |= concerned
        self.quarantined = quarantined

    async def look_again(self) -> None:
        """Bring books, positions and account to this instant, as far as the venue answers."""
        with contextlib.suppress(VenueError):
            await self.refresh_account()
            await self._look_at_positions()

    def liquidation_price(self, symbol: Symbol, size: Decimal) -> Decimal | None:
        """Where the venue said that it would close the account's position, if that leans the same way.

        Args:
            symbol: the market.
            size: of a holding in it; base, signed.
        """
        position = self._positions.get(symbol)
        return position.liquidation_price if position and position.size * size > 0 else None

    async def _look_at_positions(self) -> None:
        for _ in range(LOOKS_MAX):
            positions = await self._venue.positions()
            self._positions = {position.symbol: position for position in positions}
            await self._desk.catch_up()
            if not mismatches(self._ledger, positions):
                return  # else something traded in between

    def _concerned(self, symbol: Symbol) -> set[BotId]:
        """Those who hold or order something in the market, else those who may."""
        holders = {
            bot for (bot, market), book in self._ledger.books.items() if market == symbol and book.size
        }
        holders |= {order.bot for order in self._ledger.live(symbol=symbol)}
        own = holders - {EXTERNAL}
        return own or {bot for bot, symbols in self._rosters().items() if symbol in symbols}

    def _tell_of_strangers(self) -> None:
        news = (self._desk.foreign.keys() - self._strangers) | self._desk.foreign_trades
        self._strangers = set(self._desk.foreign)
        self._desk.foreign_trades.clear()
        verdict = external_activity(news)
        if verdict is not None:
            self._alert(verdict.reason, EXTERNAL)
