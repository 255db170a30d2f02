"""A language model's whole way for tests: the official client, a local server, the books, and who asks."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.language_model import LanguageModels
from actors.log_file import LockedFile
from actors.spending import Budgeted, Spending, Spent
from adapters.clock import SystemClock
from adapters.llm.settings import Model, SecretRef
from adapters.simulators.llm.faults import Fault, FaultPlan
from adapters.simulators.llm.server import ModelServer
from risk.limits import ExecGuards, RiskParams
from strategies.advice import Advice, Inquiry
from strategies.strategy import View
from tests.builders import BOT

KEY = "sk-canary-4b1d"
PARAMS = RiskParams(
    major_coin_leverage=20,
    altcoin_leverage=10,
    min_confidence=70,
    min_risk_reward_ratio=3.0,
    max_positions=3,
    max_position_size_usd=Decimal(1_500),
)
GUARDS = ExecGuards(
    btceth_position_value_min_equity_multiple=Decimal(0),
    btceth_position_value_max_equity_multiple=Decimal(1),
)
Answers = Callable[[Sequence[Mapping[str, Any]]], str]


@dataclass(slots=True, kw_only=True)
class Desk:
    """A server, and a bot's question to it."""

    server: ModelServer
    models: LanguageModels
    books: Spending
    model: Model
    keys: list[str]  # the newest last

    async def ask(self, view: View, **changes: Any) -> Advice:
        """What is advised on the view; ``changes`` are the model's settings."""
        return await self.advisor.advise(
            Inquiry(
                executor="llm",
                view=view,
                model=replace(self.model, **changes),
                rules={"risk_params": PARAMS, "exec_guards": GUARDS},
            )
        )

    @property
    def advisor(self) -> Budgeted:
        """The model within its budget."""
        return Budgeted(self.models, lambda: self.books)

    @property
    def spent(self) -> Spent:
        return self.books.today().get(BOT, Spent())


@asynccontextmanager
async def a_desk(
    folder: Path, *faults: Fault | None, answers: Answers | None = None, **server: Any
) -> AsyncIterator[Desk]:
    """Everything open, and closed again."""
    given: dict[str, Any] = {} if answers is None else {"answers": answers}
    served = ModelServer(key=KEY, faults=FaultPlan(turns=deque(faults)), **given, **server)
    url = await served.start()
    clock = SystemClock()
    books = Spending(LockedFile(folder / "desk.spending"), clock)
    keys = [KEY]
    models = LanguageModels(lambda _: keys[-1], clock)
    model = Model(
        name="scripted",
        base_url=url,
        key=SecretRef("${KEY}"),
        deadline=timedelta(seconds=5),
        prompt_usd_per_mtok=Decimal(1),
        output_usd_per_mtok=Decimal(4),
        record_prompt=True,
    )
    try:
        yield Desk(server=served, models=models, books=books, model=model, keys=keys)
    finally:
        await models.aclose()
        await served.aclose()
        books.close()
