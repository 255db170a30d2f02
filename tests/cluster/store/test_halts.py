"""The kill switch's part of the store."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.ledger_events import Latch
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
