"""A local Ray of a fleet's own: started, found and ended without touching any other Ray of the machine.

It consists of one or two node processes (``ray start --block``), each the leader of a session of its own, so that no
terminal's Ctrl-C or hang-up reaches it:

- the *head*: Ray's tables (GCS, kept on disk by its embedded RocksDB), dashboard and job server. With a
  control node beside it, no actor lives here.
- the *control* node: where the actors live. It outlives the head: ``start`` brings a lost head back on its old
  address and its old tables, and the actors never notice.

Ray answers on the loopback network: nodes on other machines cannot join (a cluster of machines is made by
``ray up``), and a laptop may change its network. A token that only this user can read guards every port.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from adapters.errors import TradingError
from cluster.home import HOME_VARIABLE, Home
from cluster.ray_runtime.processes import Leader, end

_NODE_ADDRESS = "127.0.0.2"  # Ray replaces 127.0.0.1 by the machine's outward address
_START_TIMEOUT_S = 120.0
_STOP_GRACE_S = 3.0
_POLL_S = 0.05
_OBJECT_STORE_BYTES = 256 * 2**20  # the fleet's own messages are small; Ray's default is 30 % of the memory
_PORTS_LOW, _PORTS_HIGH, _PORTS_EACH = (
    20_000,
    30_000,
    5,
)  # below the ports that Linux gives to outgoing connections

_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_gcs_storage": "rocksdb",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",  # how long nodes wait for a head to come back
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    "RAY_memory_monitor_refresh_ms": "0",  # it kills innocents; each bot has a limit of its own
    "RAY_worker_niceness": "0",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}
# Nothing else of the starter's environment reaches Ray: what its workers inherit, any bot can read.
_INHERITED = re.compile(
    r"HOME|USER|LOGNAME|SHELL|TZ|LANG|LC_\w+|PATH|LD_LIBRARY_PATH|VIRTUAL_ENV|PYTHONPATH|PYTHONPYCACHEPREFIX"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|(?i:https?|no|all)_proxy"
    r"|RAY_(PROMETHEUS|GRAFANA)_\w+|RAY_BACKEND_LOG_LEVEL"
)


class RayNotStarted(TradingError):
    """A Ray process ended or did not come up in time (the text has the end of its log), or none was started."""


class _Node(StrEnum):
    HEAD = "head"
    CONTROL = "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class RayAddress:
    """Where a Ray answers."""

    gcs: str  # host:port, for ``ray.init(address=...)``
    dashboard: str  # http://host:port, also the job server
    session: str  # Ray's name for this run, also of its folder of logs


def start(home: Home, environ: Mapping[str, str], *, control_node: bool) -> RayAddress:
    """Starts what does not run of this home's Ray, and returns when all of it answers.

    Where nothing of it lives it begins with empty tables: what must last is in the fleet's own store, and
    old tables only tell of dead actors. Where a node lives, the lost one comes back to it.

    Args:
        home: whose Ray.
        environ: the starter's environment; of it, only what Ray needs is passed on, and no secret.
        control_node: whether the actors get a node process of their own, which survives the head. The node
            where they may live bears the label ``role=control``.

    Raises:
        RayNotStarted: a process ended, or was not ready within two minutes; nothing started here is left.
        UnsafeFolder: a folder of the home is somebody else's.
    """
    home.make_folders()
    with _one_at_a_time(home):
        former = _recorded(home)
        living = {node for node in _Node if _lives(home, node)}
        if former is not None and living:
            port = int(former.gcs.rpartition(":")[2])
        else:
            living = set()
            _clear(home)
            home.make_folders()
            port = _free_ports(home)
        _make_token(home)
        surroundings = _surroundings(home, environ, port)
        wanted = [_Node.HEAD, _Node.CONTROL] if control_node else [_Node.HEAD]
        missing = [node for node in wanted if node not in living]
        try:
            for node in missing:  # one after another: Ray cannot start two at once in one session
                _start_node(home, node, _arguments(home, node, port, is_alone=not control_node), surroundings)
        except BaseException:
            _end_nodes(home, missing)
            raise
        return _record(home, port)


def stop(home: Home) -> None:
    """Ends this home's Ray, every process of it and no other, and removes what it left behind. Safe to repeat.

    Raises:
        Unkillable: a process survived SIGKILL.
    """
    if home.run.is_dir():
        with _one_at_a_time(home):
            _clear(home)


def running(home: Home) -> RayAddress | None:
    """Where this home's Ray answers, if all processes that were started for it still run."""
    nodes = [node for node in _Node if _pid_file(home, node).exists()]
    if not nodes or not all(_lives(home, node) for node in nodes):
        return None
    return _recorded(home)


def environment(home: Home) -> Mapping[str, str]:
    """What Ray's own commands and ``ray.init`` need in their environment to reach this home's Ray.

    ``RAY_ADDRESS`` serves ``ray status``, ``ray list`` and drivers; ``ray job`` reads ``RAY_API_SERVER_ADDRESS``
    first. The mode must be named, since a client with an explicit address never turns it on by itself.

    Raises:
        RayNotStarted: no Ray of this home runs.
    """
    address = running(home)
    if address is None:
        raise RayNotStarted(f"no Ray of {home.path} runs")
    return {
        "RAY_ADDRESS": address.gcs,
        "RAY_API_SERVER_ADDRESS": address.dashboard,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(home.token_path),
        "RAY_AUTH_TOKEN": "",  # were it set, it would win over the file
    }


