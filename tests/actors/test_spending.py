"""A bot's day has a limit of tokens and of dollars, which no restart forgets and no crash raises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from actors.decision import DecisionLate
from actors.log_file import JournalBusy, LockedFile
from actors.spending import Budgeted, BudgetSpent, Spending, SpendingDamaged, Spent
from adapters.clock import VirtualClock
from adapters.llm.settings import Model
from adapters.model import BotId
from strategies.advice import Advice, Allowance, Inquiry
from tests.builders import BOT, NOW, a_view

MODEL = Model(
    name="m",
    prompt_tokens_max=200,
    output_tokens_max=100,
    prompt_usd_per_mtok=Decimal(10),
    output_usd_per_mtok=Decimal(20),
    tokens_per_day_max=1_000,
)
COSTLY = replace(MODEL, tokens_per_day_max=None, cost_usd_per_day_max=Decimal("0.02"))
FREE = Model(name="free")
WORST = Spent(900, Decimal("0.012"))  # three requests, each of 300 tokens


class Office:
    """Where the books are kept, from one life to the next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = VirtualClock(NOW)
        self.books = Spending(LockedFile(path), self.clock)

    def restart(self) -> None:
        self.books.close()
        self.books = Spending(LockedFile(self.path), self.clock)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path / "a.spending")
    yield opened
    opened.books.close()


def test_an_advice_is_booked_at_its_worst_case(office: Office) -> None:
    ticket = office.books.grant(BOT, MODEL)
    assert ticket.allowance == Allowance(tokens=900, usd=None)
    assert office.books.today() == {BOT: Spent(900, Decimal(0))}
    assert office.books.grant(BotId("other"), COSTLY).allowance == Allowance(tokens=None, usd=WORST.usd)


def test_what_an_advice_came_to_takes_the_place_of_its_worst_case(office: Office) -> None:
    ticket = office.books.grant(BOT, MODEL)
    for spent in (Spent(100, Decimal("0.001")), Spent()):
        office.books.settle(ticket, spent)
        assert office.books.today() == {BOT: Spent(100, Decimal("0.001"))}, "once is enough"


def test_the_last_token_may_be_used_and_no_more(office: Office) -> None:
    office.books.settle(office.books.grant(BOT, MODEL), Spent(999, Decimal(0)))
    assert office.books.grant(BOT, MODEL).allowance.tokens == 1
    with pytest.raises(BudgetSpent, match="the bot has used 1000 tokens today; the limit is 1000"):
        office.books.grant(BOT, MODEL)
    assert office.books.grant(BotId("other"), MODEL).allowance.tokens == 900


def test_the_last_cent_may_be_spent_and_no_more(office: Office) -> None:
    office.books.settle(office.books.grant(BOT, COSTLY), Spent(5, Decimal("0.019999999")))
    assert office.books.grant(BOT, COSTLY).allowance.usd == Decimal("0.000000001")
    with pytest.raises(BudgetSpent, match=r"used 0\.02\d* USD today; the limit is 0\.02"):
        office.books.grant(BOT, COSTLY)


def test_an_advice_beyond_its_worst_case_counts_whole(office: Office) -> None:
    office.books.settle(office.books.grant(BOT, MODEL), Spent(5_000, Decimal(1)))
    with pytest.raises(BudgetSpent):
        office.books.grant(BOT, MODEL)


def test_without_limits_it_only_counts(office: Office) -> None:
    for _ in range(3):
        ticket = office.books.grant(BOT, FREE)
        assert ticket.allowance == Allowance()
        office.books.settle(ticket, Spent(10**9, Decimal(7)))
    assert office.books.today() == {BOT: Spent(3 * 10**9, Decimal(21))}


def test_a_restart_forgets_nothing(office: Office) -> None:
    office.books.settle(office.books.grant(BOT, MODEL), Spent(10, Decimal("0.001")))
    lost = office.books.grant(BOT, MODEL)
    office.restart()
    assert office.books.today() == {BOT: Spent(910, Decimal("0.001"))}
    office.books.grant(BotId("other"), FREE)
    office.books.settle(lost, Spent())
    assert office.books.today()[BOT] == Spent(910, Decimal("0.001")), "nobody can say what it came to"
    office.restart()
    assert office.path.read_bytes().count(b"\n") == 2


def test_a_new_day_is_a_new_budget_and_a_clock_that_goes_back_is_none(office: Office) -> None:
    ticket = office.books.grant(BOT, MODEL)
    office.clock.advance(timedelta(hours=12).total_seconds())
    office.books.settle(ticket, Spent(5, Decimal(0)))
    assert office.books.today() == {}, "it belonged to yesterday"
    for _ in range(2):
        office.books.grant(BOT, MODEL)
    office.books._clock = VirtualClock(NOW)
    with pytest.raises(BudgetSpent):
        office.books.grant(BOT, MODEL)


def test_a_line_that_a_crash_cut_is_dropped_and_one_in_the_middle_is_refused(office: Office) -> None:
    office.books.settle(office.books.grant(BOT, FREE), Spent(7, Decimal(0)))
    office.restart()
    whole = office.path.read_bytes()
    office.books.close()
    for cut in range(len(whole)):
        office.path.write_bytes(whole + whole[:cut])
        books = Spending(LockedFile(office.path), office.clock)
        assert books.today()[BOT].tokens == 7
        books.close()
    office.path.write_bytes(b"{}\n" + whole)
    with pytest.raises(SpendingDamaged, match=r"a\.spending, line 1, is damaged"):
        Spending(LockedFile(office.path), office.clock)
    office.path.unlink()
    office.books = Spending(LockedFile(office.path), office.clock)


class Guru:
    """Advises at a price, or not at all."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.asked: list[Inquiry] = []

    async def advise(self, inquiry: Inquiry) -> Advice:
        self.asked.append(inquiry)
        if self.fails:
            raise DecisionLate("too late")
        return Advice(prompt_tokens=30, output_tokens=4, cost_usd=Decimal("0.5"))


async def test_advice_is_settled_and_what_never_came_stays_booked(office: Office) -> None:
    guru = Guru()
    desk = Budgeted(guru, lambda: office.books)
    await desk.advise(Inquiry(executor="llm", view=a_view(), model=MODEL))
    assert guru.asked[0].allowance == Allowance(tokens=900)
    assert office.books.today() == {BOT: Spent(34, Decimal("0.5"))}
    guru.fails = True
    with pytest.raises(DecisionLate):
        await desk.advise(Inquiry(executor="llm", view=a_view(), model=MODEL))
    assert office.books.today()[BOT].tokens == 934


async def test_who_asks_no_model_needs_no_books() -> None:
    def none() -> Spending:
        raise AssertionError("they stay closed")

    await Budgeted(Guru(), none).advise(Inquiry(executor="quant", view=a_view()))


async def test_a_spent_budget_asks_nobody(office: Office) -> None:
    guru = Guru()
    office.books.settle(office.books.grant(BOT, MODEL), Spent(1_000, Decimal(0)))
    with pytest.raises(BudgetSpent):
        await Budgeted(guru, lambda: office.books).advise(Inquiry(executor="llm", view=a_view(), model=MODEL))
    assert guru.asked == []


def test_nobody_else_keeps_the_same_books(office: Office) -> None:
    with pytest.raises(JournalBusy):
        LockedFile(office.path)
