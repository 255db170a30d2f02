"""Hyperliquid's refusals as our errors, by their texts: it has no codes.

A text that nobody has seen yet is still a refusal, since the exchange said so: ``InvalidParam``, which fails the order
and repeats nothing.

Source: Hyperliquid API documentation, "Error responses"; texts quoted in public issues of its clients.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.errors import (
    ExchangeDown,
    Insufficient,
    InvalidParam,
    MarketClosed,
    NotFound,
    RateLimited,
    RiskRejected,
    VenueError,
)
from adapters.hyperliquid.network import VENUE

ADDRESS_LIMIT_WAIT_S = 10.0  # an address beyond its limit has one request every ten seconds
UNMATCHED = re.compile("could not immediately match|no liquidity available for market order", re.IGNORECASE)


class NonceSpent(VenueError):
    """The exchange has had this nonce before, or takes none so low any more: the action is not carried out again."""


class KnownId(VenueError):
    """The exchange has an order under this id."""


class Expired(VenueError):
    """It came after its ``expiresAfter``."""


_TABLE: Sequence[tuple[str, type[VenueError]]] = (
    ("invalid nonce", NonceSpent),
    ("duplicate cloid", KnownId),
    ("expire", Expired),
    ("too many cumulative requests|rate limit|too many requests", RateLimited),
    ("never placed, already canceled, or filled|cannot modify", NotFound),
    ("insufficient|sufficient margin available|not enough", Insufficient),
    ("reduce only order would increase|reduce-only", RiskRejected),
    (
        "leverage|margin tier|cross margin is not allowed|max(imum)? position|too many open orders",
        RiskRejected,
    ),
    ("open interest", RiskRejected),
    (
        "trading is halted|delisted|market is closed|not (currently )?(tradable|trading)|post-only mode",
        MarketClosed,
    ),
    ("maintenance|upgrad(e|ing)|service unavailable", ExchangeDown),
)
_ROWS = [(re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in _TABLE]


def refusal(text: str) -> VenueError:
    """The error that the exchange's text stands for."""
    kind = next((kind for pattern, kind in _ROWS if pattern.search(text)), InvalidParam)
    return kind(text, venue=VENUE, retry_after_s=ADDRESS_LIMIT_WAIT_S if kind is RateLimited else None)


def is_unmatched(text: str) -> bool:
    """Whether an order that was not to rest simply found nothing to trade with."""
    return UNMATCHED.search(text) is not None
