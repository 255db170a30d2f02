"""The judgement over the exchange's history: every event in its order, held against what was promised."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.model import ZERO, BotId, Fill, OrderReport, OrderStatus, Side, Symbol
from adapters.venue import UserEvent
from risk.intent import bot_tag, is_ours
from tests.chaos.books import Market, is_entry
from tests.chaos.fleet_file import ORPHAN_S, POSITION_USD_MAX, Roster
from tests.chaos.venue_record import Entry

AGREEMENT = "all books agree"
ONE_ORDER = "one order an intent"
STOPS = "stops"
AMISS_MAX = timedelta(
    seconds=5
)  # that a stop may be missing or a quote too many, while those concerned are well
ORPHAN_MAX = timedelta(seconds=ORPHAN_S + 4)  # from a bot's silence to the end of its last entry
DUST_USD = Decimal("0.000001")  # an average price is a quotient: what its last digits are worth


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that was broken."""

    promise: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time in the run, by the wall clock."""

    start: datetime
    end: datetime

    def contains(self, at: datetime) -> bool:
        return self.start < at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltSpan:
    """From a halt's complete report to just before its lift."""

    scope: str
    level: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Illness:
    """From a fault to the recovery from it."""

    actor: str
    span: Span


@dataclass(slots=True)
class Trial:
    """Takes the entries one by one; what it finds is in ``violations``, each promise and owner once."""

    roster: Roster
    halts: Sequence[HaltSpan]
    illnesses: Sequence[Illness]
    violations: dict[tuple[str, str], Violation] = field(default_factory=dict)
    peak_usd: Decimal = ZERO  # the fleet's largest worst-case exposure
    naked_max: timedelta = timedelta(0)  # the longest that a position had no stop, illnesses left out
    accounts: dict[tuple[str, Symbol], Market] = field(default_factory=lambda: defaultdict(Market))
    bots: dict[tuple[str, Symbol], Market] = field(default_factory=lambda: defaultdict(Market))
    _worst: dict[tuple[str, Symbol], Decimal] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)
    _amiss_since: dict[tuple[str, str, Symbol], datetime] = field(
        default_factory=dict
    )  # by promise, bot, market
    _halts_seen: set[int] = field(default_factory=set)
    _silences_seen: set[int] = field(default_factory=set)
    _tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tags = {bot_tag(BotId(bot)): bot for bot in self.roster.bots}

    def hear(self, entries: Iterable[Entry]) -> None:
        """The whole history."""
        wall = None
        for number, entry in enumerate(entries, 1):
            if entry.number != number:
                self._find("history", "", f"event {number} is missing: the next one is {entry.number}")
                return
            wall = entry.wall
            self._check_halts_hold(wall)
            self._check_the_silent_rest_nothing(wall)
            self._take(entry)
        if wall is not None:
            self._check_halts_hold(wall + timedelta(days=1))
            for promise, bot, symbol in list(self._amiss_since):
                self._mend(promise, bot, symbol, wall)

    def owner_of(self, order_id: str) -> str:
        """The bot whose order it is; nobody for a liquidation."""
        return self._tags.get(order_id[4:12], "") if is_ours(order_id) else ""

    def _take(self, entry: Entry) -> None:
        event = entry.event
        order_id = event.order_id if isinstance(event, Fill) else event.order.id
        symbol = event.symbol if isinstance(event, Fill) else event.order.symbol
        bot = self.owner_of(order_id)
        self._check_identity(entry, order_id)
        self.accounts[entry.account, symbol].apply(event)
        self.bots[bot, symbol].apply(event)
        if isinstance(event, OrderReport) and entry.is_new and event.status is OrderStatus.OPEN:
            self._check_new(entry, event, bot)
        self._check_exposure(entry, symbol, bot)
        if bot:
            self._check_bot(entry, bot, symbol)

    # ── G1 ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _check_identity(self, entry: Entry, order_id: str) -> None:
        event = entry.event
        if order_id in self._ended:
            self._find(ONE_ORDER, order_id, f"event {entry.number} came after its end: {_brief(event)}")
        if isinstance(event, OrderReport) and event.status.is_final:
            self._ended.add(order_id)

    def _check_new(self, entry: Entry, report: OrderReport, bot: str) -> None:
        order = report.order
        if not is_entry(order):
            return
        for halt in self.halts:
            if halt.span.contains(entry.wall) and self._covers(halt, entry.account, bot):
                self._find(
                    "halts hold", f"{halt.scope} {order.id}",
                    f"{bot}: {order.side} {order.size} {order.symbol} accepted at {entry.wall:%H:%M:%S.%f} during"
                    f" {halt.level} on {halt.scope} ({halt.span.start:%H:%M:%S.%f} to {halt.span.end:%H:%M:%S.%f})",
                )  # fmt: skip

    # ── G2 ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _check_exposure(self, entry: Entry, symbol: Symbol, bot: str) -> None:
        key = entry.account, symbol
        self._worst[key] = self.accounts[key].worst_usd()
        fleet = sum(self._worst.values(), ZERO)
        self.peak_usd = max(self.peak_usd, fleet)
        if fleet > self.roster.limit_usd + DUST_USD:
            self._find(
                "the fleet's limit", "",
                f"event {entry.number} at {entry.wall:%H:%M:%S.%f}: {fleet:.6f} of {self.roster.limit_usd} USD, by"
                f" {_brief(entry.event)}",
            )  # fmt: skip
        if bot and not self.roster.shares(bot):
            worst = self.bots[bot, symbol].worst_usd()
            if worst > POSITION_USD_MAX + DUST_USD:
                self._find(
                    "a bot's limit", bot,
                    f"event {entry.number} at {entry.wall:%H:%M:%S.%f}: {worst:.6f} of {POSITION_USD_MAX} USD in"
                    f" {symbol}, by {_brief(entry.event)}",
                )  # fmt: skip

    # ── G3 ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _covers(self, halt: HaltSpan, account: str, bot: str) -> bool:
        return halt.scope in ("fleet", f"wallet:{account}", f"bot:{bot}")

    def _check_halts_hold(self, now: datetime) -> None:
        """The state before the first event after a halt was reported complete is its state at that moment."""
        for number, halt in enumerate(self.halts):
            if number in self._halts_seen or now <= halt.span.start:
                continue
            self._halts_seen.add(number)
            if halt.level == "pause_entries":
                continue
            for (bot, symbol), market in self.bots.items():
                if not bot or not self._covers(halt, self.roster.bots[bot], bot):
                    continue
                what = f"{bot} in {symbol} when {halt.level} on {halt.scope} was complete, {halt.span.start:%H:%M:%S}"
                if market.entries():
                    self._find("halts hold", f"{number} {bot}", f"{len(market.entries())} entries of {what}")
            if halt.level == "flatten":
                for (account, symbol), market in self.accounts.items():
                    if halt.scope in ("fleet", f"wallet:{account}") and market.holding.size:
                        self._find(
                            "halts hold", f"{number} {account}",
                            f"{account} held {market.holding.size} {symbol} when {halt.scope} was flat by its report",
                        )  # fmt: skip

    # ── G4, G5 ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _check_bot(self, entry: Entry, bot: str, symbol: Symbol) -> None:
        """A stop for all that it holds, or no more quotes a side than levels; each may be amiss for a moment."""
        market, levels = self.bots[bot, symbol], self.roster.quote_levels(bot)
        if levels is None:
            promise, is_amiss = STOPS, market.stopped_size() < abs(market.holding.size)
        else:
            promise, is_amiss = ONE_ORDER, any(len(market.entries(side)) > levels for side in Side)
        if is_amiss:
            self._amiss_since.setdefault((promise, bot, symbol), max(entry.wall, entry.event.at))
        else:
            self._mend(promise, bot, symbol, entry.wall)

    def _mend(self, promise: str, bot: str, symbol: Symbol, now: datetime) -> None:
        since = self._amiss_since.pop((promise, bot, symbol), None)
        if since is None or now <= since:
            return
        concerned = {f"wallet:{self.roster.bots[bot]}", "exchange"}
        if promise == ONE_ORDER:
            concerned.add(f"bot:{bot}")  # it is the one to take back what is too much
        spans = [ill.span for ill in self.illnesses if ill.actor in concerned]
        amiss = (now - since) - _overlap(since, now, spans)
        if promise == STOPS:
            self.naked_max = max(self.naked_max, amiss)
        if amiss > AMISS_MAX:
            what = "no stop for all that it held" if promise == STOPS else "more quotes than levels"
            text = f"{bot} had {what} in {symbol} for {amiss.total_seconds():.1f} s from {since:%H:%M:%S.%f}"
            self._find(promise, f"{bot} {since}", text)

    def _check_the_silent_rest_nothing(self, now: datetime) -> None:
        for number, silence in enumerate(self.illnesses):
            due = silence.span.start + ORPHAN_MAX
            if number in self._silences_seen or now <= due:
                continue
            self._silences_seen.add(number)
            kind, _, bot = silence.actor.partition(":")
            if kind != "bot" or due >= silence.span.end or self._was_ill(self.roster.bots[bot], silence.span):
                continue
            left = [
                order
                for (owner, _), market in self.bots.items()
                if owner == bot
                for order in market.entries()
            ]
            if left:
                self._find(
                    "no orphans", bot,
                    f"{bot} had {len(left)} entries at {due:%H:%M:%S}, silent since {silence.span.start:%H:%M:%S}",
                )  # fmt: skip

    def _was_ill(self, wallet: str, span: Span) -> bool:
        return any(
            ill.actor in (f"wallet:{wallet}", "exchange")
            and ill.span.start < span.end
            and ill.span.end > span.start
            for ill in self.illnesses
        )

    def _find(self, promise: str, owner: str, text: str) -> None:
        self.violations.setdefault((promise, owner), Violation(promise=promise, text=text))


