"""The exchange as questions and signed actions, within its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from adapters.clock import Clock
from adapters.errors import ExchangeDown, OutcomeUnknown, RateLimited, Temporary
from adapters.hyperliquid import weights
from adapters.hyperliquid.actions import Action, actions_in, is_reducing
from adapters.hyperliquid.budgets import AddressBudget, IpBudget, Urgency
from adapters.hyperliquid.errors import refusal
from adapters.hyperliquid.network import VENUE, Network
from adapters.hyperliquid.nonces import Nonces
from adapters.hyperliquid.rest import Rest
from adapters.hyperliquid.signing import Signer
from adapters.hyperliquid.stream import Stream
from adapters.hyperliquid.wire import ActionAnswer, ActionBody, decoded
from adapters.market.bars import EPOCH

READ_WAIT_MAX_S = 5.0
T = TypeVar("T")


class PublicClient:
    """Questions that anybody may ask."""

    def __init__(self, network: Network, ip: IpBudget, clock: Clock) -> None:
        self.network = network
        self.rest = Rest(network)
        self._ip = ip
        self._clock = clock

    async def ask(self, kind: str, answer: type[T], **what: Any) -> T:
        """Ask /info. A full budget is waited for, ``READ_WAIT_MAX_S`` at most.

        Raises:
            RateLimited: by our own count, or by the exchange's.
            ExchangeDown: nothing was asked.
            Temporary: there was no answer, or one that makes no sense.
        """
        deadline = self._clock.monotonic() + READ_WAIT_MAX_S
        while wait_s := self._ip.take(weights.of_question(kind), Urgency.READ):
            if self._clock.monotonic() + wait_s > deadline:
                raise RateLimited(f"{kind}: the address has asked enough", venue=VENUE, retry_after_s=wait_s)
            await self._clock.sleep(wait_s)
        body = await self.rest.info({"type": kind, **what})
        try:
            told = decoded(body, answer)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Temporary(f"{kind}: {error}", venue=VENUE) from error
        self._ip.charge(weights.of_answer(kind, told))
        return told

    async def open_stream(self) -> Stream:
        """A websocket. Raises ``ExchangeDown``."""
        return await Stream.open(self.rest.session, self.network.stream_url, self._clock)

    async def aclose(self) -> None:
        """Close all connections; the next question opens them again."""
        await self.rest.aclose()


@dataclass(frozen=True, slots=True)
class Signed:
    """An action as it is sent, every time. It is worth as much as the key until its nonce is used: never log it."""

    action: Action
    nonce: int
    body: Mapping[str, Any] = field(repr=False)


class TradingClient(PublicClient):
    """Questions and actions of one account.

    Args:
        network: which exchange.
        signer: the account's own key, or an API wallet's.
        nonces: the signer's.
        ip: shared by all on this machine.
        clock: for waiting.
        vault: the vault or sub-account that is traded for.
    """

    def __init__(
        self,
        network: Network,
        signer: Signer,
        nonces: Nonces,
        ip: IpBudget,
        clock: Clock,
        *,
        vault: str | None = None,
    ) -> None:
        super().__init__(network, ip, clock)
        self.budget = AddressBudget(clock)
        self.stream: Stream | None = None  # the faster way, while somebody keeps it open
        self._signer = signer
        self._nonces = nonces
        self._vault = vault.lower() if vault else None

    def sign(self, action: Action, *, expires_at: datetime | None, nonce: int | None = None) -> Signed:
        """Sign an action under a new nonce, or under one that is to be used up. Raises ``ExchangeDown``."""
        try:
            nonce = self._nonces.take() if nonce is None else nonce
        except OSError as error:
            raise ExchangeDown(f"no nonce can be kept: {error.strerror}", venue=VENUE) from error
        expires_ms = None if expires_at is None else _ms(expires_at)
        signature = self._signer.sign(action, nonce, vault=self._vault, expires_after=expires_ms)
        body = {
            "action": action,
            "nonce": nonce,
            "signature": signature,
            "vaultAddress": self._vault,
            "expiresAfter": expires_ms,
        }
        return Signed(action, nonce, body)

    def admit(self, action: Action) -> None:
        """Take what the action costs. Raises ``RateLimited``: then nothing may be sent."""
        urgency = Urgency.REDUCE if is_reducing(action) else Urgency.ADD
        count = actions_in(action)
        is_cancel = action["type"] in ("cancel", "cancelByCloid")
        wait_s = self._ip.take(weights.of_action(count), urgency)
        wait_s = wait_s or self.budget.take(count, urgency, is_cancel=is_cancel)
        if wait_s:
            raise RateLimited(f"{action['type']}: too many lately", venue=VENUE, retry_after_s=wait_s)

    async def act(self, signed: Signed) -> Sequence[Any]:
        """Send a signed action.

        Returns:
            One status an order or cancel; none where the action has no parts.

        Raises:
            VenueError: ``OutcomeUnknown`` when it may have had an effect; everything else is the exchange's refusal
                of the whole, or says that it was not sent.
        """
        self.admit(signed.action)
        body = dict(signed.body)
        if self.stream is not None and self.stream.is_open:
            answer = await self.stream.act(body)
        else:
            answer = await self.rest.exchange(body)
        try:
            told = decoded(answer, ActionAnswer)
            if told.status == "err":
                raise refusal(decoded(told.response, str))
            data = decoded(told.response, ActionBody).data
            statuses = data.get("statuses", []) if isinstance(data, dict) else []
            if not isinstance(statuses, list):
                raise ValueError("statuses are no list")
        except (msgspec.MsgspecError, ValueError) as error:
            raise OutcomeUnknown(f"{signed.action['type']}: {error}", venue=VENUE) from error
        return statuses


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)
