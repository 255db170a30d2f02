"""The account's fills, with numbers, which the exchange does not give them.

A fill's own number is its millisecond and its rank in it by ``tid``: all of an account's fills of one millisecond are
of one block, which is shown whole, so that everybody who looks finds the same numbers, after a restart too. A fill that
comes to light only after a younger one was told gets the next number instead, so that numbers only rise and none is
passed over.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from adapters.hyperliquid.markets import Markets
from adapters.hyperliquid.orders import SIDES, id_of
from adapters.hyperliquid.sent import SentOrders
from adapters.hyperliquid.wire import FillLine
from adapters.market.wire import at_ms
from adapters.model import ZERO, Fill, Liquidity

RANKS = 10_000  # numbers in a millisecond; as many fills are all that the exchange still tells of
KEPT = 20_000
PAGE = 2_000  # fills in one answer; with so many, its last millisecond may not be whole
USD_TOKENS = frozenset({"USDC", "USDT0", "USDH", "USDE"})
_Key = tuple[int, int, int, Decimal, Decimal]


class FillBook:
    """All fills above the number that was first asked for, each under one number.

    Args:
        sent: for the ids of orders whose fills do not tell them.
    """

    def __init__(self, sent: SentOrders) -> None:
        self._sent = sent
        self._audited_ms: int | None = None  # up to here all have been asked for, and not only heard of
        self._base: int | None = None  # at and below it, every fill has its own number
        self._fills: list[Fill] = []
        self._known: dict[_Key, Fill] = {}
        self._traded: dict[int, tuple[Decimal, Decimal]] = {}  # by the exchange's number: size, cost

    def heard(self, lines: Iterable[FillLine], markets: Markets) -> list[Fill]:
        """Take in what a stream tells; the fills that are new, in their order."""
        numbered = _numbered(lines)
        if self._base is None:
            self._base = numbered[0][0] - 1 if numbered else 0
        return [
            self._new(sequence, line, markets)
            for sequence, line in numbered
            if sequence > self._base and _key(line) not in self._known
        ]

    def page(self, lines: Sequence[FillLine], sequence: int, markets: Markets) -> list[Fill]:
        """Take in what was asked for from ``since_ms(sequence)`` on; all above the number, oldest first."""
        if len(lines) >= PAGE:
            last = max(line.time for line in lines)
            lines = [line for line in lines if line.time < last] or lines
        if self._base is None:
            self._base = sequence
        if self._audited_ms is None:
            self._audited_ms = sequence // RANKS
        older: list[Fill] = []
        for number, line in _numbered(lines):
            known = self._known.get(_key(line))
            if known is None and number <= self._base:
                if number > sequence:
                    older.append(self._fill(line, number, None, markets))
            elif known is None:
                self._new(number, line, markets)
            self._audited_ms = max(self._audited_ms, line.time)
        if not older:
            return self.after(sequence)
        # these are told first, and in the order of their own numbers; the others follow with the next question
        previous = [sequence, *(fill.sequence for fill in older)]
        return [replace(fill, previous=before) for fill, before in zip(older, previous, strict=False)]

    def since_ms(self, sequence: int) -> int:
        """From which millisecond on to ask, so that nothing above the number is missed, nor what was not heard."""
        own_ms = sequence // RANKS
        return own_ms if self._audited_ms is None else min(own_ms, self._audited_ms)

    def after(self, sequence: int) -> list[Fill]:
        """The fills in memory above the number."""
        return self._fills[bisect_right(self._fills, sequence, key=lambda fill: fill.sequence) :]

    def covers(self, sequence: int) -> bool:
        """Whether every fill above the number that was ever told is in memory."""
        first = self._fills[0].previous if self._fills else self._base
        return first is not None and sequence >= first

    def traded(self, oid: int) -> tuple[Decimal, Decimal]:
        """What is known to have traded of an order: size, and its cost."""
        return self._traded.get(oid, (ZERO, ZERO))

    def _new(self, sequence: int, line: FillLine, markets: Markets) -> Fill:
        newest = self._fills[-1].sequence if self._fills else self._base
        if newest is not None and sequence <= newest:
            sequence = newest + 1
        fill = self._fill(line, sequence, newest, markets)
        self._fills.append(fill)
        self._known[_key(line)] = fill
        size, cost = self.traded(line.oid)
        self._traded[line.oid] = (size + line.size, cost + line.size * line.price)
        if len(self._fills) > KEPT:
            self._trim()
        return fill

    def _fill(self, line: FillLine, sequence: int, previous: int | None, markets: Markets) -> Fill:
        # the fee of a spot purchase is taken in what was bought
        fee = line.fee if line.fee_token in USD_TOKENS else line.fee * line.price
        own_id = None if line.cloid else self._sent.id_of(line.oid)
        return Fill(
            id=f"{line.time}-{line.oid}-{line.tid}",
            sequence=sequence,
            previous=previous,
            order_id=own_id or id_of(line.cloid, line.oid),
            symbol=markets.symbol_of(line.coin),
            side=SIDES[line.side],
            price=line.price,
            size=line.size,
            fee=fee,
            liquidity=Liquidity.TAKER if line.crossed else Liquidity.MAKER,
            at=at_ms(line.time),
        )

    def _trim(self) -> None:
        """Forget the older half; what was asked for up to there keeps its own numbers."""
        kept = self._fills[KEPT // 2 :]
        self._base = max(self._base or 0, kept[0].sequence - 1)
        self._fills = kept
        sequences = {fill.sequence for fill in kept}
        self._known = {key: fill for key, fill in self._known.items() if fill.sequence in sequences}
        oids = {key[1] for key in self._known}
        self._traded = {oid: traded for oid, traded in self._traded.items() if oid in oids}


def _key(line: FillLine) -> _Key:
    return (line.time, line.oid, line.tid, line.start_position, line.size)


def _numbered(lines: Iterable[FillLine]) -> list[tuple[int, FillLine]]:
    """The fills by their own numbers, each once."""
    by_ms: defaultdict[int, dict[_Key, FillLine]] = defaultdict(dict)
    for line in lines:
        by_ms[line.time][_key(line)] = line
    return [
        (ms * RANKS + rank, line)
        for ms, found in sorted(by_ms.items())
        for rank, line in enumerate(sorted(found.values(), key=lambda line: (line.tid, line.oid)), start=1)
    ]
