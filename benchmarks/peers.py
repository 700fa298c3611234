"""What Stateward is compared with: moto's server, and a loop of commits on the same disk."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from stateward.clock import monotonic_s, pause
from stateward.config import DEFAULT_REGION

PATIENCE_S = 30.0
COMMANDS = 50


class PeerFailed(Exception):
    """The peer did not start."""


@contextmanager
def moto_server() -> Iterator[str]:
    """moto's stand-alone server with fifty commands in it; its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_it_listens(process, port)
            url = f"http://127.0.0.1:{port}"
            _fill(url)
            yield url
        finally:
            process.terminate()


def commits_per_second(folder: Path, seconds: float) -> float:
    """One row a transaction, one after another, each on the disk before the next (WAL, synchronous=FULL)."""
    with closing(sqlite3.connect(folder / "peer.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, text TEXT)")
        started_s = monotonic_s()
        commits = 0
        while monotonic_s() < started_s + seconds:
            connection.execute("INSERT INTO rows (text) VALUES (?)", ("x" * 200,))
            commits += 1
        return commits / (monotonic_s() - started_s)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    until_s = monotonic_s() + PATIENCE_S
    while monotonic_s() < until_s and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            pause(0.05)
    raise PeerFailed(f"moto_server did not listen on port {port} within {PATIENCE_S:.0f} s")


def _fill(url: str) -> None:
    import boto3

    ssm = boto3.client(
        "ssm", endpoint_url=url, region_name=DEFAULT_REGION, aws_access_key_id="moto", aws_secret_access_key="moto"
    )
    for _ in range(COMMANDS):
        ssm.send_command(
            DocumentName="AWS-RunShellScript", InstanceIds=["i-0123456789abcdef0"], Parameters={"commands": ["true"]}
        )
