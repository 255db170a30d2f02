"""The first line of defence: a bot's own wishes under the wallet's own rules, before any of them is submitted.

The rules are those of ``risk.review``, and so is the order of them. What only the wallet can know (its other bots, its
rates, its lease) is taken to be in the wish's favour: the second line, in the wallet, judges it again with everything.
What passed counts for what comes after it in the same cycle: a close as filled, an open as on its way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from adapters.model import ZERO, Account, ClientOrderId, Side, Symbol
from risk.context import ReviewContext
from risk.exposure import worst_case
from risk.intent import Intent, Purpose
from risk.limits import ExecGuards, Features, RiskParams, WalletLimits
from risk.review import review
from risk.verdict import Approved, Refused
from risk.wellformed import LARGEST
from strategies.entries import resting_entries
from strategies.strategy import View


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The limits that a bot trades under, as it knows them."""

    params: RiskParams = RiskParams()
    guards: ExecGuards | None = None
    features: Features = Features()
    limits: WalletLimits = WalletLimits()
    symbols: tuple[Symbol, ...] | None = None  # its roster; None where the view's markets are
    halt_rank: int | None = None  # of the highest halt that it was told of


class Line(Protocol):
    """What a wish passes before it is submitted."""

    def judge(self, intent: Intent, cancels: Collection[ClientOrderId]) -> Refused | None:
        """Why the wish is not submitted, or ``None``.

        Args:
            intent: the wish.
            cancels: resting orders that will be gone by then.
        """
        ...


@dataclass(slots=True)
class _Sides:
    """One market of the bot's: base units and USD."""

    position: Decimal = ZERO
    mark: Decimal = ZERO
    buys: Decimal = ZERO
    sells: Decimal = ZERO
    buys_usd: Decimal = ZERO
    sells_usd: Decimal = ZERO

    @property
    def worst_usd(self) -> Decimal:
        return worst_case(self.position * self.mark, self.buys_usd, self.sells_usd)

    def add(self, side: Side, size: Decimal, price: Decimal) -> None:
        """An order that could add exposure."""
        worth = size * max(price, self.mark)
        if side is Side.BUY:
            self.buys, self.buys_usd = self.buys + size, self.buys_usd + worth
        else:
            self.sells, self.sells_usd = self.sells + size, self.sells_usd + worth


@dataclass(slots=True)
class FirstLine:
    """One cycle's line of defence, for the length of one plan."""

    view: View
    house: House
    _passed: list[tuple[Intent, Approved]] = field(default_factory=list)

    def judge(self, intent: Intent, cancels: Collection[ClientOrderId]) -> Refused | None:
        verdict = self.review(intent, cancels)
        return verdict if isinstance(verdict, Refused) else None

    def review(self, intent: Intent, cancels: Collection[ClientOrderId]) -> Approved | Refused:
        """Review a wish as far as the bot can."""
        verdict = review(intent, self._context(intent, cancels))
        if isinstance(verdict, Approved):
            self._passed.append((intent, verdict))
        return verdict

    def _context(self, intent: Intent, cancels: Collection[ClientOrderId]) -> ReviewContext:
        view, house, symbol = self.view, self.house, intent.symbol
        markets = self._markets(cancels)
        here = markets.get(symbol, _Sides())
        position_usd = here.position * here.mark
        taken_usd = sum((approved.exposure_usd for _, approved in self._passed), ZERO)
        room_usd = max(ZERO, view.budget.notional_usd - taken_usd)
        opens = Counter(passed.purpose for passed, _ in self._passed)[Purpose.OPEN]
        return ReviewContext(
            now=view.now,
            instrument=view.instruments.get(symbol),
            snapshot=view.markets.get(symbol),
            account=self._account(),
            params=house.params,
            guards=house.guards,
            features=house.features,
            limits=house.limits,
            symbols=tuple(view.markets) if house.symbols is None else house.symbols,
            gate=view.gate,
            absent=view.absent,
            position=here.position,
            resting_buys=here.buys,
            resting_sells=here.sells,
            positions_held=sum(
                bool(worst_case(sides.position, sides.buys, sides.sells)) for sides in markets.values()
            ),
            recently_closed={**view.recently_closed, **dict.fromkeys(self._closed(), view.now)},
            wallet_position_usd=position_usd,
            wallet_buys_usd=here.buys_usd,
            wallet_sells_usd=here.sells_usd,
            wallet_market_usd=here.worst_usd,
            wallet_gross_usd=sum((sides.worst_usd for sides in markets.values()), ZERO),
            bot_position_usd=position_usd,
            bot_buys_usd=here.buys_usd,
            bot_sells_usd=here.sells_usd,
            opens_in_cycle=opens,
            lease_budget_usd=LARGEST,
            has_lease=True,
            lease_room_usd=room_usd,
            halt_rank=house.halt_rank,
        )

    def _markets(self, cancels: Collection[ClientOrderId]) -> dict[Symbol, _Sides]:
        """What the bot has in every market, once the cycle so far is carried out."""
        view = self.view
        found = {
            symbol: _Sides(position=position.size, mark=self._mark(symbol))
            for symbol, position in view.positions.items()
        }
        for symbol in {report.order.symbol for report in view.orders}:
            sides = found.setdefault(symbol, _Sides(mark=self._mark(symbol)))
            for report in resting_entries(view, symbol):
                order = report.order
                if order.id not in cancels:
                    sides.add(order.side, report.remaining, order.price or sides.mark)
        for intent, approved in self._passed:
            order = approved.order
            sides = found.setdefault(order.symbol, _Sides(mark=self._mark(order.symbol)))
            if intent.purpose.reduces:
                sides.position += order.side.sign * order.size
            else:
                sides.add(order.side, order.size, approved.reserve_price)
        return found

    def _closed(self) -> set[Symbol]:
        """Markets that the cycle's closes leave flat."""
        left = {symbol: position.size for symbol, position in self.view.positions.items()}
        for intent, approved in self._passed:
            if intent.purpose.reduces:
                left[intent.symbol] += approved.order.side.sign * approved.order.size
        return {symbol for symbol, size in left.items() if not size and self.view.positions[symbol].size}

    def _account(self) -> Account:
        account = self.view.account
        pledged_usd = sum(
            (approved.exposure_usd / (intent.leverage or 1) for intent, approved in self._passed), ZERO
        )
        return replace(account, margin_used_usd=account.margin_used_usd + pledged_usd)

    def _mark(self, symbol: Symbol) -> Decimal:
        if symbol in self.view.markets:
            return self.view.markets[symbol].mark_price
        position = self.view.positions.get(symbol)
        return position.mark_price if position else ZERO
