"""From a cycle's decisions to intents: what to send, what to cancel, and what cannot even be asked for.

Each intent passes the first line of defence here (``risk.first_line``), and the second, by the same rules, in the
wallet. Stops and targets are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from adapters.model import (
    ZERO,
    ClientOrderId,
    Instrument,
    Level,
    OrderReport,
    OrderType,
    Quote,
    Side,
    Symbol,
    TimeInForce,
)
from risk.first_line import House, Line
from risk.intent import Intent, Purpose, client_order_id
from risk.verdict import Refusal, Refused, refused
from risk.wellformed import is_sane
from strategies.decision import Action, AnyDecision, Decision, Quotes
from strategies.entries import resting_entries
from strategies.strategy import View

SLIPPAGE = Decimal("0.01")  # how far beyond the touch a market order may fill

_NO_DATA = Refusal(detail="no prices or no instrument of this market yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a cycle asks of its wallet: cancels first, then the intents in their order."""

    intents: tuple[Intent, ...] = ()
    cancels: tuple[ClientOrderId, ...] = ()
    refusals: tuple[Refused, ...] = ()  # of decisions, and of intents that did not pass
    stopped: tuple[Intent, ...] = ()  # intents that did not pass: they are recorded, and never submitted


def plan(view: View, decisions: Sequence[AnyDecision], *, epoch: int, house: House, line: Line) -> Plan:
    """Turn decisions into intents: closes first, then the rest in the strategy's order.

    Every intent and every refusal takes the next leg of the cycle, so the same decisions on the same view have the
    same ids. New positions of one cycle are capped by ``max_new_positions_per_cycle``, or ``max_positions`` where
    there are no guards. Of several ``Quotes`` for one market the last one counts. Without ``multi_decision``, the
    first decision of which an intent passes is the last.

    Args:
        view: what the decisions were made on.
        decisions: in the strategy's order.
        epoch: the bot's, part of each id.
        house: the bot's limits.
        line: what each intent passes.

    Raises:
        ValueError: more legs than an id can number.
    """
    draft = _Draft(view, epoch, house, line)
    last_quotes = {decision.symbol: decision for decision in decisions if isinstance(decision, Quotes)}
    for decision in sorted(decisions, key=_is_no_close):
        if draft.intents and not house.features.multi_decision:
            draft.pass_over(decision)
        elif isinstance(decision, Quotes):
            if last_quotes[decision.symbol] is decision:
                draft.quote(decision)
        elif decision.action.closes:
            draft.close(decision)
        elif decision.action.opens:
            draft.open(decision)
    return Plan(
        intents=tuple(draft.intents),
        cancels=tuple(dict.fromkeys(draft.cancels)),
        refusals=tuple(draft.refusals),
        stopped=tuple(draft.stopped),
    )


