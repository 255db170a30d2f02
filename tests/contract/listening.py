"""A wallet that follows its venue's news, as its service does, without the service's other loops."""

from __future__ import annotations

from actors.wallet import Wallet
from adapters.clock import SystemClock
from adapters.errors import VenueError
from adapters.venue import Venue

REDIAL_S = 0.01


async def listen(wallet: Wallet, venue: Venue) -> None:
    """For ever; what happened while nobody listened is asked for."""
    missed = False
    while True:
        try:
            if missed:
                await wallet.recount()
            missed = True
            async for event in venue.events():
                await wallet.take_event(event)
        except VenueError:
            pass  # the next look may meet a better wire
        await SystemClock().sleep(REDIAL_S)
