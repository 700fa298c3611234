"""`stateward demo`: from the unmodified AWS client to a process on this machine, and back into the history."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from stateward.cli import credentials
from stateward.cli.loop import run_loop
from stateward.cli.processes import Child, ChildFailed, start_server, terminated_like_interrupted
from stateward.clock import monotonic_s, pause
from stateward.config import DEFAULT_ACCOUNT, DEFAULT_REGION

T = TypeVar("T")
PATIENCE_S = 30.0
TABLE_WIDTH = 100
DOCUMENT = {
    "schemaVersion": "2.2",
    "description": "Greets, then tells about the machine.",
    "parameters": {"name": {"type": "String", "description": "Whom to greet.", "default": "world"}},
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "greet", "inputs": {"runCommand": ["echo Hello, {{ name }}!"]}},
        {
            "action": "aws:runShellScript",
            "name": "describe",
            "inputs": {"runCommand": ["echo This is $AWS_SSM_INSTANCE_ID", "uname -sr"]},
        },
    ],
}


class DemoFailed(Exception):
    """Something on the way went wrong; the text says what."""


def run_demo() -> None:
    """Run the whole demo in a temporary folder; everything that it starts ends with it. Raises DemoFailed."""
    import botocore.exceptions

    try:
        with terminated_like_interrupted(), tempfile.TemporaryDirectory(prefix="stateward-demo-") as name:
            folder = Path(name)
            _isolate()
            server, endpoint = start_server(folder / "server", 0, "--log-level", "warning")
            with server:
                key = run_loop(credentials.Keys(folder / "server").administrator(DEFAULT_ACCOUNT))
                Demo(folder, server, endpoint, key).run()
    except (
        ChildFailed,
        credentials.NoCredentials,
        OSError,
        subprocess.TimeoutExpired,
        botocore.exceptions.ClientError,
        botocore.exceptions.BotoCoreError,
    ) as error:
        raise DemoFailed(str(error)) from error


def _isolate() -> None:
    """The demo is the same on every machine: no settings for other servers, no proxy on the way to loopback."""
    for name in list(os.environ):
        if name.startswith("STATEWARD_"):
            del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))


class Demo:
    """The steps of the demo, against a running server."""

    def __init__(self, folder: Path, server: Child, endpoint: str, key: credentials.Key) -> None:
        import boto3

        self._folder = folder
        self._server = server
        self._endpoint = endpoint
        # Ids stay whole, however narrow the terminal.
        self._console = Console(highlight=False, soft_wrap=True, width=max(Console().width, TABLE_WIDTH))
        self._ssm: Any = boto3.client(
            "ssm",
            endpoint_url=endpoint,
            region_name=DEFAULT_REGION,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )

    def run(self) -> None:
        """Node, document, association, one more run, history, targets, outputs."""
        self._say(f"A Stateward server is listening on {self._endpoint}, its data in a temporary folder.")
        with self._join_this_machine() as agent:
            self._tell(agent)

    def _tell(self, agent: Child) -> None:
        node_id = self._wait_for("the node to come online", self._online_node, agent)
        self._say(f"This machine is managed node {node_id} now, and online.")
        association_id = self._associate()
        first = self._wait_for("the first run to end", lambda: self._ended(association_id, 1), agent)
        self._say(f"Creating the association has run it: {first['Status']} {first['ResourceCountByStatus']}")
        self._call("start_associations_once", AssociationIds=[association_id])
        latest = self._wait_for("the second run to end", lambda: self._ended(association_id, 2), agent)
        self._show_history(association_id)
        self._show_targets(association_id, latest["ExecutionId"])

    def _join_this_machine(self) -> Child:
        answer = self._call("create_activation", IamRole="demo", DefaultInstanceName="this-machine")
        state = str(self._folder / "agent")
        self._say("$ stateward agent register --activation-id … --activation-code … && stateward agent run", "cyan")
        registered = subprocess.run(
            [
                *(sys.executable, "-m", "stateward", "agent", "register", "--endpoint", self._endpoint),
                *("--activation-id", answer["ActivationId"], "--activation-code", answer["ActivationCode"]),
                *("--region", DEFAULT_REGION, "--state-dir", state),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        if registered.returncode != 0:
            raise DemoFailed(f"this machine could not be registered: {registered.stderr.strip()}")
        return Child("agent", ["agent", "run", "--state-dir", state])

    def _associate(self) -> str:
        self._call(
            "create_document", Name="demo-greeting", DocumentType="Command", Content=json.dumps(DOCUMENT, indent=1)
        )
        created = self._call(
            "create_association",
            Name="demo-greeting",
            AssociationName="demo",
            Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
            Parameters={"name": ["State Manager"]},
            ScheduleExpression="rate(30 minutes)",
        )
        return str(created["AssociationDescription"]["AssociationId"])

    def _show_history(self, association_id: str) -> None:
        answer = self._call("describe_association_executions", AssociationId=association_id)
        columns = ("ExecutionId", "Version", "Status", "CreatedTime", "ResourceCountByStatus")
        table = Table(*columns, box=None, pad_edge=False)
        for row in answer["AssociationExecutions"]:
            table.add_row(
                row["ExecutionId"],
                row["AssociationVersion"],
                row["Status"],
                row["CreatedTime"].strftime("%H:%M:%S.%f")[:-3],
                row["ResourceCountByStatus"],
            )
        self._console.print(table)

    def _show_targets(self, association_id: str, execution_id: str) -> None:
        answer = self._call(
            "describe_association_execution_targets", AssociationId=association_id, ExecutionId=execution_id
        )
        for target in answer["AssociationExecutionTargets"]:
            source = target["OutputSource"]
            self._say(f"{target['ResourceId']}: {target['Status']}, {source['OutputSourceType']}")
            for step in DOCUMENT["mainSteps"]:
                self._show_step(source["OutputSourceId"], target["ResourceId"], step["name"])  # type: ignore[index]
        if not answer["AssociationExecutionTargets"]:
            raise DemoFailed("the latest execution has no targets")

    def _show_step(self, command_id: str, node_id: str, step: str) -> None:
        answer = self._call("get_command_invocation", CommandId=command_id, InstanceId=node_id, PluginName=step)
        self._say(f"{step}: {answer['Status']}, exit code {answer['ResponseCode']}")
        for line in answer["StandardOutputContent"].splitlines():
            self._console.print(f"    {line}", markup=False)
        if answer["Status"] != "Success":
            raise DemoFailed(f"step {step} ended {answer['Status']}: {answer['StandardErrorContent']}")

    def _online_node(self) -> str | None:
        found = self._ssm.describe_instance_information()["InstanceInformationList"]
        return next((str(node["InstanceId"]) for node in found if node["PingStatus"] == "Online"), None)

    def _ended(self, association_id: str, runs: int) -> dict[str, Any] | None:
        rows = self._ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
        if len(rows) < runs or rows[0]["Status"] in ("Pending", "InProgress"):
            return None
        if rows[0]["Status"] != "Success":
            raise DemoFailed(f"execution {rows[0]['ExecutionId']} ended {rows[0]['Status']}")
        return dict(rows[0])

    def _wait_for(self, what: str, look: Callable[[], T | None], agent: Child) -> T:
        until = monotonic_s() + PATIENCE_S
        while monotonic_s() < until:
            found = look()
            if found is not None:
                return found
            agent.check_alive()
            self._server.check_alive()
            pause(0.05)
        raise DemoFailed(f"waited {PATIENCE_S:.0f} s for {what}")

    def _call(self, operation: str, **members: Any) -> Any:
        self._say(f"$ {aws_line(operation, members)}", "cyan")
        return getattr(self._ssm, operation)(**members)

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False)


def aws_line(operation: str, members: dict[str, Any]) -> str:
    """The AWS CLI's words for a call of boto3."""
    words = ["aws", "ssm", operation.replace("_", "-")]
    for member, value in members.items():
        option = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in member)
        text = value if isinstance(value, str) else json.dumps(value)
        words += [f"-{option}", "file://document.json" if member == "Content" else shlex.quote(text)]
    return " ".join(words)
