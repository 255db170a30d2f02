"""The kill switch's part of the store."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.ledger_events import HaltCause, Latch
from actors.store import HaltStore, Latches
from cluster.store.sql import SqlStore, open_store
from config.spec import HaltLevel

LEVELS = st.sampled_from(HaltLevel)
SCOPES = st.sampled_from(["fleet", "wallet:main", "bot:momo"])


def a_latch(scope: str = "fleet", level: HaltLevel = HaltLevel.CANCEL_ALL, reason: str = "") -> Latch:
    return Latch(scope=scope, level=level, generation=0, reason=reason)


async def test_a_new_store_has_no_halt(store: SqlStore) -> None:
    switch: HaltStore = store
    assert await switch.load_latches() == Latches(generation=0, latches=())


async def test_a_latch_carries_the_generation_that_set_it(store: SqlStore) -> None:
    await store.set_latch(a_latch("bot:momo"))
    answer = await store.set_latch(a_latch("fleet", HaltLevel.FLATTEN, "drill"))
    assert answer == Latches(
        generation=2,
        latches=(
            Latch(scope="bot:momo", level=HaltLevel.CANCEL_ALL, generation=1),
            Latch(scope="fleet", level=HaltLevel.FLATTEN, generation=2, reason="drill"),
        ),
    )
    assert await store.load_latches() == answer


async def test_a_shallower_halt_leaves_the_deeper_one(store: SqlStore) -> None:
    deep = await store.set_latch(a_latch(level=HaltLevel.FLATTEN, reason="breach"))
    assert await store.set_latch(a_latch(level=HaltLevel.REDUCE_ONLY)) == deep
    assert await store.set_latch(a_latch(level=HaltLevel.FLATTEN, reason="told twice")) == deep


async def test_a_generation_is_not_used_again_after_the_halt_is_cleared(store: SqlStore) -> None:
    await store.set_latch(a_latch())
    cleared = await store.clear_latch("fleet")
    assert cleared == Latches(generation=2, latches=())
    assert await store.clear_latch("fleet") == cleared
    assert (await store.set_latch(a_latch())).generation == 3


async def test_a_halt_is_cleared_only_if_it_is_of_the_named_generation(store: SqlStore) -> None:
    mine = (await store.set_latch(a_latch(level=HaltLevel.REDUCE_ONLY))).generation
    deeper = await store.set_latch(a_latch(level=HaltLevel.FLATTEN))
    assert await store.clear_latch("fleet", mine) == deeper
    assert not (await store.clear_latch("fleet", deeper.generation)).latches


async def test_a_store_that_fell_behind_overtakes(store: SqlStore) -> None:
    await store.set_latch(a_latch("bot:momo"))
    answer = await store.overtake(7, a_latch(reason="an old copy"))
    assert [(latch.scope, latch.generation) for latch in answer.latches] == [("bot:momo", 1), ("fleet", 8)]
    assert (await store.set_latch(a_latch("wallet:main"))).generation == 9
    again = await store.overtake(9, a_latch(reason="already there, and still not above"))
    assert (again.generation, again.latches[1]) == (10, answer.latches[1])
    assert await store.overtake(7, a_latch()) == again


async def test_a_latch_keeps_its_cause(store: SqlStore) -> None:
    latch = Latch(scope="fleet", level=HaltLevel.FLATTEN, generation=0, cause=HaltCause.LOSS)
    assert [known.cause for known in (await store.set_latch(latch)).latches] == [HaltCause.LOSS]


async def test_a_halt_outlives_its_store_object(store: SqlStore, url: str) -> None:
    latched = await store.set_latch(a_latch())
    other = open_store(url)
    assert await other.load_latches() == latched
    await other.aclose()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(SCOPES, st.none() | LEVELS), max_size=12))
async def test_the_halts_in_force_are_the_deepest_set_since_each_was_cleared(
    store: SqlStore, calls: list[tuple[str, HaltLevel | None]]
) -> None:
    in_force = {latch.scope: latch.level for latch in (await store.load_latches()).latches}
    for scope, level in calls:
        before = await store.load_latches()
        if level is None:
            in_force.pop(scope, None)
            after = await store.clear_latch(scope)
        else:
            in_force[scope] = max(level, in_force.get(scope, level), key=lambda each: each.rank)
            after = await store.set_latch(a_latch(scope, level))
        assert {latch.scope: latch.level for latch in after.latches} == in_force
        assert after.generation == before.generation + (after.latches != before.latches)
        assert all(latch.generation <= after.generation for latch in after.latches)
