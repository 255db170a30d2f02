"""Errors cross links and calls between machines whole, and each says what to do next."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from actors.decision import DecisionLate
from adapters import errors
from adapters.errors import Disposition, LinkError, TradingError, VenueError
from adapters.wire_errors import ErrorBody, as_error, error_body

TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TradingError)]
VENUE_ERRORS = [kind for kind in TREE if issubclass(kind, VenueError)]


def state_of(error: TradingError) -> tuple[type[TradingError], str, dict[str, Any]]:
    return type(error), str(error), vars(error)


@pytest.mark.parametrize("kind", TREE)
def test_every_error_has_a_disposition_and_survives_pickling(kind: type[TradingError]) -> None:
    error = kind("what happened")
    assert isinstance(error.disposition, Disposition)
    assert state_of(pickle.loads(pickle.dumps(error))) == state_of(error)
    assert state_of(as_error(error_body(error))) == state_of(error)


@pytest.mark.parametrize("kind", VENUE_ERRORS)
def test_what_a_venue_error_carries_crosses_too(kind: type[VenueError]) -> None:
    error = kind("what happened", venue="paper", retry_after_s=2.5)
    assert state_of(pickle.loads(pickle.dumps(error))) == state_of(error)
    assert state_of(as_error(error_body(error))) == state_of(error)


def test_an_error_that_the_other_end_cannot_know_arrives_as_its_nearest_base() -> None:
    class OutOfSteam(errors.RateLimited):
        """Known to this test only."""

    arrived = as_error(error_body(OutOfSteam("later", venue="x", retry_after_s=9)))
    assert type(arrived) is errors.RateLimited
    assert (str(arrived), arrived.retry_after_s) == ("later", 9)
    assert type(as_error(error_body(DecisionLate("late")))) is TradingError


def test_an_unknown_kind_is_a_link_error() -> None:
    assert type(as_error(ErrorBody("FromTheFuture", "hm"))) is LinkError


@pytest.mark.parametrize(
    ("kind", "disposition"),
    [
        (errors.Temporary, Disposition.RETRY),
        (errors.RateLimited, Disposition.WAIT),
        (errors.OutcomeUnknown, Disposition.RESOLVE),
        (errors.InvalidParam, Disposition.FAIL_ORDER),
        (errors.RiskRejected, Disposition.FAIL_ORDER),
        (errors.Insufficient, Disposition.FAIL_ORDER),
        (errors.NotFound, Disposition.FAIL_ORDER),
        (errors.ExchangeDown, Disposition.FAIL_CYCLE),
        (errors.StaleCommand, Disposition.FAIL_CYCLE),
        (errors.LinkError, Disposition.RETRY),
        (errors.Fenced, Disposition.HALT_BOT),
    ],
)
def test_dispositions(kind: type[TradingError], disposition: Disposition) -> None:
    assert kind.disposition is disposition
