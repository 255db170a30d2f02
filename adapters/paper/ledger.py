"""Who owns what: cash and positions, exact to the last decimal.

Cash here is *settled* cash: a buyer hands the whole notional to the seller, perpetual or not, so that
equity = cash + Σ size · mark and every trade is a transfer. Nothing is ever divided, hence nothing is ever
lost: the cash of all ledgers together is the deposits, and the sizes of each symbol sum to zero, at any instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

from adapters.model import ZERO, Symbol

# A hundred digits hold any sum of money there is; should one not fit, that is an error and never a rounding.
EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])


@dataclass(slots=True)
class Holding:
    """A signed size in one symbol and what it cost."""

    size: Decimal = ZERO  # base
    cost: Decimal = ZERO  # USD, signed like the size; for the entry price only, no money hangs on it

    @property
    def entry_price(self) -> Decimal:
        return self.cost / self.size if self.size else ZERO

    def add(self, size: Decimal, price: Decimal) -> None:
        """Book a signed size at a price; the cost follows the average-cost method."""
        after = EXACT.add(self.size, size)
        if self.size * size >= 0:
            self.cost += size * price
        elif after * self.size > 0:
            self.cost *= after / self.size
        else:  # closed, or turned around
            self.cost = after * price
        self.size = after


@dataclass(slots=True)
class Ledger:
    """The settled cash and the holdings of one owner."""

    cash: Decimal = ZERO  # USD
    holdings: dict[Symbol, Holding] = field(default_factory=dict)

    def size(self, symbol: Symbol) -> Decimal:
        holding = self.holdings.get(symbol)
        return holding.size if holding is not None else ZERO

    def trade(self, symbol: Symbol, size: Decimal, price: Decimal) -> None:
        """Receive a signed size and pay for it; the other side of the trade books the opposite size."""
        self.holdings.setdefault(symbol, Holding()).add(size, price)
        self.cash = EXACT.subtract(self.cash, EXACT.multiply(size, price))

    def pay(self, amount: Decimal, to: Ledger) -> None:
        """Move USD to another ledger; a negative amount comes from there."""
        self.cash = EXACT.subtract(self.cash, amount)
        to.cash = EXACT.add(to.cash, amount)


@dataclass(slots=True)
class House:
    """The exchange's own ledgers: what the accounts traded against and what they paid."""

    market: Ledger = field(default_factory=Ledger)  # everybody whose orders we see as market data
    fees: Ledger = field(default_factory=Ledger)
    funding: Ledger = field(default_factory=Ledger)  # a clearing ledger: zero after each funding
    deposits: Decimal = ZERO  # USD, all that was ever paid in

    @property
    def ledgers(self) -> Mapping[str, Ledger]:
        return {"market": self.market, "fees": self.fees, "funding": self.funding}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """All ledgers side by side."""

    deposits: Decimal  # USD
    cash: Mapping[str, Decimal]  # USD by ledger; the house's own are "market", "fees" and "funding"
    sizes: Mapping[Symbol, Decimal]  # base, over all ledgers

    @property
    def is_balanced(self) -> bool:
        """Whether no cent and no coin appeared or vanished."""
        return total(self.cash.values()) == self.deposits and not any(self.sizes.values())


def trial_balance(house: House, accounts: Mapping[str, Ledger]) -> TrialBalance:
    """Sum up the house and the accounts."""
    ledgers = {**house.ledgers, **{f"account {name}": ledger for name, ledger in accounts.items()}}
    symbols = sorted({symbol for ledger in ledgers.values() for symbol in ledger.holdings})
    return TrialBalance(
        deposits=house.deposits,
        cash={name: ledger.cash for name, ledger in ledgers.items()},
        sizes={symbol: total(ledger.size(symbol) for ledger in ledgers.values()) for symbol in symbols},
    )


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result
