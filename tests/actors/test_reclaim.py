"""A wallet that comes back without its journal believes nobody but its venue, and only once nothing old can arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from actors.lending import Lending
from actors.messages import Admit, GuardAnswer, OutcomeKind
from actors.order_state import OrderState
from adapters.errors import ExchangeDown, OutcomeUnknown
from adapters.model import ClientOrderId, Order, OrderType, Position, Side
from adapters.venue import Fence
from risk.intent import PREFIX, bot_tag
from risk.leases import CLOCK_ERROR, TAU, Renewal, lapsed_at
from risk.limits import FleetLimits
from tests.actors.builders import ANN, MAIN, Floor, a_bot_spec, a_quote_intent, an_open, dec
from tests.builders import BTC
from tests.fakes import Fault, MemoryStore

TTL = timedelta(seconds=5)
FENCE_S = (TAU + 2 * CLOCK_ERROR).total_seconds()


class LendingGuard:
    """The guard's lending half, as a wallet reaches it."""

    def __init__(self, lending: Lending) -> None:
        self.lending = lending
        self.asked: list[Renewal] = []

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        self.asked.append(renewal)
        answer = await self.lending.renew(renewal, is_latched=False)
        return GuardAnswer(answer.lease, reclaim_in_s=answer.reclaim_in_s)


class Scene:
    """A wallet under a real lease, whose machine can be lost."""

    def __init__(self, path: Path) -> None:
        self.floor = Floor(path)
        self.path = path
        self.store = MemoryStore()
        self.store.numbers["risk_guard"] = 1
        limits = FleetLimits(gross_notional_usd_max=Decimal(50_000), lease_ttl=TTL)
        self.lending = Lending(limits, [MAIN], store=self.store, clock=self.floor.clock)
        self.guard = LendingGuard(self.lending)

    async def open(self) -> None:
        await self.lending.start()
        await self.lending.enlist(MAIN, 1)
        await self.floor.open(a_bot_spec())
        await self.renew()

    async def renew(self) -> None:
        self.floor.show(999, 1001)
        await self.floor.wallet.refresh_account()
        await self.floor.wallet.renew(self.guard)

    async def reborn(self, *, without_journal: bool = True) -> None:
        if without_journal:
            self.path.unlink()
        self.floor.born()
        await self.lending.enlist(MAIN, self.floor.incarnation)
        self.floor.show(999, 1001)
        await self.floor.wallet.start()
        self.floor.wallet.admit(Admit(a_bot_spec(), 1))
        self.floor.hello()

    async def passes(self, seconds: float, *, step: float = 0.5) -> None:
        """Let time pass, with the wallet's loops at work."""
        for _ in range(round(seconds / step)):
            self.floor.advance(step)
            await self.renew()
            await self.floor.pass_()

    def has_lease(self) -> bool:
        return self.floor.wallet.report().lease_left_s > 0

    @property
    def granted(self) -> Decimal:
        return self.store.grants[MAIN].granted_usd


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path / "main.journal")
    await scene.open()
    return scene


async def test_a_successor_with_the_journal_is_lent_to_at_once(scene: Scene) -> None:
    await scene.reborn(without_journal=False)
    await scene.renew()
    assert scene.has_lease()


async def test_one_that_died_with_its_first_lease_on_the_way_is_gone_on_with(scene: Scene) -> None:
    await scene.reborn(without_journal=False)
    lost = replace(scene.guard.asked[-1], incarnation=2, continues=1, began=(2,))
    assert (await scene.lending.renew(lost, is_latched=False)).lease is not None
    await scene.reborn(without_journal=False)
    await scene.renew()
    assert scene.has_lease()


async def test_a_successor_without_it_waits_for_lapse_and_fence(scene: Scene) -> None:
    await scene.reborn()
    least_s = lapsed_at(0.0, TTL.total_seconds()) + FENCE_S
    await scene.passes(least_s - 0.5)
    assert not scene.has_lease()
    await scene.passes(2.5)
    assert scene.has_lease()


async def test_it_may_not_open_while_it_reclaims_but_it_may_close(scene: Scene) -> None:
    await scene.floor.submit(an_open(0, "1"))
    await scene.reborn()
    await scene.passes(1.0)
    (refused,) = await scene.floor.submit(an_open(7, "1"))
    assert refused.kind is OutcomeKind.REFUSED
    assert scene.floor.held() == 1, "fills find their bot by the tag in their ids"


async def test_entries_that_rest_from_before_are_cancelled_and_stops_are_kept(scene: Scene) -> None:
    await scene.floor.submit(an_open(0, "1"), a_quote_intent(1, "980"))
    await scene.floor.pass_()
    assert len(scene.floor.resting()) > 1
    await scene.reborn()
    await scene.passes(3.0)
    assert {order.type for order in scene.floor.resting()} <= {OrderType.STOP, OrderType.TAKE_PROFIT}
    assert scene.floor.resting(OrderType.STOP)


async def test_afterwards_the_grant_is_what_the_venue_says_and_a_share(scene: Scene) -> None:
    await scene.floor.submit(an_open(0, "4"))
    await scene.reborn()
    await scene.passes(12.0)
    assert scene.has_lease()
    assert scene.guard.asked[-1].used_usd >= 4_000
    assert scene.store.grants[MAIN].held_by == 2
    assert scene.granted <= 50_000


