"""Our errors as data, so that they cross a link and arrive as themselves."""

from __future__ import annotations

import msgspec

from adapters import errors
from adapters.errors import LinkError, TradingError, VenueError


class ErrorBody(msgspec.Struct, frozen=True, array_like=True):
    """Class name, message, and what a venue error carries beside it."""

    kind: str
    message: str
    venue: str = ""
    retry_after_s: float | None = None


_KINDS: dict[str, type[TradingError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, TradingError)
}


def error_body(error: TradingError) -> ErrorBody:
    """The error as data; a subclass of ours that the other end cannot know travels as its nearest known base."""
    kind = next(base.__name__ for base in type(error).__mro__ if base.__name__ in _KINDS)
    if isinstance(error, VenueError):
        return ErrorBody(kind, str(error), error.venue, error.retry_after_s)
    return ErrorBody(kind, str(error))


def as_error(body: ErrorBody) -> TradingError:
    """The error back from data; an unknown kind becomes a ``LinkError``."""
    kind = _KINDS.get(body.kind, LinkError)
    if issubclass(kind, VenueError):
        return kind(body.message, venue=body.venue, retry_after_s=body.retry_after_s)
    return kind(body.message)
