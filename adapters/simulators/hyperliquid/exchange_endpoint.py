"""An action on its way in: who signed it, for whom, is it new, is it in time."""

from __future__ import annotations

import msgspec

from adapters.clock import Clock
from adapters.simulators.hyperliquid.actions import Actions
from adapters.simulators.hyperliquid.ledger import Deed, Ledger
from adapters.simulators.hyperliquid.limits import UserRequests
from adapters.simulators.hyperliquid.matching import Matching
from adapters.simulators.hyperliquid.nonces import Nonces
from adapters.simulators.hyperliquid.refusals import Refused, Unreadable
from adapters.simulators.hyperliquid.requests import (
    Action,
    CancelByCloid,
    CancelOrders,
    ModifyOrders,
    PlaceOrders,
    Request,
    UserAction,
)
from adapters.simulators.hyperliquid.signing import address, trade_signer, user_signer
from adapters.simulators.hyperliquid.terms import Terms
from adapters.simulators.hyperliquid.users import Users
from adapters.simulators.hyperliquid.wire import Json, millis

EXPIRED_COSTS = 5  # requests, for an action that came after its time


class ExchangeEndpoint:
    """Judges requests in the order in which they come, and has them carried out."""

    def __init__(
        self,
        *,
        actions: Actions,
        matching: Matching,
        users: Users,
        nonces: Nonces,
        requests: UserRequests,
        ledger: Ledger,
        clock: Clock,
        terms: Terms,
    ) -> None:
        self._actions = actions
        self._matching = matching
        self._users = users
        self._nonces = nonces
        self._requests = requests
        self._ledger = ledger
        self._clock = clock
        self._terms = terms

    def answer(self, request: Request, action: Action) -> Json:
        """Carry an action out, or say why not."""
        try:
            return {"status": "ok", "response": self._do(request, action)}
        except Refused as refusal:
            return {"status": "err", "response": str(refusal)}

    def _do(self, request: Request, action: Action) -> Json:
        now, mainnet = self._clock.now(), self._terms.mainnet
        if isinstance(action, UserAction):
            signer = user_signer(request, action, mainnet=mainnet)
            if not self._users.exists(signer):
                raise Refused(f"Must deposit before performing actions. User: {signer}")
            user = signer
        else:
            signer = trade_signer(request, action, mainnet=mainnet)
            vault = None if request.vaultAddress is None else address(request.vaultAddress)
            user = self._users.acting_for(signer, vault, now)
        try:
            self._nonces.use(signer, request.nonce, now)
            self._check_time(request, user)
            items = count_items(action)
            is_cancel = isinstance(action, CancelOrders | CancelByCloid)
            self._requests.spend(user, self._matching.records[user], items, is_cancel=is_cancel)
            return self._actions.do(user, action)
        except Refused as refusal:
            self._ledger.write(
                millis(now),
                Deed.REFUSED,
                user,
                {"action": request.action.get("type"), "reason": str(refusal)},
            )
            raise

    def _check_time(self, request: Request, user: str) -> None:
        if request.expiresAfter is not None and self._matching.now_ms > request.expiresAfter:
            self._matching.records[user].requests += EXPIRED_COSTS
            raise Refused("Action already expired")


def read(body: Json) -> tuple[Request, Action]:
    """The request and its action. Raises ``Unreadable``."""
    try:
        request = msgspec.convert(body, Request)
        return request, msgspec.convert(request.action, Action)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from error


def count_items(action: Action) -> int:
    """How many requests an action counts as."""
    match action:
        case PlaceOrders():
            return len(action.orders)
        case CancelOrders() | CancelByCloid():
            return len(action.cancels)
        case ModifyOrders():
            return len(action.modifies)
        case _:
            return 1
