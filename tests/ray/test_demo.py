"""``flotilla demo``: in the foreground, for a while or until Ctrl-C, and nothing left behind."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.home import Home
from tests.ray.fleet import Fleet

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

SMALL = """
fleet: small
decision: {actors: 1}
market: {source: synthetic, seed: 3, symbols: [BTC], latency: 5ms}
wallets: {alpha: {venue: paper}}
bots:
  - name: maker
    wallet: alpha
    strategy: {kind: quoter, symbol: BTC, spread_bps: 2}
    on_stop: flatten
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path / "small.yaml"


@pytest.fixture
def demo() -> Iterator[Fleet]:
    with tempfile.TemporaryDirectory(prefix="demo") as folder:
        fleet = Fleet(Path(folder))
        try:
            yield fleet
        finally:
            fleet.end()


def _check_nothing_is_left(home: Home) -> None:
    assert not home.runtime.exists()
    assert not home.ray_address_file.exists()
    mark = f"FLOTILLA_HOME={home.path}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            content = environ.read_bytes()
        except OSError:
            continue
        assert mark not in content.split(b"\0"), environ


def test_it_ends_by_itself_with_a_summary(demo: Fleet, small: Path) -> None:
    done = demo.run("demo", str(small), "--for", "4s")
    assert done.returncode == 0, done.stderr
    assert "stopped in order" in done.stdout
    assert "maker" in done.stdout
    _check_nothing_is_left(demo.home)


def test_ctrl_c_on_a_terminal_stops_it_in_order(demo: Fleet, small: Path) -> None:
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        demo.command("demo", str(small)),
        env={**demo.environ, "TERM": "xterm", "COLUMNS": "120"},
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(other_end)
    shown = b""
    try:
        shown = _read_until(terminal, b"RUNNING", within_s=90)
        os.write(terminal, b"\x03")
        shown += _read_until(terminal, b"stopped in order", within_s=60)
        assert process.wait(timeout=30) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(terminal)
    assert b"Traceback" not in shown, shown[-3000:].decode(errors="replace")
    _check_nothing_is_left(demo.home)


def _take_terminal() -> None:
    """As a shell on it would: who runs the tests in the background may have Ctrl-C ignored for all their children."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read_until(terminal: int, words: bytes, *, within_s: float) -> bytes:
    """What the terminal shows, up to the words."""
    deadline = time.monotonic() + within_s
    shown = b""
    while words not in shown:
        assert time.monotonic() < deadline, shown[-3000:].decode(errors="replace")
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            break
    assert words in shown, shown[-3000:].decode(errors="replace")
    return shown
