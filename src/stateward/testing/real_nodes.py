"""This machine as a node of a test's server: the built-in agent in a process of its own, ended with all it started."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from stateward.agent import identity
from stateward.cli.processes import Child, ChildFailed
from stateward.clock import monotonic_s, pause
from stateward.testing.control import KitError

PATIENCE_S = 30.0
LOOK_S = 0.01
PROCESSES = Path("/proc")


class RealNodes:
    """The agents of one server. `close_door` is called before the first: a node must not be everybody's."""

    def __init__(self, url: str, client: Any, environment: Mapping[str, str], close_door: Callable[[], None]) -> None:
        self._url = url
        self._client = client
        self._environment = environment
        self._close_door = close_door
        self._open = ExitStack()

    def add(self, tags: Mapping[str, str], name: str | None) -> str:
        """The id of a new node that is online. Raises KitError."""
        self._close_door()
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="stateward-node-")))
        join = ["agent", "join", "--endpoint", self._url, "--state-dir", str(folder), "--log-level", "warning"]
        join += ["--name", name] if name else []
        for key, value in tags.items():
            join += ["--tag", f"{key}={value}"]
        agent = self._open.enter_context(Child("agent", join, {**os.environ, **self._environment}))
        try:
            node_id: str = _until(agent, lambda: _node_id(folder), "register")
            # Called before the agent is stopped and after: what a step starts as it is stopped is found as well.
            self._open.callback(end_processes_of, node_id)
            _until(agent, lambda: self._is_connected(node_id), "open its channel")
        except ChildFailed as error:
            raise KitError(str(error)) from error
        return node_id

    def close(self) -> None:
        """End the agents and every process that their steps have started, also in the background."""
        self._open.close()

    def _is_connected(self, node_id: str) -> bool:
        """Only a node with a channel is waited for when the clock is turned."""
        return bool(self._client.get_connection_status(Target=node_id)["Status"] == "connected")


def end_processes_of(node_id: str) -> None:
    """End what steps on a node have started. Elsewhere than on Linux what they left in the background goes on."""
    mark = f"AWS_SSM_INSTANCE_ID={node_id}".encode()
    while found := [process_id for process_id, environment in _environments() if mark in environment]:
        for process_id in found:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        pause(LOOK_S)


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    """The living processes whose environment can be read, those of this user."""
    for folder in PROCESSES.glob("[0-9]*"):
        with suppress(OSError, ValueError):
            environment = (folder / "environ").read_bytes().split(b"\0")
            if int(folder.name) != os.getpid():
                yield int(folder.name), environment


def _node_id(folder: Path) -> str | None:
    registration = identity.registered(folder)
    return None if registration is None else registration.node_id


def _until(agent: Child, look: Callable[[], Any], what: str) -> Any:
    end_s = monotonic_s() + PATIENCE_S
    while not (found := look()):
        agent.check_alive()
        if monotonic_s() > end_s:
            raise KitError(f"the agent did not {what} within {PATIENCE_S:.0f} s")
        pause(LOOK_S)
    return found