class _Draft:
    """A plan while it is being written; it exists for the length of one call."""

    def __init__(self, view: View, epoch: int, house: House, line: Line) -> None:
        self.intents: list[Intent] = []
        self.stopped: list[Intent] = []
        self.cancels: list[ClientOrderId] = []
        self.refusals: list[Refused] = []
        self._view = view
        self._epoch = epoch
        self._line = line
        guards = house.guards
        self._opens_max = guards.max_new_positions_per_cycle if guards else house.params.max_positions
        self._is_shadow = house.features.shadow_mode
        self._opens = 0
        self._legs = 0

    def close(self, decision: Decision) -> None:
        position = self._view.positions.get(decision.symbol)
        held = position.size if position else ZERO
        side = Side.SELL if decision.action is Action.CLOSE_LONG else Side.BUY
        self.cancels += [report.order.id for report in resting_entries(self._view, decision.symbol)]
        if held * side.sign >= 0:
            detail = f"nothing to close: the position is {held}"
            self._refuse(
                decision.symbol, "nothing_to_close", Refusal(detail=detail, limit="0", value=str(held))
            )
            return
        if decision.position_size_usd is not None and not is_sane(decision.position_size_usd):
            self._refuse(
                decision.symbol, "malformed", _not_positive("position_size_usd", decision.position_size_usd)
            )
            return
        data = self._market(decision.symbol)
        if data is None:  # closing is always allowed: without prices it goes without protection
            self._intend(decision.symbol, side, Purpose.CLOSE, abs(held), type=OrderType.MARKET)
            return
        quote, instrument = data
        touch = _touch(quote, side)
        size = abs(held)
        if decision.position_size_usd is not None:
            size = min(size, decision.position_size_usd / touch)
        price = instrument.round_price(_protective(touch, side), side)
        self._intend(decision.symbol, side, Purpose.CLOSE, size, price=price)

    def open(self, decision: Decision) -> None:
        side = Side.BUY if decision.action is Action.OPEN_LONG else Side.SELL
        problem = _problem(decision)
        if problem:
            self._refuse(decision.symbol, "malformed", problem)
            return
        data = self._market(decision.symbol)
        if data is None:
            self._refuse_blind(decision.symbol)
            return
        if self._opens >= self._opens_max:
            detail = f"the cycle already opens {self._opens}"
            cap = Refusal(detail=detail, limit=str(self._opens_max), value=str(self._opens + 1))
            self._refuse(decision.symbol, "max_new_positions_per_cycle", cap, is_enforced=not self._is_shadow)
            if not self._is_shadow:
                return
        quote, instrument = data
        entry = _touch(quote, side) if decision.entry_price is None else decision.entry_price
        limit = _protective(entry, side) if decision.entry_price is None else entry
        price = instrument.round_price(limit, side)
        if price <= 0:
            self._refuse(decision.symbol, "malformed", _not_positive("entry_price", price))
            return
        assert decision.position_size_usd is not None, "checked above"
        self._opens += self._intend(
            decision.symbol,
            side,
            Purpose.OPEN,
            instrument.round_size(decision.position_size_usd / entry),
            price=price,
            tif=TimeInForce.IOC if decision.entry_price is None else TimeInForce.GTC,
            decision=decision,
        )

    def pass_over(self, decision: AnyDecision) -> None:
        """One decision of the cycle is carried out already, and the bot is to have no more."""
        if isinstance(decision, Quotes) or decision.action.opens or decision.action.closes:
            detail = "multi_decision is off, and the cycle has its one decision"
            self._refuse(decision.symbol, "multi_decision", Refusal(detail=detail, limit="1"))

    def quote(self, quotes: Quotes) -> None:
        data = self._market(quotes.symbol)
        if data is None and (quotes.bids or quotes.asks):
            self._refuse_blind(quotes.symbol)
        resting = [r for r in resting_entries(self._view, quotes.symbol) if r.order.id not in self.cancels]
        wanted = () if data is None else tuple(_rounded(quotes, data[1]))
        missing: list[tuple[Side, Level]] = []
        for side, level in wanted:
            match = next((r for r in resting if _is_same(r, side, level)), None)
            if match is None:
                missing.append((side, level))
            else:
                resting.remove(match)
        self.cancels += [report.order.id for report in resting]
        for side, level in missing:
            self._intend(
                quotes.symbol, side, Purpose.QUOTE, level.size, price=level.price, tif=TimeInForce.POST_ONLY
            )

    def _market(self, symbol: Symbol) -> tuple[Quote, Instrument] | None:
        snapshot, instrument = self._view.markets.get(symbol), self._view.instruments.get(symbol)
        if snapshot is None or instrument is None:
            return None
        quote = snapshot.quote
        return (quote, instrument) if is_sane(quote.bid) and is_sane(quote.ask) else None

    def _intend(
        self,
        symbol: Symbol,
        side: Side,
        purpose: Purpose,
        size: Decimal,
        *,
        type: OrderType = OrderType.LIMIT,  # noqa: A002  the order's own word
        price: Decimal | None = None,
        tif: TimeInForce = TimeInForce.IOC,
        decision: Decision | None = None,
    ) -> bool:
        """Whether it passed the first line."""
        intent = Intent(
            id=self._next_id(),
            bot=self._view.bot,
            cycle=self._view.cycle,
            symbol=symbol,
            side=side,
            purpose=purpose,
            size=size,
            type=type,
            price=price,
            tif=tif,
        )
        if decision is not None:
            intent = replace(
                intent,
                leverage=decision.leverage,
                stop_loss=decision.stop_loss,
                take_profit=decision.take_profit,
                confidence=decision.confidence,
            )
        verdict = self._line.judge(intent, self.cancels)
        if verdict is None:
            self.intents.append(intent)
            return True
        self.refusals.append(verdict)
        self.stopped.append(intent)
        return False

    def _refuse(self, symbol: Symbol, rule: str, refusal: Refusal, *, is_enforced: bool = True) -> None:
        self.refusals.append(refused(self._next_id(), symbol, rule, refusal, is_enforced=is_enforced))

    def _refuse_blind(self, symbol: Symbol) -> None:
        why = self._view.absent.get(f"market {symbol}")
        if why is None:
            self._refuse(symbol, "no_market_data", _NO_DATA)
        else:
            self._refuse(symbol, "incomplete_context", Refusal(detail=f"market {symbol}: {why}"))

    def _next_id(self) -> ClientOrderId:
        leg, self._legs = self._legs, self._legs + 1
        return client_order_id(self._view.bot, self._epoch, self._view.cycle, leg)


def _is_no_close(decision: AnyDecision) -> bool:
    return isinstance(decision, Quotes) or not decision.action.closes


def _touch(quote: Quote, side: Side) -> Decimal:
    return quote.ask if side is Side.BUY else quote.bid


def _protective(touch: Decimal, side: Side) -> Decimal:
    return touch * (1 + side.sign * SLIPPAGE)


def _problem(decision: Decision) -> Refusal | None:
    if decision.position_size_usd is None:
        return Refusal(detail="an open names its position_size_usd")
    for name in ("position_size_usd", "entry_price"):
        value = getattr(decision, name)
        if value is not None and not is_sane(value):
            return _not_positive(name, value)
    return None


def _not_positive(name: str, value: Decimal) -> Refusal:
    return Refusal(detail=f"{name} must be a number above 0", limit="> 0", value=str(value))


def _rounded(quotes: Quotes, instrument: Instrument) -> Iterator[tuple[Side, Level]]:
    """As the review will round them; compared unrounded, a quote off tick would be replaced in every cycle."""
    for side, levels in ((Side.BUY, quotes.bids), (Side.SELL, quotes.asks)):
        for level in levels:
            if is_sane(level.price) and is_sane(level.size):
                price, size = instrument.round_price(level.price, side), instrument.round_size(level.size)
                yield side, Level(price, size)
            else:
                yield side, level  # the review refuses it as malformed


def _is_same(report: OrderReport, side: Side, level: Level) -> bool:
    order = report.order
    return order.side is side and order.price == level.price and report.remaining == level.size
