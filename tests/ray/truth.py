"""The wallets' books against the exchange's own: what must hold whenever nobody is in the middle of something."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from decimal import Decimal

from adapters.model import OrderType, Side
from tests.ray.fleet import POLL_S, Account, Fleet, Status

LEVELS = {"quoter_btc": 2, "quoter_eth": 2, "quoter_sol": 1}
HOLDERS = {"holder_btc": "BTC", "holder_eth": "ETH"}
WALLETS = ("makers", "holders")


def check_no_order_is_doubled(accounts: dict[str, Account]) -> None:
    """At no instant: a bot's quotes within its levels a side, at most one stop and one target a position."""
    makers, holders = accounts["makers"], accounts["holders"]
    for account in accounts.values():
        ids = [report.order.id for report in account.orders]
        assert len(ids) == len(set(ids))
    for bot, levels in LEVELS.items():
        quotes = [report.order for report in makers.orders_of(bot) if report.order.type is OrderType.LIMIT]
        sides = Counter(quote.side for quote in quotes if not quote.reduce_only)
        assert all(sides[side] <= levels for side in Side), f"{bot}: {sides}"
    for bot in HOLDERS:
        types = Counter(report.order.type for report in holders.orders_of(bot))
        assert all(count == 1 for count in types.values()), f"{bot}: {types}"


def await_agreement(fleet: Fleet, *, within_s: float = 20) -> None:
    """Until the bots' positions are the exchange's, and every holder's stop and target rest with the whole size.

    Fills go on while one looks, so a look counts when the exchange says the same before and after.
    """
    deadline = time.monotonic() + within_s
    while True:
        before = {wallet: fleet.account(wallet) for wallet in WALLETS}
        status = fleet.status()
        after = {wallet: fleet.account(wallet) for wallet in WALLETS}
        check_no_order_is_doubled(after)
        still = all(before[wallet].positions == after[wallet].positions for wallet in WALLETS)
        wrong = _disagreements(status, after) if "error" not in status else [status["error"]]
        if still and not wrong:
            return
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {wrong}"
        time.sleep(POLL_S)


def _disagreements(status: Status, accounts: dict[str, Account]) -> list[str]:
    wrong: list[str] = []
    for wallet in status["wallets"]:
        name = wallet["name"]
        books: dict[str, Decimal] = defaultdict(Decimal)
        for bot in status["bots"]:
            if bot["wallets"] == [name]:
                for symbol, size in bot["positions"].items():
                    books[symbol] += size
        ours = {symbol: size for symbol, size in books.items() if size}
        if ours != dict(accounts[name].positions):
            wrong.append(f"{name}: {ours} in the books, {dict(accounts[name].positions)} at the exchange")
        wrong += [f"{name}: {problem}" for problem in wallet["problems"]]
        if wallet["unknown_orders"]:
            wrong.append(f"{name}: {wallet['unknown_orders']} orders of unknown outcome")
    held = {bot["name"]: bot["positions"] for bot in status["bots"]}
    for bot, symbol in HOLDERS.items():
        size = held[bot].get(symbol)
        guards = {
            report.order.type: report.order.size
            for report in accounts["holders"].orders_of(bot)
            if report.order.type in (OrderType.STOP, OrderType.TAKE_PROFIT)
        }
        if size is None or guards != {OrderType.STOP: size, OrderType.TAKE_PROFIT: size}:
            wrong.append(f"{bot} holds {size}, guarded by {guards}")
    return wrong
