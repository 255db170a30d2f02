"""How Hyperliquid writes numbers and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.model import Side

Json = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USD_DECIMALS = 6
_MILLISECOND = timedelta(milliseconds=1)


def number(value: Decimal) -> str:
    """As the venue shows it: no exponent, no spare zeros, but at least one decimal: "100.0", "0.25"."""
    text = plain(value)
    return text if "." in text else f"{text}.0"


def plain(value: Decimal) -> str:
    """As a client signs it: no exponent and no spare zeros: "100", "0.25"."""
    return f"{value.normalize():f}" if value else "0"


def usd(value: Decimal) -> str:
    """Money, to a millionth of a dollar."""
    return number(round(value, USD_DECIMALS))


def millis(at: datetime) -> int:
    """Milliseconds since 1970."""
    return (at - EPOCH) // _MILLISECOND


def moment(milliseconds: int) -> datetime:
    """The time that ``millis`` tells."""
    return EPOCH + milliseconds * _MILLISECOND


def side_letter(side: Side) -> str:
    """B for a bid, A for an ask."""
    return "B" if side is Side.BUY else "A"
