"""What one account asks of the exchange, each answer as what it means to us."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

from adapters.clock import Clock
from adapters.errors import NotFound, Temporary
from adapters.hyperliquid import account, actions
from adapters.hyperliquid.client import TradingClient
from adapters.hyperliquid.fills import PAGE, FillBook
from adapters.hyperliquid.markets import Market, Markets
from adapters.hyperliquid.network import VENUE
from adapters.hyperliquid.orders import id_of, number_of, order_of, report_of, status_of
from adapters.hyperliquid.sent import SentOrders
from adapters.hyperliquid.user_stream import UserStream
from adapters.hyperliquid.wire import (
    ClearinghouseState,
    FillLine,
    OrderLine,
    OrderUpdate,
    PerpMeta,
    RequestCount,
    SpotMeta,
    SpotState,
    StatusAnswer,
    check_not_ahead,
    prices_in,
)
from adapters.model import ZERO, Account, ClientOrderId, Order, OrderReport, OrderStatus, Position

SPOT_AGE_MAX_S = 10.0  # of spot balances, while we trade no spot ourselves
COUNT_AGE_MAX_S = 300.0  # of the exchange's count of our actions


class Questions:
    """See the module. Raises ``VenueError``.

    Args:
        client: asks within the limits.
        user: the account's address.
        sent: what this process has placed.
        fills: what is known to have traded.
        clock: for ages.
    """

    def __init__(
        self, client: TradingClient, user: str, sent: SentOrders, fills: FillBook, clock: Clock
    ) -> None:
        self.stream: UserStream | None = None  # saves questions while it is fresh
        self.reported: dict[int, Decimal] = {}  # traded by reports, beyond what the fills hold, by number
        self._client = client
        self._user = user
        self._sent = sent
        self._fills = fills
        self._clock = clock
        self._markets: Markets | None = None
        self._listing = asyncio.Lock()
        self._spot: tuple[float, SpotState] | None = None
        self._counted_at: float | None = None

    async def markets(self) -> Markets:
        """The markets, as they were listed last."""
        async with self._listing:
            if self._markets is None:
                self._markets = await self._listed()
            return self._markets

    async def list_markets(self) -> Markets:
        """The markets, listed anew."""
        async with self._listing:
            self._markets = await self._listed()
            return self._markets

    def forget(self) -> None:
        """Begin anew with the next question."""
        self._markets = self._spot = None

    def traded_spot(self) -> None:
        """Balances are not what they were."""
        self._spot = None

    async def account(self) -> Account:
        """What the account is worth, at the exchange's time."""
        markets, spot = await self.markets(), await self._balances()
        if self._is_older(self._counted_at, COUNT_AGE_MAX_S):
            await self._count()
        mids = await self._mids() if account.has_holdings(spot, markets) else {}
        return account.worth(await self._state(), spot, markets, mids)

    async def positions(self) -> tuple[list[Position], Mapping[int, int]]:
        """What is held, and the leverage of each perpetual by its market's number."""
        markets, spot = await self.markets(), await self._balances()
        state = await self._state()
        leverage = {
            market.asset: item.position.leverage.value
            for item in state.positions
            if (market := markets.of_coin(item.position.coin)) is not None
        }
        held = account.perp_positions(state, markets)
        if account.has_holdings(spot, markets):
            held += account.spot_positions(spot, markets, await self._mids())
        return held, leverage

    async def resting(self) -> Sequence[tuple[int, OrderReport]]:
        """What rests, triggers among it, by the exchange's numbers."""
        markets = await self.markets()
        lines = await self._client.ask("frontendOpenOrders", list[OrderLine], user=self._user)
        reports = []
        for line in lines:
            update = OrderUpdate(order=line, status="open", status_timestamp=line.timestamp)
            order = self._asked_for(line, markets)
            report = report_of(update, order, self._fills.traded(line.oid), is_all=order.reduce_only)
            self.note_traded(line.oid, report)
            reports.append((line.oid, report))
        return reports

    async def fills(self, since_ms: int) -> list[FillLine]:
        """Executions from this millisecond on, oldest first, ``PAGE`` at most."""
        lines = await self._client.ask("userFillsByTime", list[FillLine], user=self._user, startTime=since_ms)
        try:
            check_not_ahead((line.time for line in lines), self._clock.now())
        except ValueError as error:
            raise Temporary(f"userFillsByTime: {error}", venue=VENUE) from error
        return lines

    async def look(self, order_id: ClientOrderId) -> OrderReport | None:
        """The order by our id; ``None`` where the exchange knows none."""
        markets = await self.markets()
        try:
            update = await self.told(order_id)
        except NotFound:
            return None
        line = update.order
        self._sent.numbered(order_id, line.oid)
        order = self._asked_for(line, markets)
        traded = self._fills.traded(line.oid)
        if order.reduce_only and status_of(update.status).is_final and line.size != line.remaining:
            traded = await self._traded(line)
        report = report_of(update, order, traded, is_all=order.reduce_only)
        sent = self._sent.get(order_id)
        end = sent.end if sent and report.average_price is None else None
        if end is not None and (end.status, end.filled) == (OrderStatus.FILLED, report.filled):
            report = end
        self.note_traded(line.oid, report)
        return report

    async def told(self, order_id: ClientOrderId) -> OrderUpdate:
        """The order in the exchange's own words. Raises ``NotFound``."""
        number = number_of(order_id)
        oid = actions.cloid(order_id) if number is None else number
        answer = await self._client.ask("orderStatus", StatusAnswer, user=self._user, oid=oid)
        if isinstance(answer.order, OrderUpdate):
            return answer.order
        raise NotFound(f"no order {order_id}", venue=VENUE)

    async def mid(self, market: Market) -> Decimal:
        """The middle of the market's best prices."""
        mids = await self._mids()
        if market.coin not in mids:
            raise Temporary(f"no price of {market.instrument.symbol}", venue=VENUE)
        return mids[market.coin]

    def note_traded(self, oid: int, report: OrderReport) -> None:
        """What a report counts, the next answer about fills must hold."""
        if report.filled > self._fills.traded(oid)[0]:
            self.reported[oid] = report.filled

    async def _listed(self) -> Markets:
        perps = await self._client.ask("meta", PerpMeta)
        spot = await self._client.ask("spotMeta", SpotMeta)
        return Markets.listed(perps, spot)

    async def _count(self) -> None:
        count = await self._client.ask("userRateLimit", RequestCount, user=self._user)
        self._client.budget.told(count.used, count.cap)
        self._counted_at = self._clock.monotonic()

    async def _state(self) -> ClearinghouseState:
        return await self._client.ask("clearinghouseState", ClearinghouseState, user=self._user)

    async def _balances(self) -> SpotState:
        if self._spot is None or self._is_older(self._spot[0], SPOT_AGE_MAX_S):
            asked_at = self._clock.monotonic()
            told = await self._client.ask("spotClearinghouseState", SpotState, user=self._user)
            self._spot = (asked_at, told)
            return told
        return self._spot[1]

    async def _mids(self) -> Mapping[str, Decimal]:
        heard = self.stream.mids if self.stream is not None else None
        if heard is not None:
            return heard
        return prices_in(await self._client.ask("allMids", dict[str, Decimal]))

    async def _traded(self, line: OrderLine) -> tuple[Decimal, Decimal]:
        """Size and cost of all that an order has traded, from its fills."""
        size = cost = ZERO
        lines = await self.fills(line.timestamp)
        if len(lines) >= PAGE:
            raise Temporary(f"too many fills since order {line.oid} to say which are its own", venue=VENUE)
        for fill in lines:
            if fill.oid == line.oid:
                size, cost = size + fill.size, cost + fill.size * fill.price
        return size, cost

    def _asked_for(self, line: OrderLine, markets: Markets) -> Order:
        sent = self._sent.get(id_of(line.cloid, line.oid))
        return sent.order if sent else order_of(line, markets.symbol_of(line.coin))

    def _is_older(self, at: float | None, limit_s: float) -> bool:
        return at is None or self._clock.monotonic() - at > limit_s
