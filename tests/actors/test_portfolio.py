"""Budgets of bots on their way: from a wallet's word to the guard, back with the lease, and into a refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.ledger_events import Latch, LeaseTaken
from actors.messages import Admit, GuardAnswer, Retire
from actors.portfolio import Portfolio
from actors.risk_guard import RiskGuard
from adapters.clock import VirtualClock
from adapters.model import ZERO, BotId, Side, WalletId
from config.spec import ExitMode, HaltLevel
from risk.leases import BotUse, Renewal
from risk.limits import FleetLimits
from risk.portfolio_params import PortfolioParams, PortfolioPolicy
from tests.actors.builders import (
    ANN,
    BEN,
    MAIN,
    Floor,
    Lender,
    a_bot_spec,
    a_close,
    a_quote_intent,
    an_open,
    dec,
    refusal_of,
)
from tests.builders import ETH, NOW
from tests.fakes import MemoryStore

A, B = WalletId("a"), WalletId("b")
PARAMS = PortfolioParams(
    policy=PortfolioPolicy.WEIGHTS,
    rebalance_every=timedelta(seconds=60),
    gross_equity_multiple_max=Decimal(10),
    bot_share_max_pct=Decimal(100),
    bot_share_min_pct=ZERO,
    raise_step_pct=Decimal(10),
)
LIMITS = FleetLimits(gross_notional_usd_max=Decimal(1000), portfolio=PARAMS)


# at the guard


class Desk:
    """A guard's portfolio and its clock."""

    def __init__(self, limits: FleetLimits = LIMITS) -> None:
        self.clock = VirtualClock(NOW)
        self.portfolio = Portfolio(limits, self.clock)

    def renew(self, *bots: BotUse, wallet: WalletId = A, equity: int | None = 1000) -> dict[str, Decimal]:
        renewal = Renewal(
            wallet=wallet,
            incarnation=1,
            request=1,
            used_usd=ZERO,
            applied_epoch=0,
            applied_sequence=0,
            applied_budget_usd=ZERO,
            equity_usd=Decimal(1000),
            bots=bots,
        )
        found = self.portfolio.budgets(renewal, None if equity is None else Decimal(equity))
        assert found is not None
        return {str(bot): usd for bot, usd in found.items()}


def a_use(name: str, **changes: Any) -> BotUse:
    return BotUse(bot=BotId(name), **changes)


def test_without_the_section_there_are_no_budgets() -> None:
    desk = Desk(replace(LIMITS, portfolio=None))
    renewal = Renewal(
        wallet=A,
        incarnation=1,
        request=1,
        used_usd=ZERO,
        applied_epoch=0,
        applied_sequence=0,
        applied_budget_usd=ZERO,
        equity_usd=None,
        bots=(a_use("ann"),),
    )
    assert desk.portfolio.budgets(renewal, Decimal(1000)) is None


def test_bots_of_all_wallets_share_one_whole() -> None:
    desk = Desk()
    assert desk.renew(a_use("ann")) == {"ann": 1000}
    assert desk.renew(a_use("ben"), wallet=B) == {"ben": 500}
    assert desk.renew(a_use("ann")) == {"ann": 500}


def test_between_two_rebalancings_nothing_moves() -> None:
    desk = Desk()
    assert desk.renew(a_use("ann"), a_use("ben")) == {"ann": 500, "ben": 500}
    desk.clock.advance(59)
    assert desk.renew(a_use("ann"), a_use("ben", weight=Decimal(9))) == {"ann": 500, "ben": 500}
    desk.clock.advance(1)
    assert desk.renew(a_use("ann"), a_use("ben", weight=Decimal(9))) == {"ann": 100, "ben": 600}


def test_a_new_bot_makes_the_others_smaller_and_nobody_larger() -> None:
    desk = Desk()
    desk.renew(a_use("ann", weight=Decimal(1)), a_use("ben", weight=Decimal(9)))
    found = desk.renew(a_use("ann", weight=Decimal(4)), a_use("ben"), a_use("cid", weight=Decimal(5)))
    assert found == {"ann": 100, "ben": 100, "cid": 500}


def test_a_bot_under_a_halt_leaves_its_share_and_gets_it_back() -> None:
    desk = Desk()
    desk.renew(a_use("ann"), a_use("ben"))
    desk.clock.advance(60)
    assert desk.renew(a_use("ann"), a_use("ben", enabled=False)) == {"ann": 600, "ben": 0}
    assert desk.renew(a_use("ann"), a_use("ben")) == {"ann": 500, "ben": 500}


def test_a_bot_that_is_gone_is_forgotten() -> None:
    desk = Desk()
    desk.renew(a_use("ann"), a_use("ben"))
    desk.clock.advance(60)
    assert desk.renew(a_use("ann")) == {"ann": 600}


