"""Orders on their way: signed once, sent as often as it takes, and carried out once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from decimal import Decimal
from weakref import WeakValueDictionary

from adapters.clock import Clock
from adapters.errors import InvalidParam, OutcomeUnknown, RiskRejected, Temporary, VenueError
from adapters.hyperliquid import actions
from adapters.hyperliquid.client import Signed, TradingClient
from adapters.hyperliquid.errors import Expired, KnownId, NonceSpent
from adapters.hyperliquid.markets import Market
from adapters.hyperliquid.network import VENUE
from adapters.hyperliquid.orders import answered, number_in
from adapters.hyperliquid.sent import Sent, SentOrders
from adapters.model import ClientOrderId, Order, OrderReport, OrderStatus, OrderType, Side

LOOKS_MAX = 4
LOOK_EVERY_S = 0.25
_ONE = Decimal(1)


class Placing:
    """See the module.

    Args:
        client: signs and sends.
        sent: what was signed.
        look: asks the exchange for an order by our id; ``None`` where it knows none.
        mid: a market's price, to protect market orders by.
        clock: for stamps and pauses.
        slippage: how far from the price a market order, or a trigger's, may trade; a fraction.
        is_cross: whether positions share the account's margin.
    """

    def __init__(
        self,
        client: TradingClient,
        sent: SentOrders,
        *,
        look: Callable[[ClientOrderId], Awaitable[OrderReport | None]],
        mid: Callable[[Market], Awaitable[Decimal]],
        clock: Clock,
        slippage: Decimal,
        is_cross: bool,
    ) -> None:
        self._client = client
        self._sent = sent
        self._look = look
        self._mid = mid
        self._clock = clock
        self._slippage = slippage
        self._is_cross = is_cross
        self._locks: WeakValueDictionary[ClientOrderId, asyncio.Lock] = WeakValueDictionary()
        self._leverage: dict[int, int] = {}  # by market; as we last set or saw it

    async def place(self, order: Order, market: Market) -> OrderReport:
        """Place the order, or answer with the one that the exchange has under its id. Raises ``VenueError``."""
        async with self._alone([order.id]):
            sent = self._sent.get(order.id)
            if sent is not None and sent.report is not None:
                return sent.end or await self._known(order.id)
            if sent is None:
                if order.expires_at is None and (found := await self._look(order.id)):
                    return found  # of an earlier process, perhaps; what expires was never sent again by one
                signed = self._client.sign(
                    actions.place([await self._wire(order, market)]), expires_at=order.expires_at
                )
                (sent,) = self._sent.keep([(order, market.asset)], signed)
            return _reported((await self._send([sent]))[0])

    async def place_all(self, orders: Sequence[tuple[Order, Market]]) -> Sequence[OrderReport | VenueError]:
        """Place new orders in one action: what becomes of each, in their order. Raises for the whole action."""
        async with self._alone([order.id for order, _ in orders]):
            if not orders or any(self._sent.get(order.id) for order, _ in orders):
                raise InvalidParam("a batch is of new orders", venue=VENUE)
            wires = [await self._wire(order, market) for order, market in orders]
            expiries = [order.expires_at for order, _ in orders if order.expires_at is not None]
            signed = self._client.sign(actions.place(wires), expires_at=min(expiries, default=None))
            return await self._send(
                self._sent.keep([(order, market.asset) for order, market in orders], signed)
            )

    async def modify(self, order_id: ClientOrderId, order: Order, market: Market) -> OrderReport:
        """Put a new order in the place of one that rests. Raises ``VenueError``; then the old one may be gone."""
        async with self._alone([order.id]):
            if self._sent.get(order.id) is not None:
                raise InvalidParam("an order is replaced by one with a new id", venue=VENUE)
            wire = await self._wire(order, market)
            signed = self._client.sign(actions.modify(order_id, wire), expires_at=order.expires_at)
            return _reported((await self._send(self._sent.keep([(order, market.asset)], signed)))[0])

    async def update_leverage(
        self, market: Market, leverage: int, expires_at: datetime | None = None
    ) -> None:
        """Set a market's leverage, in the account's margin mode. Repeating it is harmless. Raises ``VenueError``."""
        if not 1 <= leverage <= market.instrument.max_leverage:
            limit = market.instrument.max_leverage
            raise RiskRejected(f"leverage {leverage} is not within 1 to {limit}", venue=VENUE)
        is_cross = self._is_cross and market.is_cross_allowed
        action = actions.update_leverage(market.asset, leverage, is_cross=is_cross)
        try:
            await self._client.act(self._client.sign(action, expires_at=expires_at))
        except OutcomeUnknown as error:
            raise Temporary(str(error), venue=VENUE) from error
        self._leverage[market.asset] = leverage

    def saw_leverage(self, leverage: Mapping[int, int]) -> None:
        """The exchange's own word for it, by market."""
        self._leverage.update(leverage)

    @asynccontextmanager
    async def _alone(self, ids: Sequence[ClientOrderId]) -> AsyncIterator[None]:
        """One at a time for each id: who comes second finds what the first has signed."""
        async with AsyncExitStack() as stack:
            for order_id in sorted(set(ids)):
                await stack.enter_async_context(self._locks.setdefault(order_id, asyncio.Lock()))
            yield

    async def _wire(self, order: Order, market: Market) -> actions.Action:
        await self._set_leverage(order, market)
        return actions.order_wire(order, market.asset, await self._limit(order, market))

    async def _set_leverage(self, order: Order, market: Market) -> None:
        wanted = order.leverage
        if wanted is None or order.reduce_only or (market.is_spot and wanted == 1):
            return
        if self._leverage.get(market.asset) != wanted:
            await self.update_leverage(market, wanted, order.expires_at)

    async def _limit(self, order: Order, market: Market) -> Decimal:
        """The worst price: the order's own, or for market and trigger orders one that bounds the slippage."""
        if order.type is OrderType.LIMIT:
            if order.price is None:
                raise InvalidParam("a limit order needs a price", venue=VENUE)
            return order.price
        reference = order.trigger if order.type.is_trigger else await self._mid(market)
        if reference is None:
            raise InvalidParam("a trigger order needs a trigger", venue=VENUE)
        worst = reference * (_ONE + self._slippage * order.side.sign)
        limit = market.instrument.round_price(worst, order.side)
        return limit if limit > 0 or order.side is Side.BUY else market.instrument.tick

    async def _send(self, batch: Sequence[Sent]) -> Sequence[OrderReport | VenueError]:
        """Send the batch's one action, for the first time or again."""
        signed = batch[0].signed
        copies = batch[0].copies
        try:
            statuses = await self._act(signed, batch)
        except NonceSpent as error:
            return await self._spent(batch, error, is_first=copies == 0)
        except Expired as error:
            return [await self._expired(sent, error) for sent in batch]
        if len(statuses) == 1 < len(batch) and isinstance(statuses[0], dict) and "error" in statuses[0]:
            statuses = [statuses[0]] * len(batch)  # one refusal can stand for all
        if len(statuses) != len(signed.action.get("orders", batch)):
            raise OutcomeUnknown(
                f"{len(batch)} orders were answered with {len(statuses)} statuses", venue=VENUE
            )
        ours = [statuses[self._place_of(sent)] for sent in batch]
        noted = [self._noted(sent, status) for sent, status in zip(batch, ours, strict=True)]
        return [
            await self._known(sent.order.id) if isinstance(said, KnownId) else said
            for sent, said in zip(batch, noted, strict=True)
        ]

    async def _act(self, signed: Signed, batch: Sequence[Sent]) -> Sequence[object]:
        for sent in batch:
            sent.copies += 1
        return await self._client.act(signed)

    def _place_of(self, sent: Sent) -> int:
        """Where in its action an order stands."""
        wires = sent.signed.action.get("orders", ())
        ids = [wire["c"] for wire in wires]
        return ids.index(actions.cloid(sent.order.id)) if len(ids) > 1 else 0

    def _noted(self, sent: Sent, status: object) -> OrderReport | VenueError:
        said = answered(sent.order, status, self._clock.now())
        if isinstance(said, OrderReport):
            sent.report = said
        if (oid := number_in(status)) is not None:
            self._sent.numbered(sent.order.id, oid)
        return said

    async def _spent(
        self, batch: Sequence[Sent], error: NonceSpent, *, is_first: bool
    ) -> Sequence[OrderReport | VenueError]:
        """The nonce was used: by an earlier copy, or by a copy of this one that somebody on the way made."""
        if is_first and "too low" in str(error):
            for sent in batch:
                self._sent.forget(sent.order.id)
            raise Temporary(str(error), venue=VENUE) from error  # nothing was done; the next nonce is higher
        return [await self._known(sent.order.id) for sent in batch]

    async def _expired(self, sent: Sent, error: Expired) -> OrderReport | VenueError:
        """It came too late, and so would every copy. One that came before may have been in time."""
        found = await self._look(sent.order.id) if sent.copies > 1 else None
        sent.report = found or OrderReport(
            order=sent.order, status=OrderStatus.EXPIRED, reason=str(error), at=self._clock.now()
        )
        return sent.report

    async def _known(self, order_id: ClientOrderId) -> OrderReport:
        for number in range(LOOKS_MAX):
            if found := await self._look(order_id):
                return found
            if number + 1 < LOOKS_MAX:
                await self._clock.sleep(LOOK_EVERY_S)
        raise OutcomeUnknown("it was carried out, and is not shown yet", venue=VENUE)


def _reported(said: OrderReport | VenueError) -> OrderReport:
    if isinstance(said, VenueError):
        raise said
    return said
