"""One connection to a wallet, as the wallet sees it: requests in, answers and notices out."""

from __future__ import annotations

from typing import Any, assert_never

from actors.messages import (
    Admit,
    Alive,
    AskReport,
    AskTrips,
    Engage,
    Hello,
    Observe,
    Retire,
    Submit,
    Trips,
    WalletReply,
    WalletRequest,
)
from actors.wallet import Wallet
from adapters.link import Notify


class WalletSession:
    """Speaks for whoever connected: a bot, the kill switch or the supervisor."""

    def __init__(self, wallet: Wallet, notify: Notify) -> None:
        self._wallet = wallet
        self._notify = notify

    async def handle(self, request: Any) -> WalletReply:
        message: WalletRequest = request
        match message:
            case Hello():
                return self._wallet.hello(message, self._notify)
            case Observe(bot, epoch):
                return self._wallet.observe(bot, epoch)
            case Alive(bot, epoch):
                self._wallet.alive(bot, epoch)
                return None
            case Submit():
                return await self._wallet.submit(message)
            case Admit():
                self._wallet.admit(message)
                return None
            case Retire():
                return await self._wallet.retire(message)
            case Engage():
                return await self._wallet.engage(message)
            case AskReport(fresh):
                if fresh:
                    await self._wallet.look_again()
                return self._wallet.report()
            case AskTrips(bot):
                return Trips(self._wallet.trips(bot))
            case _:
                assert_never(message)

    async def closed(self) -> None:
        """A bot that is gone gets no more notices; its orders wait for it, or for the orphan sweep."""
        for seat in self._wallet.seats.values():
            if seat.notify is self._notify:
                seat.notify = None
