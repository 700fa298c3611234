"""What connected nodes without work cost: `python -m benchmarks.idle_nodes`.

A real server with a durable database, and a fleet (`stateward fleet run`), each a process of its own. Linux only:
memory and processor time come from /proc.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks.one_node import client_of
from stateward.cli import credentials
from stateward.cli.loop import run_loop
from stateward.cli.processes import Child, start_server
from stateward.clock import monotonic_s, pause
from stateward.config import DEFAULT_ACCOUNT, DEFAULT_REGION

SETTLE_S = 10.0
ASSOCIATION_S = 300.0
REQUESTS = re.compile(r'^stateward_requests_total\{code="\w*",operation="(\w+)"\} (\S+)$', re.MULTILINE)


class Cost(msgspec.Struct, frozen=True):
    """What a process takes at a moment: kB of memory, seconds of processor time."""

    memory_kb: int
    processor_s: float


def cost(pid: int) -> Cost:
    memory = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert memory is not None, "Linux tells a process's memory"
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Cost(int(memory[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def requests_of(url: str, key: credentials.Key) -> dict[str, float]:
    """How many requests of each operation the server has answered."""
    text = httpx.get(f"{url}/metrics", auth=(key.access_key_id, key.secret_access_key)).text
    found: dict[str, float] = {}
    for operation, count in REQUESTS.findall(text):
        found[operation] = found.get(operation, 0) + float(count)
    return found


def associate(ssm: Any, at_once: str) -> float:
    """Seconds from CreateAssociation on every node to the end of its execution."""
    began_s = monotonic_s()
    association_id = ssm.create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
        MaxConcurrency=at_once,
    )["AssociationDescription"]["AssociationId"]
    while monotonic_s() < began_s + ASSOCIATION_S:
        rows = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
        if rows and rows[0]["Status"] not in ("Pending", "InProgress"):
            assert rows[0]["Status"] == "Success", rows[0]
            return monotonic_s() - began_s
        pause(0.1)
    raise TimeoutError(f"the association did not end within {ASSOCIATION_S:.0f} s")


def measure(folder: Path, nodes: int, seconds: float) -> None:
    """Connect a fleet, watch it rest, let it work once."""
    data = folder / "server"
    server, url = start_server(data, 0, "--log-level", "warning")
    with server:
        key = run_loop(credentials.Keys(data).administrator(DEFAULT_ACCOUNT))
        ssm = client_of(url, data)
        ssm.describe_instance_information()
        empty = cost(server.pid)
        fleet = Child("fleet", _fleet(nodes, url, folder), {**os.environ, **_keys(key)})
        with fleet:
            print(fleet.first_line(), flush=True)
            pause(SETTLE_S)
            _rest(server, fleet, empty, url, key, nodes, seconds)
            for at_once in ("100%", "50"):
                print(f"An association over {nodes:,} nodes, a step of 1 s, {at_once} at once: ", end="", flush=True)
                print(f"{associate(ssm, at_once):.1f} s", flush=True)


def _rest(server: Child, fleet: Child, empty: Cost, url: str, key: credentials.Key, nodes: int, seconds: float) -> None:
    before, fleet_before, asked = cost(server.pid), cost(fleet.pid), requests_of(url, key)
    pause(seconds)
    after, fleet_after, answered = cost(server.pid), cost(fleet.pid), requests_of(url, key)
    calls = {name: count - asked.get(name, 0) for name, count in answered.items()}
    an_hour = {name: count * 3600 / seconds / nodes for name, count in calls.items() if count}
    print(
        f"Server: {(after.memory_kb - empty.memory_kb) / nodes:.1f} kB a node beside its own {empty.memory_kb:,} kB, "
        f"{(after.processor_s - before.processor_s) / seconds:.1%} of a processor for {nodes:,} at rest"
    )
    print(
        f"Fleet: {fleet_after.memory_kb:,} kB, "
        f"{(fleet_after.processor_s - fleet_before.processor_s) / seconds:.1%} of a processor"
    )
    print(f"Requests a node and hour, over {seconds:.0f} s: {', '.join(f'{k} {v:.1f}' for k, v in an_hour.items())}")


def _fleet(nodes: int, url: str, folder: Path) -> list[str]:
    where = ["--endpoint-url", url, "--region", DEFAULT_REGION]
    return ["fleet", "run", str(nodes), "--connect-rate", "500", "--state-dir", str(folder / "fleet"), *where]


def _keys(key: credentials.Key) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=120)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stateward-bench-") as name:
        measure(Path(name), asked.nodes, asked.seconds)


if __name__ == "__main__":
    main()
