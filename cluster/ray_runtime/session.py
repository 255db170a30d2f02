"""An operator's connection to a fleet's Ray."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

import ray
from ray.exceptions import RayError

from adapters.errors import LinkError
from cluster.home import Home
from cluster.ray_runtime import boot
from cluster.ray_runtime.calls import answer_now, find
from cluster.ray_runtime.naming import KILL_SWITCH, NAMESPACE, SUPERVISOR, control_options
from cluster.ray_runtime.ray_processes import START_MAX_S, actor_class
from cluster.ray_runtime.supervisor_host import SupervisorHost
from config.spec import FleetSpec

IN_A_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # Ray sets it for the entry point of a submitted job


@contextmanager
def connection(home: Home) -> Iterator[None]:
    """Connected to this home's Ray, or inside a job to the job's. Raises ``LinkError``."""
    inside_a_job = IN_A_JOB in os.environ
    if not inside_a_job:
        os.environ.update(boot.environment(home))
    before = set(threading.enumerate())
    try:
        ray.init(
            address=None if inside_a_job else os.environ["RAY_ADDRESS"],
            namespace=NAMESPACE,
            log_to_driver=False,
            configure_logging=False,
        )
    except (RayError, ConnectionError, RuntimeError) as error:
        raise LinkError(f"cannot connect to the fleet's Ray: {error}") from error
    rays_own = set(threading.enumerate()) - before
    try:
        with redirect_stdout(cast("TextIO", _WithoutRay(sys.stdout, rays_own))):
            yield
    finally:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # it tells what it had held back
            ray.shutdown()


class _WithoutRay:
    """A stream to which Ray's own threads write in vain: their news of the cluster would end up inside our JSON."""

    def __init__(self, stream: TextIO, rays_own: set[threading.Thread]) -> None:
        self._stream = stream
        self._rays_own = rays_own

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread() in self._rays_own else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def start_supervisor(home: Home, fleet: FleetSpec) -> None:
    """See that the supervisor exists and has begun."""
    actor = (
        actor_class(SupervisorHost)
        .options(**control_options(SUPERVISOR))
        .remote(SUPERVISOR, str(home.path), fleet.store)
    )
    answer_now(actor.start.remote(), timeout_s=START_MAX_S, what=SUPERVISOR)


def ask_supervisor(method: str, *arguments: Any, timeout_s: float) -> Any:
    """Call the supervisor. Raises ``LinkError``, or what it raised."""
    return answer_now(
        getattr(find(SUPERVISOR), method).remote(*arguments), timeout_s=timeout_s, what=SUPERVISOR
    )


def ask_kill_switch(method: str, *arguments: Any, timeout_s: float = 10.0) -> Any:
    """Call the kill switch. Raises ``LinkError``, or what it raised."""
    return answer_now(
        getattr(find(KILL_SWITCH), method).remote(*arguments), timeout_s=timeout_s, what=KILL_SWITCH
    )
