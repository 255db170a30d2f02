"""Failure to know is a halt: the wallet shuts its own gate, keeps it shut over restarts, and asks to be latched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.distress import ASLEEP_S
from actors.ledger_events import HaltCause, Latch
from actors.messages import Engage, GuardAnswer, OutcomeKind
from actors.stance import Stance
from actors.wallet import Wallet
from adapters.errors import ExchangeDown, Insufficient, OutcomeUnknown, RateLimited, Temporary, VenueError
from adapters.model import OrderType
from config.spec import HaltLevel
from risk.leases import Renewal
from risk.limits import FleetLimits
from risk.post_trade import Halt
from tests.actors.builders import ANN, Floor, Lender, a_close, a_quote_intent, an_open, dec, refusal_of
from tests.builders import ETH

LIMITS = FleetLimits(
    equity_unknown_max=timedelta(seconds=10),
    market_data_silent_max=timedelta(seconds=20),
    max_api_failures_in_window=3,
    api_failure_window=timedelta(seconds=60),
)


class Ship(Floor):
    """A floor whose wallet has the limits above and looks out every second, while its service reads the account."""

    def __init__(self, path: Path | None = None, **limits: Any) -> None:
        self.limits = replace(LIMITS, **limits)
        super().__init__(path)

    def born(self) -> Wallet:
        wallet = super().born()
        self.wallet = Wallet(
            self.spec,
            self.incarnation,
            venue=self.venue,
            journal=self.journal,
            ledger=wallet.ledger,
            clock=self.clock,
            limits=self.limits,
        )
        return self.wallet

    async def sail(self, seconds: int, *, reads: bool = True, hears: bool = True) -> None:
        for _ in range(seconds):
            self.advance(1)
            if hears:
                self.show(999, 1001)
            if reads:
                await self.wallet.refresh_account()
            self.wallet.look_out()

    async def asks(self) -> Mapping[str, str]:
        """What the guard is told."""
        await self.wallet.renew(self.lender)
        return self.lender.asked[-1].distress

    async def opens(self) -> str:
        """The rule that refuses to open, or that it is placed."""
        (outcome,) = await self.submit(an_open(60 + len(self.lender.asked), "0.1"))
        return refusal_of(outcome).rule if outcome.kind is OutcomeKind.REFUSED else outcome.kind


class Strict:
    """A guard whose leases name the equity that must be kept."""

    def __init__(self, lender: Lender, floor_usd: Decimal) -> None:
        self.lender = lender
        self.floor_usd = floor_usd

    async def renew(self, renewal: Renewal) -> GuardAnswer:
        answer = await self.lender.renew(renewal)
        assert answer.lease is not None
        return GuardAnswer(replace(answer.lease, equity_floor_usd=self.floor_usd))


@pytest.fixture
async def ship() -> Ship:
    """Ann is long, and quotes."""
    ship = Ship()
    await ship.open()
    await ship.submit(an_open(), a_quote_intent(1, "980"))
    return ship


async def test_a_wallet_that_knows_all_asks_for_nothing(ship: Ship) -> None:
    await ship.sail(120)
    assert await ship.asks() == {}
    assert ship.look().halt is None


async def test_an_equity_that_stays_unknown_halts_the_wallet(ship: Ship) -> None:
    await ship.sail(9, reads=False)
    assert ship.look().halt is None
    await ship.sail(2, reads=False)
    assert ship.look().halt is HaltLevel.REDUCE_ONLY
    assert "equity has been unknown" in (await ship.asks())["wallet:main"]
    assert await ship.opens() == "halted"
    await ship.pass_()
    assert not ship.resting(OrderType.LIMIT), "what rests could add exposure"
    (closing,) = await ship.submit(a_close(7))
    assert closing.kind is OutcomeKind.PLACED


async def test_silent_markets_halt_a_wallet_that_holds_something(ship: Ship) -> None:
    await ship.sail(20, hears=False)
    assert ship.look().halt is None
    await ship.sail(1, hears=False)
    assert "no market data" in (await ship.asks())["wallet:main"]


async def test_silent_markets_are_nothing_to_a_wallet_that_holds_nothing() -> None:
    ship = Ship()
    await ship.open()
    await ship.sail(60, hears=False)
    assert await ship.asks() == {}


async def test_one_market_that_moves_is_not_silence(ship: Ship) -> None:
    for _ in range(30):
        await ship.sail(1, hears=False)
        ship.show(99, 101, symbol=ETH)
    assert await ship.asks() == {}


@pytest.mark.parametrize("error", [Temporary("503"), OutcomeUnknown("timeout"), ExchangeDown("maintenance")])
async def test_too_many_failed_calls_halt_the_wallet(ship: Ship, error: VenueError) -> None:
    ship.venue.fail("open_orders", error)
    for failures in range(1, 5):
        with pytest.raises(VenueError):
            await ship.wallet.recount()
        await ship.sail(1)
        assert ("wallet:main" in await ship.asks()) == (failures > 3)
    assert "4 calls to the venue failed" in (await ship.asks())["wallet:main"]
    ship.venue.fail("open_orders", None)
    await ship.halt(HaltLevel.REDUCE_ONLY, "wallet:main")
    await ship.halt(None)
    await ship.sail(1)
    assert await ship.asks() == {}, "what led to one halt is not counted for the next"


async def test_failures_before_it_served_are_no_cause() -> None:
    ship = Ship()
    ship.venue.fail("instruments", ExchangeDown("it is just starting"))
    for _ in range(20):
        with pytest.raises(ExchangeDown):
            await ship.wallet.start()
    ship.venue.fail("instruments", None)
    await ship.open()
    await ship.sail(1)
    assert await ship.asks() == {}


async def test_failures_that_are_older_than_the_window_do_not_count(ship: Ship) -> None:
    ship.venue.fail("open_orders", Temporary("503"))
    for _ in range(10):
        with pytest.raises(VenueError):
            await ship.wallet.recount()
        await ship.sail(20)
    assert await ship.asks() == {}


@pytest.mark.parametrize("answer", [Insufficient("no"), RateLimited("slower", retry_after_s=0.1)])
async def test_an_answer_is_no_failure(ship: Ship, answer: VenueError) -> None:
    ship.venue.fail("place", answer)
    for leg in range(10, 20):
        await ship.submit(a_quote_intent(leg, "970"))
    await ship.sail(1)
    assert await ship.asks() == {}


async def test_a_wallet_that_lost_its_part_of_the_days_loss_halts_itself_once() -> None:
    ship = Ship()
    await ship.open()
    guard = Strict(ship.lender, floor_usd=dec(1_000_001))  # above what the account is worth
    await ship.wallet.renew(guard)
    await ship.sail(1)
    assert "part of the daily loss" in (await ship.asks())["wallet:main"]
    await ship.halt(HaltLevel.REDUCE_ONLY, "wallet:main")
    await ship.halt(None)
    await ship.wallet.renew(guard)
    await ship.sail(5)
    assert await ship.asks() == {}, "an operator has accepted it"


async def test_a_process_that_slept_listens_before_it_judges(ship: Ship) -> None:
    ship.advance(ASLEEP_S + 300)
    ship.wallet.look_out()
    await ship.sail(5)
    assert await ship.asks() == {}


async def test_it_asks_until_the_kill_switch_has_latched_it_and_the_latch_is_the_switchs_then(
    ship: Ship,
) -> None:
    await ship.sail(11, reads=False)
    for _ in range(3):
        assert "wallet:main" in await ship.asks()
    await ship.halt(HaltLevel.PAUSE_ENTRIES, "bot:ben")
    assert "wallet:main" in await ship.asks(), "another halt is no answer"
    await ship.wallet.refresh_account()
    await ship.halt(HaltLevel.REDUCE_ONLY, "wallet:main")
    assert await ship.asks() == {}
    assert ship.look().halt is HaltLevel.REDUCE_ONLY
    await ship.halt(None)
    assert ship.look().halt is None


async def test_a_shallower_latch_is_no_answer(ship: Ship) -> None:
    await ship.sail(11, reads=False)
    await ship.halt(HaltLevel.PAUSE_ENTRIES, "wallet:main")
    assert "wallet:main" in await ship.asks()
    assert ship.look().halt is HaltLevel.REDUCE_ONLY


async def test_lifting_it_while_nothing_is_known_yet_holds_for_a_look_only(ship: Ship) -> None:
    await ship.sail(11, reads=False)
    await ship.halt(HaltLevel.REDUCE_ONLY, "wallet:main")
    await ship.halt(None)
    await ship.sail(1, reads=False)
    assert ship.look().halt is HaltLevel.REDUCE_ONLY


async def test_what_it_asks_for_holds_over_its_own_death(tmp_path: Path) -> None:
    ship = Ship(tmp_path / "main.journal")
    await ship.open()
    ship.wallet.ask_to_halt(Halt(control="test", reason="too many rejections", scope=f"bot:{ANN}"))
    ship.born()
    await ship.wallet.start()
    assert await ship.asks() == {"bot:ann": "too many rejections"}
    told = Engage((Latch("bot:ann", HaltLevel.REDUCE_ONLY, 1, "", HaltCause.DISTRESS),), 1)
    await ship.wallet.engage(told)
    ship.born()
    await ship.wallet.start()
    assert await ship.asks() == {}
    assert ship.wallet.stance(ANN) is Stance.NO_ENTRIES
