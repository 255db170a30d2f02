"""A strategy that wants anything: opens with stops, quotes, closes, far too much, nothing, and sometimes it breaks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from adapters.model import Level, Side, Symbol
from strategies.decision import Action, AnyDecision, Decision, Quotes
from strategies.strategy import View

BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erratic:
    """What it wants is drawn from its seed and the number of the cycle, so the same view gives the same wish."""

    kind: Literal["erratic"] = "erratic"
    symbol: Symbol
    seed: int
    size_usd: Decimal = Decimal(100)
    breaks: float = 0.0  # share of cycles in which it raises

    def decide(self, view: View) -> Sequence[AnyDecision]:
        draw = random.Random(f"{self.seed}/{view.bot}/{view.cycle}")  # noqa: S311
        mood = draw.random()
        if draw.random() < self.breaks:
            raise RuntimeError("the strategy broke")
        position = view.positions.get(self.symbol)
        held = position.size if position else Decimal(0)
        if mood < 0.2:
            return ()
        if held and mood < 0.45:
            closing = Action.CLOSE_LONG if held > 0 else Action.CLOSE_SHORT
            return (Decision(symbol=self.symbol, action=closing),)
        if mood < 0.75:
            return (self._open(view, draw, held),)
        return (self._quotes(view, draw),)

    def _open(self, view: View, draw: random.Random, held: Decimal) -> Decision:
        mid = view.markets[self.symbol].quote.mid
        tick = view.instruments[self.symbol].tick
        is_long = held > 0 if held else draw.random() < 0.5
        sign = 1 if is_long else -1
        stop = mid * (1 - sign * Decimal(draw.randint(30, 300)) / BPS)
        limit = mid * (1 - sign * Decimal(draw.randint(2, 30)) / BPS)
        return Decision(
            symbol=self.symbol,
            action=Action.OPEN_LONG if is_long else Action.OPEN_SHORT,
            leverage=1,
            position_size_usd=self.size_usd
            * draw.choice((Decimal("0.3"), Decimal(1), Decimal(1), Decimal(4))),
            entry_price=_on(tick, limit) if draw.random() < 0.4 else None,
            stop_loss=_on(tick, stop),
            take_profit=_on(tick, mid * (1 + sign * Decimal("0.05"))) if draw.random() < 0.3 else None,
        )

    def _quotes(self, view: View, draw: random.Random) -> Quotes:
        mid = view.markets[self.symbol].quote.mid
        instrument = view.instruments[self.symbol]

        def side(side: Side) -> tuple[Level, ...]:
            price = instrument.round_price(mid * (1 - side.sign * Decimal(draw.randint(1, 20)) / BPS), side)
            size = instrument.round_size(self.size_usd * Decimal(draw.randint(2, 15)) / 10 / price)
            return (Level(price, size),) if draw.random() < 0.8 and size else ()

        return Quotes(symbol=self.symbol, bids=side(Side.BUY), asks=side(Side.SELL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Wants one small bid, far enough away to rest: whoever gets it accepted can trade."""

    kind: Literal["probe"] = "probe"
    symbol: Symbol

    def decide(self, view: View) -> Sequence[AnyDecision]:
        instrument = view.instruments[self.symbol]
        price = instrument.round_price(view.markets[self.symbol].quote.mid * Decimal("0.98"), Side.BUY)
        size = instrument.round_size(instrument.min_notional_usd * 2 / price)
        return (Quotes(symbol=self.symbol, bids=(Level(price, size),)),)


def _on(tick: Decimal, price: Decimal) -> Decimal:
    return (price / tick).to_integral_value() * tick
