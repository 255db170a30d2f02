"""The rules of a recorded market, read off its own numbers, since recordings carry no instrument list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from adapters.model import Instrument, InstrumentKind, Symbol

MAJORS = frozenset({"BTC", "ETH"})
DECIMALS_MAX = 8  # sums of binary floats show up to 17 digits; no venue steps finer than a satoshi


def is_major(symbol: Symbol) -> bool:
    """Whether the base of the symbol ("BTC", "ETH/USD", "BTC-PERP") is BTC or ETH."""
    return re.split(r"[/:_-]", symbol, maxsplit=1)[0].upper() in MAJORS


def infer_instrument(
    symbol: Symbol, kind: InstrumentKind, prices: Iterable[Decimal], sizes: Iterable[Decimal]
) -> Instrument:
    """An instrument whose tick and step are the powers of ten of the most decimals seen, at most 1.

    It can be finer than the venue's own (a tick of 0.5 shows one decimal and becomes 0.1), never coarser than what
    the data proves possible. Fees, margins and leverage are the defaults of ``Instrument``.
    """
    return Instrument(
        symbol=symbol, kind=kind, tick=_finest(prices), step=_finest(sizes), is_major=is_major(symbol)
    )


def _finest(values: Iterable[Decimal]) -> Decimal:
    exponents = (value.normalize().as_tuple().exponent for value in set(values))
    finest = min((exponent for exponent in exponents if isinstance(exponent, int)), default=0)
    return Decimal(1).scaleb(max(min(finest, 0), -DECIMALS_MAX))
