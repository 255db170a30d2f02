"""The markets as a wallet last heard of them, each with its age."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from actors.ledger import Ledger
from actors.messages import Snapshots
from adapters.clock import Clock
from adapters.model import ZERO, Side, Snapshot, Symbol
from risk.exposure import reserve_price, worst_case


@dataclass(slots=True)
class _Heard:
    snapshot: Snapshot
    at: float  # monotonic


class Prices:
    """Takes snapshots in, and values a ledger with them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_interval: dict[tuple[float, Symbol], _Heard] = {}
        self._latest: dict[Symbol, _Heard] = {}

    def take(self, news: Snapshots) -> None:
        """News from market data."""
        now = self._clock.monotonic()
        for snapshot in news.snapshots:
            heard = _Heard(snapshot, now)
            self._by_interval[news.bar_interval_s, snapshot.symbol] = heard
            self._latest[snapshot.symbol] = heard

    def snapshot(self, symbol: Symbol, interval_s: float | None = None) -> Snapshot | None:
        """The newest word on a market, over bars of one length if that matters; its age includes the wait here."""
        heard = (
            self._latest.get(symbol) if interval_s is None else self._by_interval.get((interval_s, symbol))
        )
        if heard is None:
            return None
        waited_s = self._clock.monotonic() - heard.at
        return replace(heard.snapshot, age_s=heard.snapshot.age_s + waited_s) if waited_s else heard.snapshot

    def mark(self, symbol: Symbol) -> Decimal | None:
        """The newest mark price, however old; ``None`` before the first."""
        heard = self._latest.get(symbol)
        return heard.snapshot.mark_price if heard else None

    def used_usd(self, ledger: Ledger) -> Decimal:
        """Worst-case exposure: every position, resting order and order of unknown outcome, market by market."""
        return sum((worst_case(*self.sides_usd(ledger, symbol)) for symbol in ledger.symbols()), ZERO)

    def sides_usd(self, ledger: Ledger, symbol: Symbol) -> tuple[Decimal, Decimal, Decimal]:
        """The account's position at the mark, and its buys and sells at their reserve prices."""
        held = ledger.net(symbol)
        mark = self.mark(symbol)
        if mark is None:
            mark = _paid(ledger, symbol, held)
        sides = {Side.BUY: ZERO, Side.SELL: ZERO}
        for order in ledger.live(symbol=symbol):
            if not order.purpose.reduces:
                reserve = reserve_price(order.order.price or mark, mark)
                sides[order.order.side] += order.remaining * reserve
        return held * mark, sides[Side.BUY], sides[Side.SELL]


def _paid(ledger: Ledger, symbol: Symbol, held: Decimal) -> Decimal:
    """What a unit of the account's position cost."""
    paid = sum((book.cost_usd for (_, market), book in ledger.books.items() if market == symbol), ZERO)
    return abs(paid / held) if held else ZERO