def _arguments(home: Home, node: _Node, port: int, *, is_alone: bool) -> list[str]:
    common = [
        "--block",
        f"--node-ip-address={_NODE_ADDRESS}",
        f"--node-name={node}",
        f"--temp-dir={home.runtime / node}",
        f"--object-store-memory={_OBJECT_STORE_BYTES}",
        "--min-worker-port=0",  # zero: whatever is free
        "--max-worker-port=0",
        "--dashboard-agent-listen-port=0",
        "--include-log-monitor=false",  # it only repeats the actors' logs on every driver's terminal
    ]
    actors_live_here = is_alone or node is _Node.CONTROL
    place = ["--labels=role=control"] if actors_live_here else ["--num-cpus=0"]
    if node is _Node.CONTROL:
        return [f"--address={_NODE_ADDRESS}:{port}", *common, *place]
    head = [
        "--head",
        f"--port={port}",
        "--include-dashboard=true",
        "--dashboard-host=127.0.0.1",
        f"--dashboard-port={port + 1}",
        f"--ray-client-server-port={port + 2}",
    ]
    return [*head, *common, *place]


def _surroundings(home: Home, environ: Mapping[str, str], port: int) -> dict[str, str]:
    inherited = {name: value for name, value in environ.items() if _INHERITED.fullmatch(name)}
    interpreter = Path(sys.executable).parent  # a job's ``python`` and ``flotilla`` are this installation's
    return {
        **inherited,
        **_SETTINGS,
        "PATH": os.pathsep.join([str(interpreter), inherited.get("PATH", os.defpath)]),
        HOME_VARIABLE: str(home.path),
        "RAY_AUTH_TOKEN_PATH": str(home.token_path),
        "RAY_gcs_storage_path": str(home.ray_store),
        "AUTOSCALER_METRIC_PORT": str(port + 3),
        "DASHBOARD_METRIC_PORT": str(port + 4),
    }


def _start_node(home: Home, node: _Node, arguments: list[str], surroundings: Mapping[str, str]) -> None:
    _end_nodes(home, [node])  # a dead leader may have left orphans
    ready = home.runtime / node / "ray_current_cluster"  # Ray writes it last
    ready.unlink(missing_ok=True)
    log = home.logs / f"ray-{node}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-P", "-m", "ray.scripts.scripts", "start", *arguments],
            cwd=home.path,
            env=dict(surroundings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    leader = Leader.of(process.pid)
    _write_private(_pid_file(home, node), json.dumps(asdict(leader)))
    threading.Thread(
        target=process.wait, daemon=True
    ).start()  # else it stays a zombie of a starter that lives on
    started = time.monotonic()
    while not ready.exists():
        if not leader.lives():
            raise RayNotStarted(
                f"Ray's {node} process ended while it started; {log} ends with:\n{_tail(log)}"
            )
        if time.monotonic() > started + _START_TIMEOUT_S:
            raise RayNotStarted(f"Ray's {node} process was not ready in time; {log} ends with:\n{_tail(log)}")
        time.sleep(_POLL_S)


def _end_nodes(home: Home, nodes: Iterable[_Node]) -> None:
    leaders = {node: leader for node in nodes if (leader := _leader(home, node)) is not None}
    end(leaders.values(), _STOP_GRACE_S)
    for node in leaders:
        _pid_file(home, node).unlink()


def _clear(home: Home) -> None:
    _end_nodes(home, _Node)
    home.ray_address_file.unlink(missing_ok=True)
    for folder in (home.runtime, home.ray_store):
        if folder.exists():
            shutil.rmtree(folder)


def _free_ports(home: Home) -> int:
    """The first of some consecutive free ports; the same home gets the same ones, while nobody else has them."""
    blocks = (_PORTS_HIGH - _PORTS_LOW) // _PORTS_EACH
    preferred = int(home.key, 16)
    for block in range(preferred, preferred + blocks):
        first = _PORTS_LOW + block % blocks * _PORTS_EACH
        if all(_is_free(port) for port in range(first, first + _PORTS_EACH)):
            return first
    raise RayNotStarted(f"no {_PORTS_EACH} free ports in a row between {_PORTS_LOW} and {_PORTS_HIGH}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection's port is free
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def _make_token(home: Home) -> None:
    if not home.token_path.exists():
        _write_private(home.token_path, secrets.token_hex(32))


def _record(home: Home, port: int) -> RayAddress:
    address = RayAddress(
        gcs=f"{_NODE_ADDRESS}:{port}",
        dashboard=f"http://127.0.0.1:{port + 1}",
        session=(home.runtime / _Node.HEAD / "session_latest").resolve().name,
    )
    _write_private(home.ray_address_file, json.dumps(asdict(address)))
    return address


def _recorded(home: Home) -> RayAddress | None:
    try:
        return RayAddress(**json.loads(home.ray_address_file.read_text()))
    except FileNotFoundError:
        return None


def _pid_file(home: Home, node: _Node) -> Path:
    return home.run / f"ray-{node}.json"


def _leader(home: Home, node: _Node) -> Leader | None:
    try:
        return Leader(**json.loads(_pid_file(home, node).read_text()))
    except FileNotFoundError:
        return None


def _lives(home: Home, node: _Node) -> bool:
    leader = _leader(home, node)
    return leader is not None and leader.lives()


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and readable by its owner only."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
    draft.replace(path)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


@contextlib.contextmanager
def _one_at_a_time(home: Home) -> Iterator[None]:
    with (home.run / "ray.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
