"""Stateward's own program as real processes, for tests of what a user types."""

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from live_server import KEY_ID, REGION, SECRET

WAIT_S = 30
READY = "Stateward is listening on "
BIN = Path(sys.executable).parent
KEYS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
"""What makes a client of AWS's the administrator of a test's server."""

ISOLATED = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "1"}
"""What keeps the configuration of whoever runs the tests out of them."""

ADMIN = {"STATEWARD_ADMIN_ACCESS_KEY_ID": KEY_ID, "STATEWARD_ADMIN_SECRET_ACCESS_KEY": SECRET}


def environment(**more):
    """A user's environment with no settings but these, and a home that does not exist."""
    return {"PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin", "HOME": "/nowhere", "PYTHONUNBUFFERED": "1", **more}


def run(*arguments, program=(sys.executable, "-m", "stateward"), timeout=WAIT_S, **env):
    """A program from start to end: exit code, standard output, standard error."""
    return subprocess.run(
        [*program, *arguments], env=environment(**env), capture_output=True, text=True, timeout=timeout, check=False
    )


class Program:
    """A running `stateward …` whose lines a test waits for."""

    def __init__(self, *arguments, program=(sys.executable, "-m", "stateward"), **env):
        self._process = subprocess.Popen(
            [*program, *arguments],
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        self._heard = threading.Condition()
        self._listeners = [
            threading.Thread(target=self._listen, args=(pipe,), daemon=True)
            for pipe in (self._process.stdout, self._process.stderr)
        ]
        for listener in self._listeners:
            listener.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def lives(self):
        return self._process.poll() is None

    @property
    def text(self):
        """Everything that it has said so far, on both outputs."""
        with self._heard:
            return "".join(self.lines)

    def line(self, *parts):
        """The first line with all these parts, when it has come."""
        with self._heard:
            assert self._heard.wait_for(lambda: self._find(parts) or self._silent(), WAIT_S), f"no {parts} came"
            found = self._find(parts)
        assert found, f"{parts} did not come before its end: {self.text}"
        return found.rstrip("\n")

    def send(self, number):
        self._process.send_signal(number)

    def wait(self):
        """Its exit code, when it has ended by itself and said everything."""
        code = self._process.wait(WAIT_S)
        for listener in self._listeners:
            listener.join(WAIT_S)
        return code

    def close(self):
        """SIGTERM to the group, and SIGKILL to what is left."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
        self.wait()

    def _find(self, parts):
        return next((line for line in self.lines if all(part in line for part in parts)), None)

    def _silent(self):
        return not any(listener.is_alive() for listener in self._listeners)

    def _listen(self, pipe):
        with pipe:
            for line in pipe:
                self._hear(line)
        self._hear("")

    def _hear(self, line):
        with self._heard:
            self.lines.append(line)
            self._heard.notify_all()


@contextmanager
def started(*arguments, **env):
    program = Program(*arguments, **env)
    try:
        yield program
    finally:
        program.close()


@contextmanager
def serving(folder, *arguments, **env):
    """`stateward serve` on a free port, ready; its address is `.url`."""
    with started("serve", "--port", "0", "--data-dir", str(folder), *arguments, **env) as server:
        server.url = server.line(READY + "http://").removeprefix(READY)
        yield server


def get(url, **headers):
    """Status and text of a GET, whatever the status is."""
    return _ask(urllib.request.Request(url, headers=headers))


def post(url, body, **headers):
    """Status and text of a POST, whatever the status is."""
    return _ask(urllib.request.Request(url, body, headers))


def _ask(request):
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
