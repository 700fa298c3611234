"""A client that costs little: raw HTTP/1.1 over keep-alive connections, in a process of its own.

Run as `python -m benchmarks.load`; the plan comes as JSON on standard input, the result goes to standard output.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import cast

import msgspec

from stateward.cli.loop import run_loop
from stateward.clock import monotonic_s

WARM_UP_S = 0.3


class Plan(msgspec.Struct, frozen=True):
    """Whole requests by connection; each connection sends its own in turn, over and over, until the time is up."""

    host: str
    port: int
    seconds: float
    requests: list[list[bytes]]


class Result(msgspec.Struct, frozen=True):
    answers: int
    seconds: float
    failures: int
    first_failure: str

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds


class LoadFailed(Exception):
    """The answers were not what was to be measured."""


def measure(plan: Plan) -> Result:
    """Run a plan in a fresh process. Raises LoadFailed when an answer is not 200."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"], input=msgspec.json.encode(plan), stdout=subprocess.PIPE, check=True
    )
    result = msgspec.json.decode(done.stdout, type=Result)
    if result.failures or not result.answers:
        raise LoadFailed(f"{result.failures} requests failed: {result.first_failure}")
    return result


class _Tally:
    def __init__(self) -> None:
        self.counting = False
        self.stopping = False
        self.answers = 0
        self.failures = 0
        self.first_failure = ""


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete; connects again where it was closed."""

    def __init__(self, plan: Plan, requests: list[bytes], tally: _Tally) -> None:
        self._plan = plan
        self._requests = requests
        self._tally = tally
        self._buffer = b""
        self._number = 0
        self._transport: asyncio.Transport | None = None
        self._again: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, self._plan.host, self._plan.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by birth
        self._buffer = b""
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        head = self._buffer[:end].lower()
        if end < 0 or len(self._buffer) < end + 4 + _length(head):
            return
        self._note()
        self._buffer = b""
        if b"\r\nconnection: close" in head:
            self.close()
        elif not self._tally.stopping:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._tally.stopping:
            self._again = asyncio.get_running_loop().create_task(self.connect())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send(self) -> None:
        assert self._transport is not None, "a request follows a connection"
        self._transport.write(self._requests[self._number % len(self._requests)])

    def _note(self) -> None:
        self._number += 1
        if self._buffer[9:12] != b"200":
            self._tally.failures += 1
            self._tally.first_failure = self._tally.first_failure or self._buffer[:500].decode("latin-1")
        elif self._tally.counting:
            self._tally.answers += 1


def _length(head: bytes) -> int:
    name = b"content-length:"
    start = head.index(name) + len(name)
    return int(head[start:].split(b"\r\n", 1)[0])


async def run(plan: Plan) -> Result:
    """Warm up, count for the plan's seconds, close."""
    tally = _Tally()
    connections = [_Connection(plan, requests, tally) for requests in plan.requests]
    await asyncio.gather(*(connection.connect() for connection in connections))
    await asyncio.sleep(WARM_UP_S)
    tally.counting, started_s = True, monotonic_s()
    await asyncio.sleep(plan.seconds)
    tally.stopping, seconds = True, monotonic_s() - started_s
    for connection in connections:
        connection.close()
    return Result(tally.answers, seconds, tally.failures, tally.first_failure)


if __name__ == "__main__":
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(run_loop(run(plan))))
