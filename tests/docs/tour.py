"""Terminals in one folder, in which the commands of a page are typed as they are written."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from blocks import steps_of

from waiting import until

VOLATILE = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"mi-[0-9a-f]{17}"), "<node>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "<when>"),
    (re.compile(r"(?<=//)[\w.-]+:\d+"), "<address>"),
    (re.compile(r"\bAKIA[A-Z0-9]{16}\b"), "<key>"),
    (re.compile(r"\b\d+\.\d s\b"), "<seconds>"),
    (re.compile(r"\[plan [0-9a-f]{12}\]"), "[plan <hash>]"),
    (re.compile(r"\d\d? [A-Z][a-z]{2} (?:\d{4} )?\d\d:\d\d(?: UTC)?"), "<when>"),
)
PORTS = ("8390", "8391", "8443")
"""The ports that pages write; each tour has free ones in their place."""
LASTING = {
    "stateward serve": "listening on",
    "stateward agent run": "the control channel is open",
    "stateward agent join": "the control channel is open",
}
"""Commands that run until Ctrl-C, and what they say when they are ready."""
UNFINISHED = re.compile(r"^stateward_(?:executions_unfinished|invocations\{.*\}) (\d+)", re.MULTILINE)


class Tour:
    """The terminals of one page, whose text says whether it needs a port for TLS."""

    def __init__(self, folder, page):
        free = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
        self._ports = {port: str(probe.getsockname()[1]) for port, probe in zip(PORTS, free, strict=True)}
        for probe in free:
            probe.close()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STATEWARD_"))}
        self._environment = kept | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "STATEWARD_PORT": self._ports["8390"],
            "NO_PROXY": "127.0.0.1,localhost",
        }
        if "8443" in page:
            self._environment["STATEWARD_TLS_PORT"] = self._ports["8443"]
        self._folder = folder
        self._shells = {}

    def __contains__(self, terminal):
        return terminal in self._shells

    def play(self, terminal, text):
        """Type the commands of a console block in a terminal, and compare what it prints."""
        for command, expected in steps_of(text):
            end = next((said for start, said in LASTING.items() if command.startswith(start)), None)
            times = max(1, expected.count(end)) if end else 1
            output = self._type(terminal, self._with_free_ports(command), end, times)
            if end is None or expected:
                assert without_volatile(output) == without_volatile(expected), f"{command}\n{output}"

    def run(self, terminal, text):
        """Type a block in a terminal as one script, in which every command must end well."""
        self.run_here(terminal, f"set -e\n{self._with_free_ports(text)}\nset +e")

    def run_here(self, terminal, command):
        """Type what shows nothing to compare, and changes the terminal itself."""
        said = self._type(terminal, f"{command}\necho all of it went well", None, 1)
        assert "all of it went well" in said, f"{command}\n{said}"

    def close(self):
        for shell in reversed(self._shells.values()):
            os.killpg(shell.pid, signal.SIGTERM)
            shell.communicate(timeout=20)

    def _with_free_ports(self, command):
        return re.sub(r"(?<=[: ])(8390|8391|8443)\b", lambda found: self._ports[found[0]], command)

    def _type(self, terminal, command, end, times):
        shell = self._shells.get(terminal) or self._open(terminal)
        mark = end or "the command has ended"
        shell.stdin.write(f"{command}\n" if end else f"{command}\nprintf '\\n%s\\n' '{mark}'\n")
        shell.stdin.flush()
        lines = []
        for line in shell.stdout:
            lines.append(line)
            times -= mark in line
            if times <= 0:
                break
        else:
            raise AssertionError(f"{command}: the terminal was closed\n{''.join(lines)}")
        if end is None and terminal.startswith("client"):
            self._settle(shell)
        # What lasts logs as well, on the same terminal.
        return "".join([line for line in lines if end in line] if end else lines[:-1])

    def _open(self, terminal):
        self._shells[terminal] = subprocess.Popen(
            ["bash", "--norc"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return self._shells[terminal]

    def _settle(self, shell):
        """A reader is slower than this test: wait until what was started has been done."""
        shell.stdin.write('echo "$AWS_ENDPOINT_URL_SSM $AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"\n')
        shell.stdin.flush()
        url, _, key = shell.stdout.readline().strip().partition(" ")
        if not url.startswith("http://"):
            return
        if not _has_settled(url, key):
            until(lambda: _is_idle(url, key))


def _has_settled(url, key):
    """Whether the server has a clock to turn, and has done all that is due."""
    try:
        _ask(url, key, "/_stateward/clock", {"advance": "0s"})
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return False
        raise
    return True


def _is_idle(url, key):
    return not any(int(number) for number in UNFINISHED.findall(_ask(url, key, "/metrics")))


def _ask(url, key, path, body=None):
    headers = {
        "authorization": f"Basic {base64.b64encode(key.encode()).decode()}",
        "content-type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=60) as answer:
        return answer.read().decode()


def without_volatile(text):
    for pattern, name in VOLATILE:
        text = pattern.sub(name, text)
    return [line.rstrip() for line in text.strip().splitlines()]
