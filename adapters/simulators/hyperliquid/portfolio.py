"""A user's accounts, as the venue tells them."""

from __future__ import annotations

from decimal import Decimal

from adapters.model import ZERO, Position, Side
from adapters.paper.exchange import PaperExchange
from adapters.simulators.hyperliquid.listing import Asset, Listing
from adapters.simulators.hyperliquid.matching import Matching, spot_account
from adapters.simulators.hyperliquid.records import Margin, Record
from adapters.simulators.hyperliquid.tape import Tape
from adapters.simulators.hyperliquid.wire import Json, number, usd

RETURN_DECIMALS = 10
ENTRY_DECIMALS = 8
NOTHING = "0.0"


class Portfolio:
    """Positions, balances and margins. A user whom nobody knows has nothing."""

    def __init__(self, exchange: PaperExchange, matching: Matching, listing: Listing, tape: Tape) -> None:
        self._exchange = exchange
        self._matching = matching
        self._listing = listing
        self._tape = tape

    def perpetuals(self, user: str) -> Json:
        """``clearinghouseState``."""
        record = self._matching.records.get(user)
        if record is None:
            return _state(ZERO, ZERO, ZERO, ZERO, ZERO, [], self._matching.now_ms)
        account = self._exchange.account_state(user)
        positions = self._exchange.positions(user)
        assets = [self._listing.by_symbol[position.symbol] for position in positions]
        used = [
            _margin_used(position, record.margin(asset))
            for position, asset in zip(positions, assets, strict=True)
        ]
        maintenance = sum(
            (
                position.notional_usd * asset.instrument.maintenance_margin
                for position, asset in zip(positions, assets, strict=True)
            ),
            ZERO,
        )
        return _state(
            account.equity_usd,
            sum((position.notional_usd for position in positions), ZERO),
            account.equity_usd - sum((position.size * position.mark_price for position in positions), ZERO),
            sum(used, ZERO),
            maintenance,
            [
                self._position(position, asset, record, margin)
                for position, asset, margin in zip(positions, assets, used, strict=True)
            ],
            self._matching.now_ms,
            withdrawable=max(account.equity_usd - account.margin_used_usd, ZERO),
        )

    def spot(self, user: str) -> Json:
        """``spotClearinghouseState``."""
        if user not in self._matching.records:
            return {"balances": []}
        account = spot_account(user)
        holdings = {held.symbol: held for held in self._exchange.positions(account)}
        state = self._exchange.account_state(account)
        orders = [order for order in self._matching.orders.open_of(user) if order.asset.is_spot]
        bought = sum((order.remaining * order.price for order in orders if order.side is Side.BUY), ZERO)
        balances = [_balance("USDC", 0, state.cash_usd, bought, ZERO)] if state.cash_usd else []
        for asset in self._listing.spot:
            held = holdings.get(asset.symbol)
            if held is None:
                continue
            sold = sum(
                (order.remaining for order in orders if order.asset is asset and order.side is Side.SELL),
                ZERO,
            )
            cost = held.size * held.entry_price
            balances.append(_balance(asset.token, self._listing.token_index(asset), held.size, sold, cost))
        return {"balances": balances}

    def room(self, user: str, asset: Asset) -> Json:
        """``activeAssetData``: how much more could be traded, each way."""
        record = self._matching.records.get(user) or Record()
        setting, mark = record.margin(asset), self._tape.of(asset.symbol).mark or ZERO
        held = record.holdings.get(asset.symbol)
        size = held.size if held is not None else ZERO
        free = ZERO
        if user in self._matching.records:
            account = self._exchange.account_state(user)
            free = max(account.equity_usd - account.margin_used_usd, ZERO)
        tied = abs(size) * mark / setting.leverage
        usd_each_way = (free + (2 * tied if size < 0 else ZERO), free + (2 * tied if size > 0 else ZERO))
        sizes = [
            asset.instrument.round_size(money * setting.leverage / mark) if mark else ZERO
            for money in usd_each_way
        ]
        return {
            "user": user,
            "coin": asset.coin,
            "leverage": _leverage(setting, None),
            "maxTradeSzs": [number(one) for one in sizes],
            "availableToTrade": [usd(money) for money in usd_each_way],
            "markPx": number(mark),
        }

    def _position(self, position: Position, asset: Asset, record: Record, margin: Decimal) -> Json:
        setting, sums = record.margin(asset), record.sums(asset.symbol)
        entry_margin = abs(position.size) * position.entry_price / setting.leverage
        liquidation = position.liquidation_price
        return {
            "type": "oneWay",
            "position": {
                "coin": asset.coin,
                "szi": number(position.size),
                "leverage": _leverage(setting, margin - position.size * position.mark_price),
                "entryPx": number(round(position.entry_price, ENTRY_DECIMALS)),
                "positionValue": usd(position.notional_usd),
                "unrealizedPnl": usd(position.unrealized_usd),
                "returnOnEquity": number(round(position.unrealized_usd / entry_margin, RETURN_DECIMALS)),
                "liquidationPx": None if liquidation is None else number(round(liquidation, ENTRY_DECIMALS)),
                "marginUsed": usd(margin),
                "maxLeverage": asset.instrument.max_leverage,
                "cumFunding": {
                    "allTime": usd(sums.all_time),
                    "sinceOpen": usd(sums.since_open),
                    "sinceChange": usd(sums.since_change),
                },
            },
        }


def _margin_used(position: Position, setting: Margin) -> Decimal:
    return position.notional_usd / setting.leverage + setting.added


def _leverage(setting: Margin, raw_usd: Decimal | None) -> Json:
    if setting.is_cross:
        return {"type": "cross", "value": setting.leverage}
    return {"type": "isolated", "value": setting.leverage, "rawUsd": usd(raw_usd or ZERO)}


def _balance(token: str, index: int, total: Decimal, hold: Decimal, cost: Decimal) -> Json:
    return {
        "coin": token,
        "token": index,
        "total": number(round(total, ENTRY_DECIMALS)),
        "hold": number(round(hold, ENTRY_DECIMALS)),
        "entryNtl": number(round(cost, ENTRY_DECIMALS)),
    }


def _state(
    equity: Decimal,
    notional: Decimal,
    raw_usd: Decimal,
    used: Decimal,
    maintenance: Decimal,
    positions: list[Json],
    time_ms: int,
    *,
    withdrawable: Decimal = ZERO,
) -> Json:
    summary = {
        "accountValue": usd(equity),
        "totalNtlPos": usd(notional),
        "totalRawUsd": usd(raw_usd),
        "totalMarginUsed": usd(used),
    }
    return {
        "marginSummary": summary,
        "crossMarginSummary": summary,
        "crossMaintenanceMarginUsed": usd(maintenance),
        "withdrawable": usd(withdrawable),
        "assetPositions": positions,
        "time": time_ms,
    }
