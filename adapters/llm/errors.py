"""What can go wrong with a language model, and the table from the official client's errors to ours.

    TradingError
    ├── ModelError             this question gets no answer
    │   ├── ModelRefused       the model, or its provider's filter, will not answer
    │   ├── AnswerCut          the answer reached its length limit: what is there may lack its end
    │   ├── NoAnswer           the endpoint answered, but with nothing that a model said
    │   └── Denied             the key is wrong, or may not use this model
    └── VenueError             as for any endpoint: Temporary, RateLimited, OutcomeUnknown, InvalidParam,
                               Insufficient, ExchangeDown

``OutcomeUnknown`` is a request that may have been worked on and charged for: nobody heard the end of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import isfinite

import openai
from httpx2 import ConnectError, ConnectTimeout, HTTPError

from adapters.errors import (
    ExchangeDown,
    Insufficient,
    InvalidParam,
    OutcomeUnknown,
    RateLimited,
    Temporary,
    TradingError,
)

RETRY_AFTER_MAX_S = 86_400.0
TEXT_MAX = 300  # characters of an endpoint's own words


class ModelError(TradingError):
    """This question gets no answer."""


class ModelRefused(ModelError):
    """The model, or its provider's filter, will not answer."""


class AnswerCut(ModelError):
    """The answer reached its length limit."""


class NoAnswer(ModelError):
    """The endpoint answered with nothing that a model said."""


class Denied(ModelError):
    """The key is wrong, or it may not use this model."""


def mapped(error: openai.OpenAIError | HTTPError, hide: Callable[[str], str], now: datetime) -> TradingError:
    """Our error for one of the client's; the request, which bears the key, is not in it.

    Args:
        error: what the client raised.
        hide: takes secrets out of a text: endpoints repeat keys in what they say.
        now: for a ``Retry-After`` that is a date.
    """
    match error:
        case openai.APIStatusError():
            return _by_status(error, hide(f"{error.status_code}: {error.message}")[:TEXT_MAX], now)
        case openai.APITimeoutError() if isinstance(error.__cause__, ConnectTimeout):
            return ExchangeDown("the endpoint cannot be reached in time")
        case openai.APITimeoutError():
            return OutcomeUnknown("no answer in time")
        case openai.APIConnectionError() if isinstance(error.__cause__, ConnectError | ConnectTimeout):
            return ExchangeDown("the endpoint cannot be reached")
        case openai.APIConnectionError() | HTTPError():
            return OutcomeUnknown("the connection broke before the answer was there")
        case _:
            return NoAnswer(hide(f"{type(error).__name__}: {error}")[:TEXT_MAX])


def _by_status(error: openai.APIStatusError, text: str, now: datetime) -> TradingError:
    match error.status_code:
        case 401 | 403:
            return Denied(text)
        case 402:
            return Insufficient(text)
        case 429 if error.code == "insufficient_quota":
            return Insufficient(text)
        case 429:
            return RateLimited(text, retry_after_s=retry_after_s(error.response.headers, now))
        case 408 | 409 | 425:
            return Temporary(text)
        case status if status >= 500:
            return Temporary(text, retry_after_s=retry_after_s(error.response.headers, now))
        case _:
            return InvalidParam(text)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait as the headers say (RFC 9110, 10.2.3: seconds or a date; some endpoints send milliseconds)."""
    try:
        if text := headers.get("retry-after-ms"):
            seconds = float(text) / 1000
        elif text := headers.get("retry-after", ""):
            seconds = (
                float(text)
                if text.strip().replace(".", "", 1).isdigit()
                else (parsedate_to_datetime(text) - now).total_seconds()
            )
        else:
            return None
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S) if isfinite(seconds) else None
