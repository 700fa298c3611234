"""How soon a started association is in the history: `python -m benchmarks.one_node`.

A real server with a durable database, and a real agent that runs `true`, each a process of its own. The client asks
for the history again and again; its asking is part of the time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from statistics import quantiles
from typing import Any

import boto3

from stateward.cli import credentials
from stateward.cli.loop import run_loop
from stateward.cli.processes import Child, start_server
from stateward.clock import monotonic_s, pause
from stateward.config import DEFAULT_ACCOUNT, DEFAULT_REGION

ASK_S = 0.002
PATIENCE_S = 60.0
BETWEEN_S = 0.05
FINAL = ("Success", "Failed", "TimedOut", "Skipped")


def client_of(url: str, folder: Path) -> Any:
    """A client with the administrator's key of the server that has this folder."""
    key = run_loop(credentials.Keys(folder).administrator(DEFAULT_ACCOUNT))
    return boto3.client(
        "ssm",
        region_name=DEFAULT_REGION,
        endpoint_url=url,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
    )


def agent(ssm: Any, url: str, state_dir: Path) -> Child:
    """A connected agent of this machine."""
    made = ssm.create_activation(IamRole="bench")
    told = ["--endpoint", url, "--state-dir", str(state_dir)]
    code = {**os.environ, "STATEWARD_ACTIVATION_CODE": made["ActivationCode"]}
    Child("registration", ["agent", "register", "--activation-id", made["ActivationId"], *told], code).wait()
    running = Child("agent", ["agent", "run", "--state-dir", str(state_dir), "--log-level", "error"])
    _until(lambda: _connected(ssm))
    return running


def measure(ssm: Any, rounds: int) -> list[float]:
    """Milliseconds from StartAssociationsOnce to the final status in DescribeAssociationExecutions."""
    association_id = ssm.create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
    )["AssociationDescription"]["AssociationId"]
    _until(lambda: _newest(ssm, association_id)["Status"] in FINAL)
    return [_round(ssm, association_id) for _ in range(rounds)]


def _round(ssm: Any, association_id: str) -> float:
    before = _newest(ssm, association_id)["ExecutionId"]
    pause(BETWEEN_S)
    began_s = monotonic_s()
    ssm.start_associations_once(AssociationIds=[association_id])

    def ended() -> bool:
        found = _newest(ssm, association_id)
        assert found["Status"] != "Failed", "`true` succeeds"
        return bool(found["ExecutionId"] != before and found["Status"] == "Success")

    _until(ended)
    return (monotonic_s() - began_s) * 1000


def _newest(ssm: Any, association_id: str) -> Any:
    rows = ssm.describe_association_executions(AssociationId=association_id, MaxResults=1)["AssociationExecutions"]
    return rows[0] if rows else {"Status": "", "ExecutionId": ""}


def _connected(ssm: Any) -> bool:
    (node,) = ssm.describe_instance_information()["InstanceInformationList"] or [None]
    if node is None:
        return False
    return bool(ssm.get_connection_status(Target=node["InstanceId"])["Status"] == "connected")


def _until(found: Any) -> None:
    end_s = monotonic_s() + PATIENCE_S
    while not found():
        assert monotonic_s() < end_s, f"it did not come within {PATIENCE_S:.0f} s"
        pause(ASK_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stateward-bench-") as name:
        folder = Path(name)
        server, url = start_server(folder / "server", 0, "--log-level", "warning")
        with server:
            ssm = client_of(url, folder / "server")
            with agent(ssm, url, folder / "agent"):
                cuts = quantiles(measure(ssm, asked.rounds), n=100)
        print(
            f"StartAssociationsOnce to the result in the history, one node, `true`, {asked.rounds} times: "
            f"p50 {cuts[49]:.0f} ms, p90 {cuts[89]:.0f} ms, p99 {cuts[98]:.0f} ms"
        )


if __name__ == "__main__":
    main()
