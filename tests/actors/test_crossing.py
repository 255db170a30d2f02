"""Bots that share a market settle between their books before the rest is closed at the venue."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.crossing import crossings
from actors.messages import Retire
from adapters.model import ZERO, BotId, Side
from config.spec import ExitMode, HaltLevel
from tests.actors.builders import ANN, BEN, Floor, a_bot_spec, a_quote_intent

sizes = st.decimals("-5", "5", places=3).filter(bool)
bots = st.sampled_from(["a", "b", "c", "d", "e"]).map(BotId)


@given(st.dictionaries(bots, sizes), st.dictionaries(bots, sizes), st.decimals("0", "3", places=2))
def test_nothing_appears_or_vanishes_and_one_order_at_most_is_left(
    leaving: dict[BotId, Decimal], others: dict[BotId, Decimal], least: Decimal
) -> None:
    staying = {bot: size for bot, size in others.items() if bot not in leaving}
    books = {**leaving, **staying}
    for crossing in crossings(leaving, staying, least=least):
        assert books[crossing.giver] == crossing.size, "it gives all that it has by then"
        books[crossing.giver] -= crossing.size
        books[crossing.taker] += crossing.size

    assert sum(books.values(), ZERO) == sum({**leaving, **staying}.values(), ZERO)
    left = [size for bot, size in books.items() if bot in leaving and size]
    assert len(left) <= 1, "what leaves is closed by one order"
    assert not staying or all(abs(size) >= least for size in left), (
        "and that order is one which the venue takes"
    )


@given(st.dictionaries(bots, sizes, max_size=1))
def test_a_bot_that_leaves_alone_keeps_what_it_closes(leaving: dict[BotId, Decimal]) -> None:
    assert crossings(leaving, {}, least=Decimal(1)) == []


async def trade(floor: Floor, leg: int, bot: BotId, size: Decimal) -> None:
    """The bot's book changes by the size, negative sells."""
    side, price = (Side.BUY, "998") if size > 0 else (Side.SELL, "1002")
    await floor.submit(a_quote_intent(leg, price, str(abs(size)), bot=bot, side=side), bot=bot)
    for bid in (995, 1003, 999):
        floor.show(bid, bid + 2)
        await floor.hear()


async def a_floor(ann: str, ben: str) -> Floor:
    """Both hold something in the one market, negative is short."""
    floor = Floor()
    await floor.open(a_bot_spec(), a_bot_spec(BEN))
    await trade(floor, 0, ANN, Decimal(ann))
    await trade(floor, 0, BEN, Decimal(ben))
    assert (floor.held(ANN), floor.held(BEN)) == (Decimal(ann), Decimal(ben))
    assert floor.at_venue() == Decimal(ann) + Decimal(ben)
    return floor


@pytest.mark.parametrize(("ann", "ben"), [("-1", "-2"), ("1", "-2"), ("2", "-2"), ("2", "1")])
async def test_a_halt_flattens_bots_that_share_a_market(ann: str, ben: str) -> None:
    floor = await a_floor(ann, ben)
    for generation in (1, 1, 1):
        await floor.halt(HaltLevel.FLATTEN, generation=generation)
        await floor.hear()
    assert (await floor.halt(HaltLevel.FLATTEN, generation=1)).complete
    assert floor.is_flat()
    assert floor.held(BEN) == 0


async def test_bots_that_lean_against_each_other_pay_no_fee_to_leave() -> None:
    floor = await a_floor("2", "-2")
    fees = [floor.wallet.ledger.record(bot).fees_usd for bot in (ANN, BEN)]
    await floor.halt(HaltLevel.FLATTEN)
    assert [floor.wallet.ledger.record(bot).fees_usd for bot in (ANN, BEN)] == fees
    assert floor.is_flat()


async def test_dust_that_the_venue_would_refuse_goes_to_who_stays() -> None:
    floor = await a_floor("-1.005", "-1")
    await trade(floor, 1, ANN, Decimal(1))
    assert floor.held(ANN) == Decimal("-0.005"), "five dollars, where the venue wants ten"
    for _ in range(3):
        retired = await floor.wallet.retire(Retire(ANN, ExitMode.FLATTEN))
    assert retired.done
    assert floor.held(ANN) == 0
    assert floor.held(BEN) == floor.at_venue() == Decimal("-1.005")
