"""One planted bug, for the tests of the simulator itself."""

from actors.journal import LogJournal
from actors.ledger_events import Intended, LedgerEvent
from actors.log_file import LogFile
from actors.processes import WalletLaunch
from cluster.simulation.parts import Parts

FORGETFUL_SEED = 0


class ForgetfulJournal(LogJournal):
    """Writes nothing of what is about to be sent."""

    def append(self, *events: LedgerEvent) -> None:
        super().append(*(event for event in events if not isinstance(event, Intended)))


class ForgetfulParts(Parts):
    def journal(self, log: LogFile, launch: WalletLaunch) -> LogJournal:
        return ForgetfulJournal(log, sync=True)
