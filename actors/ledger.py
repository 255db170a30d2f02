"""A wallet's ledger: every order and every bot's book, as a function of the journal's events.

``apply`` is the only way in, for live news and for recovery alike, so that what is rebuilt after a crash is what was
there before it. Applying a fill twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from actors.bot_record import BotRecord
from actors.ledger_events import (
    Began,
    BookLine,
    Crossed,
    Intended,
    Latch,
    Latched,
    Learned,
    LeaseTaken,
    Leaving,
    LedgerEvent,
    NetLine,
    OrderLine,
    Protection,
    Seated,
    Summary,
    Traded,
)
from actors.order_state import OrderEvent, OrderState, after
from adapters.model import ZERO, BotId, ClientOrderId, Fill, Liquidity, Order, Side, Symbol
from config.spec import ExitMode
from risk.exposure import worst_case
from risk.intent import Purpose, bot_tag, is_ours, tag_of

EXTERNAL = BotId("")  # trades that no bot of ours asked for
FINAL_ORDERS_KEPT = 5_000  # finished orders remembered, so that a repeated intent is answered and not resent
QUANTUM = Decimal(
    "1e-12"
)  # USD; a part of a cost basis is rounded to it, so that every sum of money is exact


@dataclass(slots=True, kw_only=True)
class LedgerOrder:
    """One order: what was asked, and what is known of it."""

    order: Order
    bot: BotId
    purpose: Purpose
    reserve_price: Decimal
    protection: Protection
    at: datetime
    state: OrderState = OrderState.INTENDED
    filled: Decimal = ZERO
    cost_usd: Decimal = ZERO  # of what is filled
    proof: str = ""
    is_adopted: bool = False  # found at the venue: why it was placed is not known
    venue_id: str = ""  # the venue's own number of it, as last told; not journaled

    @property
    def remaining(self) -> Decimal:
        return self.order.size - self.filled

    @property
    def is_live(self) -> bool:
        """Whether it can still trade, as far as anyone knows."""
        return not self.state.is_final


@dataclass(slots=True)
class BotBook:
    """One bot's holding in one market. The cost basis is kept undivided, so that no decimal is lost."""

    size: Decimal = ZERO  # base, signed
    cost_usd: Decimal = ZERO  # signed: what the holding was paid
    trade_usd: Decimal = ZERO  # realized after fees since it was last flat
    protection: Protection = field(default_factory=Protection)
    closed_at: datetime | None = None

    @property
    def entry_price(self) -> Decimal:
        return self.cost_usd / self.size if self.size else ZERO


@dataclass(slots=True)
class Net:
    """The account's position in one market as the venue keeps it: all bots in one, by average cost."""

    size: Decimal = ZERO  # base, signed
    cost_usd: Decimal = ZERO  # signed: what the position was paid


