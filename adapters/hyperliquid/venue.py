"""One Hyperliquid account: what every venue does, and what this exchange offers beyond."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.clock import Clock
from adapters.errors import NotFound, OutcomeUnknown, Temporary, VenueError
from adapters.hyperliquid import actions
from adapters.hyperliquid.client import TradingClient
from adapters.hyperliquid.errors import refusal
from adapters.hyperliquid.fills import FillBook
from adapters.hyperliquid.network import VENUE
from adapters.hyperliquid.placing import LOOK_EVERY_S, LOOKS_MAX, Placing
from adapters.hyperliquid.questions import Questions
from adapters.hyperliquid.sent import SentOrders
from adapters.hyperliquid.user_stream import UserStream
from adapters.market.bars import EPOCH
from adapters.model import (
    Account,
    ClientOrderId,
    Fill,
    Instrument,
    Order,
    OrderReport,
    Position,
    Symbol,
)
from adapters.venue import Fence, UserEvent

SLIPPAGE = Decimal("0.05")  # of the price: how much worse a market order may trade at most
NEVER = float("-inf")
AUDIT_S = 60.0  # what is only heard of is asked for that often all the same
LAG_S = 0.5  # after which an answer shows what was accepted before it was asked for


class HyperliquidVenue:
    """Implements ``Venue``. It opens its connections when they are needed, and again after it was closed.

    Args:
        client: signs, and asks within the limits.
        address: the account's: its owner's, a vault's or a sub-account's, never an API wallet's, of which nothing is
            known.
        clock: for stamps and pauses.
        is_cross: whether positions share the account's margin; else each has its own.
        slippage: a fraction; see ``SLIPPAGE``.
    """

    fence = Fence.EXPIRY

    def __init__(
        self,
        client: TradingClient,
        address: str,
        clock: Clock,
        *,
        is_cross: bool = True,
        slippage: Decimal = SLIPPAGE,
    ) -> None:
        self._client = client
        self._user = address.lower()
        self._clock = clock
        self._sent = SentOrders()
        self._fills = FillBook(self._sent)
        self._questions = Questions(client, self._user, self._sent, self._fills, clock)
        self._audited_at = NEVER  # when all fills were asked for
        self._rested_at = NEVER  # when all resting orders were
        self._placing = Placing(
            client,
            self._sent,
            look=self._questions.look,
            mid=self._questions.mid,
            clock=clock,
            slippage=slippage,
            is_cross=is_cross,
        )

    # ── the port ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def instruments(self) -> Mapping[Symbol, Instrument]:
        return (await self._questions.list_markets()).instruments

    async def place(self, order: Order) -> OrderReport:
        market = (await self._questions.markets()).of(order.symbol)
        if market.is_spot:
            self._questions.traded_spot()
        return self._counted(await self._placing.place(order, market))

    async def cancel(self, order_id: ClientOrderId) -> OrderReport:
        action = await self._cancel_of(order_id)
        statuses = await self._client.act(self._client.sign(action, expires_at=None))
        error = _refusal_of(statuses[0] if statuses else None)
        if error is not None:
            raise error
        for _ in range(LOOKS_MAX):
            report = await self._questions.look(order_id)
            if report is not None and report.status.is_final:
                return report
            await self._clock.sleep(LOOK_EVERY_S)
        raise OutcomeUnknown(f"{order_id} is cancelled, and not shown so yet", venue=VENUE)

    async def order(self, order_id: ClientOrderId) -> OrderReport:
        found = await self._questions.look(order_id)
        if found is None:
            await self._clock.sleep(LAG_S)
            found = await self._questions.look(order_id)
        if found is None:
            sent = self._sent.get(order_id)
            found = sent.end if sent else None
        if found is None:
            raise NotFound(f"no order {order_id}", venue=VENUE)
        return found

    async def open_orders(self) -> Sequence[OrderReport]:
        stream = self._questions.stream
        if stream is not None and self._clock.monotonic() - self._rested_at <= AUDIT_S:
            resting = stream.resting()
            if resting is not None:
                return resting
        return await self._resting()

    async def positions(self) -> Sequence[Position]:
        held, leverage = await self._questions.positions()
        self._placing.saw_leverage(leverage)
        return held

    async def account(self) -> Account:
        return await self._questions.account()

    async def fills_since(self, sequence: int) -> Sequence[Fill]:
        markets, reported = await self._questions.markets(), self._questions.reported
        stream = self._questions.stream
        if stream is not None and self._clock.monotonic() - self._audited_at <= AUDIT_S:
            heard = await stream.fills_after(sequence, reported)
            if heard is not None:
                self._settle(reported)
                return heard
        for _ in range(LOOKS_MAX):
            asked_at = self._clock.monotonic()
            lines = await self._questions.fills(self._fills.since_ms(sequence))
            page = self._fills.page(lines, sequence, markets)
            self._settle(reported)
            if not reported:
                self._audited_at = asked_at
                return page
            await self._clock.sleep(LOOK_EVERY_S)
        missing = ", ".join(map(str, reported))
        reported.clear()  # the next report says so again
        raise Temporary(f"fills of {missing} are reported, and not shown yet", venue=VENUE)

    async def events(self) -> AsyncIterator[UserEvent]:
        markets = await self._questions.markets()
        stream = UserStream(
            await self._client.open_stream(),
            self._user,
            markets,
            self._sent,
            self._fills,
            self._questions.note_traded,
            self._clock,
        )
        try:
            await stream.subscribe()
            self._questions.stream, self._client.stream = stream, stream.stream
            await self._resting()
            while (news := await stream.events()) is not None:
                for event in news:
                    yield event
        finally:
            if self._questions.stream is stream:
                self._questions.stream = self._client.stream = None
            await stream.aclose()

    async def aclose(self) -> None:
        stream, self._questions.stream = self._questions.stream, None
        self._client.stream = None
        if stream is not None:
            await stream.aclose()
        self._questions.forget()
        await self._client.aclose()

    # ── beyond the port ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_listening(self) -> bool:
        """Whether the account is followed by websocket at this moment."""
        stream = self._questions.stream
        return stream is not None and stream.is_fresh

    async def place_all(self, orders: Sequence[Order]) -> Sequence[OrderReport | VenueError]:
        """Place new orders in one action: what became of each. Raises ``VenueError`` for all of them."""
        markets = await self._questions.markets()
        said = await self._placing.place_all([(order, markets.of(order.symbol)) for order in orders])
        return [self._counted(one) if isinstance(one, OrderReport) else one for one in said]

    async def cancel_all(self, orders: Sequence[Order]) -> Sequence[VenueError | None]:
        """Cancel by our ids in one action: ``None`` for each that is cancelled. Raises ``VenueError`` for all."""
        markets = await self._questions.markets()
        action = actions.cancel([(markets.of(order.symbol).asset, order.id) for order in orders])
        statuses = await self._client.act(self._client.sign(action, expires_at=None))
        if len(statuses) != len(orders):
            raise OutcomeUnknown(f"{len(orders)} cancels, {len(statuses)} statuses", venue=VENUE)
        return [_refusal_of(status) for status in statuses]

    async def modify(self, order_id: ClientOrderId, order: Order) -> OrderReport:
        """Replace a resting order by a new one with an id of its own. Raises ``VenueError``."""
        market = (await self._questions.markets()).of(order.symbol)
        return self._counted(await self._placing.modify(order_id, order, market))

    async def update_leverage(self, symbol: Symbol, leverage: int) -> None:
        """Set a market's leverage, in the account's margin mode. Raises ``VenueError``."""
        await self._placing.update_leverage((await self._questions.markets()).of(symbol), leverage)

    async def schedule_cancel(self, at: datetime | None) -> None:
        """Have the exchange cancel everything at this time, at least 5 s ahead, unless set anew; ``None`` unsets it.

        Raises ``RiskRejected`` or another ``VenueError``; an account that has traded less than 1,000,000 USD has no
        such switch.
        """
        at_ms = None if at is None else (at - EPOCH) // timedelta(milliseconds=1)
        await self._client.act(self._client.sign(actions.schedule_cancel(at_ms), expires_at=None))

    async def noop(self, nonce: int) -> None:
        """Use a nonce up: whatever was signed under it and has not arrived will be refused for ever.

        Raises ``NonceSpent`` when it arrived, or another ``VenueError``.
        """
        await self._client.act(self._client.sign(actions.noop(), expires_at=None, nonce=nonce))

    def nonce_of(self, order_id: ClientOrderId) -> int | None:
        """Under which nonce an order was signed by this process."""
        sent = self._sent.get(order_id)
        return sent.signed.nonce if sent else None

    async def _cancel_of(self, order_id: ClientOrderId) -> actions.Action:
        """By our id where it has one; its market is known, or asked for. Raises ``VenueError``."""
        sent = self._sent.get(order_id)
        if sent is not None:
            return actions.cancel([(sent.asset, order_id)])
        markets = await self._questions.markets()
        line = (await self._questions.told(order_id)).order
        asset = markets.of(markets.symbol_of(line.coin)).asset
        if line.cloid is None:
            return actions.cancel_by_number(asset, line.oid)
        return actions.cancel([(asset, order_id)])

    async def _resting(self) -> Sequence[OrderReport]:
        """What rests, asked for; a stream goes on from it."""
        stream, asked_at = self._questions.stream, self._clock.monotonic()
        reports = await self._questions.resting()
        if stream is not None:
            stream.rests(reports)
            self._rested_at = asked_at
        return [report for _, report in reports]

    def _settle(self, reported: dict[int, Decimal]) -> None:
        """Strike off what the fills hold by now."""
        for oid, size in tuple(reported.items()):
            if self._fills.traded(oid)[0] >= size:
                del reported[oid]

    def _counted(self, report: OrderReport) -> OrderReport:
        sent = self._sent.get(report.order.id)
        if sent is not None and sent.oid is not None:
            self._questions.note_traded(sent.oid, report)
        return report


def _refusal_of(status: object) -> VenueError | None:
    match status:
        case "success":
            return None
        case {"error": str(text)}:
            return refusal(text)
        case _:
            return OutcomeUnknown(f"a cancel was answered with {str(status)[:200]}", venue=VENUE)
