"""The exchange's public face: accounts, orders, market data in, user events out.

Synchronous and deterministic: the same calls in the same order give the same answers. A call is stored first, then
its events are told to the subscribers in the order in which they happened, then it is answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.clock import Clock
from adapters.errors import Insufficient, InvalidParam, NotFound, RiskRejected, VenueError
from adapters.model import (
    Account,
    ClientOrderId,
    Fill,
    Instrument,
    MarketEvent,
    Order,
    OrderReport,
    Position,
    Symbol,
)
from adapters.paper import margin
from adapters.paper.engine import Engine
from adapters.paper.execution import Floor
from adapters.paper.ledger import EXACT, House, Ledger, TrialBalance, trial_balance
from adapters.paper.matching import Market
from adapters.paper.memory import restore, save
from adapters.paper.rules import VENUE, check_form, check_leverage
from adapters.paper.state import Changes, InFlight, PaperAccount, Verb, Working
from adapters.paper.storage import FILLS_PER_PAGE, PaperStorage
from adapters.venue import Fence, UserEvent

REFUSALS_KEPT = 10_000  # ids of the newest refused orders
PRICES_SAVED_EVERY = timedelta(seconds=1)  # of market time, so that a synthetic market can go on from there


class PaperExchange:
    """All paper accounts and one market per symbol.

    Args:
        instruments: the listed markets; news of any other symbol is ignored.
        clock: the exchange's own, for the arrival of orders; the market's time comes with its events.
        latency: from sending an order or a cancel to its arrival in the book. With zero, ``place`` and ``cancel``
            answer with the state after matching, and refuse by raising. With more, they answer OPEN, nothing filled;
            what becomes of the order comes as events when market data or ``advance`` has passed its arrival, a
            refusal then being a REJECTED report.
        bar_half_spread_bps: half the spread that is put around a bar's prices, in basis points.
        fence: whether it refuses orders that arrive after their expiry, or knows nothing of expiries.
        storage: where the exchange remembers; without it, it forgets when it ends.

    Raises:
        ConfigError: the storage holds positions or orders of a symbol that is not listed.

    Every call that changes something raises ``OutcomeUnknown`` when that could not be stored.
    """

    def __init__(
        self,
        instruments: Mapping[Symbol, Instrument],
        *,
        clock: Clock,
        latency: timedelta = timedelta(0),
        bar_half_spread_bps: Decimal = Decimal(1),
        fence: Fence = Fence.EXPIRY,
        storage: PaperStorage | None = None,
    ) -> None:
        self.fence = fence
        self._instruments = dict(instruments)
        self._clock = clock
        self._latency = latency
        self._storage = storage
        saved = storage.load() if storage is not None else None
        self._floor = Floor(
            markets={name: Market(item, bar_half_spread_bps) for name, item in instruments.items()},
            accounts={},
            house=saved.house.house if saved is not None else House(),
            changes=Changes(),
        )
        self._engine = Engine(self._floor, fence)
        self._refused: OrderedDict[tuple[str, ClientOrderId], VenueError] = OrderedDict()
        self._fills: dict[str, list[Fill]] = {}  # only without storage
        self._listeners: dict[str, list[Callable[[UserEvent], None]]] = {}
        self._numbered = 0
        self._changed = 0
        self._prices_saved_at: datetime | None = None
        self._is_telling = False
        if saved is not None:
            self._numbered, self._changed = saved.house.numbered, saved.house.changed
            restore(self._floor, saved)

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        return self._instruments

    def open_account(self, name: str, cash_usd: Decimal) -> Account:
        """Open an account with a deposit; an account that exists stays as it is."""
        if name not in self._floor.accounts:
            house = self._floor.house
            house.deposits = EXACT.add(house.deposits, cash_usd)
            self._floor.accounts[name] = PaperAccount(name=name, ledger=Ledger(cash=cash_usd))
            self._floor.changes.accounts.add(name)
            self._settle()
        return self.account_state(name)

    def on_market(self, event: MarketEvent) -> None:
        """Take in market data; orders due by then arrive first."""
        market = self._floor.markets.get(event.symbol)
        if market is None:
            return
        self._engine.on_event(market, event)
        if self._storage is not None and (
            self._prices_saved_at is None or event.at - self._prices_saved_at >= PRICES_SAVED_EVERY
        ):
            self._prices_saved_at = event.at
            self._floor.changes.markets.update(self._floor.markets)
        if self._floor.changes:
            self._settle()

    def advance(self, now: datetime) -> None:
        """Let orders and cancels due by ``now`` arrive without market data; they meet the market as last seen."""
        due = (command for market in self._floor.markets.values() for command in market.in_flight)
        for command in sorted(due, key=lambda command: command.number):
            if command.due <= now:
                self._engine.land(self._floor.markets[command.symbol], command.due)
        self._settle()

    def place(self, account: str, order: Order) -> OrderReport:
        """Place an order, or answer with the one that has its id, open or final.

        One that arrives after its ``expires_at`` is answered as EXPIRED, and its id is taken. So is the id of one that
        was refused: however often it arrives, the answer is the same.

        Raises:
            InvalidParam: format, tick, step, minimum notional, unknown symbol, post-only that would take.
            RiskRejected: leverage, or reduce-only with nothing to reduce.
            Insufficient: margin, cash or holdings.
            Temporary: the market has shown no price yet.
        """
        owner = self._account(account)
        known = owner.report(order.id)
        if known is not None:
            return known
        refused = self._refused.get((account, order.id))
        if refused is not None:
            raise type(refused)(str(refused), venue=VENUE)
        try:
            return self._place(owner, order)
        except (InvalidParam, RiskRejected, Insufficient) as error:
            self._refused[account, order.id] = error
            if len(self._refused) > REFUSALS_KEPT:
                self._refused.popitem(last=False)
            raise

    def _place(self, owner: PaperAccount, order: Order) -> OrderReport:
        market = self._floor.markets.get(order.symbol)
        if market is None:
            raise InvalidParam(f"no market for {order.symbol}", venue=VENUE)
        check_form(order, market.instrument)
        now = self._clock.now()
        working = Working(account=owner.name, order=order, priority=self._numbered + 1, at=now)
        if self._latency:
            working.in_flight = True
            owner.working[order.id] = working
            self._floor.changes.report(working)
            self._send(Verb.PLACE, working, market, now)
        else:
            self._engine.arrive(working, now)
            self._numbered += 1
        self._settle()
        return working.report()

    def cancel(self, account: str, order_id: ClientOrderId) -> OrderReport:
        """Cancel an order; with latency the answer is the order as it is before the cancel arrives.

        Raises:
            NotFound: the order is not open.
        """
        working = self._account(account).working.get(order_id)
        if working is None:
            raise NotFound(f"no open order {order_id}", venue=VENUE)
        now = self._clock.now()
        if self._latency:
            self._send(Verb.CANCEL, working, self._floor.market_of(working), now)
        else:
            self._engine.cancel(working, now)
        self._settle()
        return working.report()

    def set_leverage(self, account: str, symbol: Symbol, leverage: int) -> None:
        """Let a position in ``symbol`` tie up its notional / leverage from now on.

        Raises:
            InvalidParam: unknown symbol.
            RiskRejected: more than the instrument allows.
            Insufficient: the account has less than would be tied up, and more than now would be.
        """
        owner, markets = self._account(account), self._floor.markets
        if symbol not in markets:
            raise InvalidParam(f"no market for {symbol}", venue=VENUE)
        check_leverage(leverage, markets[symbol].instrument)
        before, tied_up = owner.leverage.get(symbol), margin.initial(owner, markets)
        owner.leverage[symbol] = leverage
        asked = margin.initial(owner, markets)
        if asked > max(tied_up, margin.collateral(owner, markets)):
            if before is None:
                del owner.leverage[symbol]
            else:
                owner.leverage[symbol] = before
            raise Insufficient(f"{asked:.2f} USD of margin asked at leverage {leverage}", venue=VENUE)
        self._floor.changes.accounts.add(account)
        self._settle()

    def transfer(self, source: str, target: str, amount_usd: Decimal) -> None:
        """Move cash from one account to another.

        Raises:
            InvalidParam: the amount is not positive.
            Insufficient: more than the source's positions and orders leave free.
        """
        giver, taker, markets = self._account(source), self._account(target), self._floor.markets
        if not (amount_usd.is_finite() and amount_usd > 0):
            raise InvalidParam(f"cannot transfer {amount_usd} USD", venue=VENUE)
        free = margin.collateral(giver, markets) - margin.initial(giver, markets)
        if amount_usd > free:
            raise Insufficient(f"{amount_usd} USD asked, {free:.2f} free", venue=VENUE)
        giver.ledger.pay(amount_usd, taker.ledger)
        self._floor.changes.accounts.update((source, target))
        self._settle()

    def order(self, account: str, order_id: ClientOrderId) -> OrderReport:
        """The order by its id, open or one of the newest 50,000 final ones. Raises ``NotFound``."""
        report = self._account(account).report(order_id)
        if report is None:
            raise NotFound(f"no order {order_id}", venue=VENUE)
        return report

    def open_orders(self, account: str) -> Sequence[OrderReport]:
        """Open orders, those in flight too, oldest first."""
        return [working.report() for working in self._account(account).working.values()]

    def positions(self, account: str) -> Sequence[Position]:
        """Non-zero positions; a spot holding is one without leverage."""
        owner, markets = self._account(account), self._floor.markets
        return [
            Position(
                symbol=symbol,
                size=held.size,
                entry_price=held.entry_price,
                mark_price=markets[symbol].mark,
                leverage=owner.leverage.get(symbol, 1),
                liquidation_price=margin.liquidation_price(owner, markets, symbol),
            )
            for symbol, held in owner.ledger.holdings.items()
            if held.size
        ]

    def account_state(self, account: str) -> Account:
        """Equity at the marks, cash with the perpetuals' realised results, and the margin that is tied up."""
        owner, markets = self._account(account), self._floor.markets
        equity, cash = margin.equity_and_cash(owner, markets)
        return Account(
            equity_usd=equity,
            cash_usd=cash,
            margin_used_usd=margin.initial(owner, markets),
            at=self._clock.now(),
        )

    def fills_since(self, account: str, sequence: int) -> Sequence[Fill]:
        """The next 500 fills numbered above ``sequence``, oldest first."""
        self._account(account)
        if self._storage is not None:
            return self._storage.fills_since(account, sequence)
        return self._fills.get(account, [])[sequence : sequence + FILLS_PER_PAGE]

    def subscribe(self, account: str, callback: Callable[[UserEvent], None]) -> Callable[[], None]:
        """Call back with each report and fill of an account from now on; answers how to unsubscribe.

        A callback may place orders: their events are told after those under way.
        """
        self._account(account)
        listeners = self._listeners.setdefault(account, [])
        listeners.append(callback)

        def unsubscribe() -> None:
            if callback in listeners:
                listeners.remove(callback)

        return unsubscribe

    def last_prices(self) -> Mapping[Symbol, Decimal]:
        """The newest mid, trade or close of each market that has shown one, also from before a restart."""
        return {symbol: market.price for symbol, market in self._floor.markets.items() if market.price}

    def trial_balance(self) -> TrialBalance:
        """All ledgers side by side: the proof that nothing appeared or vanished."""
        accounts = {name: account.ledger for name, account in self._floor.accounts.items()}
        return trial_balance(self._floor.house, accounts)

    def _account(self, name: str) -> PaperAccount:
        account = self._floor.accounts.get(name)
        if account is None:
            raise NotFound(f"no account {name}", venue=VENUE)
        return account

    def _send(self, verb: Verb, working: Working, market: Market, now: datetime) -> None:
        self._numbered += 1
        latest = market.in_flight[-1].due if market.in_flight else now
        command = InFlight(
            number=self._numbered,
            due=max(now + self._latency, latest),
            verb=verb,
            account=working.account,
            symbol=working.order.symbol,
            order_id=working.order.id,
        )
        market.in_flight.append(command)
        self._floor.changes.sent.append(command)
        self._floor.changes.touch(working)

    def _settle(self) -> None:
        """Store what has changed, then tell it."""
        changes = self._floor.changes
        self._changed += len(changes.orders)
        if self._storage is None:
            for name, fill in changes.fills:
                self._fills.setdefault(name, []).append(fill)
        elif changes:
            save(self._storage, self._floor, numbered=self._numbered, changed=self._changed)
        changes.clear_stored()
        self._tell()

    def _tell(self) -> None:
        if self._is_telling:
            return  # the call that is telling tells this too, in order
        self._is_telling = True
        news = self._floor.changes.news
        try:
            while news:
                name, event = news.popleft()
                for callback in tuple(self._listeners.get(name, ())):
                    callback(event)
        finally:
            self._is_telling = False
