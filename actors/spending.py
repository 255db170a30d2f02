"""What each bot has spent on language models this UTC day: booked before an advice at its worst case, settled with what
it came to. It is written before the question goes out, so that no death of a process forgets it (a power cut may take
the last seconds along); what is never settled stays booked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import msgspec

from actors.decision import Advisor
from actors.log_file import LogFile
from adapters.clock import Clock
from adapters.errors import TradingError
from adapters.llm.settings import Model
from adapters.model import ZERO, BotId
from strategies.advice import Advice, Allowance, Inquiry


class BudgetSpent(TradingError):
    """Nothing is left of the bot's day."""


class SpendingDamaged(TradingError):
    """The file holds what is none of ours: what was spent today is a guess."""


class Spent(msgspec.Struct, frozen=True):
    """What is booked for a bot's day."""

    tokens: int = 0
    usd: Decimal = ZERO


class Ticket(msgspec.Struct, frozen=True):
    """An advice that is booked, until it is settled."""

    number: int
    day: date
    bot: BotId
    booked: Spent
    allowance: Allowance


class _Line(msgspec.Struct, frozen=True):
    day: date
    bot: BotId
    tokens: int  # to be added; below zero where an advice came to less than its worst case
    usd: Decimal


_decoder = msgspec.json.Decoder(_Line)


class Spending:
    """The books.

    Args:
        log: where they are kept; ours until ``close``.
        clock: says what day it is.

    Raises:
        SpendingDamaged: see there.
    """

    def __init__(self, log: LogFile, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._day = clock.now().date()
        self._spent: dict[BotId, Spent] = {}
        self._tickets = 0
        self._open: dict[int, Ticket] = {}
        try:
            for line in _lines(log):
                if line.day == self._day:
                    self._book(line)
            self._compact()
        except BaseException:
            log.close()
            raise

    def grant(self, bot: BotId, model: Model) -> Ticket:
        """Book one advice at its worst case, or at what is left of the day if that is less.

        Raises:
            BudgetSpent: nothing is left.
        """
        self._turn_the_page()
        spent = self._spent.get(bot, Spent())
        tokens = _granted(model.tokens_per_day_max, spent.tokens, model.tokens_per_advice_max, "tokens")
        usd = _granted(model.cost_usd_per_day_max, spent.usd, model.usd_per_advice_max, "USD")
        self._tickets += 1
        ticket = Ticket(
            number=self._tickets,
            day=self._day,
            bot=bot,
            booked=Spent(int(tokens or 0), usd or ZERO),
            allowance=Allowance(tokens=None if tokens is None else int(tokens), usd=usd),
        )
        self._write(_Line(self._day, bot, ticket.booked.tokens, ticket.booked.usd))
        self._open[ticket.number] = ticket
        return ticket

    def settle(self, ticket: Ticket, spent: Spent) -> None:
        """Book what the advice came to instead. A ticket that is settled already or of another life changes nothing."""
        if self._open.get(ticket.number) != ticket:
            return
        del self._open[ticket.number]
        self._turn_the_page()
        if ticket.day == self._day:
            booked = ticket.booked
            self._write(_Line(self._day, ticket.bot, spent.tokens - booked.tokens, spent.usd - booked.usd))

    def today(self) -> Mapping[BotId, Spent]:
        """What is booked, by bot."""
        self._turn_the_page()
        return dict(self._spent)

    def close(self) -> None:
        """Let go of the file."""
        self._log.close()

    def _turn_the_page(self) -> None:
        today = self._clock.now().date()
        if today > self._day:  # a clock that goes back gives nobody a second budget
            self._day, self._spent = today, {}
            self._compact()

    def _write(self, line: _Line) -> None:
        self._log.append(_encoded(line))
        self._book(line)

    def _book(self, line: _Line) -> None:
        spent = self._spent.get(line.bot, Spent())
        self._spent[line.bot] = Spent(spent.tokens + line.tokens, spent.usd + line.usd)

    def _compact(self) -> None:
        lines = (_Line(self._day, bot, spent.tokens, spent.usd) for bot, spent in self._spent.items())
        self._log.prepare(b"".join(map(_encoded, lines)))
        self._log.swap()


class Budgeted:
    """Advice within each bot's budget. Implements ``Advisor``.

    Args:
        advisor: gives the advice.
        books: opened when the first question for a model comes, so that damaged ones stop no other advice.
    """

    def __init__(self, advisor: Advisor, books: Callable[[], Spending]) -> None:
        self._advisor = advisor
        self._books = books

    async def advise(self, inquiry: Inquiry) -> Advice:
        """The advice; one that fails to arrive stays booked at its worst case.

        Raises:
            BudgetSpent, SpendingDamaged: the question was not asked.
            TradingError: what the advisor raised.
        """
        if inquiry.model is None:
            return await self._advisor.advise(inquiry)
        books = self._books()
        ticket = books.grant(inquiry.view.bot, inquiry.model)
        advice = await self._advisor.advise(replace(inquiry, allowance=ticket.allowance))
        books.settle(ticket, Spent(advice.prompt_tokens + advice.output_tokens, advice.cost_usd))
        return advice


def _granted(
    limit: Decimal | int | None, spent: Decimal | int, worst: Decimal | int, unit: str
) -> Decimal | None:
    """What an advice may use of a day's limit; ``None`` where there is none."""
    if limit is None:
        return None
    if spent >= limit:
        raise BudgetSpent(f"the bot has used {spent} {unit} today; the limit is {limit}")
    return Decimal(min(limit - spent, worst))


def _encoded(line: _Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _lines(log: LogFile) -> Iterator[_Line]:
    """The lines that are whole; a crash in the middle of an append leaves a last one that is not."""
    *whole, _torn = log.read().split(b"\n")
    for number, line in enumerate(whole, 1):
        try:
            yield _decoder.decode(line)
        except msgspec.MsgspecError:
            raise SpendingDamaged(
                f"{log.name}, line {number}, is damaged; remove the file, and what was spent today is forgotten"
            ) from None
