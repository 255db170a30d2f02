"""The whole venue, without a network: market news in, questions and signed actions in, answers and streams out."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from decimal import Decimal
from typing import Any

from adapters.clock import Clock
from adapters.model import FundingDue, MarketEvent
from adapters.paper.exchange import PaperExchange
from adapters.simulators.hyperliquid.actions import Actions
from adapters.simulators.hyperliquid.broadcast import Broadcast
from adapters.simulators.hyperliquid.desk import Desk
from adapters.simulators.hyperliquid.exchange_endpoint import ExchangeEndpoint, count_items, read
from adapters.simulators.hyperliquid.info import Info
from adapters.simulators.hyperliquid.ledger import Deed, Entry, Ledger
from adapters.simulators.hyperliquid.limits import (
    IpWeights,
    UserRequests,
    weight_of_batch,
    weight_of_question,
)
from adapters.simulators.hyperliquid.listing import Listing
from adapters.simulators.hyperliquid.matching import Matching
from adapters.simulators.hyperliquid.nonces import Nonces
from adapters.simulators.hyperliquid.portfolio import Portfolio
from adapters.simulators.hyperliquid.records import NO_HASH
from adapters.simulators.hyperliquid.signing import address
from adapters.simulators.hyperliquid.streams import Key, Stream, Streams
from adapters.simulators.hyperliquid.switch import DeadMansSwitch
from adapters.simulators.hyperliquid.tape import Tape
from adapters.simulators.hyperliquid.terms import Terms
from adapters.simulators.hyperliquid.users import Users
from adapters.simulators.hyperliquid.wire import Json, millis, usd


class HyperliquidVenue:
    """One venue. Synchronous: what a call does is done when it returns.

    Args:
        listing: the markets.
        clock: the venue's own.
        terms: how it trades.
        tell: hears of each entry of the ledger.
    """

    def __init__(
        self,
        listing: Listing,
        clock: Clock,
        terms: Terms = Terms(),  # noqa: B008 - frozen
        *,
        tell: Callable[[Entry], None] | None = None,
    ) -> None:
        self.listing = listing
        self.ledger = Ledger(tell)
        self.streams = Streams()
        self.exchange = PaperExchange(listing.instruments, clock=clock)
        self._clock = clock
        self._tape = Tape(listing)
        self._users = Users()
        self._weights = IpWeights(terms.weight_per_minute, clock)
        self._switch = DeadMansSwitch(terms.schedule_cancel_volume_usd)
        self._matching = Matching(self.exchange, listing, self._tape, clock, self.ledger)
        self._desk = Desk(self._matching, listing, self._tape, self.ledger, cloid_once=terms.cloid_once)
        nonces, requests = Nonces(), UserRequests(terms.requests_at_first, clock)
        actions = Actions(
            exchange=self.exchange,
            listing=listing,
            desk=self._desk,
            matching=self._matching,
            users=self._users,
            nonces=nonces,
            switch=self._switch,
            ledger=self.ledger,
            clock=clock,
            terms=terms,
        )
        self._endpoint = ExchangeEndpoint(
            actions=actions,
            matching=self._matching,
            users=self._users,
            nonces=nonces,
            requests=requests,
            ledger=self.ledger,
            clock=clock,
            terms=terms,
        )
        self._info = Info(
            listing=listing,
            tape=self._tape,
            matching=self._matching,
            portfolio=Portfolio(self.exchange, self._matching, listing, self._tape),
            users=self._users,
            requests=requests,
            clock=clock,
        )
        self._broadcast = Broadcast(self.streams, listing, self._tape, self._info)
        self._matching.listen(self._broadcast)

    def fund(self, user: str, cash_usd: Decimal) -> None:
        """Let a user in, with a deposit; one who is in stays as he is."""
        user = address(user)
        if self._users.exists(user):
            return
        self._users.add(user)
        self._open(user, cash_usd)

    def open_vault(self, vault: str, leader: str, cash_usd: Decimal) -> None:
        """A vault with money, which its leader trades for."""
        self._users.add_vault(address(vault), address(leader))
        self._open(address(vault), cash_usd)

    def remember(self, event: MarketEvent) -> None:
        """Take in a past in which nobody could trade."""
        self._tape.take(event)

    def on_market(self, event: MarketEvent) -> None:
        """Take market news in: match, trigger, pay funding, liquidate, and tell those who listen."""
        self.advance()
        view = self._tape.take(event)
        if view is None:
            return
        if isinstance(event, FundingDue):
            self._pay_funding(event)
        self.exchange.on_market(event)
        self._matching.on_mark(event.symbol)
        self._broadcast.market_moved(view, event)

    def advance(self) -> None:
        """Let what is due by the clock happen."""
        now = self._clock.now()
        for user in self._switch.go_off(now):
            count = self._desk.cancel_all(user, "scheduledCancel")
            self.ledger.write(
                millis(now), Deed.SET, user, {"what": "scheduled_cancel_went_off", "orders": count}
            )

    async def run(self, events: AsyncIterable[MarketEvent]) -> None:
        """Play a market until it ends."""
        async for event in events:
            self.on_market(event)

    def ask(self, question: Json, ip: str = "") -> Any:
        """Answer a question. Raises ``Unreadable`` and ``RateExceeded``."""
        self.advance()
        self._weights.spend(ip, weight_of_question(str(question.get("type"))))
        return self._info.answer(question)

    def act(self, body: Json, ip: str = "") -> Json:
        """Carry a signed action out. Raises ``Unreadable`` and ``RateExceeded``."""
        self.advance()
        request, action = read(body)
        self._weights.spend(ip, weight_of_batch(count_items(action)))
        return self._endpoint.answer(request, action)

    def listens(self, key: Key) -> bool:
        """Whether there is such a thing to listen to: the coins that are listed, and any user."""
        is_of_coin = key[0] in ("l2Book", "bbo", "trades", "activeAssetCtx", "candle", "activeAssetData")
        return not is_of_coin or key[1] in self.listing.by_coin

    def first_words(self, stream: Stream, key: Key) -> None:
        """Tell a new listener how things stand."""
        self._broadcast.first_words(stream, key)

    def _open(self, user: str, cash_usd: Decimal) -> None:
        self._matching.open_account(user, cash_usd)
        now = self._matching.now_ms
        deposit = {"type": "deposit", "usdc": usd(cash_usd)}
        self._matching.records[user].updates.append({"time": now, "hash": NO_HASH, "delta": deposit})
        self.ledger.write(now, Deed.MOVED, user, {"to": user, "usd": usd(cash_usd), "why": "deposit"})

    def _pay_funding(self, due: FundingDue) -> None:
        for user, record in self._matching.records.items():
            paid = record.take_funding(due)
            if paid is not None:
                self.ledger.write(millis(due.at), Deed.FUNDED, user, paid["delta"])
                self._broadcast.funded(user, paid)
