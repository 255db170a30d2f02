"""The judge: looks at the venue's own news, at every one of them, and says when a promise was broken.

It believes no actor. What it needs beside the venue are the wishes that bots have sent, the journals on the disks, the
grants in the store, and what the operator was told of halts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from actors.messages import Admit, OutcomeKind, Submit, Submitted
from adapters.model import (
    ZERO,
    BotId,
    ClientOrderId,
    Fill,
    Order,
    OrderReport,
    OrderStatus,
    OrderType,
    WalletId,
)
from adapters.paper.exchange import PaperExchange
from adapters.venue import UserEvent
from cluster.simulation import claims
from cluster.simulation.claims import DRIFT
from cluster.simulation.ground import Ground
from cluster.simulation.loop import Process
from cluster.simulation.network import Route
from cluster.simulation.shadow import Shadow
from cluster.simulation.wiring import WalletActor, wallet_name
from config.spec import BotSpec, FleetSpec
from risk.intent import Intent, bot_tag, is_ours, tag_of
from risk.rules import RULES

DUST_USD = Decimal("1e-6")  # average entry prices are rounded
_encode = msgspec.msgpack.Encoder().encode
_OPENING_RULES = frozenset(rule.__name__ for rule in RULES)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: the invariant's name in docs/simulation.md, and what was seen."""

    invariant: str
    detail: str
    at_s: float

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at_s:.4f} s: {self.detail}"


