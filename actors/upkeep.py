"""What a wallet does of its own accord: resolve what is unknown, enforce stances, keep positions protected.

One pass at a time. Every pass looks at what is there and takes the steps that are missing, so a pass that died in the
middle is finished by the next one, in this process or in its successor.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from actors.crossing import crossings
from actors.ledger import EXTERNAL, Ledger
from actors.order_desk import OrderDesk
from actors.order_state import OrderState
from actors.protector import Protector
from actors.stance import Stance, is_closing_now, steps_to
from adapters.clock import Clock
from adapters.model import BotId, ClientOrderId, Instrument, Order, OrderType, Side, Symbol, TimeInForce
from config.spec import ForeignOrders, UnknownOrders, WalletSpec
from risk.intent import Purpose, client_order_id
from risk.limits import RiskParams

WALLET_LEGS = 0x8000  # legs from here on are the wallet's own orders, below are a bot's


class Upkeep:
    """See the module.

    Args:
        desk: the way to the venue.
        spec: the wallet.
        incarnation: of the wallet, for the identity of its own orders.
        clock: for intervals.
        stance_of: what a bot's orders and holdings shall become; asked anew on every pass.
        params_of: a bot's own limits; ``None`` while it has no seat.
        mark: the newest mark price of a market.
        liquidation_price: what the venue last said, for a holding of this size.
        alert: tells somebody.
    """

    def __init__(
        self,
        desk: OrderDesk,
        spec: WalletSpec,
        incarnation: int,
        clock: Clock,
        *,
        stance_of: Callable[[BotId], Stance],
        params_of: Callable[[BotId], RiskParams | None],
        mark: Callable[[Symbol], Decimal | None],
        liquidation_price: Callable[[Symbol, Decimal], Decimal | None],
        alert: Callable[[str, BotId], None],
    ) -> None:
        self._desk = desk
        self._ledger: Ledger = desk.ledger
        self._incarnation = incarnation
        self._stance_of = stance_of
        self._mark = mark
        self._spec = spec
        self._alert = alert
        self._protector = Protector(
            desk,
            clock,
            unprotected_max=spec.limits.unprotected_max,
            params_of=params_of,
            liquidation_price=liquidation_price,
            new_id=self._new_id,
            close=self._close,
            alert=alert,
        )
        self._numbers = itertools.count(1)
        self._one_at_a_time = asyncio.Lock()
        self._instruments: Mapping[Symbol, Instrument] = {}

    def list_markets(self, instruments: Mapping[Symbol, Instrument]) -> None:
        """Take in the markets' rules."""
        self._instruments = self._protector.instruments = instruments

    async def run(self, bots: Iterable[BotId]) -> set[BotId]:
        """One pass over the bots: cancels first, then closes, then protection. Answers whom to look at again."""
        async with self._one_at_a_time:
            await self._resolve()
            await self._sweep()
            todo = {bot: steps_to(self._stance_of(bot), bot, self._ledger) for bot in bots}
            await asyncio.gather(
                *(self._desk.cancel(id_) for steps in todo.values() for id_ in steps.cancels)
            )
            closes = [close for steps in todo.values() for close in steps.closes]
            for symbol in sorted({close.symbol for close in closes}):
                self._settle(symbol, [close.bot for close in closes if close.symbol == symbol])
            await asyncio.gather(*(self._close(close.bot, close.symbol) for close in closes))
            return {bot for bot in todo if await self._protector.protect(bot)}

    def _settle(self, symbol: Symbol, leaving: Sequence[BotId]) -> None:
        """Bots that share the market close against each other first, as far as that spares the venue."""
        price, instrument = self._mark(symbol), self._instruments.get(symbol)
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

    async def _sweep(self) -> None:
        """Cancel, where the fleet file says so, entries of which only the venue knows and orders that are not ours."""
        if self._spec.unknown_orders is UnknownOrders.CANCEL:
            adopted = (order for order in self._ledger.live() if order.is_adopted)
            strays = [order.order.id for order in adopted if not order.purpose.reduces]
            await asyncio.gather(*map(self._desk.cancel, strays))
        if self._spec.foreign_orders is ForeignOrders.CANCEL:
            for order_id in tuple(self._desk.foreign):
                if await self._desk.withdraw(order_id):
                    self._alert(f"order {order_id} is not ours: cancelled", EXTERNAL)
                    self._desk.foreign.pop(order_id, None)

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

    def _new_id(self, bot: BotId) -> ClientOrderId:
        return client_order_id(bot, self._incarnation, next(self._numbers), WALLET_LEGS)