async def test_an_order_that_arrives_late_is_refused_by_the_venue_or_counted(scene: Scene) -> None:
    """Sent by the predecessor just before it died, on its way while the successor reads the ledger."""
    late = replace(
        scene.floor.exchange.place("main", _a_resting_bid(1)).order,
        id=ClientOrderId(f"{PREFIX}{bot_tag(ANN)}{1:06x}{99:010x}{0:04x}"),
        expires_at=scene.floor.clock.now() + TAU,
    )
    await scene.reborn()
    await scene.passes(1.5)
    scene.floor.exchange.place("main", late)
    await scene.passes(12.0)
    assert scene.has_lease()
    assert not [order for order in scene.floor.resting() if order.id == late.id]
    again = replace(late, id=ClientOrderId(late.id[:-1] + "1"))
    scene.floor.exchange.place("main", again)
    assert not [order for order in scene.floor.resting() if order.id == again.id], "its time is over"


async def test_an_entry_that_cannot_be_cancelled_keeps_it_waiting(scene: Scene) -> None:
    await scene.floor.submit(a_quote_intent(1, "980"))
    await scene.reborn()
    scene.floor.venue.fail("cancel", ExchangeDown("maintenance"))
    await scene.passes(12.0)
    assert scene.floor.resting()
    assert not scene.has_lease()
    scene.floor.venue.fail("cancel", None)
    await scene.passes(2.0)
    assert scene.has_lease()


async def test_two_readings_must_agree(scene: Scene) -> None:
    """Somebody trades by hand on the account while it is read."""
    await scene.reborn()
    await scene.passes(7.0)
    for number in range(6):
        by_hand = replace(_a_resting_bid(number), id=ClientOrderId(f"{number:032x}"), price=dec(1001))
        scene.floor.exchange.place("main", by_hand)
        scene.floor.advance(1.0)
        await scene.renew()
    assert not scene.has_lease()
    await scene.passes(2.0)
    assert scene.has_lease()


async def test_books_that_differ_from_the_venue_are_not_the_whole_truth(scene: Scene) -> None:
    await scene.reborn()
    more = Position(symbol=BTC, size=dec(3), entry_price=dec(1000), mark_price=dec(1000))
    scene.floor.venue.answer("positions", [more])
    await scene.passes(15.0)
    assert not scene.has_lease()


async def test_with_its_lease_it_may_quote_again(scene: Scene) -> None:
    await scene.reborn()
    await scene.passes(12.0)
    assert scene.has_lease()
    await scene.floor.submit(a_quote_intent(1, "980"))
    await scene.passes(1.0)
    assert len(scene.floor.resting()) == 1


async def test_a_ledger_that_cannot_be_read_is_not_taken_as_empty(scene: Scene) -> None:
    await scene.floor.submit(an_open(0, "4"))
    await scene.reborn()
    await scene.passes(8.0)
    scene.floor.venue.fail("positions", OutcomeUnknown("no answer"))
    for _ in range(6):
        scene.floor.advance(0.5)
        with pytest.raises(OutcomeUnknown):
            await scene.renew()
    assert not scene.has_lease()
    scene.floor.venue.fail("positions", None)
    await scene.passes(2.0)
    assert scene.has_lease()


async def test_a_crash_in_the_middle_of_reclaiming_begins_it_anew(scene: Scene) -> None:
    await scene.reborn()
    await scene.passes(3.0)
    await scene.reborn(without_journal=False)
    await scene.renew()
    assert not scene.has_lease(), "its journal began with an incarnation that was never lent to"


async def test_a_venue_that_cannot_fence_by_time_needs_its_key_revoked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.reborn()
    monkeypatch.setattr(type(scene.floor.venue), "fence", Fence.KEY)
    await scene.passes(20.0)
    assert not scene.has_lease()
    assert any("revoke the key" in problem for problem in scene.floor.wallet.report().problems)


async def test_a_lost_answer_to_the_last_order_is_found_at_the_venue(scene: Scene) -> None:
    scene.floor.venue.script("place", Fault(OutcomeUnknown("no answer"), takes_effect=True))
    await scene.floor.submit(a_quote_intent(1, "980"))
    await scene.reborn()
    await scene.passes(12.0)
    assert scene.has_lease()
    assert not scene.floor.resting()


def _a_resting_bid(number: int) -> Order:
    return Order(
        id=ClientOrderId(f"{PREFIX}{bot_tag(ANN)}{1:06x}{50 + number:010x}{0:04x}"),
        symbol=BTC,
        side=Side.BUY,
        size=dec(1),
        price=dec(900),
    )


async def test_an_order_that_traded_before_the_successor_knew_it_is_answered_as_filled(scene: Scene) -> None:
    """The predecessor's last order filled; the bot, which got no answer, asks for it again."""
    await scene.floor.submit(an_open(3, "1"))
    await scene.reborn()
    await scene.passes(12.0)
    assert scene.floor.held() == 1
    (answer,) = await scene.floor.submit(an_open(3, "1"))
    assert answer.kind is OutcomeKind.PLACED
    assert answer.filled == 1
    assert scene.floor.held() == scene.floor.at_venue() == 1
    assert all(order.state is OrderState.OPEN for order in scene.floor.wallet.ledger.live())
