"""Values for the store's tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from actors.messages import ActionLine, CycleRecord, Refusal
from actors.store import Event
from adapters.model import BotId, ClientOrderId, Symbol, WalletId
from config.spec import BotSpec, StrategySpec

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def a_bot(name: str = "momo", *, kind: str = "hold") -> BotSpec:
    return BotSpec(name=BotId(name), wallet=WalletId("main"), strategy=StrategySpec(kind=kind))


def a_cycle(cycle: int = 1, *, bot: str = "momo", epoch: int = 1, error_message: str = "") -> CycleRecord:
    return CycleRecord(
        bot=BotId(bot),
        epoch=epoch,
        cycle=cycle,
        timestamp=NOON + timedelta(seconds=cycle),
        view_digest="5f" * 16,
        decisions=({"symbol": "BTC", "action": "open_long", "position_size_usd": "500", "confidence": 80},),
        refusals=(Refusal(symbol=Symbol("ETH"), rule="max_positions", limit="3", value="4"),),
        actions=(
            ActionLine(
                symbol=Symbol("BTC"),
                action="open_long",
                qty=Decimal("0.0050"),
                price=Decimal("97123.5"),
                cloid=ClientOrderId("a" * 32),
                result="placed",
            ),
        ),
        success=not error_message,
        error_message=error_message,
        decide_ms=0.21,
        submit_ms=1.7,
    )


def an_event(text: str = "", *, bot: str = "momo", after_s: float = 0.0) -> Event:
    return Event(at=NOON + timedelta(seconds=after_s), event="crash", severity="warning", bot=bot, text=text)
