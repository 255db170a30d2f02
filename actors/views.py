"""What a wallet shows of itself at one instant: to each bot its own part, to the supervisor a line for each."""

from __future__ import annotations

from actors.answers import resting
from actors.exposures import Exposures
from actors.gate import Gate
from actors.intake import Intake
from actors.ledger import EXTERNAL, Ledger
from actors.messages import BotLine, Sight
from actors.prices import Prices
from actors.seat import Seat
from adapters.clock import Clock
from adapters.model import ZERO, Account, BotId, Position, Symbol
from strategies.strategy import Budget


class Views:
    """Looks, and changes nothing."""

    def __init__(self, ledger: Ledger, gate: Gate, prices: Prices, intake: Intake, clock: Clock) -> None:
        self._ledger = ledger
        self._gate = gate
        self._prices = prices
        self._intake = intake
        self._clock = clock

    def sight(self, seat: Seat, account: Account) -> Sight:
        """What a bot sees."""
        bot = seat.spec.name
        held = self._ledger.holdings(bot)
        snapshots = (
            (symbol, self._prices.snapshot(symbol, seat.bar_interval_s)) for symbol in seat.spec.symbols
        )
        return Sight(
            account=account,
            positions={symbol: self._position(bot, symbol) for symbol in held},
            orders=tuple(resting(order) for order in self._ledger.live(bot)),
            markets={symbol: snapshot for symbol, snapshot in snapshots if snapshot is not None},
            recently_closed=self._intake.recently_closed(bot),
            performance=self._ledger.record(bot).performance(),
            budget=self._budget(seat, len(held)),
            halt=self._gate.level(bot),
        )

    def lines(self, exposures: Exposures) -> tuple[BotLine, ...]:
        """Every bot that the books know."""
        return tuple(self._line(bot, exposures) for bot in sorted(self._ledger.records) if bot != EXTERNAL)

    def _line(self, bot: BotId, exposures: Exposures) -> BotLine:
        record = self._ledger.record(bot)
        held = self._ledger.holdings(bot)
        unrealized = sum((self._position(bot, symbol).unrealized_usd for symbol in held), ZERO)
        return BotLine(
            bot=bot,
            epoch=record.epoch,
            positions={symbol: book.size for symbol, book in held.items()},
            open_orders=len(self._ledger.live(bot)),
            exposure_usd=exposures.bot_usd(bot),
            budget_usd=self._gate.budget_usd(bot),
            pnl_usd=record.realized_usd + unrealized,
            realized_usd=record.realized_usd,
            trades=record.trades,
        )

    def _position(self, bot: BotId, symbol: Symbol) -> Position:
        book = self._ledger.book(bot, symbol)
        mark = self._prices.mark(symbol)
        return Position(
            symbol=symbol,
            size=book.size,
            entry_price=book.entry_price,
            mark_price=book.entry_price if mark is None else mark,
        )

    def _budget(self, seat: Seat, held: int) -> Budget:
        guards = seat.spec.exec_guards
        positions = max(0, seat.spec.risk_params.max_positions - held)
        exposures = self._prices.exposures(self._ledger)
        room = self._gate.room_usd(exposures.used_usd, self._clock.monotonic())
        own = self._intake.room_of(seat.spec.name, exposures)
        return Budget(
            notional_usd=room if own is None else min(room, own),
            positions=positions,
            opens_this_cycle=min(positions, guards.max_new_positions_per_cycle) if guards else positions,
        )
