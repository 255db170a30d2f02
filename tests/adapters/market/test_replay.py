import io
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from subprocess import run
from time import process_time

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import ConfigError
from adapters.market.replay import BarReplay
from adapters.market.rows import time_reader
from adapters.model import Bar, InstrumentKind, Symbol

BTC, ETH = Symbol("BTC"), Symbol("ETH")
MINUTE = timedelta(minutes=1)
HEADER = "timestamp,open,high,low,close,volume"
GOOD_ROWS = (
    "2024-03-01 00:00,10,12,9,11,5",
    "2024-03-01 00:01,11,12.5,11,12,0",
    "2024-03-01 00:02,12,13,10,10,1",
)


def a_file(folder: Path, *lines: str, name: str = "bars.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


def a_zip(path: Path, *members: tuple[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members:
            archive.writestr(name, text)
    return path


def bars_in(path: Path) -> list[Bar]:
    return list(BarReplay({BTC: path}).events())


def test_a_bar_comes_out_at_its_close(tmp_path: Path) -> None:
    first, second, third = bars_in(a_file(tmp_path, *GOOD_ROWS))
    assert first == Bar(
        symbol=BTC,
        open=Decimal(10),
        high=Decimal(12),
        low=Decimal(9),
        close=Decimal(11),
        volume=Decimal(5),
        interval=MINUTE,
        at=datetime(2024, 3, 1, 0, 1, tzinfo=UTC),
    )
    assert third.at - second.at == MINUTE


def test_a_month_of_minutes_is_whole_and_loads_fast(shared_data: Path) -> None:
    began = process_time()
    replay = BarReplay({BTC: shared_data / "market/nautilus/btc-perp-20211231-20220201_1m.csv"})
    assert process_time() - began < 2  # seconds; about 0.4 on a desktop
    bars = list(replay.events())
    assert len(replay) == len(bars) == 45_031
    assert bars[0].at == datetime(2021, 12, 31, 23, 2, tzinfo=UTC)
    assert str(bars[-1].close) == "38544.0"
    assert all(after.at - before.at == MINUTE for before, after in pairwise(bars))


@pytest.mark.parametrize(
    ("file", "count", "interval", "close"),
    [
        ("backtesting_py/GOOG.csv", 2148, timedelta(days=1), "806.19"),
        ("backtesting_py/EURUSD.csv", 5000, timedelta(hours=1), "1.22904"),
        ("nautilus/ADABTC-1m-2021-11-27.csv", 10, MINUTE, "0.00002865"),
        ("freqtrade/UNITTEST_BTC-1m.feather", 13_681, MINUTE, "0.00270002"),
        ("freqtrade/ETH_BTC-5m.feather", 5760, timedelta(minutes=5), "0.10441057"),
        ("lean/crypto/gdax/minute/btcusd/20170903_trade.zip", 1440, MINUTE, "4626.05"),
        ("lean/crypto/gdax/second/btcusd/20161007_trade.zip", 4063, timedelta(seconds=1), "617.98"),
        ("lean/equity/usa/minute/ibm/20131007_trade.zip", 440, MINUTE, "181.9900"),
        ("lean/equity/usa/daily/spy.zip", 5580, timedelta(days=1), "274.4100"),
        ("lean/equity/usa/hour/spy.zip", 38_955, timedelta(hours=1), "274.4100"),
    ],
)
def test_every_recorded_format_is_read(
    shared_data: Path, file: str, count: int, interval: timedelta, close: str
) -> None:
    bars = bars_in(shared_data / "market" / file)
    assert (len(bars), bars[0].interval, str(bars[-1].close)) == (count, interval, close)
    assert all(before.at < after.at for before, after in pairwise(bars))


def test_stock_times_are_new_yorks_and_prices_ten_thousandths(shared_data: Path) -> None:
    first = bars_in(shared_data / "market/lean/equity/usa/minute/ibm/20131007_trade.zip")[0]
    assert first.at == datetime(2013, 10, 7, 8, 1, tzinfo=UTC)  # 04:00 in New York, in summer
    assert first.open == Decimal("181.52")
    daily = bars_in(shared_data / "market/lean/equity/usa/daily/spy.zip")
    assert daily[0].at == datetime(1998, 1, 3, 5, tzinfo=UTC)  # midnight in New York, in winter


def test_crypto_zips_are_in_utc_with_real_prices(shared_data: Path) -> None:
    first = bars_in(shared_data / "market/lean/crypto/gdax/minute/btcusd/20170903_trade.zip")[0]
    assert (first.at, first.open) == (datetime(2017, 9, 3, 0, 1, tzinfo=UTC), Decimal("4642.39"))


def test_symbols_are_merged_in_the_order_of_their_closes_and_ties_in_the_order_given(tmp_path: Path) -> None:
    btc = a_file(tmp_path, *GOOD_ROWS, name="btc.csv")
    eth = a_file(tmp_path, GOOD_ROWS[0], "2024-03-01 00:05,1,1,1,1,1", name="eth.csv")
    replay = BarReplay({ETH: eth, BTC: btc})
    minutes = [(bar.symbol, bar.at.minute) for bar in replay.events()]
    assert minutes == [(BTC, 1), (BTC, 2), (BTC, 3), (ETH, 5), (ETH, 10)]
    assert list(replay.events()) == list(replay.events())
    again = BarReplay({ETH: btc, BTC: btc})
    assert [bar.symbol for bar in again.events()] == [ETH, BTC] * 3


def test_tick_and_step_follow_from_the_decimals(tmp_path: Path) -> None:
    rule = BarReplay({BTC: a_file(tmp_path, *GOOD_ROWS)}).instruments[BTC]
    assert (rule.tick, rule.step, rule.kind) == (Decimal("0.1"), Decimal(1), InstrumentKind.PERP)
    assert rule.is_major
    padded = a_file(tmp_path, "1,100.500,101.00,100,101,1e-12", "2,100,100,100,100,3.25")
    rule = BarReplay({Symbol("SOL"): padded}).instruments[Symbol("SOL")]
    assert (rule.tick, rule.step, rule.is_major) == (Decimal("0.1"), Decimal("1E-8"), False)


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Volume",
        ",open,high,low,close,volume",
        "Unnamed: 0,OPEN,HIGH,LOW,CLOSE,VOLUME",
        " Time , open , high , low , close , volume ",
        "\ufefftimestamp,open,high,low,close,volume",
    ],
)
def test_columns_are_found_whatever_their_case(tmp_path: Path, header: str) -> None:
    assert len(bars_in(a_file(tmp_path, *GOOD_ROWS, header=header))) == 3


def test_columns_may_stand_in_any_order_with_others_between(tmp_path: Path) -> None:
    path = a_file(
        tmp_path,
        "5;x;2024-03-01T00:00:00Z;11;9;12;10",
        "0;y;2024-03-01T01:00:00+01:00;11;9;12;10",
        "0;y;2024-03-01T00:02:00Z;11;9;12;10",
        header="volume;note;date;close;low;high;open",
    )
    with pytest.raises(ConfigError, match=r"row 3.*must increase"):
        bars_in(path)
    path.write_text(path.read_text().replace("01:00:00+01:00", "01:01:00+01:00"))
    assert [(bar.open, bar.at.minute) for bar in bars_in(path)] == [
        (Decimal(10), 1),
        (Decimal(10), 2),
        (Decimal(10), 3),
    ]


moments = st.integers(1_000_000_000, 4_000_000_000)  # epoch seconds, 2001 to 2096


@given(moments, st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_epochs_are_told_apart_by_their_size(seconds: int, unit: int) -> None:
    text = str(seconds * unit)
    assert time_reader(text)(text) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_iso_times_without_a_zone_are_utc(moment: datetime) -> None:
    text = str(moment)
    assert time_reader(text)(text) == moment.replace(tzinfo=UTC)


def test_eight_digits_are_a_date() -> None:
    assert time_reader("20240301")("20240301") == datetime(2024, 3, 1, tzinfo=UTC)


def table_of(*rows: tuple[object, ...], kind: pa.DataType | None = None) -> pa.Table:
    names = ["Date", "Open", "High", "Low", "Close", "Volume"]
    columns = list(zip(*rows, strict=True))
    return pa.table(
        {
            name: pa.array(column, type=kind if kind and name != "Date" else None)
            for name, column in zip(names, columns, strict=True)
        }
    )


ROWS = (
    (datetime(2024, 3, 1, tzinfo=UTC), 0.1, 0.3, 0.1, 0.2, 1.0),
    (datetime(2024, 3, 1, 0, 1, tzinfo=UTC), 0.1 + 0.2, 0.31, 0.1, 0.1, 0.7),
)


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.decimal128(9, 4), pa.string()])
def test_binary_numbers_leave_their_noise_behind(tmp_path: Path, kind: pa.DataType) -> None:
    rows = [(at, *(round(number, 4) for number in numbers)) for at, *numbers in ROWS]
    if pa.types.is_string(kind):
        rows = [(at, *map(str, numbers)) for at, *numbers in rows]
    elif pa.types.is_decimal(kind):
        rows = [(at, *(Decimal(str(number)) for number in numbers)) for at, *numbers in rows]
    pa.parquet.write_table(table_of(*rows, kind=kind), tmp_path / "bars.parquet")
    bars = bars_in(tmp_path / "bars.parquet")
    assert [bar.open for bar in bars] == [Decimal("0.1"), Decimal("0.3")]
    assert bars[1].volume == Decimal("0.7")


