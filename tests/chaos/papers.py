"""What the fleet wrote down, against the exchange: the wallets' journals and the store, to the last decimal."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from actors.journal import FileJournal
from actors.ledger import Ledger, replayed
from actors.ledger_events import Traded
from adapters.model import ZERO, BotId, ClientOrderId, Fill
from cluster.home import Home
from tests.chaos.fleet_file import NAME, Roster
from tests.chaos.venue_record import VenueRecord
from tests.chaos.verdict import AGREEMENT, ONE_ORDER, Violation


def check_wallets(home: Home, roster: Roster, record: VenueRecord) -> Iterator[Violation]:
    """Every wallet's ledger, as its journal has it, against its account."""
    for wallet in roster.wallet_names:
        ledger = _ledger(home.journals / NAME / f"{wallet}.journal")
        fills = [fill for account, fill in record.fills if account == wallet]
        for fill in fills:  # a stop that filled after the wallet had ended is news to it, not a difference
            if fill.sequence > ledger.fill_sequence:
                ledger.apply(Traded(fill))
        for text in _differences(wallet, ledger, fills, record):
            yield Violation(promise=AGREEMENT, text=f"{wallet}: {text}")


def _differences(wallet: str, ledger: Ledger, fills: list[Fill], record: VenueRecord) -> Iterator[str]:
    symbols = {symbol for _, symbol in ledger.books}
    ours = {symbol: net for symbol in symbols if (net := ledger.net(symbol))}
    venues = dict(record.sizes.get(wallet, {}))
    if ours != venues:
        yield f"the bots' books hold {ours}, the exchange {venues}"
    cash = sum((-fill.size * fill.side.sign * fill.price - fill.fee for fill in fills), ZERO)
    booked = sum((known.realized_usd for known in ledger.records.values()), ZERO) - sum(
        (book.cost_usd for book in ledger.books.values()), ZERO
    )
    if booked != cash:
        yield f"the bots' books account for {booked} USD, the exchange's fills for {cash}"
    fees = sum((fill.fee for fill in fills), ZERO)
    if (booked_fees := sum((known.fees_usd for known in ledger.records.values()), ZERO)) != fees:
        yield f"the bots' books have {booked_fees} USD of fees, the exchange {fees}"
    filled: dict[ClientOrderId, Decimal] = defaultdict(Decimal)
    for fill in fills:
        filled[fill.order_id] += fill.size
    for order in ledger.orders.values():
        if order.filled != filled[order.order.id]:
            yield f"order {order.order.id} has {order.filled} filled, at the exchange {filled[order.order.id]}"
    resting = {report.order.id for account, report in record.resting if account == wallet}
    live = {order.order.id for order in ledger.live()}
    final = {
        entry.event.order.id
        for entry in record.entries
        if not isinstance(entry.event, Fill) and entry.event.status.is_final
    }
    if missing := live - resting - final:
        yield f"orders that only the ledger takes for live: {sorted(missing)}"
    if strays := resting - live:
        yield f"orders that rest at the exchange without the ledger: {sorted(strays)}"


def check_store(home: Home, roster: Roster, record: VenueRecord) -> Iterator[Violation]:
    """The store's records of orders, its last word on each bot's position, and its grants."""
    url = home.store_url(f"sqlite:///state/{NAME}.db")
    accepted = {entry.event.order.id for entry in record.entries if not isinstance(entry.event, Fill)}
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as store:
        seen = Counter(
            (action["cloid"], action["result"])
            for (body,) in store.execute("SELECT record FROM cycles")
            for action in json.loads(body)["actions"]
        )
        for (order_id, result), count in seen.items():
            if result == "placed" and order_id not in accepted:
                yield Violation(
                    promise=AGREEMENT, text=f"store: {order_id} was placed, the exchange never had it"
                )
            if result == "placed" and count > 1:
                yield Violation(promise=ONE_ORDER, text=f"store: {order_id} is in {count} records")
        granted = sum((Decimal(usd) for (usd,) in store.execute("SELECT granted_usd FROM grants")), ZERO)
        if granted > roster.limit_usd:
            yield Violation(promise="the fleet's limit", text=f"store: {granted} USD are granted")
        for bot, wallet in roster.bots.items():
            yield from _last_word(store, home, bot, wallet, record)


def _last_word(
    store: sqlite3.Connection, home: Home, bot: str, wallet: str, record: VenueRecord
) -> Iterator[Violation]:
    """What stays open by the event of the bot's stop, unless its stop or target has filled since."""
    row = store.execute(
        "SELECT text, at FROM events WHERE bot = ? AND event = 'retired' ORDER BY id DESC LIMIT 1", (bot,)
    ).fetchone()
    if row is None:
        yield Violation(promise=AGREEMENT, text=f"store: {bot} was never retired")
        return
    ledger = _ledger(home.journals / NAME / f"{wallet}.journal")
    held = {symbol: book.size for symbol, book in ledger.holdings(BotId(bot)).items()}
    left = ", ".join(f"{size} {symbol}" for symbol, size in held.items())
    says = left or "nothing stays open"
    is_later = any(
        ledger.owner_of(fill.order_id) == bot and fill.at.isoformat(timespec="microseconds") > row[1]
        for account, fill in record.fills
        if account == wallet
    )
    if says not in row[0] and not is_later:
        yield Violation(promise=AGREEMENT, text=f"store: {bot}: {row[0]!r}, its book says {says!r}")


def _ledger(path: Path) -> Ledger:
    with closing(FileJournal(path, sync=False)) as journal:
        return replayed(journal.events)
