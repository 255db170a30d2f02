"""The markets as a wallet last heard of them, each with its age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from actors.exposures import Exposures
from actors.ledger import Ledger
from actors.messages import Snapshots
from adapters.clock import Clock
from adapters.model import Snapshot, Symbol
from risk.volatility import Volatility


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
        self.heard_at = clock.monotonic()  # when any market last moved; before the first, when we began
        self._volatilities: dict[Symbol, Volatility] = {}

    def take(self, news: Snapshots) -> None:
        """News from market data."""
        now = self._clock.monotonic()
        for snapshot in news.snapshots:
            heard = _Heard(snapshot, now)
            self._by_interval[news.bar_interval_s, snapshot.symbol] = heard
            self._latest[snapshot.symbol] = heard
            self.heard_at = max(self.heard_at, now - snapshot.age_s)
            seen = self._volatilities.get(snapshot.symbol, Volatility())
            self._volatilities[snapshot.symbol] = seen.after(snapshot.mark_price, snapshot.quote.at)

    def snapshot(self, symbol: Symbol, interval_s: float | None = None) -> Snapshot | None:
        """The newest word on a market, over bars of one length if that matters; its age includes the wait here."""
        heard = (
            self._latest.get(symbol) if interval_s is None else self._by_interval.get((interval_s, symbol))
        )
        if heard is None:
            return None
        waited_s = self._clock.monotonic() - heard.at
        return _older(heard.snapshot, waited_s) if waited_s else heard.snapshot

    def age_s(self, symbol: Symbol) -> float | None:
        """The age of the newest word on a market; ``None`` before the first."""
        heard = self._latest.get(symbol)
        return heard.snapshot.age_s + self._clock.monotonic() - heard.at if heard else None

    def mark(self, symbol: Symbol) -> Decimal | None:
        """The newest mark price, however old; ``None`` before the first."""
        heard = self._latest.get(symbol)
        return heard.snapshot.mark_price if heard else None

    def volatility_pct(self, symbols: Sequence[Symbol]) -> float | None:
        """Of the wildest of the markets, % a day; ``None`` while that of any is unknown."""
        found = [self._volatilities.get(symbol, Volatility()).pct_a_day for symbol in symbols]
        known = [pct for pct in found if pct is not None]
        return max(known) if known and len(known) == len(found) else None

    def exposures(self, ledger: Ledger) -> Exposures:
        """What a ledger's holdings and orders use, at these prices."""
        return Exposures(ledger, self.mark)


def _older(snapshot: Snapshot, by_s: float) -> Snapshot:
    context_age_s = snapshot.context_age_s
    return replace(
        snapshot,
        age_s=snapshot.age_s + by_s,
        context_age_s=None if context_age_s is None else context_age_s + by_s,
    )
