"""Which classes a simulated fleet is made of: the production ones, but for bots that hold nothing back.

A test plants a bug by overriding one method."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from actors.bot import Bot
from actors.journal import LogJournal
from actors.kill_switch import End, KillSwitch, Reach
from actors.leasing import Guard
from actors.ledger import Ledger, replayed
from actors.ledger_events import LedgerEvent
from actors.log_file import LogFile
from actors.loss_watch import Halts
from actors.processes import BotLaunch, Processes, WalletLaunch
from actors.risk_guard import RiskGuard
from actors.store import FleetStore, GuardStore, HaltStore
from actors.supervisor import Supervisor
from actors.wallet import Wallet
from actors.wallet_client import WalletClient
from actors.wallet_service import WalletService
from adapters.clock import Clock
from adapters.link import Dial
from adapters.model import ClientOrderId, Instrument, Symbol
from adapters.paper.client import PaperClient
from adapters.paper.exchange import PaperExchange
from adapters.venue import Fence, Venue
from config.spec import FleetSpec
from risk.first_line import House, Line
from risk.intent import Intent
from strategies.registry import build
from strategies.strategy import View


class NoLine:
    """Lets every wish pass. Implements ``Line``."""

    def judge(self, intent: Intent, cancels: Collection[ClientOrderId]) -> None:
        return None


class RecklessBot(Bot):
    """A bot without its own line of defence: what is promised is the wallet's to keep, whatever its bots ask for."""

    def line(self, view: View, house: House) -> Line:
        return NoLine()


class Parts:
    """See the module. Every method is called in the process that the part is for."""

    def journal(self, log: LogFile, launch: WalletLaunch) -> LogJournal:
        return LogJournal(log, sync=launch.spec.journal == "fsync")

    def ledger(self, events: Sequence[LedgerEvent]) -> Ledger:
        return replayed(events)

    def venue(self, dial: Dial, launch: WalletLaunch, fence: Fence) -> Venue:
        return PaperClient(dial, launch.spec.name, launch.spec.equity_usd, fence=fence)

    def wallet(
        self, launch: WalletLaunch, venue: Venue, journal: LogJournal, ledger: Ledger, clock: Clock, node: str
    ) -> Wallet:
        return Wallet(
            launch.spec,
            launch.incarnation,
            venue=venue,
            journal=journal,
            ledger=ledger,
            clock=clock,
            limits=launch.limits,
            node=node,
        )

    def wallet_service(
        self,
        wallet: Wallet,
        launch: WalletLaunch,
        venue: Venue,
        guard: Guard,
        dial_market: Dial,
        clock: Clock,
    ) -> WalletService:
        return WalletService(
            wallet,
            venue=venue,
            guard=guard,
            dial_market=dial_market,
            renew_every_s=launch.lease_ttl_s / 3,
            clock=clock,
        )

    def wallet_client(self, dial: Dial, clock: Clock) -> WalletClient:
        return WalletClient(dial, clock)

    def bot(self, launch: BotLaunch, wallet: WalletClient, clock: Clock) -> Bot:
        strategy = build(launch.spec.strategy.kind, launch.spec.strategy.fields)
        return RecklessBot(
            launch.spec, launch.epoch, strategy, wallet=wallet, advisor=None, clock=clock, cycle=launch.cycle
        )

    def risk_guard(self, fleet: FleetSpec, store: GuardStore, halts: Halts, clock: Clock) -> RiskGuard:
        wallets = [wallet.name for wallet in fleet.wallets]
        return RiskGuard(fleet.limits, fleet.on_breach, wallets, store=store, halts=halts, clock=clock)

    def kill_switch(self, store: HaltStore, reach: Reach, end: End, clock: Clock) -> KillSwitch:
        return KillSwitch(store=store, reach=reach, end=end, clock=clock)

    def supervisor(self, store: FleetStore, processes: Processes, clock: Clock) -> Supervisor:
        return Supervisor(store=store, processes=processes, clock=clock)

    def exchange(self, instruments: dict[Symbol, Instrument], clock: Clock, fence: Fence) -> PaperExchange:
        return PaperExchange(instruments, clock=clock, fence=fence)