class Judge:
    """See the module. The first violation ends the run.

    Args:
        ground: what the fleet stands on.
        fleet: its limits.
        exchange: the venue.
    """

    def __init__(self, ground: Ground, fleet: FleetSpec, exchange: PaperExchange) -> None:
        self.violation: Violation | None = None
        self.accounts = {wallet.name: Shadow() for wallet in fleet.wallets}
        self.wishes: dict[ClientOrderId, Intent] = {}
        self.halted: set[str] = set()  # scopes whose halt was reported complete
        self.accepts = 0
        self._ground = ground
        self._limit_usd = fleet.limits.gross_notional_usd_max
        self._bots = {bot_tag(bot.name): bot for bot in fleet.bots}
        self._sharing = {bot.wallet for bot in fleet.bots if bot.shared_symbol}
        self._epochs: dict[tuple[Process, BotId], int] = {}  # that a wallet was told to seat
        self._outdated: set[ClientOrderId] = set()  # wishes of an epoch that was over when they came
        self._ears: dict[type, Callable[[Route, Any], None]] = {
            Submit: self._wished,
            Admit: self._admitted,
            Submitted: self._answered,
        }
        self._exposures = dict.fromkeys(self.accounts, ZERO)
        for wallet in fleet.wallets:
            exchange.open_account(wallet.name, wallet.equity_usd)
            exchange.subscribe(wallet.name, partial(self._news, wallet.name))

    def know(self, bots: Iterable[BotSpec]) -> None:
        """Bots that join later."""
        self._bots |= {bot_tag(bot.name): bot for bot in bots}
        self._sharing |= {bot.wallet for bot in bots}

    def fail(self, invariant: str, detail: str) -> None:
        """A promise is broken: the run ends here."""
        if self.violation is None:
            self.violation = Violation(invariant, detail, self._ground.loop.time())
            self._ground.trace.add(
                self._ground.loop.time(), "judge", "VIOLATION", shown=f"{invariant} {detail}"
            )
            self._ground.loop.stop()

    # ── what it hears ────────────────────────────────────────────────────────────────────────────────────────────

    def hear(self, route: Route, message: object) -> None:
        """A message arrived."""
        take_in = self._ears.get(type(message))
        if take_in is not None:
            take_in(route, message)

    def _wished(self, route: Route, batch: Submit) -> None:
        if route.src.name.startswith("bot:"):
            if batch.epoch < self._epochs.get((route.dst, batch.bot), 0):
                self._outdated |= {intent.id for intent in batch.intents} - self.wishes.keys()
            self.wishes |= {intent.id: intent for intent in batch.intents}

    def _admitted(self, route: Route, seat: Admit) -> None:
        key = route.dst, seat.spec.name
        self._epochs[key] = max(seat.epoch, self._epochs.get(key, 0))

    def _answered(self, _: Route, answer: Submitted) -> None:
        for outcome in answer.outcomes:
            wish, refusal = self.wishes.get(outcome.id), outcome.refusal
            is_close = wish is not None and wish.purpose.reduces
            if outcome.kind is not OutcomeKind.REFUSED or not is_close or refusal is None:
                continue
            if refusal.rule in _OPENING_RULES:
                self.fail("I10", f"a close was refused by {refusal.rule}: {refusal.detail}")

    def _news(self, wallet: WalletId, event: UserEvent) -> None:
        account = self.accounts[wallet]
        now = self._ground.loop.time()
        self._ground.trace.add(now, f"venue {wallet}", type(event).__name__, _encode(event), _Told(event))
        if isinstance(event, Fill):
            account.fill(event)
        elif account.report(event) and is_ours(event.order.id):
            self._accepted(wallet, account, event.order)
        elif wallet not in self._sharing:
            self._check_stops(wallet, account, event)
        self._check_claims(wallet, account)
        if any(order.price is None and not order.type.is_trigger for order in account.orders().values()):
            return  # a market order is there for an instant only; what it leaves is looked at when it is gone
        self._exposures[wallet] = account.exposure_usd()
        self._check_sums(wallet)

    # ── what it checks at every event ────────────────────────────────────────────────────────────────────────────

    def _accepted(self, wallet: WalletId, account: Shadow, order: Order) -> None:
        self.accepts += 1
        if account.accepted[order.id] > 1:
            self.fail("I2", f"{order.id} was accepted {account.accepted[order.id]} times")
        if not order.reduce_only and not self._is_journaled(wallet, order.id):  # closes go on without a disk
            self.fail("I5", f"{_text(order)} of {wallet} is in no journal")
        if order.id in self._outdated:
            self.fail("epoch", f"{_text(order)} of {wallet} was wished in an epoch that was over")
        grows = account.exposure_usd() - account.exposure_usd(without=order.id)
        if grows <= 0 or order.reduce_only:
            return
        bot = self._bots.get(tag_of(order.id))
        for scope in ("fleet", f"wallet:{wallet}", f"bot:{bot.name if bot else ''}"):
            if scope in self.halted:
                self.fail("I3", f"{_text(order)} of {wallet} was accepted under a complete halt of {scope}")
        wish = self.wishes.get(order.id)
        if wish is None:
            self.fail("I5", f"{_text(order)} of {wallet} opens, and no bot wished it")
        elif (wish.symbol, wish.side) != (order.symbol, order.side) or order.size > wish.size:
            self.fail(
                "I5", f"{_text(order)} is not what {wish.bot} wished: {wish.side} {wish.size} {wish.symbol}"
            )
        elif bot is not None and wallet not in self._sharing:
            most = bot.risk_params.max_position_size_usd
            worst = account.worst_usd(order.symbol)
            if worst > most * DRIFT:
                self.fail("bot limit", f"{bot.name} may reach {worst:.2f} of {most} USD in {order.symbol}")

    def _check_stops(self, wallet: WalletId, account: Shadow, report: OrderReport) -> None:
        order = report.order
        how = (order.type, report.status, report.reason)
        if how != (OrderType.STOP, OrderStatus.CANCELLED, "cancelled") or tag_of(order.id) not in self._bots:
            return  # not taken away by us, or a stray's, whose holding has come to its bot by now
        held = account.positions().get(order.symbol, ZERO)
        others = (other for other in account.orders().values() if other.type is OrderType.STOP)
        if held * order.side.sign < 0 and not any(other.symbol == order.symbol for other in others):
            self.fail("G4", f"{wallet} holds {held} {order.symbol}, and its only stop was cancelled")

    def _check_claims(self, wallet: WalletId, account: Shadow) -> None:
        actor = self._ground.living.get(wallet_name(wallet))
        if isinstance(actor, WalletActor) and actor.is_ready:
            for invariant, detail in claims.of(actor.wallet, account):
                self.fail(invariant, detail)

    def _check_sums(self, wallet: WalletId) -> None:
        total = sum(self._exposures.values(), ZERO)
        if total > self._limit_usd + DUST_USD:
            parts = ", ".join(f"{name} {used:.4f}" for name, used in self._exposures.items())
            self.fail("I1", f"the worst case is {total:.4f} of {self._limit_usd} USD ({parts})")
        grants = self._ground.control_disk.grants()
        granted = grants.get(wallet, ZERO)
        if granted + DUST_USD < self._exposures[wallet]:
            self.fail(
                "I8", f"{wallet} is granted {granted}, its worst case is {self._exposures[wallet]:.4f} USD"
            )
        lent = sum(grants.values(), ZERO)
        if lent > self._limit_usd * DRIFT:
            self.fail("I8", f"{lent} USD are granted of {self._limit_usd}")

    def _is_journaled(self, wallet: WalletId, order_id: ClientOrderId) -> bool:
        name, id_ = f"{wallet}.journal", order_id.encode()
        files = (host.disk.files.get(name) for host in self._ground.hosts.values())
        return any(file is not None and file.data.find(id_, 0, file.durable) >= 0 for file in files)


@dataclass(frozen=True, slots=True)
class _Told:
    """News of the venue, for people."""

    event: UserEvent

    def __str__(self) -> str:
        event = self.event
        if isinstance(event, OrderReport):
            return f"{event.status} {_text(event.order)} filled {event.filled} {event.reason}"
        return f"{event.side} {event.size} {event.symbol} @ {event.price} of {event.order_id}"


def _text(order: Order) -> str:
    price = order.price or order.trigger or "market"
    reduces = " reduce-only" if order.reduce_only else ""
    return f"{order.type} {order.side} {order.size} {order.symbol} @ {price}{reduces} {order.id}"
