"""The hosts of the Decision pool: its members, and their router, which keeps the books of what models cost."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from actors.decision import DecisionMember, DecisionPool
from actors.log_file import LockedFile
from actors.spending import Budgeted, Spending, Spent
from adapters.model import BotId
from cluster.ray_runtime.host import Host, for_ever
from cluster.ray_runtime.naming import member_name
from cluster.ray_runtime.remote import RemoteAdvisor
from config.spec import FleetSpec
from strategies.advice import Advice, Inquiry


class DecisionMemberHost(Host):
    """One member of the Decision pool. The keys of language models are in its process, and in no other."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        # Whoever calls this actor imports its module, and a bot does without what models need.
        from cluster.ray_runtime.model_access import model_access

        self.incarnation = self.count_life()
        self.member = DecisionMember(model_access(self.home, self.clock))
        return for_ever()

    async def advise(self, inquiry: Inquiry) -> Advice:
        """The executor's advice."""
        await self.started.wait()
        return await self.member.advise(inquiry)


class DecisionHost(Host):
    """The Decision pool's router."""

    async def begin(self) -> Coroutine[Any, Any, None]:
        fleet: FleetSpec
        (fleet,) = self.arguments
        self.incarnation = self.count_life()
        self.fleet_name = fleet.fleet
        self.books: Spending | None = None
        deadline_s = fleet.decision_deadline.total_seconds()
        members = {
            member_name(n): RemoteAdvisor(deadline_s, member_name(n)) for n in range(fleet.decision_actors)
        }
        self.pool = DecisionPool(members, deadline_s, self.clock.monotonic)
        self.budgeted = Budgeted(self.pool, lambda: self._books)
        return for_ever()

    async def advise(self, inquiry: Inquiry) -> Advice:
        """Advice from the least loaded member."""
        await self.started.wait()
        return await self.budgeted.advise(inquiry)

    async def spent(self) -> Mapping[BotId, Spent]:
        """What each bot has spent on models today (UTC)."""
        await self.started.wait()
        return self._books.today()

    async def loads(self) -> Any:
        """What each member has to do."""
        await self.started.wait()
        return self.pool.loads()

    @property
    def _books(self) -> Spending:
        if self.books is None:
            self.books = Spending(LockedFile(self.home.state / f"{self.fleet_name}.spending"), self.clock)
        return self.books
