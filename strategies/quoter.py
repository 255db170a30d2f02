"""Two-sided quotes around the mid, leaning against the inventory.

The quotes' centre moves linearly with the inventory, down when long and up when short: the reservation price of
Avellaneda and Stoikov, "High-frequency trading in a limit order book" (2008), with its risk term as one constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from adapters.model import ZERO, Instrument, Level, OrderReport, Side, Snapshot, Symbol
from strategies.checks import require_not_negative, require_positive
from strategies.decision import AnyDecision, Quotes
from strategies.entries import resting_entries
from strategies.strategy import View

BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoter:
    """Post-only bids and asks whose fills together never pass ``max_inventory_usd``.

    A resting quote stays where it is while it is near enough to the wanted price, so that it keeps its place in the
    queue. With a crossed or locked market, or without data, nothing is quoted.
    """

    kind: Literal["quoter"] = "quoter"
    symbol: Symbol
    spread_bps: Decimal = Decimal(10)  # between the innermost bid and ask, of the mid
    levels: int = 1  # a side
    level_gap_bps: Decimal = Decimal(5)  # between two levels of a side, of the mid
    size_usd: Decimal = Decimal(100)  # a level
    max_inventory_usd: Decimal = Decimal(500)  # long or short
    skew_bps: Decimal = Decimal(5)  # shift of the centre at full inventory, of the mid
    requote_bps: Decimal = Decimal(2)  # a resting quote this near to the wanted price stays, of the mid

    def __post_init__(self) -> None:
        require_positive(self, "spread_bps", "levels", "size_usd", "max_inventory_usd")
        require_not_negative(self, "level_gap_bps", "skew_bps", "requote_bps")
        if not self.symbol:
            raise ValueError("symbol: must name a market")
        if self.levels > 1 and not self.level_gap_bps:
            raise ValueError(f"level_gap_bps: must be above 0 for {self.levels} levels")
        if self.skew_bps + self.spread_bps / 2 + self.level_gap_bps * (self.levels - 1) >= BPS:
            raise ValueError("spread_bps, level_gap_bps and skew_bps: the outermost bid would not be above 0")

    def decide(self, view: View) -> Sequence[AnyDecision]:
        market = view.markets.get(self.symbol)
        instrument = view.instruments.get(self.symbol)
        if market is None or instrument is None or market.quote.bid >= market.quote.ask:
            return (Quotes(symbol=self.symbol, reasoning="no usable market"),)
        position = view.positions.get(self.symbol)
        inventory_usd = (position.size if position else ZERO) * market.quote.mid
        lean = max(Decimal(-1), min(Decimal(1), inventory_usd / self.max_inventory_usd))
        resting = resting_entries(view, self.symbol)
        bids, asks = (
            tuple(
                self._side(side, market, instrument, inventory_usd=inventory_usd, lean=lean, resting=resting)
            )
            for side in (Side.BUY, Side.SELL)
        )
        return (
            Quotes(symbol=self.symbol, bids=bids, asks=asks, reasoning=f"inventory {lean:+.2f} of the limit"),
        )

    def _side(
        self,
        side: Side,
        market: Snapshot,
        instrument: Instrument,
        *,
        inventory_usd: Decimal,
        lean: Decimal,
        resting: Sequence[OrderReport],
    ) -> Iterator[Level]:
        mid = market.quote.mid
        room_usd = self.max_inventory_usd - inventory_usd * side.sign
        kept = [report for report in resting if report.order.side is side]
        for number in range(self.levels):
            wanted = self._price(side, number, mid=mid, lean=lean, instrument=instrument)
            if wanted <= 0:
                return
            size = instrument.round_size(min(self.size_usd, room_usd) / wanted)
            near = next((r for r in kept if self._stays(r, wanted, size, mid=mid, room_usd=room_usd)), None)
            if near is not None and near.order.price is not None:
                kept.remove(near)
                level = Level(near.order.price, near.remaining)
            else:
                level = Level(wanted, size)
                if size * wanted < instrument.min_notional_usd:
                    return
            room_usd -= level.price * level.size
            yield level

    def _price(
        self, side: Side, number: int, *, mid: Decimal, lean: Decimal, instrument: Instrument
    ) -> Decimal:
        """On tick, rounded away from the touch, and on its own side of the mid, so it cannot take."""
        away = self.spread_bps / 2 + self.level_gap_bps * number
        price = mid * (1 - (side.sign * away + self.skew_bps * lean) / BPS)
        innermost = instrument.round_price(mid, side)
        if innermost == mid:
            innermost -= side.sign * instrument.tick
        return instrument.round_price(
            min(price, innermost) if side is Side.BUY else max(price, innermost), side
        )

    def _stays(
        self, report: OrderReport, wanted: Decimal, size: Decimal, *, mid: Decimal, room_usd: Decimal
    ) -> bool:
        price = report.order.price
        if price is None or (price - mid) * report.order.side.sign >= 0:
            return False
        near = abs(price - wanted) * BPS <= self.requote_bps * mid
        # A remainder below half of what is wanted has earned its fills; it gives way to a whole quote.
        return near and report.remaining * 2 >= size and ZERO < report.remaining * price <= room_usd
