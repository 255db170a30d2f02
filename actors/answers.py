"""What a wallet says of its orders to the bot that asked for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from actors.ledger import LedgerOrder
from actors.messages import Outcome, OutcomeKind, Refusal
from actors.order_state import OrderState
from adapters.errors import Disposition, VenueError
from adapters.model import BotId, OrderReport, OrderStatus, Symbol
from risk.intent import Intent, bot_tag, is_ours, tag_of
from risk.verdict import Refused

_KINDS = {
    OrderState.INTENDED: OutcomeKind.UNKNOWN,  # it is being sent at this moment
    OrderState.UNKNOWN: OutcomeKind.UNKNOWN,
    OrderState.REJECTED: OutcomeKind.REJECTED,
    OrderState.EXPIRED: OutcomeKind.REJECTED,
}


def stranger(intent: Intent, bot: BotId) -> Refused | None:
    """Ids say whose an order is, also after everything else is lost: a bot signs with its own only."""
    if intent.bot == bot and is_ours(intent.id) and tag_of(intent.id) == bot_tag(bot):
        return None
    detail = f"the intent's id is not one of {bot}"
    return Refused(intent_id=intent.id, symbol=intent.symbol, rule="malformed", detail=detail)


def beside_another(intent: Intent, standing: Collection[Symbol]) -> Refused | None:
    """An order that adds exposure is not put beside one that it was to replace, and that may still rest."""
    if intent.purpose.reduces or intent.symbol not in standing:
        return None
    detail = f"an order in {intent.symbol} that should be cancelled first may still rest"
    return Refused(intent_id=intent.id, symbol=intent.symbol, rule="cancel_first", detail=detail)


def unsent(intent: Intent) -> Outcome | None:
    """The venue is down: what adds exposure is not sent in this cycle any more. What reduces is tried."""
    if intent.purpose.reduces:
        return None
    detail = "the venue is down: the rest of the cycle is not sent"
    return refusal(Refused(intent_id=intent.id, symbol=intent.symbol, rule="exchange_down", detail=detail))


def refusal(refused: Refused, context: bytes = b"") -> Outcome:
    """It was never sent."""
    return Outcome(
        refused.intent_id, OutcomeKind.REFUSED, refused.symbol, refusal=told(refused), context=context
    )


def told(refused: Refused) -> Refusal:
    """The same as a message."""
    return Refusal(
        refused.symbol, refused.rule, refused.detail, refused.limit, refused.value, refused.is_enforced
    )


def outcome(
    order: LedgerOrder,
    error: VenueError | None = None,
    *,
    advised: Sequence[Refused] = (),
    context: bytes = b"",
    hint: str = "",
) -> Outcome:
    """What became of it.

    Args:
        order: as it stands now.
        error: that came instead of the venue's word.
        advised: rules that it broke and that are not enforced.
        context: what its review saw, if that is to be kept.
        hint: what would help against the error.
    """
    return Outcome(
        id=order.order.id,
        kind=_KINDS.get(order.state, OutcomeKind.PLACED),
        symbol=order.order.symbol,
        filled=order.filled,
        average_price=order.cost_usd / order.filled if order.filled else None,
        error_class=type(error).__name__ if error else "",
        error_detail="; ".join(filter(None, (str(error), hint))) if error else "",
        advised=tuple(map(told, advised)),
        venue_id=order.venue_id,
        fails_cycle=error is not None and error.disposition is Disposition.FAIL_CYCLE,
        context=context,
    )


def resting(order: LedgerOrder) -> OrderReport:
    """A live order, as the bot sees it."""
    average = order.cost_usd / order.filled if order.filled else None
    return OrderReport(
        order=order.order, status=OrderStatus.OPEN, filled=order.filled, average_price=average, at=order.at
    )