def test_nothing_rises_until_the_equity_is_known_and_then_at_once() -> None:
    desk = Desk()
    assert desk.renew(a_use("ann"), equity=None) == {"ann": 0}
    assert desk.renew(a_use("ann")) == {"ann": 1000}


def test_a_new_guard_goes_on_from_what_the_wallets_have_in_force() -> None:
    desk = Desk()
    ann = a_use("ann", budget_usd=Decimal(300))
    assert desk.renew(ann, a_use("ben", budget_usd=Decimal(200)), equity=None) == {"ann": 300, "ben": 200}
    assert desk.renew(ann, a_use("ben", budget_usd=Decimal(200))) == {"ann": 400, "ben": 300}


# from the one to the other


class Siren:
    """Nobody halts here."""

    async def trip(self, latch: Latch) -> int:
        raise AssertionError(latch)


async def test_a_guard_shares_its_limit_out_among_the_bots_of_a_wallet() -> None:
    floor = Floor()
    limits = replace(LIMITS, gross_notional_usd_max=Decimal(8000))
    guard = RiskGuard(
        limits, HaltLevel.FLATTEN, [MAIN], store=MemoryStore(), halts=Siren(), clock=floor.clock
    )
    await guard.start()
    await guard.enlist(MAIN, 1)
    await floor.open(a_bot_spec(), a_bot_spec(BEN, weight=Decimal(3), symbols=(ETH,)))
    floor.wallet.ledger.lease = LeaseTaken(0, 0, ZERO)
    for _ in range(2):
        await floor.wallet.renew(guard)
    lines = {line.bot: line.budget_usd for line in floor.wallet.report().bots}
    assert lines == {ANN: 2000, BEN: 6000}


# at the wallet


class Sharer(Lender):
    """A guard with a portfolio that says what it is told to."""

    def __init__(self, **budgets: str) -> None:
        super().__init__()
        self.budgets = {BotId(bot): dec(usd) for bot, usd in budgets.items()}

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        answer = await super().renew(renewal)
        assert answer.lease is not None
        return GuardAnswer(replace(answer.lease, bot_budgets=dict(self.budgets)))


async def a_floor(**budgets: str) -> Floor:
    floor = Floor()
    floor.lender = Sharer(**budgets)
    await floor.open(a_bot_spec(shared_symbol=True), a_bot_spec(BEN, shared_symbol=True, weight=Decimal(3)))
    return floor


def used(floor: Floor, bot: BotId = ANN) -> Decimal:
    [line] = [line for line in floor.wallet.report().bots if line.bot == bot]
    return line.exposure_usd


async def test_an_order_beyond_its_bots_budget_is_refused_and_another_bots_is_not() -> None:
    floor = await a_floor(ann="1500", ben="5000")
    [fits] = await floor.submit(a_quote_intent(1))
    assert fits.refusal is None
    [outcome] = await floor.submit(a_quote_intent(2))
    assert refusal_of(outcome).rule == "bot_budget"
    [of_ben] = await floor.submit(a_quote_intent(1, size="2", bot=BEN), bot=BEN)
    assert of_ben.refusal is None
    assert (used(floor), used(floor, BEN)) == (dec(1000), dec(2000))


async def test_a_bot_that_the_guard_does_not_know_opens_nothing() -> None:
    floor = await a_floor(ben="5000")
    [outcome] = await floor.submit(an_open())
    assert refusal_of(outcome).rule == "bot_budget"


async def test_without_a_portfolio_only_the_lease_counts() -> None:
    floor = Floor()
    await floor.open()
    [outcome] = await floor.submit(an_open(size="5"))
    assert outcome.refusal is None
    [line] = floor.wallet.report().bots
    assert line.budget_usd is None


async def test_what_only_offsets_needs_no_budget() -> None:
    floor = await a_floor(ann="1100", ben="0")
    await floor.submit(an_open())
    await floor.hear()
    floor.lender.budgets[ANN] = ZERO  # type: ignore[attr-defined]
    await floor.wallet.renew(floor.lender)
    [outcome] = await floor.submit(a_quote_intent(1, "1010", "0.9", side=Side.SELL))
    assert outcome.refusal is None


@pytest.mark.parametrize("sides", [(Side.BUY, Side.SELL), (Side.SELL, Side.BUY)])
async def test_quotes_on_both_sides_use_the_larger_of_them(sides: tuple[Side, Side]) -> None:
    floor = await a_floor(ann="1000", ben="0")
    price = {Side.BUY: "990", Side.SELL: "1020"}
    for leg, side in enumerate(sides):
        [outcome] = await floor.submit(a_quote_intent(leg, price[side], "0.9", side=side))
        assert outcome.refusal is None
    assert used(floor) == dec("0.9") * 1020


