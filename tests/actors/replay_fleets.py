"""Small fleets and markets of bars for replays, and a strategy that follows a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.model import Bar, BotId, Instrument, MarketEvent, Symbol, WalletId
from config.spec import BotSpec, FleetSpec, MarketSpec, StrategySpec, WalletSpec
from risk.limits import RiskParams
from strategies.decision import Action, AnyDecision, Decision
from strategies.strategy import View

BTC = Symbol("BTC")
START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INSTRUMENT = Instrument(symbol=BTC, tick=Decimal("0.1"), step=Decimal("0.001"), is_major=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """Opens a long of so many USD in one cycle and closes it in another; raises in a third."""

    kind: str = "scripted"
    symbol: Symbol = BTC
    opens_in: int = 0
    closes_in: int = 0
    raises_in: int = 0
    size_usd: Decimal = Decimal(500)
    stop_loss: Decimal = Decimal(900)

    def decide(self, view: View) -> Sequence[AnyDecision]:
        if view.cycle == self.raises_in:
            raise ZeroDivisionError("as the script says")
        if view.cycle == self.opens_in:
            return (
                Decision(
                    symbol=self.symbol,
                    action=Action.OPEN_LONG,
                    leverage=1,
                    position_size_usd=self.size_usd,
                    stop_loss=self.stop_loss,
                    take_profit=Decimal(1500),
                ),
            )
        if view.cycle == self.closes_in:
            return (Decision(symbol=self.symbol, action=Action.CLOSE_LONG),)
        return ()


def a_bot(
    kind: str, name: str = "", *, wallet: str = "alpha", every: timedelta = MINUTE, **fields: Any
) -> BotSpec:
    """A bot of one of our kinds, or of ``Scripted``, on BTC."""
    full_kind = f"{__name__}:Scripted" if kind == "scripted" else kind
    return BotSpec(
        name=BotId(name or kind),
        wallet=WalletId(wallet),
        strategy=StrategySpec(kind=full_kind, fields=fields),
        decision_interval=every,
        risk_params=RiskParams(),
        symbols=(BTC,),
    )


def a_fleet(*bots: BotSpec, **changes: Any) -> FleetSpec:
    """The bots, a paper wallet of 10,000 USD each that they name, and a latency of 50 ms."""
    wallets = tuple(WalletSpec(name=name) for name in dict.fromkeys(bot.wallet for bot in bots))
    base = FleetSpec(fleet="test", store="", market=MarketSpec(source="replay"), wallets=wallets, bots=bots)
    return replace(base, **changes)


def three_kinds() -> FleetSpec:
    """A bot of each trading kind, each on a wallet of its own."""
    return a_fleet(
        a_bot("momentum", symbol="BTC", position_size_usd="900"),
        a_bot("quoter", wallet="beta", symbol="BTC", spread_bps="12", size_usd="200"),
        a_bot("advised", wallet="gamma", candidates=["BTC"]),
    )


def bars(*prices: str, volume: str = "500") -> list[Bar]:
    """One-minute bars, each written "open high low close"."""
    return [
        Bar(
            symbol=BTC,
            **dict(zip(("open", "high", "low", "close"), map(Decimal, text.split()), strict=True)),
            volume=Decimal(volume),
            interval=MINUTE,
            at=START + number * MINUTE,
        )
        for number, text in enumerate(prices, start=1)
    ]


class Recording:
    """A ``MarketSource`` of the events, which tells how many it has handed out."""

    def __init__(
        self, events: Sequence[MarketEvent], on_event: Callable[[int], None] = lambda number: None
    ) -> None:
        self._events = events
        self.on_event = on_event

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        return {BTC: INSTRUMENT}

    def events(self) -> Iterator[MarketEvent]:
        for number, event in enumerate(self._events, start=1):
            self.on_event(number)
            yield event
