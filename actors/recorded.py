"""Views and review contexts as bytes: what a cycle's record keeps, so that the cycle can be run again."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

import msgspec

from adapters.model import ZERO, Order
from risk.context import ReviewContext
from risk.intent import Purpose
from strategies.decision import AnyDecision, Decision, Quotes
from strategies.strategy import View

_json = msgspec.json.Encoder(order="deterministic")
LEVEL = 1  # of zlib: most of the gain at a fraction of the time


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    """``risk.context.Sent``, of a recording."""

    order: Order
    purpose: Purpose
    filled: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class _RecordedContext(ReviewContext):
    sent_lately: tuple[PastOrder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _RecordedView(View):
    advice: tuple[Any, ...] = ()  # of two classes that only their fields tell apart


def packed_context(ctx: ReviewContext) -> bytes:
    """The context, without what ``unpacked_context`` would not need."""
    past = tuple(
        PastOrder(order=sent.order, purpose=sent.purpose, filled=sent.filled) for sent in ctx.sent_lately
    )
    return zlib.compress(_json.encode(replace(ctx, sent_lately=past)), LEVEL)


def unpacked_context(packed: bytes) -> ReviewContext:
    """What ``packed_context`` was given. Raises ``ValueError`` for anything else."""
    return msgspec.json.decode(_unzipped(packed), type=_RecordedContext)


def packed_view(view: View) -> bytes:
    """The view, advice included."""
    return zlib.compress(_json.encode(view), LEVEL)


def unpacked_view(packed: bytes) -> View:
    """What ``packed_view`` was given. Raises ``ValueError`` for anything else."""
    recorded = msgspec.json.decode(_unzipped(packed), type=_RecordedView)
    values = {field.name: getattr(recorded, field.name) for field in fields(View)}
    return View(**values | {"advice": tuple(map(decision_of, recorded.advice))})


def plain_view(packed: bytes) -> dict[str, Any]:
    """The view as plain JSON values. Raises ``ValueError``."""
    plain: dict[str, Any] = msgspec.json.decode(_unzipped(packed))
    return plain


def decision_of(plain: Any) -> AnyDecision:
    """A decision from plain JSON values: directional ones name an action. Raises ``ValueError``."""
    kind: type[Decision] | type[Quotes] = Decision if "action" in plain else Quotes
    return msgspec.convert(plain, kind)


def digest(view: Any) -> str:
    """Sixteen hex digits of a view, the same on every machine."""
    return hashlib.blake2b(_json.encode(view), digest_size=8).hexdigest()


def _unzipped(packed: bytes) -> bytes:
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise ValueError(f"is no recording: {error}") from error
