"""A server and an agent as child processes of a command, ended with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

READY = "Stateward is listening on "
STOP_S = 15.0


class ChildFailed(Exception):
    """A child process ended or was silent when it should not; the text has its last words."""


class Child:
    """One `python -m stateward …` process in a process group of its own, with this environment or the parent's."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._last_words: deque[str] = deque(maxlen=20)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stateward", *arguments],
            env={**(os.environ if environment is None else environment), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def first_line(self, beginning: str = "") -> str:
        """The first line on standard output that begins so, without the beginning. Raises ChildFailed at its end."""
        assert self._process.stdout is not None, "the process was started with a pipe"
        for line in self._process.stdout:
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        raise ChildFailed(self._obituary())

    def check_alive(self) -> None:
        """Raises ChildFailed when the process has ended."""
        if self._process.poll() is not None:
            raise ChildFailed(self._obituary())

    def wait(self) -> int:
        return self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and after fifteen seconds SIGKILL, to the whole group."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
        self._listener.join(1)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return  # it has just ended by itself

    def _listen(self) -> None:
        assert self._process.stderr is not None, "the process was started with a pipe"
        for line in self._process.stderr:
            self._last_words.append(line.rstrip())

    def _obituary(self) -> str:
        self._process.wait()
        self._listener.join(1)
        words = "\n  ".join(self._last_words)
        return f"the {self.name} ended with exit code {self._process.returncode}\n  {words}"


def start_server(data_dir: Path, port: int, *arguments: str) -> tuple[Child, str]:
    """A server that accepts requests, and its address. Raises ChildFailed."""
    child = Child("server", ["serve", "--port", str(port), "--data-dir", str(data_dir), *arguments])
    try:
        return child, child.first_line(READY)
    except BaseException:
        child.stop()
        raise


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that the children end with their parent."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
