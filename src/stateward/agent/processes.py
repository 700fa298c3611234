"""Processes of steps: each leads a session and a process group of its own, so that all of it can be ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from stateward.agent.output import Capture

GRACE_S = 1.0
# Waits for a line before it becomes the program: nothing runs before the journal knows the process.
_GATE = 'read -r _ && exec "$@" </dev/null'


class Drains:
    """Pipes that children in the background hold open after their step: read and forgotten until they close.

    Closing them would kill such a child by SIGPIPE when it next prints.
    """

    def __init__(self) -> None:
        self._open: set[asyncio.BaseTransport] = set()

    def adopt(self, transport: asyncio.BaseTransport, closed: asyncio.Future[None]) -> None:
        self._open.add(transport)
        closed.add_done_callback(lambda _: self._open.discard(transport))

    def close(self) -> None:
        """The agent ends."""
        for transport in list(self._open):
            transport.close()


class _Reader(asyncio.Protocol):
    """Passes what comes out of a pipe to a capture, and says when the pipe is closed."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._capture.add(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


class GatedProcess:
    """A shell that waits at a gate, then becomes a program; no argument is ever read by a shell."""

    def __init__(self, process: subprocess.Popen[bytes], drains: Drains) -> None:
        self._process = process
        self._drains = drains
        self._readers: list[tuple[asyncio.BaseTransport, _Reader]] = []
        self._captures: list[Capture] = []
        self._exited = asyncio.Event()
        self._watch()

    @classmethod
    async def start(
        cls,
        program: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        captures: Sequence[Capture],
        drains: Drains,
    ) -> GatedProcess:
        """Start the shell; `captures` take its standard output and error. Raises OSError and ValueError (NUL)."""
        process = _spawn(program, folder, environment)
        started = cls(process, drains)
        for pipe, capture in zip((process.stdout, process.stderr), captures, strict=True):
            assert pipe is not None, "the process was started with pipes"
            await started._read(pipe, capture)
        return started

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def birth(self) -> str:
        """What tells this process from a later one of the same number."""
        return birth_of(self._process.pid) or ""

    def release(self) -> None:
        """Open the gate."""
        assert self._process.stdin is not None, "the process was started with a pipe"
        # The process may be gone already: then there is nothing to release.
        with suppress(BrokenPipeError):
            self._process.stdin.write(b"\n")
        self._close_gate()

    def kill(self) -> None:
        """End the whole process group at once, unless its leader has ended by itself."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Wait for the leader's end."""
        await self._exited.wait()

    async def result(self) -> int:
        """The exit code after the end, negative for a signal; waits a moment for the last output."""
        await self._exited.wait()
        self._close_gate()
        closed = [reader.closed for _, reader in self._readers]
        await asyncio.wait(closed, timeout=GRACE_S)
        for capture in self._captures:
            capture.seal()
        for transport, reader in self._readers:
            if not reader.closed.done():
                self._drains.adopt(transport, reader.closed)
        return self._process.returncode

    def _close_gate(self) -> None:
        assert self._process.stdin is not None, "the process was started with a pipe"
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    async def _read(self, pipe: IO[bytes], capture: Capture) -> None:
        transport, reader = await asyncio.get_running_loop().connect_read_pipe(lambda: _Reader(capture), pipe)
        self._readers.append((transport, reader))
        self._captures.append(capture)

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()

        def reap() -> None:
            # In the loop's thread, as kill: a group is never signalled after its number was given back.
            self._process.wait()
            self._exited.set()

        def wait() -> None:
            if sys.platform == "darwin":
                self._process.wait()
            else:
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                loop.call_soon_threadsafe(reap)

        threading.Thread(target=wait, name=f"step {self._process.pid}", daemon=True).start()


def _spawn(program: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _GATE, "gate", *program],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def birth_of(process_id: int) -> str | None:
    """When a process was born, in words that no other process of that number shares; None when it is not there."""
    if sys.platform == "darwin":
        found = subprocess.run(
            ["/bin/ps", "-o", "lstart=", "-p", str(process_id)], capture_output=True, text=True, check=False
        )
        return found.stdout.strip() or None
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return None
    fields = status.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{boot()} {started}"


def boot() -> str:
    """What tells the present boot of the system from every other."""
    if sys.platform == "darwin":
        found = subprocess.run(["/usr/sbin/sysctl", "-n", "kern.boottime"], capture_output=True, text=True, check=True)
        return found.stdout.strip()
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_reboot(command: str) -> None:
    """Run the operator's reboot command, without waiting for it. Raises OSError."""
    subprocess.Popen(
        ["/bin/sh", "-c", f"({command}) &"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ).wait()


def end_group(process_id: int, birth: str) -> bool:
    """Kill the process group of a process if it is still the one born then; whether it was (D27)."""
    if not birth or birth_of(process_id) != birth:
        return False
    with suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGKILL)
    return True
