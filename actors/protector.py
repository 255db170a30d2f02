"""Keeps every holding protected, or closes it: the promise that no position is without its stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Set
from datetime import timedelta
from decimal import Decimal

from actors.ledger import EXTERNAL, Ledger, LedgerOrder
from actors.order_desk import OrderDesk
from actors.order_state import OrderState
from actors.protection import Guarding, Holding, is_bare, protect
from adapters.clock import Clock
from adapters.errors import Disposition
from adapters.model import BotId, ClientOrderId, Instrument, Order, Symbol
from risk.intent import Purpose
from risk.limits import RiskParams
from risk.post_trade import unprotected_position


class Protector:
    """One pass at a time, over one bot at a time.

    Args:
        desk: the way to the venue.
        clock: for intervals.
        unprotected_max: how long a holding may be without its stop.
        params_of: a bot's own limits; ``None`` while it has no seat.
        liquidation_price: what the venue last said, for a holding of this size.
        new_id: an identity for one more order of a bot.
        close: takes a bot out of a market; whatever comes of it is seen by the next pass.
        alert: tells somebody.
    """

    def __init__(
        self,
        desk: OrderDesk,
        clock: Clock,
        *,
        unprotected_max: timedelta,
        params_of: Callable[[BotId], RiskParams | None],
        liquidation_price: Callable[[Symbol, Decimal], Decimal | None],
        new_id: Callable[[BotId], ClientOrderId],
        close: Callable[[BotId, Symbol], Awaitable[None]],
        alert: Callable[[str, BotId], None],
    ) -> None:
        self.instruments: Mapping[Symbol, Instrument] = {}
        self._desk = desk
        self._ledger: Ledger = desk.ledger
        self._clock = clock
        self._unprotected_max = unprotected_max
        self._params_of = params_of
        self._liquidation_price = liquidation_price
        self._new_id = new_id
        self._close = close
        self._alert = alert
        self._stops: dict[tuple[BotId, Symbol], LedgerOrder] = {}  # the last one that the venue took
        self._placed_at: dict[tuple[BotId, Symbol, Purpose], float] = {}  # monotonic
        self._bare_since: dict[tuple[BotId, Symbol], float] = {}  # monotonic
        self._given_up: set[tuple[BotId, Symbol]] = set()  # told of, and closed on every pass until it is

    async def protect(self, bot: BotId) -> bool:
        """One pass over a bot's markets. Says whether a guard waits to be moved, so that another pass is due."""
        if bot == EXTERNAL:
            return False  # what nobody asked for is nobody's to guard
        held = set(self._ledger.holdings(bot))
        self._forget_what_is_gone(bot, held)
        symbols = {order.order.symbol for order in self._ledger.live(bot)} | held
        waits = [await self._protect(bot, symbol) for symbol in sorted(symbols & self.instruments.keys())]
        return any(waits)

    async def _protect(self, bot: BotId, symbol: Symbol) -> bool:
        holding = self._holding(bot, symbol)
        steps = protect(holding)
        stop = self._stops.get((bot, symbol))
        if steps.refused:
            await self._give_up(bot, symbol, steps.refused)
            return False
        for guarding in steps.place:
            if guarding.purpose is Purpose.STOP and stop and stop.state is OrderState.REJECTED:
                await self._give_up(bot, symbol, f"stop refused ({stop.proof})")
            else:
                await self._place(bot, guarding)
        if steps.place:
            holding = self._holding(bot, symbol)
            steps = protect(holding)
        if steps.cancel:
            await asyncio.gather(*(self._desk.cancel(order_id) for order_id in steps.cancel))
        await self._watch(bot, holding)
        return steps.is_delayed

    def _holding(self, bot: BotId, symbol: Symbol) -> Holding:
        book, now = self._ledger.book(bot, symbol), self._clock.monotonic()
        return Holding(
            symbol=symbol,
            book=book,
            live=self._ledger.live(bot, symbol),
            instrument=self.instruments[symbol],
            net=self._ledger.net(symbol),
            params=self._params_of(bot),
            liquidation_price=self._liquidation_price(symbol, book.size),
            moved_s={
                purpose: now - self._placed_at[bot, symbol, purpose]
                for purpose in (Purpose.STOP, Purpose.TARGET)
                if (bot, symbol, purpose) in self._placed_at
            },
        )

    async def _place(self, bot: BotId, guarding: Guarding) -> None:
        order = Order(
            id=self._new_id(bot),
            symbol=guarding.symbol,
            side=guarding.side,
            size=guarding.size,
            type=guarding.type,
            trigger=guarding.trigger,
            reduce_only=True,
        )
        intended = self._desk.intend(order, bot=bot, purpose=guarding.purpose, protection=guarding.inherited)
        self._placed_at[bot, guarding.symbol, guarding.purpose] = self._clock.monotonic()
        error = await self._desk.send(intended)
        if guarding.purpose is not Purpose.STOP:
            return
        if error is None:
            self._stops[bot, guarding.symbol] = intended  # its matching engine may still refuse it
        elif error.disposition is Disposition.FAIL_ORDER and intended.state.is_final:
            await self._give_up(bot, guarding.symbol, f"stop refused ({error})")

    async def _watch(self, bot: BotId, holding: Holding) -> None:
        """Close what has been without its stop for too long, whatever kept it from having one."""
        key, now = (bot, holding.symbol), self._clock.monotonic()
        if not is_bare(holding):
            self._forget(*key)
            return
        bare_for_s = now - self._bare_since.setdefault(key, now)
        verdict = unprotected_position(bot, holding.symbol, bare_for_s, self._unprotected_max)
        if verdict is not None:
            await self._give_up(bot, holding.symbol, verdict.reason)

    async def _give_up(self, bot: BotId, symbol: Symbol, reason: str) -> None:
        if (bot, symbol) not in self._given_up:
            self._given_up.add((bot, symbol))
            self._alert(f"{reason}; closing {symbol}", bot)
        self._stops.pop((bot, symbol), None)
        await self._close(bot, symbol)

    def _forget_what_is_gone(self, bot: BotId, held: Set[Symbol]) -> None:
        """What befell a holding that was closed says nothing about the next one in its market."""
        for key in [*self._bare_since, *self._given_up, *self._stops]:
            if key[0] == bot and key[1] not in held:
                self._forget(*key)
                self._stops.pop(key, None)

    def _forget(self, bot: BotId, symbol: Symbol) -> None:
        self._bare_since.pop((bot, symbol), None)
        self._given_up.discard((bot, symbol))
