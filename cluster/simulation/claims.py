"""What a living wallet's own ledger claims, held against the venue: it may know late, never wrong."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from actors.wallet import Wallet
from adapters.model import ZERO, Symbol
from cluster.simulation.shadow import Shadow

Finding = tuple[str, str]  # invariant, detail
DRIFT = Decimal("1.02")  # how far marks may move what is counted at marks: no control can bound that


def of(wallet: Wallet, account: Shadow) -> Iterator[Finding]:
    """What is wrong in what it claims."""
    yield from _ended_is_gone(wallet, account)
    yield from _books_add_up(wallet)
    yield from _all_is_counted(wallet, account)


def _ended_is_gone(wallet: Wallet, account: Shadow) -> Iterator[Finding]:
    """I7: an order that has ended in the ledger, and reserves nothing any more, is not alive at the venue."""
    for id_, order in account.orders().items():
        known = wallet.ledger.orders.get(id_)
        if known is not None and known.state.is_final and not order.reduce_only:
            yield "I7", f"{wallet.spec.name}: {id_} is {known.state} ({known.proof}), and the venue has it"


def _books_add_up(wallet: Wallet) -> Iterator[Finding]:
    """I4: the bots' books add up to the account's position, at every instant."""
    sums: dict[Symbol, Decimal] = {}
    for (_, symbol), book in wallet.ledger.books.items():
        sums[symbol] = sums.get(symbol, ZERO) + book.size
    for symbol, size in sums.items():
        if size != wallet.ledger.net(symbol):
            yield (
                "I4",
                f"{wallet.spec.name}: the books add up to {size} {symbol}, not {wallet.ledger.net(symbol)}",
            )


def _all_is_counted(wallet: Wallet, account: Shadow) -> Iterator[Finding]:
    """R1: while it may add risk, it counts all that it could come to hold."""
    used, worst = wallet.used_usd(), account.exposure_usd()
    if worst > used * DRIFT and wallet.report().lease_left_s > 0:
        yield "R1", f"{wallet.spec.name} counts {used:.4f} USD, its worst case is {worst:.4f}"
