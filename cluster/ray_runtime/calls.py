"""Ray's failures as ours: whatever goes wrong with a call is a ``LinkError``, whatever the callee raised is itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from adapters.errors import LinkError, TradingError
from cluster.ray_runtime.naming import NAMESPACE


def find(name: str) -> Any:
    """The handle of a named actor. Raises ``LinkError`` when there is none."""
    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError as error:
        raise LinkError(f"there is no actor {name}") from error
    except RayError as error:
        raise LinkError(f"cannot look for {name}: {error}") from error


def end(name: str) -> bool:
    """SIGKILL a named actor, whatever it is doing; says whether there was one. Raises ``LinkError``."""
    try:
        ray.kill(ray.get_actor(name, namespace=NAMESPACE))
    except ValueError:
        return False
    except RayError as error:
        raise LinkError(f"cannot kill {name}: {error}") from error
    return True


async def answer(call: Awaitable[Any], *, timeout_s: float, what: str) -> Any:
    """The answer to a call.

    Raises:
        LinkError: no answer in time, or the actor is gone. The call may still run.
        TradingError: what the callee raised.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await call
    except TimeoutError as error:
        raise LinkError(f"{what}: no answer within {timeout_s:g} s") from error
    except (RayError, asyncio.CancelledError) as error:
        raise _ours(error, what) from error


def answer_now(reference: Any, *, timeout_s: float, what: str) -> Any:
    """As ``answer``, for callers without an event loop."""
    try:
        return ray.get(reference, timeout=timeout_s)
    except GetTimeoutError as error:
        raise LinkError(f"{what}: no answer within {timeout_s:g} s") from error
    except RayError as error:
        raise _ours(error, what) from error


def _ours(error: BaseException, what: str) -> BaseException:
    if isinstance(error, RayTaskError):
        cause = error.cause
        return (
            cause
            if isinstance(cause, TradingError)
            else LinkError(f"{what}: {type(cause).__name__}: {cause}")
        )
    if isinstance(error, RayError):
        return LinkError(f"{what}: {type(error).__name__}")
    return error
