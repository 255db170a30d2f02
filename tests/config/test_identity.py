"""What a bot runs has one name, and every difference another one."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from adapters.model import BotId, Symbol, WalletId
from config.identity import identity
from config.spec import BotSpec, ExitMode, StrategySpec
from risk.limits import RiskParams

SPEC = BotSpec(
    name=BotId("ann"),
    wallet=WalletId("main"),
    strategy=StrategySpec(kind="momentum", fields={"symbol": "BTC", "fast": 2, "steps": (1, 2)}),
    symbols=(Symbol("BTC"),),
)


@pytest.mark.parametrize(
    "changed",
    [
        replace(SPEC, strategy=StrategySpec(kind="momentum", fields={"symbol": "BTC", "fast": 3})),
        replace(SPEC, risk_params=RiskParams(max_position_size_usd=Decimal(1001))),
        replace(SPEC, decision_interval=timedelta(seconds=2)),
        replace(SPEC, on_stop=ExitMode.KEEP),
        replace(SPEC, package="ab" * 32),
    ],
)
def test_other_settings_are_another_identity(changed: BotSpec) -> None:
    assert identity(changed, "code") != identity(SPEC, "code")


def test_other_code_is_another_identity() -> None:
    assert identity(SPEC, "code") != identity(SPEC, "older")


def test_it_survives_the_store_and_the_wire() -> None:
    """The supervisor's spec comes from the store, the bot's over a call."""
    stored = msgspec.convert(msgspec.json.decode(msgspec.json.encode(SPEC)), BotSpec)
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(SPEC), type=BotSpec)
    assert identity(stored, "code") == identity(sent, "code") == identity(SPEC, "code")


def test_the_order_of_a_strategys_fields_says_nothing() -> None:
    turned = dict(reversed(list(SPEC.strategy.fields.items())))
    assert identity(replace(SPEC, strategy=replace(SPEC.strategy, fields=turned)), "x") == identity(SPEC, "x")


def test_every_setting_of_a_bot_is_in_it() -> None:
    encoded = msgspec.json.decode(msgspec.json.encode(SPEC))
    assert set(encoded) == {field.name for field in fields(SPEC)}
