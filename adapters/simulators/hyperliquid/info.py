"""The info endpoint: what can be asked without a signature."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adapters.clock import Clock
from adapters.simulators.hyperliquid.candles import INTERVALS, KEPT
from adapters.simulators.hyperliquid.limits import UserRequests
from adapters.simulators.hyperliquid.listing import Asset, Listing
from adapters.simulators.hyperliquid.matching import Matching
from adapters.simulators.hyperliquid.portfolio import Portfolio
from adapters.simulators.hyperliquid.records import TOLD_MAX, Record
from adapters.simulators.hyperliquid.refusals import Unreadable
from adapters.simulators.hyperliquid.signing import address
from adapters.simulators.hyperliquid.tape import Tape
from adapters.simulators.hyperliquid.users import Users
from adapters.simulators.hyperliquid.wire import Json, millis, number, usd

MAKER_FEE, TAKER_FEE = "0.00015", "0.00045"
_FOREVER = 2**62


class Info:
    """Answers questions, each by its ``type``."""

    def __init__(
        self,
        *,
        listing: Listing,
        tape: Tape,
        matching: Matching,
        portfolio: Portfolio,
        users: Users,
        requests: UserRequests,
        clock: Clock,
    ) -> None:
        self._listing = listing
        self._tape = tape
        self._matching = matching
        self._orders = matching.orders
        self._portfolio = portfolio
        self._users = users
        self._requests = requests
        self._clock = clock
        self._answers: Mapping[str, Callable[[Json], Any]] = {
            "exchangeStatus": lambda _: {"specialStatuses": None, "time": millis(clock.now())},
            "meta": self._meta,
            "metaAndAssetCtxs": lambda ask: [self._meta(ask), tape.contexts(listing.perps)],
            "spotMeta": lambda _: listing.spot_meta(),
            "spotMetaAndAssetCtxs": lambda _: [listing.spot_meta(), tape.contexts(listing.spot)],
            "perpDexs": lambda _: [None],
            "allMids": lambda _: tape.mids(),
            "l2Book": lambda ask: tape.of(self.asset(ask).symbol).told_book(),
            "recentTrades": lambda ask: list(tape.of(self.asset(ask).symbol).trades),
            "candleSnapshot": self._candles,
            "fundingHistory": self._funding_history,
            "perpsAtOpenInterestCap": lambda _: [],
            "clearinghouseState": lambda ask: self._portfolio.perpetuals(self.user(ask)),
            "spotClearinghouseState": lambda ask: self._portfolio.spot(self.user(ask)),
            "activeAssetData": lambda ask: self._portfolio.room(self.user(ask), self.asset(ask)),
            "openOrders": lambda ask: [order.told() for order in self._open(ask)],
            "frontendOpenOrders": lambda ask: [order.told_fully() for order in self._open(ask)],
            "orderStatus": self._order_status,
            "historicalOrders": self._historical_orders,
            "userFills": lambda ask: list(reversed(self._record(ask).fills))[:TOLD_MAX],
            "userFillsByTime": lambda ask: _between(self._record(ask).fills, ask)[:TOLD_MAX],
            "userTwapSliceFills": lambda _: [],
            "userFunding": lambda ask: _between(self._record(ask).fundings, ask),
            "userNonFundingLedgerUpdates": lambda ask: _between(self._record(ask).updates, ask),
            "userFees": self._fees,
            "userRateLimit": self._rate_limit,
            "userRole": self._role,
            "userAbstraction": lambda _: "disabled",
            "userVaultEquities": lambda _: [],
            "maxBuilderFee": lambda _: 0,
            "extraAgents": self._extra_agents,
            "subAccounts": self._sub_accounts,
        }

    def answer(self, ask: Json) -> Any:
        """The answer. Raises ``Unreadable``."""
        kind = ask.get("type")
        answer = self._answers.get(kind) if isinstance(kind, str) else None
        if answer is None:
            raise Unreadable(f"unknown variant {kind!r}")
        return answer(ask)

    def asset(self, ask: Json) -> Asset:
        """The market that is asked about. Raises ``Unreadable``."""
        asset = self._listing.by_coin.get(str(ask.get("coin")))
        if asset is None:
            raise Unreadable(f"unknown coin {ask.get('coin')!r}")
        return asset

    def user(self, ask: Json) -> str:
        """Who is asked about. Raises ``Unreadable``."""
        user = ask.get("user")
        if not isinstance(user, str) or len(address(user)) != len("0x") + 40:
            raise Unreadable(f"invalid user {user!r}")
        return address(user)

    def candles(self, ask: Json) -> list[Json]:
        """The last ones between two times."""
        asset, interval = self.asset(ask), ask.get("interval")
        if not isinstance(interval, str) or interval not in INTERVALS:
            raise Unreadable(f"invalid interval {interval!r}")
        start, end = _span(ask)
        found = self._tape.of(asset.symbol).candles.of(interval, start, end)
        return [candle.told(asset.coin, interval) for candle in found][-KEPT:]

    def _candles(self, ask: Json) -> list[Json]:
        inner = ask.get("req")
        if not isinstance(inner, dict):
            raise Unreadable("missing field `req`")
        return self.candles(inner)

    def _meta(self, ask: Json) -> Json:
        if ask.get("dex"):
            raise Unreadable(f"unknown dex {ask['dex']!r}")
        return self._listing.meta()

    def _funding_history(self, ask: Json) -> list[Json]:
        return _between(self._tape.of(self.asset(ask).symbol).fundings, ask)[:500]

    def _record(self, ask: Json) -> Record:
        return self._matching.records.get(self.user(ask)) or Record()

    def _open(self, ask: Json) -> list[Any]:
        return self._orders.open_of(self.user(ask))

    def _order_status(self, ask: Json) -> Json:
        name = ask.get("oid")
        if not isinstance(name, int | str):
            raise Unreadable(f"invalid oid {name!r}")
        order = self._orders.find(self.user(ask), name)
        if order is None:
            return {"status": "unknownOid"}
        return {"status": "order", "order": order.told_with_status()}

    def _historical_orders(self, ask: Json) -> list[Json]:
        user, told = self.user(ask), []
        for order in self._orders.all_of(user):
            told.append(order.told_with_status())
            if len(told) == TOLD_MAX:
                break
        return told

    def _fees(self, ask: Json) -> Json:
        record = self._record(ask)
        return {
            "dailyUserVlm": [
                {
                    "date": self._clock.now().date().isoformat(),
                    "userCross": usd(record.volume),
                    "userAdd": "0.0",
                    "exchange": usd(record.volume),
                }
            ],
            "feeSchedule": {
                "cross": TAKER_FEE,
                "add": MAKER_FEE,
                "tiers": {"vip": [], "mm": []},
                "referralDiscount": "0.04",
            },
            "userCrossRate": TAKER_FEE,
            "userAddRate": MAKER_FEE,
            "activeReferralDiscount": "0.0",
        }

    def _rate_limit(self, ask: Json) -> Json:
        record = self._record(ask)
        return {
            "cumVlm": number(record.volume),
            "nRequestsUsed": record.requests,
            "nRequestsCap": self._requests.cap(record),
        }

    def _role(self, ask: Json) -> Json:
        user = self.user(ask)
        agent, owned = self._users.agent(user), self._users.owned(user)
        if agent is not None:
            return {"role": "agent", "data": {"user": agent.user}}
        if owned is not None:
            return (
                {"role": "vault"}
                if owned.name is None
                else {"role": "subAccount", "data": {"master": owned.owner}}
            )
        return {"role": "user" if self._users.exists(user) else "missing"}

    def _extra_agents(self, ask: Json) -> list[Json]:
        return [
            {"name": agent.name, "address": agent.address, "validUntil": millis(agent.until)}
            for agent in self._users.named_agents(self.user(ask))
        ]

    def _sub_accounts(self, ask: Json) -> list[Json] | None:
        return [
            {
                "subAccountUser": owned.address,
                "name": owned.name,
                "master": owned.owner,
                "clearinghouseState": self._portfolio.perpetuals(owned.address),
                "spotState": self._portfolio.spot(owned.address),
            }
            for owned in self._users.sub_accounts(self.user(ask))
        ] or None


def _span(ask: Json) -> tuple[int, int]:
    start, end = ask.get("startTime") or 0, ask.get("endTime") or _FOREVER
    if not isinstance(start, int) or not isinstance(end, int):
        raise Unreadable("times are whole milliseconds")
    return start, end


def _between(told: Iterable[Json], ask: Json) -> list[Json]:
    start, end = _span(ask)
    return [one for one in told if start <= one["time"] <= end]
