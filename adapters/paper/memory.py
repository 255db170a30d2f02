"""Between the floor and its file: what is written of it, and how a new exchange goes on from there."""

from __future__ import annotations

from adapters.errors import ConfigError
from adapters.paper.execution import Floor
from adapters.paper.state import PaperAccount
from adapters.paper.storage import AccountRow, HouseRow, MarketRow, PaperStorage, Saved


def save(storage: PaperStorage, floor: Floor, *, numbered: int, changed: int) -> None:
    """Write what the floor's ``changes`` name; the numbers are the exchange's counters."""
    accounts = (floor.accounts[name] for name in sorted(floor.changes.accounts))
    markets = (floor.markets[symbol] for symbol in sorted(floor.changes.markets))
    storage.save(
        floor.changes,
        house=HouseRow(house=floor.house, numbered=numbered, changed=changed),
        accounts=[
            AccountRow(
                name=account.name,
                ledger=account.ledger,
                leverage=account.leverage,
                fill_count=account.fill_count,
                liquidation_count=account.liquidation_count,
            )
            for account in accounts
        ],
        markets=[
            MarketRow(
                symbol=market.instrument.symbol,
                price=market.price,
                context_mark=market.context_mark,
                funded_at=market.funded_at,
            )
            for market in markets
        ],
    )


def restore(floor: Floor, saved: Saved) -> None:
    """Fill an empty floor. Depth is not in the file: the market went on meanwhile.

    Raises:
        ConfigError: a position or an open order is in a symbol that is not listed.
    """
    _check_listed(floor, saved)
    for row in saved.markets:
        if row.symbol in floor.markets:
            market = floor.markets[row.symbol]
            market.price, market.context_mark, market.funded_at = row.price, row.context_mark, row.funded_at
    for account in saved.accounts:
        floor.accounts[account.name] = PaperAccount(
            name=account.name,
            ledger=account.ledger,
            leverage=account.leverage,
            fill_count=account.fill_count,
            liquidation_count=account.liquidation_count,
        )
        for symbol, holding in account.ledger.holdings.items():
            if holding.size:
                floor.markets[symbol].holders[account.name] = None
    for working in saved.orders:
        if not working.is_open:
            floor.account_of(working).finished[working.order.id] = working.report()
    for working in sorted(saved.orders, key=lambda working: working.priority):
        if working.is_open:
            floor.account_of(working).working[working.order.id] = working
            if not working.in_flight:
                floor.market_of(working).restore(working)
    for command in saved.in_flight:
        floor.markets[command.symbol].in_flight.append(command)


def _check_listed(floor: Floor, saved: Saved) -> None:
    held = {symbol for row in saved.accounts for symbol, held in row.ledger.holdings.items() if held.size}
    ordered = {working.order.symbol for working in saved.orders if working.is_open}
    unlisted = (held | ordered) - floor.markets.keys()
    if unlisted:
        raise ConfigError(f"accounts hold or order {', '.join(sorted(unlisted))}, which is not listed")
