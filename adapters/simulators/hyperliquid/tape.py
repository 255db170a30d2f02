"""What the markets have shown, and how the venue tells it."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from decimal import Decimal

from adapters.model import (
    ZERO,
    Bar,
    Book,
    FundingDue,
    Level,
    MarketContext,
    MarketEvent,
    Quote,
    Symbol,
    Trade,
)
from adapters.simulators.hyperliquid.candles import Candles
from adapters.simulators.hyperliquid.listing import Asset, Listing
from adapters.simulators.hyperliquid.wire import EPOCH, Json, millis, number, side_letter

TRADES_KEPT = 50
FUNDINGS_KEPT = 500
LEVELS_SHOWN = 20
INTEREST = Decimal("0.0001")  # of eight hours: funding without a premium
HALF_SPREAD_BPS = Decimal(1)  # around a bar's close, where nothing finer is shown


class MarketView:
    """One market's newest state."""

    def __init__(self, asset: Asset) -> None:
        self.asset = asset
        self.bids: tuple[Level, ...] = ()
        self.asks: tuple[Level, ...] = ()
        self.at: datetime = EPOCH
        self.last: Decimal | None = None
        self.context: MarketContext | None = None
        self.candles = Candles()
        self.trades: deque[Json] = deque(maxlen=TRADES_KEPT)  # newest first
        self.fundings: deque[Json] = deque(maxlen=FUNDINGS_KEPT)  # oldest first
        self._trade_count = 0

    def take(self, event: MarketEvent) -> None:
        """Take the newest in."""
        self.at = max(self.at, event.at)
        match event:
            case Quote():
                self._show_quote(event)
            case Book():
                self.bids, self.asks = event.bids, event.asks
            case Trade():
                self.last = event.price
                self.candles.add(event)
                self.trades.appendleft(self._trade(event))
            case Bar():
                self.last = event.close
                self.candles.add(event)
                half = event.close * HALF_SPREAD_BPS / 10_000
                self.bids = (Level(event.close - half, event.volume),)
                self.asks = (Level(event.close + half, event.volume),)
            case MarketContext():
                self.context = event
            case FundingDue():
                self.fundings.append(
                    {
                        "coin": self.asset.coin,
                        "fundingRate": number(event.rate),
                        "premium": number(_premium(event.rate)),
                        "time": millis(event.at),
                    }
                )

    @property
    def mid(self) -> Decimal | None:
        """None until both sides were shown."""
        return (self.bids[0].price + self.asks[0].price) / 2 if self.bids and self.asks else None

    @property
    def mark(self) -> Decimal | None:
        """What positions are valued at and triggers look at; the paper exchange's own rule."""
        return self.context.mark_price if self.context is not None else self.mid or self.last

    def told_context(self) -> Json:
        """The part of ``metaAndAssetCtxs`` that moves."""
        mark, mid = self.mark, self.mid
        day_open = self.candles.day_open or mark or ZERO
        shared: Json = {
            "prevDayPx": number(day_open),
            "dayNtlVlm": number(self.candles.day_notional),
            "markPx": number(mark or ZERO),
            "midPx": None if mid is None else number(mid),
            "dayBaseVlm": number(self.candles.day_volume),
        }
        if self.asset.is_spot:
            return {
                **shared,
                "circulatingSupply": "1000000.0",
                "totalSupply": "1000000.0",
                "coin": self.asset.coin,
            }
        rate = self.context.funding_rate if self.context is not None else ZERO
        return {
            **shared,
            "funding": number(rate),
            "openInterest": number(self.context.open_interest if self.context is not None else ZERO),
            "premium": number(_premium(rate)),
            "oraclePx": number(mark or ZERO),
            "impactPxs": None if mid is None else [number(self.bids[0].price), number(self.asks[0].price)],
        }

    def told_book(self) -> Json:
        """The newest depth, best first."""
        return {
            "coin": self.asset.coin,
            "time": millis(self.at),
            "levels": [
                [_level(level) for level in side[:LEVELS_SHOWN] if level.size]
                for side in (self.bids, self.asks)
            ],
        }

    def told_bbo(self) -> Json:
        """Only the best of each side."""
        return {
            "coin": self.asset.coin,
            "time": millis(self.at),
            "bbo": [_level(side[0]) if side else None for side in (self.bids, self.asks)],
        }

    def _show_quote(self, quote: Quote) -> None:
        self.bids = (
            Level(quote.bid, quote.bid_size),
            *(level for level in self.bids if level.price < quote.bid),
        )
        self.asks = (
            Level(quote.ask, quote.ask_size),
            *(level for level in self.asks if level.price > quote.ask),
        )

    def _trade(self, trade: Trade) -> Json:
        self._trade_count += 1
        return {
            "coin": self.asset.coin,
            "side": side_letter(trade.side),
            "px": number(trade.price),
            "sz": number(trade.size),
            "time": millis(trade.at),
            "hash": "0x" + 64 * "0",
            "tid": self.asset.number * 10**9 + self._trade_count,
            "users": ["0x" + 40 * "0", "0x" + 40 * "0"],
        }


class Tape:
    """All markets' newest state."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.views = {asset.symbol: MarketView(asset) for asset in listing.assets}

    def take(self, event: MarketEvent) -> MarketView | None:
        """Take market news in; the view that changed, None when the market is not listed."""
        view = self.views.get(event.symbol)
        if view is not None:
            view.take(event)
        return view

    def of(self, symbol: Symbol) -> MarketView:
        return self.views[symbol]

    def mids(self) -> Json:
        """By coin."""
        return {view.asset.coin: number(view.mid) for view in self.views.values() if view.mid is not None}

    def contexts(self, assets: tuple[Asset, ...]) -> list[Json]:
        return [self.views[asset.symbol].told_context() for asset in assets]


def _level(level: Level) -> Json:
    return {"px": number(level.price), "sz": number(level.size), "n": 1}


def _premium(rate: Decimal) -> Decimal:
    """Of the hourly funding rate: what its eight hours hold beyond the interest."""
    return rate * 8 - INTEREST
