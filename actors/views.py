"""What a wallet shows of itself at one instant: to each bot its own part, to the supervisor a line for each."""

from __future__ import annotations

from collections.abc import Mapping

from actors.answers import resting
from actors.exposures import Exposures
from actors.gate import Gate
from actors.intake import Intake
from actors.ledger import EXTERNAL, Ledger
from actors.messages import BotLine, Sight
from actors.prices import Prices
from actors.seat import Seat
from adapters.clock import Clock
from adapters.model import ZERO, Account, BotId, Position, Snapshot, Symbol
from config.spec import WalletSpec
from risk.exposure import margin_usage_pct
from strategies.strategy import Budget, PerformanceGate


class Views:
    """Looks, and changes nothing."""

    def __init__(
        self, spec: WalletSpec, ledger: Ledger, gate: Gate, prices: Prices, intake: Intake, clock: Clock
    ) -> None:
        self._limits = spec.limits
        self._ledger = ledger
        self._gate = gate
        self._prices = prices
        self._intake = intake
        self._clock = clock

    def sight(self, seat: Seat, account: Account, absent: Mapping[str, str]) -> Sight:
        """What a bot sees.

        Args:
            seat: whose.
            account: as last read.
            absent: what of it was read too long ago, and when.
        """
        bot = seat.spec.name
        held = self._ledger.holdings(bot)
        markets = {
            symbol: snapshot
            for symbol in seat.spec.symbols
            if (snapshot := self._prices.snapshot(symbol, seat.bar_interval_s)) is not None
        }
        limit_s = self._limits.market_data_age_max.total_seconds()
        stale = {
            symbol: snapshot.age_s for symbol, snapshot in markets.items() if is_stale(snapshot, limit_s)
        }
        absent = dict(absent) | {
            f"market {symbol}": f"prices are {age_s:.1f} s old, at most {limit_s:g} s"
            for symbol, age_s in stale.items()
        }
        return Sight(
            account=account,
            positions={symbol: self._position(bot, symbol) for symbol in held},
            orders=tuple(resting(order) for order in self._ledger.live(bot)),
            markets={symbol: snapshot for symbol, snapshot in markets.items() if symbol not in stale},
            recently_closed=self._intake.recently_closed(bot),
            performance=self._ledger.record(bot).performance(),
            budget=self._budget(seat, len(held), account),
            halt=self._gate.level(bot),
            gate=self._intake.gate_of(seat),
            absent=absent,
        )

    def lines(self, exposures: Exposures, seats: Mapping[BotId, Seat]) -> tuple[BotLine, ...]:
        """Every bot that the books know."""
        bots = (bot for bot in sorted(self._ledger.records) if bot != EXTERNAL)
        return tuple(self._line(bot, exposures, seats.get(bot)) for bot in bots)

    def _line(self, bot: BotId, exposures: Exposures, seat: Seat | None) -> BotLine:
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
            gate=self._intake.gate_of(seat) if seat else PerformanceGate(),
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

    def _budget(self, seat: Seat, held: int, account: Account) -> Budget:
        guards = seat.spec.exec_guards
        positions = max(0, seat.spec.risk_params.max_positions - held)
        exposures = self._prices.exposures(self._ledger)
        room = self._gate.room_usd(exposures.used_usd, self._clock.monotonic())
        own = self._intake.room_of(seat.spec.name, exposures)
        return Budget(
            notional_usd=room if own is None else min(room, own),
            positions=positions,
            opens_this_cycle=min(positions, guards.max_new_positions_per_cycle) if guards else positions,
            margin_usage_pct=margin_usage_pct(account),
            max_margin_usage_pct=guards.max_margin_usage_pct if guards else None,
            liquidity_threshold_usd=guards.liquidity_threshold_usd if guards else None,
            max_new_positions_per_cycle=guards.max_new_positions_per_cycle if guards else None,
        )


def is_stale(snapshot: Snapshot, limit_s: float) -> bool:
    """Whether a market's prices are too old to be shown; an age that is no number is."""
    return not snapshot.age_s <= limit_s