def _brief(event: UserEvent) -> str:
    if isinstance(event, Fill):
        return f"a fill of {event.side} {event.size} {event.symbol} at {event.price}, order {event.order_id}"
    order = event.order
    return f"{order.side} {order.size} {order.symbol} at {order.price}, {event.status}, order {order.id}"


def _overlap(start: datetime, end: datetime, spans: Iterable[Span]) -> timedelta:
    covered, at = timedelta(0), start
    for span in sorted(spans, key=lambda span: span.start):
        low, high = max(at, span.start), min(end, span.end)
        if high > low:
            covered, at = covered + (high - low), high
    return covered


def check_what_rests(resting: Iterable[tuple[str, OrderReport]], trial: Trial) -> list[Violation]:
    """After every bot was stopped: no entry anywhere, and exactly one stop for each position that wears one."""
    found = []
    stops: Mapping[str, list[Decimal]] = defaultdict(list)
    for account, report in resting:
        order, bot = report.order, trial.owner_of(report.order.id)
        held = trial.bots[bot, order.symbol].holding.size
        if is_entry(order) or not held:
            found.append(
                Violation(promise="no orphans", text=f"{account}: {order} of {bot or 'nobody'} still rests")
            )
        elif order.type == "stop":
            stops[bot].append(report.remaining - abs(held))
    for (bot, symbol), market in trial.bots.items():
        if trial.roster.wears_stops(bot) and market.holding.size and stops[bot] != [ZERO]:
            text = f"{bot} keeps {market.holding.size} {symbol}, with {len(stops[bot])} stops and not one of its size"
            found.append(Violation(promise=STOPS, text=text))
    return found
