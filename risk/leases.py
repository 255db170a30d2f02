"""Leases: the fleet's limit as an escrow, so that no order needs a remote call.

The guard lends each wallet a budget for a time. The wallet counts that time from when it *asked*, the guard from when
it last *answered*, each with a margin for the rate of its clock, so the wallet always stops first and no synchronised
clock is needed. A raise is on disk before it is sent; a shrink frees nothing until the wallet has acknowledged it;
time alone never gives exposure back.

A wallet that lost its journal does not know what its predecessor had on its way to the venue. It *reclaims*: waits
until its predecessor's lease has lapsed and nothing of it can arrive any more, cancels, reads the venue's ledger, and
only then says what is used. docs/leases.md has the rules by number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal

from adapters.model import ZERO, BotId, WalletId
from strategies.strategy import Performance

CENT = Decimal("0.01")  # budgets are lent in whole ones
RHO = 0.01  # largest error of a clock's rate, as a fraction
TAU = timedelta(
    seconds=2
)  # an order that reaches the venue later than this after it was written is refused there
CLOCK_ERROR = timedelta(seconds=0.5)  # of a wallet's estimate of its venue's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class BotUse:
    """What a wallet says of one of its bots, for the fleet's portfolio."""

    bot: BotId
    weight: Decimal = Decimal(1)
    enabled: bool = True  # seated, and under no halt
    used_usd: Decimal = ZERO  # its own worst case
    budget_usd: Decimal | None = None  # in force; None before the first
    performance: Performance = field(default_factory=Performance)
    volatility_pct: float | None = None  # of its wildest market, a day; None when unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What a wallet says when it asks for its lease again."""

    wallet: WalletId
    incarnation: int
    request: int  # numbered by the wallet
    used_usd: Decimal  # worst case of what it holds, has resting or does not know the outcome of
    applied_epoch: int  # of the lease that it has in force
    applied_sequence: int
    applied_budget_usd: Decimal
    equity_usd: Decimal | None  # None when it cannot be read
    continues: int = 0  # the last incarnation that took a lease, by its journal; 0 for none
    began: tuple[int, ...] = ()  # those that went on with this journal since then
    reclaimed: bool = False  # ``used_usd`` is the venue's own word, read after a fence
    distress: Mapping[str, str] = field(
        default_factory=dict
    )  # halts that it asks for and holds: scope to reason
    bots: tuple[BotUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to hold up to ``budget_usd`` of worst-case exposure for ``ttl_s``."""

    wallet: WalletId
    incarnation: int
    epoch: int  # the guard's start number
    sequence: int  # (epoch, sequence) is totally ordered
    budget_usd: Decimal
    ttl_s: float
    request: int  # the renewal that it answers
    equity_floor_usd: Decimal | None = (
        None  # a wallet that is worth no more has lost its part of the day's limit
    )
    bot_budgets: Mapping[BotId, Decimal] | None = None  # USD; None where the fleet has no portfolio


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the guard has on disk of one wallet."""

    wallet: WalletId
    incarnation: int = 0  # only this one is renewed
    granted_usd: Decimal = ZERO  # upper bound of what the wallet may be using
    epoch: int = 0
    sequence: int = 0  # of the last lease sent
    issued_usd: Decimal = ZERO  # its budget; below ``granted_usd`` while a shrink is not acknowledged
    held_by: int = 0  # the last incarnation that was lent anything


def must_reclaim(grant: Grant, renewal: Renewal) -> bool:
    """Whether another incarnation held rights of which this one has no record, so that its word counts for nothing."""
    holder = grant.held_by
    knows = holder in (0, renewal.incarnation, *renewal.began) or renewal.continues >= holder
    return not (knows or renewal.reclaimed)


def lend(
    grants: Mapping[WalletId, Grant],
    renewal: Renewal,
    *,
    used: Mapping[WalletId, Decimal],
    limit_usd: Decimal,
    epoch: int,
    ttl_s: float,
) -> tuple[Grant, Lease] | None:
    """Answer a renewal: the grant to put on disk first, then the lease to send. ``None`` is silence: it is fenced.

    The budget offered is what the wallet uses and an equal share of what nobody uses, so budgets drift to where they
    are used. It is raised only out of what is not granted to anybody. What is used beyond the grant, by trades that
    no lease covered, is granted too, over the limit if need be: the truth is never counted as less than it is.

    Args:
        grants: what is on disk, every wallet of the fleet.
        used: the last word of every wallet about its own use.
        limit_usd: the fleet's limit over all wallets; with 0, nothing new is lent.
    """
    grant = grants.get(renewal.wallet)
    if grant is None or renewal.incarnation != grant.incarnation:
        return None
    granted = grant.granted_usd
    acknowledges = (renewal.applied_epoch, renewal.applied_sequence) == (grant.epoch, grant.sequence)
    if acknowledges:
        granted = min(granted, max(renewal.applied_budget_usd, renewal.used_usd))
    if renewal.reclaimed and grant.held_by != renewal.incarnation:
        granted = renewal.used_usd
    granted = max(granted, renewal.used_usd)
    others = {name: other.granted_usd for name, other in grants.items() if name != renewal.wallet}
    elsewhere = sum(others.values(), ZERO)
    in_use = renewal.used_usd + sum((used.get(name, all_of_it) for name, all_of_it in others.items()), ZERO)
    share = renewal.used_usd + max(ZERO, limit_usd - in_use) / len(grants)
    budget = min(share, max(granted, limit_usd - elsewhere)).quantize(CENT, ROUND_FLOOR)
    answer = replace(
        grant,
        granted_usd=max(granted, budget),
        epoch=epoch,
        sequence=grant.sequence + 1 if grant.epoch == epoch else 1,
        issued_usd=budget,
        held_by=renewal.incarnation,
    )
    return answer, Lease(
        wallet=renewal.wallet,
        incarnation=grant.incarnation,
        epoch=epoch,
        sequence=answer.sequence,
        budget_usd=budget,
        ttl_s=ttl_s,
        request=renewal.request,
    )


def holder_deadline(asked_at: float, ttl_s: float) -> float:
    """Until when the holder may add risk, on its own clock: from when it asked, cut by twice the rate error."""
    return asked_at + ttl_s * (1 - 2 * RHO)


def lapsed_at(sent_at: float, ttl_s: float) -> float:
    """From when on the guard may take the lease as lapsed, on its own clock."""
    return sent_at + ttl_s * (1 + 2 * RHO)
