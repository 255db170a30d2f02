from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from actors.messages import CycleRecord
from actors.run_digest import RunDigest
from adapters.model import BotId, ClientOrderId, Fill, Level, Liquidity, Side, Symbol, WalletId
from strategies.decision import Action, AnyDecision, Decision, Quotes

NOW = datetime(2026, 1, 5, tzinfo=UTC)
BTC = Symbol("BTC")


def digest_of(*decisions: AnyDecision, fee: str = "0.1") -> str:
    digest = RunDigest()
    record = CycleRecord(
        bot=BotId("bot"),
        epoch=1,
        cycle=7,
        timestamp=NOW,
        view_digest="",
        decisions=tuple(msgspec.to_builtins(decision) for decision in decisions),
        refusals=(),
        actions=(),
        success=True,
    )
    digest.decided(record)
    digest.filled(
        WalletId("alpha"),
        Fill(
            id="alpha-1",
            sequence=1,
            order_id=ClientOrderId("0" * 32),
            symbol=BTC,
            side=Side.BUY,
            price=Decimal(1000),
            size=Decimal("0.5"),
            fee=Decimal(fee),
            liquidity=Liquidity.TAKER,
            at=NOW,
        ),
    )
    return digest.hexdigest()


def an_open(**changes: Any) -> Decision:
    fields: dict[str, Any] = {"position_size_usd": Decimal(500), "leverage": 1, "stop_loss": Decimal(900)}
    return Decision(symbol=BTC, action=Action.OPEN_LONG, **(fields | changes))


def test_it_does_not_change_with_the_code_that_computes_it() -> None:
    lines = (
        '["bot",7,"2026-01-05T00:00:00Z",[{"action":"open_long","confidence":100,"entry_price":null,"leverage":1,'
        '"position_size_usd":"500","risk_usd":null,"stop_loss":"900","symbol":"BTC","take_profit":null}]]\n'
        f'["alpha","2026-01-05T00:00:00Z","{"0" * 32}","BTC","buy","1000","0.5","0.1","taker"]\n'
    )
    assert digest_of(an_open()) == sha256(lines.encode()).hexdigest()


def test_the_same_number_written_in_another_way_is_the_same() -> None:
    assert digest_of(an_open(stop_loss=Decimal("900.00")), fee="0.10") == digest_of(an_open())
    assert digest_of(an_open(stop_loss=Decimal("9E+2"))) == digest_of(an_open())
    near, far = (Quotes(symbol=BTC, bids=(Level(Decimal(text), Decimal(1)),)) for text in ("1.50", "1.5"))
    assert digest_of(near) == digest_of(far)


def test_how_a_decision_is_explained_does_not_count() -> None:
    assert digest_of(an_open(reasoning="a hunch")) == digest_of(an_open())


def test_any_other_difference_counts() -> None:
    digests = {
        digest_of(an_open()),
        digest_of(an_open(stop_loss=Decimal(901))),
        digest_of(an_open(stop_loss=None)),
        digest_of(an_open(), an_open()),
        digest_of(),
        digest_of(an_open(), fee="0.11"),
    }
    assert len(digests) == 6
