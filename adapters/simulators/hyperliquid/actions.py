"""What each action does, and what it is answered with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.clock import Clock
from adapters.errors import Insufficient, InvalidParam, VenueError
from adapters.model import ZERO
from adapters.paper.exchange import PaperExchange
from adapters.simulators.hyperliquid import requests as ask
from adapters.simulators.hyperliquid.desk import Desk, Status
from adapters.simulators.hyperliquid.ledger import Deed, Ledger
from adapters.simulators.hyperliquid.listing import Asset, Listing
from adapters.simulators.hyperliquid.matching import Matching, spot_account
from adapters.simulators.hyperliquid.nonces import Nonces
from adapters.simulators.hyperliquid.records import NO_HASH, Record
from adapters.simulators.hyperliquid.refusals import NOT_MODIFIABLE, Refused
from adapters.simulators.hyperliquid.signing import address
from adapters.simulators.hyperliquid.switch import DeadMansSwitch
from adapters.simulators.hyperliquid.terms import Terms
from adapters.simulators.hyperliquid.users import Users
from adapters.simulators.hyperliquid.wire import Json, plain, usd

CANCELS_MAX = 200  # in one action
MICRO = Decimal("0.000001")
DEFAULT: Json = {"type": "default"}


class Actions:
    """Carries out what a user has signed."""

    def __init__(
        self,
        *,
        exchange: PaperExchange,
        listing: Listing,
        desk: Desk,
        matching: Matching,
        users: Users,
        nonces: Nonces,
        switch: DeadMansSwitch,
        ledger: Ledger,
        clock: Clock,
        terms: Terms,
    ) -> None:
        self._exchange = exchange
        self._listing = listing
        self._desk = desk
        self._matching = matching
        self._users = users
        self._nonces = nonces
        self._switch = switch
        self._ledger = ledger
        self._clock = clock
        self._terms = terms
        self._verbs: Mapping[type[ask.Action], Callable[[str, Any], Json]] = {
            ask.PlaceOrders: self._place,
            ask.CancelOrders: self._cancel,
            ask.CancelByCloid: self._cancel_by_cloid,
            ask.Modify: self._modify,
            ask.ModifyOrders: self._modify_many,
            ask.UpdateLeverage: self._update_leverage,
            ask.UpdateIsolatedMargin: self._update_isolated_margin,
            ask.ScheduleCancel: self._schedule_cancel,
            ask.Noop: _noted,
            ask.SetReferrer: _noted,
            ask.ApproveBuilderFee: _noted,
            ask.CreateSubAccount: self._create_sub_account,
            ask.SubAccountTransfer: self._sub_account_transfer,
            ask.VaultTransfer: self._vault_transfer,
            ask.ApproveAgent: self._approve_agent,
            ask.UsdClassTransfer: self._usd_class_transfer,
            ask.UsdSend: self._usd_send,
        }

    def do(self, user: str, action: ask.Action) -> Json:
        """Carry it out for a user; the ``response`` of the answer. Raises ``Refused`` when it had no effect."""
        return self._verbs[type(action)](user, action)

    def _place(self, user: str, action: ask.PlaceOrders) -> Json:
        grouping = action.grouping if isinstance(action.grouping, str) else "na"
        return _statuses("order", self._desk.place(user, action.orders, grouping))

    def _cancel(self, user: str, action: ask.CancelOrders) -> Json:
        _check_count(len(action.cancels))
        return _statuses("cancel", [self._desk.cancel(user, one.a, one.o) for one in action.cancels])

    def _cancel_by_cloid(self, user: str, action: ask.CancelByCloid) -> Json:
        _check_count(len(action.cancels))
        return _statuses("cancel", [self._desk.cancel(user, one.asset, one.cloid) for one in action.cancels])

    def _modify(self, user: str, action: ask.Modify) -> Json:
        status = self._desk.modify(user, action.oid, action.order)
        if isinstance(status, dict) and "error" in status:
            text = str(status["error"])
            raise Refused(
                text if text == NOT_MODIFIABLE else f"Error placing new order during modify: {text}"
            )
        return DEFAULT

    def _modify_many(self, user: str, action: ask.ModifyOrders) -> Json:
        return _statuses("order", [self._desk.modify(user, one.oid, one.order) for one in action.modifies])

    def _update_leverage(self, user: str, action: ask.UpdateLeverage) -> Json:
        asset, record = self._perpetual(action.asset), self._record(user)
        setting, held = record.margin(asset), record.holdings.get(asset.symbol)
        if held is not None and held.size and setting.is_cross is not action.isCross:
            raise Refused("Cannot switch leverage type with open position.")
        try:
            self._exchange.set_leverage(user, asset.symbol, action.leverage)
        except Insufficient as error:
            raise Refused(f"Insufficient margin to update leverage. asset={asset.number}") from error
        except VenueError as error:
            raise Refused("Invalid leverage value") from error
        setting.leverage, setting.is_cross = action.leverage, action.isCross
        self._set(user, "leverage", coin=asset.coin, leverage=action.leverage, is_cross=action.isCross)
        return DEFAULT

    def _update_isolated_margin(self, user: str, action: ask.UpdateIsolatedMargin) -> Json:
        asset, record = self._perpetual(action.asset), self._record(user)
        setting, held = record.margin(asset), record.holdings.get(asset.symbol)
        if held is None or not held.size or setting.is_cross:
            raise Refused("Position does not use isolated margin.")
        if setting.added + action.ntli * MICRO < 0:
            raise Refused("Insufficient isolated margin to remove.")
        setting.added += action.ntli * MICRO
        return DEFAULT

    def _schedule_cancel(self, user: str, action: ask.ScheduleCancel) -> Json:
        self._switch.set(user, action.time, self._record(user).volume, self._clock.now())
        self._set(user, "schedule_cancel", time=action.time)
        return DEFAULT

    def _create_sub_account(self, user: str, action: ask.CreateSubAccount) -> Json:
        required, traded = self._terms.sub_account_volume_usd, self._record(user).volume
        if traded < required:
            raise Refused(
                "Cannot create sub-accounts until enough volume traded. "
                f"Required: ${plain(required)}. Traded: ${plain(round(traded, 5))}."
            )
        made = self._users.add_sub_account(user, action.name)
        self._matching.open_account(made, ZERO)
        return {"type": "createSubAccount", "data": made}

    def _sub_account_transfer(self, user: str, action: ask.SubAccountTransfer) -> Json:
        other = address(action.subAccountUser)
        owned = self._users.owned(other)
        if owned is None or owned.owner != user or owned.name is None:
            raise Refused(f"Invalid sub-account transfer from {user} to {other}")
        source, target = (user, other) if action.isDeposit else (other, user)
        self._move(source, target, action.usd * MICRO, "subAccountTransfer")
        return DEFAULT

    def _vault_transfer(self, user: str, action: ask.VaultTransfer) -> Json:
        vault = address(action.vaultAddress)
        owned = self._users.owned(vault)
        if owned is None or owned.name is not None:
            raise Refused(f"Vault not registered: {vault}")
        if not action.isDeposit and owned.owner != user:
            raise Refused("Cannot withdraw with zero balance in vault.")
        source, target = (user, vault) if action.isDeposit else (vault, user)
        self._move(source, target, action.usd * MICRO, "vaultTransfer")
        return DEFAULT

    def _approve_agent(self, user: str, action: ask.ApproveAgent) -> Json:
        agent = address(action.agentAddress)
        gone = self._users.approve(user, agent, action.agentName, self._clock.now())
        if gone is not None:
            self._nonces.forget(gone)
        self._set(user, "agent", name=action.agentName, address=agent, replaced=gone)
        return DEFAULT

    def _usd_class_transfer(self, user: str, action: ask.UsdClassTransfer) -> Json:
        amount, _, owned = action.amount.partition(" subaccount:")
        who = user
        if owned:
            who = address(owned)
            known = self._users.owned(who)
            if known is None or known.owner != user:
                raise Refused(f"Vault not registered: {who}")
        perps, spot = who, spot_account(who)
        source, target = (spot, perps) if action.toPerp else (perps, spot)
        dollars = _dollars(amount)
        self._move(source, target, dollars, "accountClassTransfer")
        self._record(who).updates.append(
            self._update({"type": "accountClassTransfer", "usdc": usd(dollars), "toPerp": action.toPerp})
        )
        return DEFAULT

    def _usd_send(self, user: str, action: ask.UsdSend) -> Json:
        target, dollars = address(action.destination), _dollars(action.amount)
        if not self._users.exists(target):
            self._users.add(target)
            self._matching.open_account(target, ZERO)
        self._move(user, target, dollars, "usdSend")
        told = {
            "type": "internalTransfer",
            "usdc": usd(dollars),
            "user": user,
            "destination": target,
            "fee": "0.0",
        }
        for who in (user, target):
            self._record(who).updates.append(self._update(told))
        return DEFAULT

    def _move(self, source: str, target: str, amount_usd: Decimal, why: str) -> None:
        try:
            self._exchange.transfer(source, target, amount_usd)
        except Insufficient as error:
            raise Refused("Insufficient balance for withdrawal.") from error
        except InvalidParam as error:
            raise Refused("Invalid transfer amount") from error
        self._ledger.write(
            self._matching.now_ms,
            Deed.MOVED,
            source,
            {"to": target, "usd": plain(amount_usd), "why": why},
        )

    def _perpetual(self, asset_number: int) -> Asset:
        asset = self._listing.by_number.get(asset_number)
        if asset is None or asset.is_spot:
            raise Refused(f"Invalid asset {asset_number}")
        return asset

    def _record(self, user: str) -> Record:
        return self._matching.records[user]

    def _update(self, delta: Json) -> Json:
        return {"time": self._matching.now_ms, "hash": NO_HASH, "delta": delta}

    def _set(self, user: str, what: str, **data: object) -> None:
        self._ledger.write(self._matching.now_ms, Deed.SET, user, {"what": what, **data})


def _noted(user: str, action: ask.Action) -> Json:
    """What counts by being on record."""
    del user, action
    return DEFAULT


def _statuses(kind: str, statuses: list[Status]) -> Json:
    return {"type": kind, "data": {"statuses": statuses}}


def _check_count(cancels: int) -> None:
    if cancels > CANCELS_MAX:
        raise Refused(f"Too many cancels: {cancels} > {CANCELS_MAX}")


def _dollars(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Refused("Invalid transfer amount") from error
