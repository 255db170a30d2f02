"""Knight Capital's morning: one machine still has last year's code. It must not send a single order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from actors.bot import Bot
from actors.in_process import InProcessWallet
from actors.messages import Admit
from actors.supervisor import Supervisor
from adapters.model import Symbol
from config.identity import identity
from config.spec import BotSpec, FleetSpec, WalletSpec
from strategies.decision import Action, AnyDecision, Decision
from strategies.strategy import View
from tests.actors.builders import ANN, MAIN, Floor, a_bot_spec
from tests.builders import BTC, NOW
from tests.fakes import FakeProcesses, HandClock, MemoryStore

CODE, OLD_CODE = "this year's", "last year's"


@dataclass(frozen=True, kw_only=True)
class Eager:
    """Opens whenever it is asked."""

    symbols: tuple[Symbol, ...] = (BTC,)

    def decide(self, view: View) -> Sequence[AnyDecision]:
        return (
            Decision(
                symbol=BTC,
                action=Action.OPEN_LONG,
                leverage=1,
                position_size_usd=Decimal(500),
                stop_loss=Decimal(900),
            ),
        )


async def a_morning(spec: BotSpec, code: str) -> tuple[Floor, Bot]:
    """A wallet to which this year's code and Ann's settings are deployed, and a bot that runs what it runs."""
    floor = Floor()
    await floor.open(hello=False)
    deployed = a_bot_spec()
    floor.wallet.admit(Admit(deployed, 2, identity(deployed, CODE)))
    way = InProcessWallet(floor.wallet)
    bot = Bot(spec, 2, Eager(), wallet=way, advisor=None, clock=floor.clock, identity=identity(spec, code))
    return floor, bot


async def test_what_is_deployed_trades() -> None:
    floor, bot = await a_morning(a_bot_spec(), CODE)
    await bot.cycle()
    assert floor.held(ANN) > 0


async def test_a_bot_of_other_code_ends_without_an_order() -> None:
    floor, bot = await a_morning(a_bot_spec(), OLD_CODE)
    await bot.run()  # it ends by itself
    assert "not those that are deployed" in bot.note
    assert not floor.wallet.ledger.orders
    assert floor.at_venue() == 0
    assert any("deployed" in problem for problem in floor.wallet.report().problems)


async def test_a_bot_of_other_settings_ends_without_an_order() -> None:
    roomier = replace(a_bot_spec().risk_params, max_position_size_usd=Decimal(10**9))
    floor, bot = await a_morning(a_bot_spec(risk_params=roomier), CODE)
    await bot.run()
    assert not floor.wallet.ledger.orders


async def test_the_supervisor_tells_the_wallet_what_is_deployed() -> None:
    processes, clock = FakeProcesses(), HandClock(NOW)
    supervisor = Supervisor(
        store=MemoryStore(), processes=processes, clock=clock, identify=partial(identity, code=CODE)
    )
    await supervisor.start()
    spec = a_bot_spec()
    fleet = FleetSpec(fleet="test", store="memory", wallets=(WalletSpec(name=MAIN),), bots=(spec,))
    await supervisor.deploy(fleet)
    for _ in range(20):
        await supervisor.tick()
        await clock.advance(0.1)
    (admit,) = processes.wallets[MAIN].admitted
    assert admit == Admit(spec, 1, identity(spec, CODE))
    (launch,) = processes.bots_spawned
    assert identity(launch.spec, CODE) == admit.identity, "what the bot will say"
    for keeper in supervisor.bots.values():
        keeper.release()
