"""What a supervisor may conclude of one bot from what it holds of it."""

from __future__ import annotations

import itertools

import pytest

from actors.bot_keeper import BotKeeper
from actors.lifecycle import BotState, BotStatus
from actors.processes import BotLaunch
from adapters.clock import VirtualClock
from tests.actors.builders import ANN, a_bot_spec
from tests.builders import NOW
from tests.fakes import FakeBot


@pytest.mark.parametrize(
    ("state", "is_settled", "has_process"), [*itertools.product(BotState, (True, False), (True, False))]
)
async def test_a_bot_is_down_when_it_has_stopped_and_its_exit_mode_holds_and_nothing_runs(
    state: BotState, is_settled: bool, has_process: bool
) -> None:
    spec = a_bot_spec()
    launch = BotLaunch(spec=spec, epoch=1, incarnation=1, cycle=0, decision_deadline_s=10.0)
    keeper = BotKeeper(
        spec=spec,
        wanted=False,
        status=BotStatus(bot=ANN, state=state, since=NOW, settled=is_settled),
        clock=VirtualClock(NOW),
        process=FakeBot(launch) if has_process else None,
    )
    has_stopped = state in (BotState.IDLE, BotState.ERROR)
    assert keeper.is_down is (has_stopped and is_settled and not has_process)
