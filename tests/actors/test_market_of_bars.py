"""Market data of a venue that shows bars only."""

from datetime import timedelta
from decimal import Decimal

from actors.market_data import MarketData
from adapters.clock import VirtualClock
from adapters.model import Quote
from tests.actors.replay_fleets import BTC, MINUTE, START, bars

MARKET = bars("1000 1002 999 1001", "1001 1004 1000 1003")


def test_a_bars_close_is_the_market_a_basis_point_to_each_side() -> None:
    data = MarketData([BTC], VirtualClock(START), MINUTE)
    assert data.snapshot(BTC, MINUTE) is None
    data.take(MARKET[0])
    snapshot = data.snapshot(BTC, MINUTE)
    assert snapshot is not None
    assert (snapshot.quote.bid, snapshot.quote.ask) == (Decimal("1000.8999"), Decimal("1001.1001"))
    assert snapshot.quote.bid_size == snapshot.quote.ask_size == 50  # a tenth of the volume
    assert snapshot.mark_price == 1001


def test_once_quotes_come_they_count_and_closes_do_not() -> None:
    data = MarketData([BTC], VirtualClock(START), MINUTE)
    quote = Quote(
        symbol=BTC,
        bid=Decimal(990),
        bid_size=Decimal(1),
        ask=Decimal(991),
        ask_size=Decimal(1),
        at=START + timedelta(seconds=90),
    )
    for event in (MARKET[0], quote, MARKET[1]):
        data.take(event)
    snapshot = data.snapshot(BTC, MINUTE)
    assert snapshot is not None
    assert snapshot.quote == quote
