"""The escrow: whatever is delayed, lost, doubled or restarted, no more is lent than there is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.model import ZERO, WalletId
from risk.leases import RHO, Grant, Lease, Renewal, holder_deadline, lapsed_at, lend

LIMIT = Decimal(1000)
A, B, C = (WalletId(name) for name in "abc")


def a_renewal(wallet: WalletId = A, used: int | Decimal = 0, **changes: object) -> Renewal:
    base = Renewal(
        wallet=wallet,
        incarnation=1,
        request=1,
        used_usd=Decimal(used),
        applied_epoch=0,
        applied_sequence=0,
        applied_budget_usd=ZERO,
        equity_usd=Decimal(100),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


class Guard:
    """The pure rule with the memory that it needs."""

    def __init__(self, *wallets: WalletId) -> None:
        self.grants = {wallet: Grant(wallet=wallet, incarnation=1) for wallet in wallets}
        self.used: dict[WalletId, Decimal] = {}
        self.epoch = 1

    def renew(self, renewal: Renewal) -> Lease | None:
        answer = lend(self.grants, renewal, used=self.used, limit_usd=LIMIT, epoch=self.epoch, ttl_s=5.0)
        if answer is None:
            return None
        self.used[renewal.wallet] = renewal.used_usd
        self.grants[renewal.wallet], lease = answer
        return lease

    def settle(self, used: dict[WalletId, Decimal], rounds: int = 6) -> dict[WalletId, Decimal]:
        """Renew all round until budgets move no more; what each holds then."""
        held: dict[WalletId, Lease] = {}
        for _ in range(rounds):
            for wallet in self.grants:
                known = held.get(wallet)
                renewal = a_renewal(wallet, used[wallet])
                if known is not None:
                    renewal = replace(
                        renewal,
                        applied_epoch=known.epoch,
                        applied_sequence=known.sequence,
                        applied_budget_usd=known.budget_usd,
                    )
                lease = self.renew(renewal)
                assert lease is not None
                held[wallet] = lease
        return {wallet: lease.budget_usd for wallet, lease in held.items()}


def test_a_lone_wallet_gets_the_whole_limit() -> None:
    assert Guard(A).settle({A: ZERO}) == {A: LIMIT}


def test_idle_wallets_share_evenly() -> None:
    budgets = Guard(A, B, C).settle(dict.fromkeys((A, B, C), ZERO))
    assert all(abs(budget - LIMIT / 3) <= Decimal("0.01") for budget in budgets.values())


def test_budgets_move_to_where_they_are_used() -> None:
    guard = Guard(A, B)
    guard.settle({A: ZERO, B: ZERO})
    assert guard.settle({A: Decimal(500), B: ZERO}) == {A: Decimal(750), B: Decimal(250)}
    assert guard.settle({A: Decimal(700), B: ZERO}) == {A: Decimal(850), B: Decimal(150)}
    assert guard.settle({A: ZERO, B: Decimal(100)}) == {A: Decimal(450), B: Decimal(550)}


def test_an_old_incarnation_and_a_stranger_get_silence() -> None:
    guard = Guard(A)
    assert guard.renew(a_renewal(incarnation=0)) is None
    assert guard.renew(a_renewal(incarnation=2)) is None
    assert guard.renew(a_renewal(B)) is None


def test_a_shrink_frees_nothing_before_it_is_acknowledged() -> None:
    guard = Guard(A, B)
    first = guard.renew(a_renewal(A, 800))
    assert first is not None
    shrunk = guard.renew(a_renewal(A, 0))
    assert shrunk is not None
    assert shrunk.budget_usd < guard.grants[A].granted_usd == first.budget_usd
    guard.renew(a_renewal(B, 100))
    assert guard.grants[B].granted_usd <= LIMIT - first.budget_usd


def test_a_lease_that_is_held_stays_granted_while_a_smaller_one_is_on_its_way() -> None:
    guard = Guard(A, B)
    first = guard.renew(a_renewal(A))
    assert first is not None
    guard.used[B] = Decimal(400)
    holding = a_renewal(
        A,
        applied_epoch=first.epoch,
        applied_sequence=first.sequence,
        applied_budget_usd=first.budget_usd,
    )
    smaller = guard.renew(holding)
    assert smaller is not None
    assert smaller.budget_usd < first.budget_usd == guard.grants[A].granted_usd


def test_having_reclaimed_frees_nothing_of_what_was_lent_since() -> None:
    guard = Guard(A, B)
    first = guard.renew(a_renewal(A, reclaimed=True))
    assert first is not None
    guard.used[B] = Decimal(400)
    guard.renew(a_renewal(A, reclaimed=True))
    assert guard.grants[A].granted_usd == first.budget_usd


def test_an_acknowledgement_frees_no_more_than_is_not_used() -> None:
    guard = Guard(A, B)
    guard.renew(a_renewal(A, 800))
    shrunk = guard.renew(a_renewal(A, 0))
    assert shrunk is not None
    acknowledged = a_renewal(
        A,
        Decimal("600.005"),
        applied_epoch=shrunk.epoch,
        applied_sequence=shrunk.sequence,
        applied_budget_usd=shrunk.budget_usd,
    )
    guard.used[B] = Decimal(400)  # so that there is nothing to share
    guard.renew(acknowledged)
    assert guard.grants[A].granted_usd == Decimal("600.005")


def test_a_new_epoch_counts_from_one_and_frees_nothing() -> None:
    guard = Guard(A)
    first = guard.renew(a_renewal(A, 800))
    assert first is not None
    guard.epoch = 2
    acknowledged = a_renewal(
        A, 0, applied_epoch=first.epoch, applied_sequence=0, applied_budget_usd=first.budget_usd
    )
    lease = guard.renew(acknowledged)
    assert lease is not None
    assert (lease.epoch, lease.sequence) == (2, 1)
    assert guard.grants[A].granted_usd == first.budget_usd


def test_a_lowered_limit_takes_back_what_is_not_used_and_lends_nothing_new() -> None:
    guard = Guard(A, B)
    guard.settle({A: Decimal(400), B: Decimal(400)})
    answer = lend(guard.grants, a_renewal(A, 400), used=guard.used, limit_usd=Decimal(500), epoch=1, ttl_s=5)
    assert answer is not None
    assert answer[1].budget_usd == 400


@pytest.mark.parametrize("ttl_s", [0.5, 5.0, 60.0])
def test_the_holders_deadline_lies_before_the_guards_lapse_by_both_clocks_errors(ttl_s: float) -> None:
    assert holder_deadline(10.0, ttl_s) == pytest.approx(10 + ttl_s * (1 - 2 * RHO))
    assert lapsed_at(10.0, ttl_s) == pytest.approx(10 + ttl_s * (1 + 2 * RHO))


class Escrow(RuleBasedStateMachine):
    """Two wallets and a guard: messages late, lost or doubled, a guard that restarts from its disk.

    A wallet raises what it uses only within its lease. What must hold at every instant: the sum of what is granted,
    and so of what is used, is within the limit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.guard = Guard(A, B)
        self.disk = dict(self.guard.grants)
        self.holds: dict[WalletId, Lease | None] = {A: None, B: None}
        self.uses = {A: ZERO, B: ZERO}
        self.requests = {A: 0, B: 0}
        self.asking: list[Renewal] = []
        self.answers: list[Lease] = []

    @rule(wallet=st.sampled_from((A, B)))
    def ask(self, wallet: WalletId) -> None:
        self.requests[wallet] += 1
        lease = self.holds[wallet]
        self.asking.append(
            a_renewal(
                wallet,
                self.uses[wallet],
                request=self.requests[wallet],
                applied_epoch=lease.epoch if lease else 0,
                applied_sequence=lease.sequence if lease else 0,
                applied_budget_usd=lease.budget_usd if lease else ZERO,
            )
        )

    @precondition(lambda self: self.asking)
    @rule(data=st.data(), survives=st.booleans())
    def answer(self, data: st.DataObject, survives: bool) -> None:
        index = data.draw(st.integers(0, len(self.asking) - 1))
        lease = self.guard.renew(self.asking.pop(index))
        self.disk = dict(self.guard.grants)  # before the answer leaves
        if survives and lease is not None:
            self.answers.append(lease)

    @precondition(lambda self: self.answers)
    @rule(data=st.data(), again=st.booleans())
    def hear(self, data: st.DataObject, again: bool) -> None:
        index = data.draw(st.integers(0, len(self.answers) - 1))
        lease = self.answers[index] if again else self.answers.pop(index)
        known = self.holds[lease.wallet]
        newest = (known.epoch, known.sequence) if known else (0, 0)
        if lease.request == self.requests[lease.wallet] and (lease.epoch, lease.sequence) > newest:
            self.holds[lease.wallet] = lease
            self.requests[lease.wallet] += 1

    @rule(wallet=st.sampled_from((A, B)), more=st.integers(1, 1000))
    def use(self, wallet: WalletId, more: int) -> None:
        lease = self.holds[wallet]
        if lease is not None and self.uses[wallet] + more <= lease.budget_usd:
            self.uses[wallet] += more

    @rule(wallet=st.sampled_from((A, B)), share=st.integers(0, 10))
    def give_back(self, wallet: WalletId, share: int) -> None:
        self.uses[wallet] = self.uses[wallet] * share / 10

    @rule()
    def restart_the_guard(self) -> None:
        epoch = self.guard.epoch
        self.guard = Guard(A, B)
        self.guard.grants, self.guard.epoch = dict(self.disk), epoch + 1

    @invariant()
    def no_more_is_granted_than_there_is(self) -> None:
        assert sum((grant.granted_usd for grant in self.guard.grants.values()), ZERO) <= LIMIT
        assert sum((grant.granted_usd for grant in self.disk.values()), ZERO) <= LIMIT

    @invariant()
    def nobody_uses_more_than_is_granted_to_him(self) -> None:
        for wallet, used in self.uses.items():
            assert used <= self.guard.grants[wallet].granted_usd


TestEscrow = Escrow.TestCase
TestEscrow.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