async def test_a_budget_below_what_a_bot_uses_stops_its_opens_and_nothing_else() -> None:
    floor = await a_floor(ann="3000", ben="0")
    await floor.submit(an_open())
    await floor.hear()
    before = used(floor)
    assert before >= 1000
    floor.lender.budgets[ANN] = dec(10)  # type: ignore[attr-defined]
    await floor.wallet.renew(floor.lender)
    await floor.pass_()
    assert floor.held() == 1
    assert used(floor) == before
    [more] = await floor.submit(a_quote_intent(1))
    assert refusal_of(more).rule == "bot_budget"
    [close] = await floor.submit(a_close())
    assert close.refusal is None
    await floor.pass_()
    assert floor.is_flat()


async def test_a_budget_adds_nothing_to_the_lease() -> None:
    floor = Floor()
    floor.lender = lender = Sharer(ann="1000000")
    lender.budget_usd = dec(300)
    await floor.open()
    [outcome] = await floor.submit(an_open(size="0.5"))
    assert refusal_of(outcome).rule == "lease"


async def test_budgets_end_with_the_lease_that_brought_them() -> None:
    floor = Floor()
    floor.lender = lender = Sharer(ann="1000000")
    lender.ttl_s = 5.0
    await floor.open()
    floor.advance(6)
    floor.show(999, 1001)
    [outcome] = await floor.submit(an_open())
    assert refusal_of(outcome).rule == "lease"


async def test_a_strategy_sees_what_is_left_of_its_budget() -> None:
    floor = await a_floor(ann="1500", ben="5000")
    assert floor.look().budget.notional_usd == 1500
    await floor.submit(a_quote_intent(1))
    assert floor.look().budget.notional_usd == 1500 - used(floor)
    assert floor.look(BEN).budget.notional_usd == 5000


async def test_a_wallet_tells_of_each_bot_what_it_uses_and_may_use() -> None:
    floor = await a_floor(ann="1500", ben="5000")
    await floor.submit(a_quote_intent(1))
    await floor.wallet.renew(floor.lender)
    ann, ben = floor.lender.asked[-1].bots
    assert ann == BotUse(bot=ANN, used_usd=ann.used_usd, budget_usd=dec(1500))
    assert ann.used_usd == used(floor) > 0
    assert ben == BotUse(bot=BEN, weight=dec(3), budget_usd=dec(5000))


async def test_a_halted_bot_is_not_enabled_and_one_that_left_something_is_still_told_of() -> None:
    floor = await a_floor(ann="3000", ben="5000")
    await floor.submit(an_open())
    await floor.hear()
    await floor.halt(HaltLevel.PAUSE_ENTRIES, scope="bot:ben")
    await floor.wallet.retire(Retire(ANN, ExitMode.KEEP))
    await floor.wallet.renew(floor.lender)
    told = {use.bot: use for use in floor.lender.asked[-1].bots}
    assert (told[BEN].enabled, told[ANN].enabled) == (False, False)
    assert told[ANN].used_usd >= 1000


async def test_a_bots_weight_changes_with_its_limits() -> None:
    floor = await a_floor(ann="1500", ben="5000")
    floor.wallet.admit(Admit(a_bot_spec(weight=Decimal(7)), 1))
    await floor.wallet.renew(floor.lender)
    assert {use.bot: use.weight for use in floor.lender.asked[-1].bots} == {ANN: 7, BEN: 3}


async def test_bots_that_lean_against_each_other_each_use_a_budget() -> None:
    floor = await a_floor(ann="3000", ben="1000")
    await floor.submit(an_open())
    await floor.hear()
    [outcome] = await floor.submit(a_quote_intent(1, "1020", bot=BEN, side=Side.SELL), bot=BEN)
    assert refusal_of(outcome).rule == "bot_budget"  # though the account would only become flat
    [outcome] = await floor.submit(a_quote_intent(2, "1020", "0.9", bot=BEN, side=Side.SELL), bot=BEN)
    assert outcome.refusal is None
    assert floor.wallet.report().exposure_usd == used(floor) + used(floor, BEN)
    assert used(floor, BEN) == dec("0.9") * 1020


async def test_a_wallet_learns_the_volatility_of_its_bots_markets() -> None:
    floor = await a_floor(ann="1500", ben="5000")
    await floor.wallet.renew(floor.lender)
    assert floor.lender.asked[-1].bots[0].volatility_pct is None
    for minute in range(70):
        floor.advance(2)
        floor.show(999 + minute % 2, 1001 + minute % 2)
        floor.show(99, 101, symbol=ETH)
    await floor.wallet.renew(floor.lender)
    ann = floor.lender.asked[-1].bots[0]
    assert ann.volatility_pct is not None
    assert 10 < ann.volatility_pct < 40  # a tenth of a percent every two seconds


async def test_a_market_that_nobody_saw_leaves_the_volatility_unknown() -> None:
    floor = await a_floor(ann="1500", ben="5000")
    for second in range(70):
        floor.advance(1)
        floor.show(999 + second % 2, 1001 + second % 2)
    await floor.wallet.renew(floor.lender)
    assert (
        floor.lender.asked[-1].bots[0].volatility_pct is None
    )  # its other market stood still since the start
