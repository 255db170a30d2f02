"""The judgement can fail: each promise is broken once, in a history made by hand."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters.model import (
    BotId,
    ClientOrderId,
    Fill,
    Liquidity,
    Order,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    Symbol,
)
from adapters.venue import UserEvent
from risk.intent import client_order_id
from tests.chaos.fleet_file import Roster
from tests.chaos.venue_record import Entry
from tests.chaos.verdict import HaltSpan, Illness, Span, Trial, check_what_rests

START = datetime(2026, 1, 5, tzinfo=UTC)
ROSTER = Roster(wallets=2, seats=3)
QUOTER, TREND = "w1_btc", "w1_sol"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def an_order(bot: str, number: int, size: str = "1", price: str | None = "100", **fields: object) -> Order:
    """A bid, unless ``fields`` say otherwise."""
    fields.setdefault("side", Side.BUY)
    fields.setdefault("symbol", Symbol("BTC" if bot == QUOTER else "SOL"))
    limit = None if price is None else Decimal(price)
    return Order(id=client_order_id(BotId(bot), 1, number, 0), size=Decimal(size), price=limit, **fields)  # type: ignore[arg-type]  # any of Order's fields


def a_stop(number: int, size: str = "1") -> Order:
    return an_order(
        TREND, number, size, None, side=Side.SELL, type=OrderType.STOP, trigger=Decimal(90), reduce_only=True
    )


def told(order: Order, t: float, status: OrderStatus = OrderStatus.OPEN, filled: str = "0") -> OrderReport:
    return OrderReport(order=order, status=status, filled=Decimal(filled), at=at(t))


def filled(order: Order, t: float, sequence: int, size: str = "1") -> Fill:
    return Fill(
        id=str(sequence),
        sequence=sequence,
        order_id=order.id,
        symbol=order.symbol,
        side=order.side,
        price=order.price or Decimal(90),
        size=Decimal(size),
        fee=Decimal(0),
        liquidity=Liquidity.MAKER,
        at=at(t),
    )


def history(events: Iterable[UserEvent], account: str = "w1") -> list[Entry]:
    seen: set[ClientOrderId] = set()
    entries = []
    for number, event in enumerate(events, 1):
        is_new = isinstance(event, OrderReport) and event.order.id not in seen
        if isinstance(event, OrderReport):
            seen.add(event.order.id)
        entries.append(Entry(number=number, account=account, event=event, wall=event.at, is_new=is_new))
    return entries


def promises(
    *events: UserEvent, halts: Iterable[HaltSpan] = (), illnesses: Iterable[Illness] = ()
) -> list[str]:
    trial = Trial(ROSTER, list(halts), list(illnesses))
    trial.hear(history(events))
    return [found.promise for found in trial.violations.values()]


def a_halt(start: float, end: float, *, scope: str = "fleet", level: str = "reduce_only") -> HaltSpan:
    return HaltSpan(scope=scope, level=level, span=Span(start=at(start), end=at(end)))


def an_illness(actor: str, start: float, end: float) -> Illness:
    return Illness(actor=actor, span=Span(start=at(start), end=at(end)))


def test_an_orderly_life_breaks_nothing() -> None:
    entry, stop = an_order(TREND, 1), a_stop(2)
    done = told(entry, 1, OrderStatus.FILLED, "1")
    closed = told(stop, 3, OrderStatus.FILLED, "1")
    assert (
        promises(told(entry, 1), filled(entry, 1, 1), done, told(stop, 1.2), filled(stop, 3, 2), closed) == []
    )


def test_an_order_that_lives_again_is_found() -> None:
    order = an_order(QUOTER, 1)
    assert promises(told(order, 1), told(order, 2, OrderStatus.CANCELLED), told(order, 3)) == [
        "one order an intent"
    ]


def test_a_quote_more_than_its_levels_is_found_unless_it_is_soon_taken_back() -> None:
    quotes = [an_order(QUOTER, number) for number in range(3)]
    begun = [told(quote, 1) for quote in quotes]
    assert promises(*begun, told(quotes[0], 2, OrderStatus.CANCELLED)) == []
    late = told(quotes[0], 8, OrderStatus.CANCELLED)
    assert promises(*begun, late) == ["one order an intent"]
    assert promises(*begun, late, illnesses=[an_illness("exchange", 3, 7)]) == []


def test_a_missing_event_is_found() -> None:
    trial = Trial(ROSTER, [], [])
    trial.hear(history([told(an_order(QUOTER, 1), 1), told(an_order(QUOTER, 2), 2)])[1:])
    assert [found.promise for found in trial.violations.values()] == ["history"]


def test_the_limits_of_a_bot_and_of_the_fleet_are_each_found_at_the_instant_of_their_breach() -> None:
    small, large = an_order(QUOTER, 1, "4"), an_order(TREND, 2, "8.01")
    assert promises(told(small, 1), told(large, 2), told(large, 2, OrderStatus.CANCELLED)) == [
        "the fleet's limit", "a bot's limit",
    ]  # fmt: skip


def test_what_turns_a_position_around_counts_and_what_offsets_it_does_not() -> None:
    bought = an_order(QUOTER, 1, "4")
    sells = [an_order(QUOTER, n, "4", side=Side.SELL) for n in (2, 3)]
    begun = (told(bought, 1), filled(bought, 1, 1, "4"), told(bought, 1, OrderStatus.FILLED, "4"))
    assert promises(*begun, *(told(sell, 2) for sell in sells)) == []
    more = an_order(QUOTER, 4, "0.6", "101", side=Side.SELL)
    trial = Trial(ROSTER, [], [])
    trial.hear(history([*begun, told(sells[0], 2), told(an_order(QUOTER, 5, "4.5", side=Side.SELL), 3)]))
    assert trial.peak_usd == Decimal(450)
    market = trial.accounts["w1", Symbol("BTC")]
    market.apply(told(more, 4))
    assert market.worst_usd() == Decimal("0.6") * 101 + Decimal("4.5") * 100


def test_an_order_accepted_under_a_halt_is_found_and_one_after_its_lift_is_not() -> None:
    halts = [a_halt(1, 3, scope="bot:w1_btc")]
    assert promises(told(an_order(QUOTER, 1), 2), halts=halts) == ["halts hold"]
    assert promises(told(an_order(QUOTER, 1), 3), halts=halts) == []
    assert promises(told(an_order(TREND, 1), 2), halts=halts) == []


def test_an_entry_left_by_a_halt_and_a_position_left_by_a_flatten_are_found() -> None:
    order = an_order(QUOTER, 1)
    left = (told(order, 1), told(order, 5, OrderStatus.CANCELLED))
    assert promises(*left, halts=[a_halt(2, 3)]) == ["halts hold"]
    assert promises(*left, halts=[a_halt(2, 3, level="pause_entries")]) == []
    held = (told(order, 1), filled(order, 1, 1), told(order, 1, OrderStatus.FILLED, "1"))
    assert promises(*held, halts=[a_halt(2, 3, level="flatten")]) == ["halts hold"]
    assert promises(*held, halts=[a_halt(2, 3)]) == []


def test_a_position_without_its_stop_is_found_unless_its_wallet_was_ill() -> None:
    order = an_order(TREND, 1)
    naked = (told(order, 1), filled(order, 1, 1), told(order, 1, OrderStatus.FILLED, "1"), told(a_stop(2), 9))
    assert promises(*naked) == ["stops"]
    assert promises(*naked, illnesses=[an_illness("wallet:w1", 2, 8)]) == []
    assert promises(*naked, illnesses=[an_illness("wallet:w2", 2, 8)]) == ["stops"]


def test_entries_of_a_silent_bot_are_found_once_its_time_is_over() -> None:
    order = an_order(QUOTER, 1)
    left = (told(order, 1), told(an_order(TREND, 1), 14), told(order, 15, OrderStatus.CANCELLED))
    assert promises(*left, illnesses=[an_illness("bot:w1_btc", 2, 20)]) == ["no orphans"]
    assert promises(*left, illnesses=[an_illness("bot:w1_btc", 2, 6)]) == []
    assert promises(*left, illnesses=[an_illness("bot:w1_btc", 2, 20), an_illness("exchange", 3, 4)]) == []


def test_what_rests_after_the_end_is_found() -> None:
    order, entry, stop = an_order(TREND, 1), an_order(QUOTER, 2), a_stop(3)
    trial = Trial(ROSTER, [], [])
    trial.hear(history([told(order, 1), filled(order, 1, 1), told(order, 1, OrderStatus.FILLED, "1")]))

    def found(*resting: Order) -> list[str]:
        reports = [("w1", told(order, 9)) for order in resting]
        return [violation.promise for violation in check_what_rests(reports, trial)]

    assert found(stop) == []
    assert found(stop, entry) == ["no orphans"]
    assert found() == ["stops"]
    assert found(a_stop(3, "0.5")) == ["stops"]
    assert found(stop, a_stop(4)) == ["stops"]
