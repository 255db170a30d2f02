from __future__ import annotations

from itertools import count

from adapters.model import BotId, WalletId
from config.consistency import clashing_names
from config.spec import BotSpec, StrategySpec
from risk.intent import bot_tag


def a_bot(name: str) -> BotSpec:
    return BotSpec(name=BotId(name), wallet=WalletId("alpha"), strategy=StrategySpec(kind="hold"))


def test_bots_whose_orders_could_not_be_told_apart_are_refused() -> None:
    seen: dict[str, str] = {}
    for number in count():  # 32 bits of tag: two of some hundred thousand names share one
        name = f"b{number}"
        other = seen.setdefault(bot_tag(BotId(name)), name)
        if other != name:
            break
    [(path, what)] = clashing_names([((), a_bot(other)), (("bots", 0), a_bot(name))])
    assert path == ("bots", 0, "name")
    assert "order tag" in what
    assert "the running fleet" in what
