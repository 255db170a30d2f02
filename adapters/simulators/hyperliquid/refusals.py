"""Why the venue says no, in Hyperliquid's own words.

An action is refused whole (``Refused``), or one of its orders is (``OrderRefusal``, inside an answer that is "ok").
Source of texts and status names: Hyperliquid documentation, "Error responses" and "Info endpoint"; the texts about
nonces, vaults, expiry and scheduled cancels are those of the live venue.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from adapters.simulators.hyperliquid.wire import plain

NOT_MODIFIABLE = "Cannot modify canceled or filled order"


class Refused(Exception):
    """The whole action had no effect; the text is the answer."""


class Unreadable(Exception):
    """The request is none: answered with status 422, as text."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Failed to deserialize the JSON body into the target type: {what}")


class RateExceeded(Exception):
    """Answered with status 429."""


@dataclass(frozen=True, slots=True)
class OrderRefusal:
    """Why one order was refused: the text for the answer, and the order's status ever after."""

    text: str
    status: str


def bad_tick(asset: int) -> OrderRefusal:
    """More digits than the price may have."""
    return OrderRefusal(f"Price must be divisible by tick size. asset={asset}", "tickRejected")


def bad_size(asset: int) -> OrderRefusal:
    """More decimals than the size may have."""
    return OrderRefusal(f"Order has invalid size. asset={asset}", "rejected")


def zero_size(asset: int) -> OrderRefusal:
    """Nothing is asked for."""
    return OrderRefusal(f"Order has zero size. asset={asset}", "rejected")


def bad_price(asset: int) -> OrderRefusal:
    """A price of nothing."""
    return OrderRefusal(f"Order has invalid price. asset={asset}", "rejected")


def too_far() -> OrderRefusal:
    """A price that can only be a mistake; this text names no asset."""
    return OrderRefusal("Order price cannot be more than 80% away from the reference price", "oracleRejected")


def too_small(asset: int, *, quote: str | None = None) -> OrderRefusal:
    """Less than ten dollars; on spot markets, than ten of the quote token."""
    minimum = "$10" if quote is None else f"10 {quote}"
    return OrderRefusal(f"Order must have minimum value of {minimum}. asset={asset}", "minTradeNtlRejected")


def bad_trigger(asset: int) -> OrderRefusal:
    """A stop or target that would go off at once."""
    return OrderRefusal(f"Invalid TP/SL price. asset={asset}", "badTriggerPxRejected")


def increases(asset: int) -> OrderRefusal:
    """Reduce-only, and there is nothing that it reduces."""
    return OrderRefusal(f"Reduce only order would increase position. asset={asset}", "reduceOnlyRejected")


def would_match(asset: int, bid: Decimal, ask: Decimal) -> OrderRefusal:
    """Post-only, and it would take."""
    bbo = f"{plain(bid)}@{plain(ask)}"
    return OrderRefusal(
        f"Post only order would have immediately matched, bbo was {bbo}. asset={asset}", "badAloPxRejected"
    )


def no_match(asset: int) -> OrderRefusal:
    """Immediate-or-cancel, and nothing was there."""
    return OrderRefusal(
        f"Order could not immediately match against any resting orders. asset={asset}", "iocCancelRejected"
    )


def known_cloid(asset: int) -> OrderRefusal:
    """The client's id was used before."""
    return OrderRefusal(f"Duplicate cloid. asset={asset}", "rejected")


def not_open(asset: int) -> str:
    """To a cancel."""
    return f"Order was never placed, already canceled, or filled. asset={asset}"


def no_margin(asset: int) -> OrderRefusal:
    """The account cannot back it."""
    return OrderRefusal(f"Insufficient margin to place order. asset={asset}", "perpMarginRejected")


def no_balance(asset: int) -> OrderRefusal:
    """The spot account cannot pay for it."""
    return OrderRefusal(f"Insufficient spot balance asset={asset}", "insufficientSpotBalanceRejected")


def no_liquidity(asset: int) -> OrderRefusal:
    """The market has shown nothing yet."""
    return OrderRefusal(
        f"No liquidity available for market order. asset={asset}", "marketOrderNoLiquidityRejected"
    )
