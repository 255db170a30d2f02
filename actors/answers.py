"""What a wallet says of its orders to the bot that asked for them."""

from __future__ import annotations

from collections.abc import Collection

from actors.ledger import LedgerOrder
from actors.messages import Outcome, OutcomeKind, Refusal
from actors.order_state import OrderState
from adapters.errors import VenueError
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


def refusal(refused: Refused) -> Outcome:
    """It was never sent."""
    reason = Refusal(refused.symbol, refused.rule, refused.detail, refused.limit, refused.value)
    return Outcome(refused.intent_id, OutcomeKind.REFUSED, refused.symbol, refusal=reason)


def outcome(order: LedgerOrder, error: VenueError | None = None) -> Outcome:
    """What became of it."""
    return Outcome(
        id=order.order.id,
        kind=_KINDS.get(order.state, OutcomeKind.PLACED),
        symbol=order.order.symbol,
        filled=order.filled,
        average_price=order.cost_usd / order.filled if order.filled else None,
        error_class=type(error).__name__ if error else "",
        error_detail=str(error) if error else "",
    )


def resting(order: LedgerOrder) -> OrderReport:
    """A live order, as the bot sees it."""
    average = order.cost_usd / order.filled if order.filled else None
    return OrderReport(
        order=order.order, status=OrderStatus.OPEN, filled=order.filled, average_price=average, at=order.at
    )
