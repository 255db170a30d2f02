"""The error tree. What to do next is a class attribute, so that one place reads it.

    TradingError
    ├── ConfigError              the operator's file or command is wrong
    ├── Conflict                 the command makes sense, but not now
    ├── LinkError                the other end of a link is gone or late
    │   └── StaleCommand         it arrived after its deadline and was not executed
    ├── Fenced                   an old incarnation or epoch spoke
    └── VenueError
        ├── Temporary            network, 5xx: the request did not take effect, or is safe to repeat
        ├── RateLimited          wait ``retry_after_s``
        ├── OutcomeUnknown       it may have taken effect: ask the venue, never assume
        ├── InvalidParam         precision, step, format
        ├── RiskRejected         the venue's own margin, leverage or position rule
        ├── MarketClosed         the market takes no new exposure: reduce-only, maintenance, delisted
        ├── Insufficient         balance or margin
        ├── NotFound             no such order, or it is already gone
        └── ExchangeDown         maintenance, or it cannot be reached

The message is the one positional argument and everything else is a keyword with a default: only so does an error
survive pickling, and thus a call between machines.
"""

from __future__ import annotations

from enum import StrEnum


class Disposition(StrEnum):
    """What the caller does next."""

    RETRY = "retry"  # back off with jitter, same identity
    WAIT = "wait"  # as long as the venue says, then the same identity
    RESOLVE = "resolve"  # query by client order id until there is proof
    FAIL_ORDER = "fail_order"
    FAIL_CYCLE = "fail_cycle"
    HALT_BOT = "halt_bot"


class TradingError(Exception):
    """Root of all errors that the fleet raises on purpose."""

    disposition = Disposition.FAIL_CYCLE


class ConfigError(TradingError):
    """The operator's input is wrong; the text names the file, the key and what would be right."""

    disposition = Disposition.HALT_BOT


class Conflict(TradingError):
    """The command makes sense, but not now: another fleet is up, a bot still runs, a confirmation is missing."""

    disposition = Disposition.HALT_BOT


class LinkError(TradingError):
    """The other end of a link is gone, late, or does not speak our protocol."""

    disposition = Disposition.RETRY


class StaleCommand(LinkError):
    """The command reached its target after its deadline and was not executed."""

    disposition = Disposition.FAIL_CYCLE


class Fenced(TradingError):
    """An old epoch or incarnation spoke; it must stop."""

    disposition = Disposition.HALT_BOT


class VenueError(TradingError):
    """Anything a venue can answer but success."""

    disposition = Disposition.RETRY

    def __init__(self, message: str, *, venue: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.venue = venue
        self.retry_after_s = retry_after_s


class Temporary(VenueError):
    """A passing fault; the request had no effect, or repeating it has none."""


class RateLimited(VenueError):
    """Too many requests; see ``retry_after_s``."""

    disposition = Disposition.WAIT


class OutcomeUnknown(VenueError):
    """The request may have taken effect."""

    disposition = Disposition.RESOLVE


class InvalidParam(VenueError):
    """Precision, step, format or an unknown symbol."""

    disposition = Disposition.FAIL_ORDER


class RiskRejected(VenueError):
    """The venue's own margin, leverage or position rule."""

    disposition = Disposition.FAIL_ORDER


class MarketClosed(VenueError):
    """The market takes no new exposure until its mode changes; reducing may still pass."""

    disposition = Disposition.FAIL_ORDER


class Insufficient(VenueError):
    """Not enough balance or margin: a smaller size may pass."""

    disposition = Disposition.FAIL_ORDER


class NotFound(VenueError):
    """The venue has no such order, or it is no longer open."""

    disposition = Disposition.FAIL_ORDER


class ExchangeDown(VenueError):
    """The venue cannot be reached or is in maintenance."""

    disposition = Disposition.FAIL_CYCLE
