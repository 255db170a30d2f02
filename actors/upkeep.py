"""What a wallet does of its own accord: resolve what is unknown, enforce stances, keep positions protected.

One pass at a time. Every pass looks at what is there and takes the steps that are missing, so a pass that died in the
middle is finished by the next one, in this process or in its successor.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from actors.crossing import crossings
from actors.ledger import Ledger, LedgerOrder
from actors.order_desk import OrderDesk
from actors.order_state import OrderState
from actors.protection import Guarding, protect
from actors.stance import Stance, is_closing_now, steps_to
from adapters.errors import Disposition, VenueError
from adapters.model import BotId, ClientOrderId, Instrument, Order, OrderType, Side, Symbol, TimeInForce
from risk.intent import Purpose, client_order_id

WALLET_LEGS = 0x8000  # legs from here on are the wallet's own orders, below are a bot's
_log = logging.getLogger(__name__)


class Upkeep:
    """See the module. ``stance_of`` is asked anew on every pass."""

    def __init__(
        self,
        desk: OrderDesk,
        incarnation: int,
        stance_of: Callable[[BotId], Stance],
        mark: Callable[[Symbol], Decimal | None],
        alert: Callable[[str, BotId], None],
    ) -> None:
        self._desk = desk
        self._ledger: Ledger = desk.ledger
        self._incarnation = incarnation
        self._stance_of = stance_of
        self._mark = mark
        self._alert = alert
        self._numbers = itertools.count(1)
        self._stops: dict[
            tuple[BotId, Symbol], LedgerOrder
        ] = {}  # the last one that the venue took, of each holding
        self._one_at_a_time = asyncio.Lock()
        self.instruments: Mapping[Symbol, Instrument] = {}

    async def run(self, bots: Iterable[BotId]) -> None:
        """One pass over the bots: cancels first, then closes, then protection."""
        async with self._one_at_a_time:
            await self._resolve()
            todo = {bot: steps_to(self._stance_of(bot), bot, self._ledger) for bot in bots}
            await asyncio.gather(
                *(self._desk.cancel(id_) for steps in todo.values() for id_ in steps.cancels)
            )
            closes = [close for steps in todo.values() for close in steps.closes]
            for symbol in sorted({close.symbol for close in closes}):
                self._settle(symbol, [close.bot for close in closes if close.symbol == symbol])
            await asyncio.gather(*(self._close(close.bot, close.symbol) for close in closes))
            for bot in todo:
                await self._protect(bot)

    def _settle(self, symbol: Symbol, leaving: Sequence[BotId]) -> None:
        """Bots that share the market close against each other first, as far as that spares the venue."""
        price, instrument = self._mark(symbol), self.instruments.get(symbol)
        held = {
            bot: book.size
            for (bot, market), book in self._ledger.books.items()
            if market == symbol and book.size
        }
        if not price or instrument is None or len(held) < 2:
            return
        settled = crossings(
            {bot: held[bot] for bot in leaving if bot in held},
            {bot: size for bot, size in held.items() if bot not in leaving},
            least=instrument.min_notional_usd / price,
        )
        for crossing in settled:
            self._desk.cross(symbol, crossing, price)

    async def _resolve(self) -> None:
        unknown = [order.order.id for order in self._ledger.live() if order.state is OrderState.UNKNOWN]
        await asyncio.gather(*(self._desk.resolve(order_id) for order_id in unknown))

    async def _close(self, bot: BotId, symbol: Symbol) -> None:
        size = self._ledger.book(bot, symbol).size
        if not size or any(map(is_closing_now, self._ledger.live(bot, symbol))):
            return  # what is on its way decides what is left; the next pass sees it
        net = self._ledger.net(symbol)
        order = Order(
            id=self._new_id(bot),
            symbol=symbol,
            side=Side.SELL if size > 0 else Side.BUY,
            size=abs(size),
            type=OrderType.MARKET,
            tif=TimeInForce.IOC,
            reduce_only=net * size > 0 and abs(size) <= abs(net),
        )
        await self._desk.send(self._desk.intend(order, bot=bot, purpose=Purpose.CLOSE))

    async def _protect(self, bot: BotId) -> None:
        symbols = {order.order.symbol for order in self._ledger.live(bot)} | set(self._ledger.holdings(bot))
        for symbol in sorted(symbols):
            if symbol not in self.instruments:
                continue
            book, live = self._ledger.book(bot, symbol), self._ledger.live(bot, symbol)
            if not book.size:
                self._stops.pop((bot, symbol), None)
            steps = protect(symbol, book, live, self.instruments[symbol])
            for guarding in steps.place:
                stop = self._stops.get((bot, symbol))
                if guarding.purpose is Purpose.STOP and stop and stop.state is OrderState.REJECTED:
                    await self._close_unprotected(bot, symbol, stop.proof)
                else:
                    await self._place_protection(bot, guarding)
            await asyncio.gather(*(self._desk.cancel(order_id) for order_id in steps.cancel))

    async def _place_protection(self, bot: BotId, guarding: Guarding) -> None:
        order = Order(
            id=self._new_id(bot),
            symbol=guarding.symbol,
            side=guarding.side,
            size=guarding.size,
            type=guarding.type,
            trigger=guarding.trigger,
            reduce_only=True,
        )
        intended = self._desk.intend(order, bot=bot, purpose=guarding.purpose)
        error = await self._desk.send(intended)
        if guarding.purpose is not Purpose.STOP:
            return
        if error is None:
            self._stops[bot, guarding.symbol] = intended  # its matching engine may still refuse it
        elif _is_refusal(error):
            await self._close_unprotected(bot, guarding.symbol, str(error))

    async def _close_unprotected(self, bot: BotId, symbol: Symbol, reason: str) -> None:
        self._alert(f"stop refused ({reason}); closing {symbol}", bot)
        self._stops.pop((bot, symbol), None)
        await self._close(bot, symbol)

    def _new_id(self, bot: BotId) -> ClientOrderId:
        return client_order_id(bot, self._incarnation, next(self._numbers), WALLET_LEGS)


def _is_refusal(error: VenueError) -> bool:
    return error.disposition is Disposition.FAIL_ORDER
