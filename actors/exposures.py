"""What a wallet uses of its lease: the worst cases of its markets, in USD, from one look at its ledger.

Bots that share a market are each counted in full, whatever way they lean: either may close at any time, and leave the
other's holding to the account alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from actors.ledger import Ledger, LedgerOrder
from adapters.model import ZERO, BotId, Side, Symbol
from risk.exposure import worst_case


class Sides(NamedTuple):
    """One market in USD, of a bot or of the account."""

    position: Decimal = ZERO  # signed, at its mark or cost, whichever is more
    buys: Decimal = ZERO  # at their reserve prices
    sells: Decimal = ZERO

    @property
    def worst_usd(self) -> Decimal:
        return worst_case(self.position, self.buys, self.sells)


NOTHING = Sides()


class Exposures:
    """Valued at one instant.

    Args:
        ledger: what is held and what may still fill.
        mark: the newest mark price of a market, if any is known.
    """

    def __init__(self, ledger: Ledger, mark: Callable[[Symbol], Decimal | None]) -> None:
        self._mark = mark
        self._of_bots: dict[Symbol, dict[BotId, Sides]] = defaultdict(dict)
        entries: defaultdict[tuple[BotId, Symbol], list[LedgerOrder]] = defaultdict(list)
        for order in ledger.live():
            if not order.purpose.reduces:
                entries[order.bot, order.order.symbol].append(order)
        for (bot, symbol), orders in entries.items():
            book = ledger.book(bot, symbol)
            self._of_bots[symbol][bot] = self._sides(symbol, book.size, abs(book.cost_usd), orders)
        for (bot, symbol), book in ledger.books.items():
            if book.size and (bot, symbol) not in entries:
                self._of_bots[symbol][bot] = self._sides(symbol, book.size, abs(book.cost_usd), ())
        self._of_account = {symbol: self._whole(ledger, symbol) for symbol in self._of_bots}

    def of_bot(self, bot: BotId, symbol: Symbol) -> Sides:
        """One bot's part of a market."""
        return self._of_bots.get(symbol, {}).get(bot, NOTHING)

    def of_account(self, symbol: Symbol) -> Sides:
        """The account's net position, and all buys and sells."""
        return self._of_account.get(symbol, NOTHING)

    def markets_of(self, bot: BotId) -> int:
        """In how many markets the bot holds something, or has an order that could make it."""
        return sum(bot in bots for bots in self._of_bots.values())

    def market_usd(self, symbol: Symbol) -> Decimal:
        """The worst case of a market: of its bots together, or of the account if that was paid more."""
        bots = self._of_bots.get(symbol, {})
        apart = sum((sides.worst_usd for sides in bots.values()), ZERO)
        return max(apart, self.of_account(symbol).worst_usd)

    @property
    def used_usd(self) -> Decimal:
        """Over all markets."""
        return sum((self.market_usd(symbol) for symbol in self._of_bots), ZERO)

    def bot_usd(self, bot: BotId) -> Decimal:
        """One bot's worst cases, over all its markets."""
        return sum((bots[bot].worst_usd for bots in self._of_bots.values() if bot in bots), ZERO)

    def _whole(self, ledger: Ledger, symbol: Symbol) -> Sides:
        bots = self._of_bots[symbol].values()
        net = self._sides(symbol, ledger.net(symbol), ledger.net_cost_usd(symbol), ())
        buys = sum((sides.buys for sides in bots), ZERO)
        return Sides(net.position, buys, sum((sides.sells for sides in bots), ZERO))

    def _sides(
        self, symbol: Symbol, held: Decimal, cost_usd: Decimal, entries: list[LedgerOrder] | tuple[()]
    ) -> Sides:
        mark = self._mark(symbol)
        if mark is None:
            mark = cost_usd / abs(held) if held else ZERO
        buys = sells = ZERO
        for order in entries:
            reserve_usd = order.remaining * max(order.reserve_price, mark)
            if order.order.side is Side.BUY:
                buys += reserve_usd
            else:
                sells += reserve_usd
        return Sides(max(abs(held) * mark, cost_usd).copy_sign(held), buys, sells)
