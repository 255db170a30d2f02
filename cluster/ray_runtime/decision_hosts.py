"""The hosts of the Decision pool: its members and their router."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from actors.decision import DecisionMember, DecisionPool
from cluster.ray_runtime.host import Host, for_ever
from cluster.ray_runtime.naming import member_name
from cluster.ray_runtime.remote import RemoteAdvisor
from config.spec import FleetSpec
from strategies.strategy import View


class DecisionMemberHost(Host):
    """One member of the Decision pool."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        self.incarnation = self.count_life()
        self.member = DecisionMember()
        return for_ever()

    async def advise(self, executor: str, view: View) -> Any:
        """The executor's advice."""
        await self.started.wait()
        return await self.member.advise(executor, view)


class DecisionHost(Host):
    """The Decision pool's router."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        fleet: FleetSpec
        (fleet,) = self.arguments
        self.incarnation = self.count_life()
        deadline_s = fleet.decision_deadline.total_seconds()
        members = {
            member_name(n): RemoteAdvisor(deadline_s, member_name(n)) for n in range(fleet.decision_actors)
        }
        self.pool = DecisionPool(members, deadline_s, self.clock.monotonic)
        return for_ever()

    async def advise(self, executor: str, view: View) -> Any:
        """Advice from the least loaded member."""
        await self.started.wait()
        return await self.pool.advise(executor, view)

    async def loads(self) -> Any:
        """What each member has to do."""
        await self.started.wait()
        return self.pool.loads()