class Ledger:
    """See the module."""

    def __init__(self) -> None:
        self.orders: dict[ClientOrderId, LedgerOrder] = {}
        self.books: dict[tuple[BotId, Symbol], BotBook] = {}
        self.nets: dict[Symbol, Net] = {}
        self.records: dict[BotId, BotRecord] = {}
        self.latches: tuple[Latch, ...] = ()
        self.generation = 0
        self.lease = LeaseTaken(0, 0, ZERO)
        self.began: tuple[int, ...] = ()  # incarnations since the one that took the lease
        self.leaving: dict[BotId, ExitMode] = {}  # bots on their way out, seated or not
        self.fill_sequence = 0
        self.unclaimed: dict[
            ClientOrderId, Decimal
        ] = {}  # base; traded by orders of ours that are in no journal
        self._live: dict[ClientOrderId, LedgerOrder] = {}
        self._tags: dict[str, BotId] = {}

    def apply(self, event: LedgerEvent) -> None:
        """Take one fact in. Raises ``IllegalTransition`` for news that no order can have."""
        match event:
            case Intended():
                self._intend(event)
            case Learned(order_id, news, proof):
                self._learn(order_id, news, proof)
            case Traded(fill):
                self._trade(fill)
            case Crossed():
                self._cross(event)
            case Seated(bot, epoch):
                self.record(bot).epoch = epoch
            case Latched(latches, generation):
                self.latches, self.generation = latches, generation
            case Leaving(bot, mode):
                self.leaving.pop(bot, None)
                if mode is not None:
                    self.leaving[bot] = mode
            case Began(incarnation):
                self.began = (*self.began, incarnation)
            case LeaseTaken():
                self.lease, self.began = event, ()
            case Summary():
                self._restore(event)

    def record(self, bot: BotId) -> BotRecord:
        """The bot's results, made on first sight."""
        if bot not in self.records:
            tag = bot_tag(bot)
            self._tags[tag] = bot
            stray = self.records.pop(_stray(tag), None)
            self.records[bot] = stray or BotRecord()
            if stray is not None:
                self._claim(_stray(tag), bot)
        return self.records[bot]

    def live(self, bot: BotId | None = None, symbol: Symbol | None = None) -> list[LedgerOrder]:
        """Orders that can still trade, of one bot and market or of all."""
        orders = list(self._live.values())
        if bot is not None:
            orders = [order for order in orders if order.bot == bot]
        if symbol is not None:
            orders = [order for order in orders if order.order.symbol == symbol]
        return orders

    def book(self, bot: BotId, symbol: Symbol) -> BotBook:
        """The bot's holding in the market, flat if it never traded there."""
        return self.books.get((bot, symbol)) or BotBook()

    def holdings(self, bot: BotId) -> Mapping[Symbol, BotBook]:
        """What the bot holds, flat markets left out."""
        return {symbol: book for (owner, symbol), book in self.books.items() if owner == bot and book.size}

    def held(self, bot: BotId | None = None) -> set[Symbol]:
        """Markets in which one bot, or any of all, holds something."""
        books = self.books.items()
        return {symbol for (owner, symbol), book in books if book.size and (bot is None or owner == bot)}

    def exposed(self, bot: BotId) -> set[Symbol]:
        """Markets in which the bot holds something, or has an order that could make it."""
        entries = {order.order.symbol for order in self.live(bot) if not order.purpose.reduces}
        return entries | self.held(bot)

    def owner_of(self, order_id: ClientOrderId) -> BotId:
        """Whose order it is: by the ledger, else by the tag in the id, else nobody's.

        A tag that no known bot has is that of a stray, whose books go to the bot as soon as it is known.
        """
        known = self.orders.get(order_id)
        if known is not None:
            return known.bot
        tag = tag_of(order_id)
        return self._tags.get(tag, _stray(tag)) if is_ours(order_id) else EXTERNAL

    def net(self, symbol: Symbol) -> Decimal:
        """The account's position in the market, which is the sum over all bots' books."""
        net = self.nets.get(symbol)
        return net.size if net else ZERO

    def net_cost_usd(self, symbol: Symbol) -> Decimal:
        """What the account's position in the market was paid, USD, never negative.

        Average cost over the whole account, the venue's own method: bots that lean against each other hold books
        whose costs do not add up to it.
        """
        net = self.nets.get(symbol)
        return abs(net.cost_usd) if net else ZERO

    def worst_case(self, symbol: Symbol, bot: BotId | None = None) -> Decimal:
        """The largest position, in base, that live orders can lead to; of one bot or of the account."""
        size = self.net(symbol) if bot is None else self.book(bot, symbol).size
        buys = sells = ZERO
        for order in self.live(bot, symbol):
            if not order.purpose.reduces:
                if order.order.side is Side.BUY:
                    buys += order.remaining
                else:
                    sells += order.remaining
        return worst_case(size, buys, sells)

    def symbols(self) -> set[Symbol]:
        """Markets with a position or a live order."""
        return self.held() | {order.order.symbol for order in self._live.values()}

    def forget(self) -> None:
        """Drop the oldest finished orders beyond those that are worth remembering."""
        finished = [order_id for order_id, order in self.orders.items() if order.state.is_final]
        for order_id in finished[:-FINAL_ORDERS_KEPT]:
            del self.orders[order_id]

    def summary(self) -> Summary:
        """Everything in one record."""
        finished = [order for order in self.orders.values() if order.state.is_final]
        return Summary(
            orders=tuple(_line(order) for order in (*finished, *self._live.values())),
            books=tuple(
                BookLine(bot, symbol, b.size, b.cost_usd, b.trade_usd, b.protection, b.closed_at)
                for (bot, symbol), b in self.books.items()
            ),
            nets=tuple(NetLine(symbol, net.size, net.cost_usd) for symbol, net in self.nets.items()),
            records=tuple(record.line(bot) for bot, record in self.records.items()),
            latches=self.latches,
            generation=self.generation,
            lease=self.lease,
            began=self.began,
            leaving=tuple(Leaving(bot, mode) for bot, mode in self.leaving.items()),
            fill_sequence=self.fill_sequence,
            unclaimed=tuple(self.unclaimed.items()),
        )

    def _intend(self, event: Intended) -> None:
        self.record(event.bot)
        order = LedgerOrder(
            order=event.order,
            bot=event.bot,
            purpose=event.purpose,
            reserve_price=event.reserve_price,
            protection=event.protection,
            at=event.at,
            filled=self.unclaimed.pop(event.order.id, ZERO),
            is_adopted=event.is_adopted,
        )
        self.orders[event.order.id] = self._live[event.order.id] = order

    def _learn(self, order_id: ClientOrderId, news: OrderEvent, proof: str) -> None:
        order = self.orders.get(order_id)
        if order is None:
            return
        if news is OrderEvent.FILL and order.remaining > 0:
            return  # the fills themselves say so, each once; this is only their echo
        order.state, was = after(order.state, news), order.state
        if order.state is not was:
            order.proof = proof
        if order.state.is_final:
            self._live.pop(order_id, None)
        else:
            self._live[order_id] = order

    def _trade(self, fill: Fill) -> None:
        if fill.sequence <= self.fill_sequence:
            return
        self.fill_sequence = fill.sequence
        _trade_at_cost(self.nets.setdefault(fill.symbol, Net()), fill.size * fill.side.sign, fill.price)
        bot = self.owner_of(fill.order_id)
        order = self.orders.get(fill.order_id)
        for owner, part in self._shares(fill) if bot == EXTERNAL else [(bot, fill)]:
            book = self.books.setdefault((owner, fill.symbol), BotBook())
            self._book_fill(book, self.record(owner), part)
        if order is None:
            if is_ours(fill.order_id):
                self.unclaimed[fill.order_id] = self.unclaimed.get(fill.order_id, ZERO) + fill.size
            return
        book = self.books[bot, fill.symbol]
        order.filled += fill.size
        order.cost_usd += fill.size * fill.price
        if order.purpose is Purpose.OPEN and book.size:
            book.protection = order.protection
        if order.remaining <= 0:
            self._learn(fill.order_id, OrderEvent.FILL, f"fill {fill.id}")
        elif order.state in (OrderState.INTENDED, OrderState.UNKNOWN):
            self._learn(fill.order_id, OrderEvent.ACCEPT, f"fill {fill.id}")

    def _cross(self, crossed: Crossed) -> None:
        """Two trades against each other, without a fee."""
        gives = Side.SELL if crossed.size > 0 else Side.BUY
        for bot, side in ((crossed.giver, gives), (crossed.taker, gives.opposite)):
            book = self.books.setdefault((bot, crossed.symbol), BotBook())
            part = Fill(
                id="",
                sequence=0,
                order_id=ClientOrderId(""),
                symbol=crossed.symbol,
                side=side,
                price=crossed.price,
                size=abs(crossed.size),
                fee=ZERO,
                liquidity=Liquidity.TAKER,
                at=crossed.at,
            )
            self._book_fill(book, self.record(bot), part)

    def _shares(self, fill: Fill) -> list[tuple[BotId, Fill]]:
        """Whose a trade is that no bot asked for, a liquidation or an operator's own: theirs whose holdings it closes.

        Left with nobody, it would leave them books of what is gone, to be closed a second time.
        """
        shares: list[tuple[BotId, Fill]] = []
        size, fee = fill.size, fill.fee
        for (bot, symbol), book in sorted(self.books.items()):
            if size and symbol == fill.symbol and book.size * fill.side.sign < 0:
                part = min(size, abs(book.size))
                part_fee = fee if part == size else (fill.fee * part / fill.size).quantize(QUANTUM)
                shares.append((bot, replace(fill, size=part, fee=part_fee)))
                size, fee = size - part, fee - part_fee
        return [*shares, (EXTERNAL, replace(fill, size=size, fee=fee))] if size else shares

    def _claim(self, stray: BotId, bot: BotId) -> None:
        for owner, symbol in [key for key in self.books if key[0] == stray]:
            self.books[bot, symbol] = self.books.pop((owner, symbol))
        for order in self.orders.values():
            if order.bot == stray:
                order.bot = bot

    def _book_fill(self, book: BotBook, record: BotRecord, fill: Fill) -> None:
        was = book.size
        closed, cost_usd = _trade_at_cost(book, fill.size * fill.side.sign, fill.price)
        realized = -fill.fee
        if closed:
            realized += closed * fill.price - cost_usd
        record.realized_usd += realized
        record.fees_usd += fill.fee
        book.trade_usd += realized
        if closed and closed == was:
            self._close_trade(book, record, fill.at)

    def _close_trade(self, book: BotBook, record: BotRecord, at: datetime) -> None:
        record.close_trade(book.trade_usd, at)
        book.trade_usd = ZERO
        book.protection, book.closed_at = Protection(), at

    def _restore(self, summary: Summary) -> None:
        for known in (self.orders, self.books, self.nets, self.records, self._live, self._tags):
            known.clear()  # a summary stands for all that came before it
        for line in summary.records:
            self.record(line.bot)  # from here on its orders are known by their tag
            self.records[line.bot] = BotRecord.of(line)
        for book in summary.books:
            self.books[book.bot, book.symbol] = BotBook(
                book.size, book.cost_usd, book.trade_usd, book.protection, book.closed_at
            )
        self.nets.update({line.symbol: Net(line.size, line.cost_usd) for line in summary.nets})
        for line_ in summary.orders:
            order = LedgerOrder(**{name: getattr(line_, name) for name in line_.__struct_fields__})
            self.orders[order.order.id] = order
            if order.is_live:
                self._live[order.order.id] = order
        self.latches, self.generation = summary.latches, summary.generation
        self.lease, self.began = summary.lease, summary.began
        self.fill_sequence, self.unclaimed = summary.fill_sequence, dict(summary.unclaimed)
        self.leaving = {line.bot: line.mode for line in summary.leaving if line.mode is not None}


def replayed(events: Iterable[LedgerEvent]) -> Ledger:
    """The ledger that the events lead to."""
    ledger = Ledger()
    for event in events:
        ledger.apply(event)
    return ledger


def _trade_at_cost(held: BotBook | Net, traded: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
    """Trade against the holding by average cost.

    Args:
        held: what is changed.
        traded: base, signed.
        price: quote per base.

    Returns:
        What it closed of the holding (base, signed as it was held), and what that had been paid (USD, signed).
    """
    closed = ZERO
    if held.size * traded < 0:
        closed = min(abs(held.size), abs(traded)).copy_sign(held.size)
    paid = held.cost_usd if closed == held.size else (held.cost_usd * closed / held.size).quantize(QUANTUM)
    held.size -= closed
    held.cost_usd -= paid
    opened = traded + closed
    held.size += opened
    held.cost_usd += opened * price
    return closed, paid


def _stray(tag: str) -> BotId:
    return BotId(f"?{tag}")


def _line(order: LedgerOrder) -> OrderLine:
    return OrderLine(**{name: getattr(order, name) for name in OrderLine.__struct_fields__})
