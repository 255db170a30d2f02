from strategies.hold import Hold
from strategies.strategy import needs
from tests.builders import BTC, a_position, a_view


def test_hold_wants_nothing_and_watches_its_symbols() -> None:
    hold = Hold(symbols=(BTC,))
    assert hold.decide(a_view(positions={BTC: a_position("1")})) == ()
    assert needs(hold).symbols == (BTC,)
