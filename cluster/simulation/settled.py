"""What must hold when all has healed and been quiet for a while: everybody tells the same, nothing is left over."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from actors.journal import LogJournal
from actors.ledger import EXTERNAL, Ledger, replayed
from actors.ledger_events import Summary
from actors.order_state import OrderState
from adapters.model import ZERO, BotId, OrderType, Symbol, WalletId
from cluster.simulation.disk import Disk
from cluster.simulation.shadow import Shadow
from config.spec import ExitMode
from risk.intent import Purpose

Finding = tuple[str, str]  # invariant, detail
_encode = msgspec.json.Encoder(order="deterministic").encode


def books_agree(wallet: WalletId, account: Shadow, ledger: Ledger) -> Iterator[Finding]:
    """I4: positions and open orders are the same at the venue, in the ledger and over the bots' books."""
    sizes: dict[Symbol, Decimal] = {}
    for (_, symbol), book in ledger.books.items():
        sizes[symbol] = sizes.get(symbol, ZERO) + book.size
    ours = {symbol: size for symbol, size in sizes.items() if size}
    if ours != account.positions():
        yield "I4", f"{wallet}: the books hold {_sizes(ours)}, the venue {_sizes(account.positions())}"
    known = {order.order.id: order.remaining for order in ledger.live()}
    if known != account.left:
        missing, extra = (
            sorted(account.left.keys() - known.keys()),
            sorted(known.keys() - account.left.keys()),
        )
        yield "I4", f"{wallet}: open orders differ: unknown to the ledger {missing}, to the venue {extra}"


def outcomes_known(wallet: WalletId, ledger: Ledger) -> Iterator[Finding]:
    """I7: no order is left of which nobody knows what became."""
    for order in ledger.live():
        if order.state is not OrderState.OPEN:
            yield "I7", f"{wallet}: {order.order.id} is still {order.state} ({order.proof})"


def nothing_rests(wallet: WalletId, ledger: Ledger, dead: set[BotId]) -> Iterator[Finding]:
    """I6: a bot that is down has no opening order at the venue."""
    for order in ledger.live():
        if order.bot in dead and not order.purpose.reduces:
            yield "I6", f"{wallet}: {order.order.id} of {order.bot}, which is down, still rests"


def positions_guarded(
    wallet: WalletId, account: Shadow, ledger: Ledger, modes: dict[BotId, ExitMode]
) -> Iterator[Finding]:
    """G4: where a bot asked for a stop there is exactly one, of the position's size; a flattened bot holds nothing."""
    for (bot, symbol), book in ledger.books.items():
        stops = [
            order
            for order in ledger.live(bot, symbol)
            if order.order.type is OrderType.STOP and order.order.id in account.live
        ]
        if not book.size:
            if any(order.purpose is Purpose.STOP for order in stops):
                yield "G4", f"{wallet}: {bot} is flat in {symbol}, and a stop rests"
        elif modes.get(bot) is ExitMode.FLATTEN and bot != EXTERNAL:
            yield "G5", f"{wallet}: {bot} was stopped to be flat, and holds {book.size} {symbol}"
        elif book.protection.stop_loss is not None:
            sizes = [order.remaining for order in stops]
            if sizes != [abs(book.size)]:
                yield "G4", f"{wallet}: {bot} holds {book.size} {symbol}, its stops are of {sizes}"


def journal_tells_the_same(wallet: WalletId, disk: Disk, ledger: Ledger) -> Iterator[Finding]:
    """I9: what is on disk leads to the ledger as it is, and so does its own summary."""
    file = disk.files[f"{wallet}.journal"]
    copy = Disk(disk.loop, disk.random, disk.bite)
    copy.files[file.name] = type(file)(file.name, bytearray(file.data), file.synced)
    again = replayed(LogJournal(copy.open(file.name), sync=True).events)
    if _told(again) != _told(ledger):
        yield "I9", f"{wallet}: the journal leads to another ledger than the one in force"
    if _told(replayed([again.summary()])) != _told(again):
        yield "I9", f"{wallet}: the journal's summary leads to another ledger than the journal"


def _told(ledger: Ledger) -> bytes:
    """A ledger's content, whatever the order in which it came."""
    told: Summary = ledger.summary()
    return _encode(
        msgspec.structs.replace(
            told,
            orders=tuple(sorted(told.orders, key=lambda line: line.order.id)),
            books=tuple(sorted(told.books, key=lambda line: (line.bot, line.symbol))),
            records=tuple(sorted(told.records, key=lambda line: line.bot)),
        )
    )


def _sizes(held: object) -> str:
    assert isinstance(held, dict)
    return ", ".join(f"{size} {symbol}" for symbol, size in sorted(held.items())) or "nothing"