def test_the_noise_of_sums_is_cut_off(tmp_path: Path) -> None:
    pa.feather.write_feather(table_of(*ROWS), tmp_path / "bars.feather")
    assert str(bars_in(tmp_path / "bars.feather")[1].open) == "0.3"  # stored as 0.30000000000000004


@pytest.mark.parametrize("times", ["ns", "naive", "epoch", "text"])
def test_arrow_times_of_every_type_are_read(tmp_path: Path, times: str) -> None:
    moments = [row[0] for row in ROWS]
    column = {
        "ns": pa.array(moments, type=pa.timestamp("ns", "America/New_York")),
        "naive": pa.array([moment.replace(tzinfo=None) for moment in moments]),
        "epoch": pa.array([int(moment.timestamp() * 1000) for moment in moments]),
        "text": pa.array([moment.isoformat() for moment in moments]),
    }[times]
    table = table_of(*ROWS).set_column(0, "Date", column)
    pa.parquet.write_table(table, tmp_path / "bars.parquet")
    assert [bar.at for bar in bars_in(tmp_path / "bars.parquet")] == [moment + MINUTE for moment in moments]


def test_a_zipped_csv_is_read_like_a_plain_one(tmp_path: Path) -> None:
    text = "\n".join((HEADER, *GOOD_ROWS))
    assert bars_in(a_zip(tmp_path / "bars.zip", ("bars.csv", text))) == bars_in(a_file(tmp_path, *GOOD_ROWS))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("2024-03-01 00:01,11,12,x,11,1", "low is 'x'; must be a number"),
        ("2024-03-01 00:01,11,12,,11,1", "low is ''; must be a number"),
        ("2024-03-01 00:01,11,12,nan,11,1", "low is nan; must be a finite number"),
        ("2024-03-01 00:01,11,inf,11,11,1", "high is inf; must be a finite number"),
        ("2024-03-01 00:01,11,12,-9,11,1", "low is -9; must be above zero"),
        ("2024-03-01 00:01,0,12,0,11,1", "open is 0; must be above zero"),
        ("2024-03-01 00:01,11,12,11,11,-1", "volume is -1; must be zero or more"),
        ("2024-03-01 00:01,11,10,12,11,1", "high 10 is below low 12"),
        ("2024-03-01 00:01,11,12,10,13,1", "close 13 is not between low 10 and high 12"),
        ("2024-03-01 00:01,11,12", "has 3 columns; needs at least 6"),
        ("2024-03-01 00:00,11,12,11,11,1", "is not after the row before; times must increase"),
        ("2024-02-01 00:00,11,12,11,11,1", "is not after the row before; times must increase"),
        ("2024-03-01 00:00:30,11,12,11,11,1", "0:00:30 after the row before, but the bars are 0:01:00 long"),
        ("yesterday,11,12,11,11,1", "time 'yesterday' cannot be read"),
        ("1709251260,11,12,11,11,1", "time '1709251260' cannot be read"),
    ],
)
def test_an_unsound_row_is_named_with_its_file_and_reason(tmp_path: Path, row: str, complaint: str) -> None:
    later = [f"2024-03-01 00:{minute:02},11,12,11,11,1" for minute in range(2, 9)]
    path = a_file(tmp_path, GOOD_ROWS[0], row, *later)
    number = path.read_text().splitlines().index(row) + 1
    with pytest.raises(ConfigError) as refusal:
        bars_in(path)
    assert f"{path}, row {number}: " in str(refusal.value)
    assert complaint in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("empty.csv", b"", "is empty"),
        ("empty.parquet", b"", "is empty"),
        ("blank.csv", b"\n\n", "is empty"),
        ("header.csv", HEADER.encode(), "0 rows; needs at least two bars"),
        ("one.csv", f"{HEADER}\n{GOOD_ROWS[0]}".encode(), "1 rows; needs at least two bars"),
        ("missing.csv", b"date,open,high,close\n1,2,3,4", "no column low, volume; needs timestamp"),
        ("timeless.csv", b"when,open,high,low,close,volume\n", "no column timestamp"),
        ("trades.csv", b"1672531436,90.54,1.1\n", "no column timestamp, open, high"),
        ("noise.csv", b"\xff\xfe\x00\x81" * 9, "is not text in UTF-8"),
        ("nulls.csv", b"\x00" * 50, "bars|columns|column"),
        ("bars.parquet", b"date,open\n", "unknown format; needs bars as"),
        ("bars.xlsx", b"\xd0\xcf\x11\xe0", "unknown format"),
        ("cut.parquet", b"PAR1\x00\x00", "is damaged"),
        ("cut.feather", b"ARROW1\x00\x00\x00", "is damaged"),
        ("cut.zip", b"PK\x03\x04\x00\x00", "is not a readable zip"),
    ],
)
def test_a_file_without_bars_is_refused(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=complaint) as refusal:
        bars_in(path)
    assert str(path) in str(refusal.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            bars_in(path)


MINUTE_ZIP = "0,4642,4652,4642,4652,6\n60000,4652,4654,4645,4654,1\n"


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("data/20170903_trade.zip", MINUTE_ZIP, "outside Lean's folders"),
        ("crypto/minute/20170903_quote.zip", MINUTE_ZIP, "its name must be YYYYMMDD_trade.zip"),
        ("crypto/minute/20170903_trade.zip", "0,1,2,3\n", "row 1: has 4 columns"),
        (
            "equity/usa/tick/20170903_trade.zip",
            "0,1815200,100,BATS,@,0\n",
            "row 1: prices must be whole numbers",
        ),
        ("crypto/daily/btc.zip", "20170903 25:00,1,1,1,1,1\n", "row 1: time '20170903 25:00' is neither"),
    ],
)
def test_a_zip_that_is_no_lean_bars_is_refused(tmp_path: Path, path: str, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        bars_in(a_zip(tmp_path / path, ("inside.csv", text)))


def test_a_zip_must_hold_one_text_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds 2 files"):
        bars_in(a_zip(tmp_path / "two.zip", ("a.csv", "1"), ("b.csv", "2")))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", b"\xff\xfe\x81")
    (tmp_path / "binary.zip").write_bytes(packed.getvalue())
    with pytest.raises(ConfigError, match="is not text"):
        bars_in(tmp_path / "binary.zip")


def test_arrow_faults_are_named_with_their_row(tmp_path: Path) -> None:
    for bad, complaint in (
        ((None, 1.0, 1.0, 1.0, 1.0, 1.0), "row 3: has no time"),
        ((datetime(2024, 3, 1, 0, 2, tzinfo=UTC), 1.0, 1.0, None, 1.0, 1.0), "row 3: low is ''"),
        ((datetime(2024, 3, 1, 0, 2, tzinfo=UTC), 1.0, 1.0, float("nan"), 1.0, 1.0), "row 3: low is nan"),
    ):
        pa.feather.write_feather(table_of(*ROWS, bad), tmp_path / "bad.feather")
        with pytest.raises(ConfigError, match=complaint):
            bars_in(tmp_path / "bad.feather")


def test_reading_csv_does_not_load_pyarrow(tmp_path: Path) -> None:
    path = a_file(tmp_path, *GOOD_ROWS)
    script = f"""
import sys
from pathlib import Path
from adapters.market.source import open_source
assert len(list(open_source({{"BTC": Path({str(path)!r})}}).events())) == 3
assert not {{"pyarrow", "numpy", "pandas"}} & set(sys.modules)
"""
    run([sys.executable, "-c", script], check=True, cwd=Path(__file__).resolve().parents[3])
