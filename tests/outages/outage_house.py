"""A server and its nodes as real processes, with what fails between them, and the truth of what ran on each node."""

import asyncio
import json
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path

from cutting_proxy import CuttingProxy

from live_server import client_of
from programs import ADMIN, READY, Program, run
from waiting import until

STEPS = ("first", "second", "last")
LINES = 30
OPEN = ("Pending", "InProgress", "Delayed")
LOOK_S = 0.05
HERE = Path(__file__).parent
STATEWARD = (sys.executable, "-m", "stateward")
HASTY_AGENT = (sys.executable, str(HERE / "hasty_agent.py"))
HASTY_SERVER = (sys.executable, str(HERE / "hasty_server.py"))


class House:
    """The server. Administrators reach it whatever happens to nodes, also after it was killed."""

    def __init__(self, folder, thread, namespaces=None):
        self.folder = folder
        self.thread = thread
        self.marks, self.pauses = folder / "marks", folder / "pauses"
        self.kills = 0
        self._namespaces = namespaces
        self._changing = threading.Lock()
        self._is_up = threading.Event()
        self._address = None
        for place in (self.marks, self.pauses):
            place.mkdir()
        self.start_server()
        self.straight = CuttingProxy(thread, self.dial_patiently)
        # The server of an outage is not there for seconds; an SDK's retry never starts anything twice (D32).
        self.ssm = client_of(f"http://127.0.0.1:{self.straight.port}", attempts=12, connect_timeout=60, read_timeout=30)
        self.ssm.create_document(Name="marked-steps", DocumentType="Command", Content=json.dumps(self._document()))

    def start_server(self):
        arguments = ["serve", "--data-dir", str(self.folder / "server")]
        program = HASTY_SERVER
        if self._namespaces is None:
            arguments += ["--port", "0"]
        else:
            arguments += ["--port", "8390", "--host", "0.0.0.0", "--insecure-http", "--tls-port", "0"]
            program = self._namespaces.program(self._namespaces.server, *HASTY_SERVER)
        more = {"STATEWARD_EVENT_FILE": str(self.folder / "events")}
        self.server = Program(*arguments, program=program, **ADMIN, **more)
        self._address = ("127.0.0.1", int(self.server.line(READY).rpartition(":")[2]))
        self._is_up.set()

    def kill_server(self):
        """SIGKILL, and nothing more; for a process that was killed already nothing at all."""
        self._is_up.clear()
        self.server.send(signal.SIGKILL)

    def revive_server(self):
        """Start the server again on its data if it was killed."""
        with self._changing:
            if not self.server.lives:
                self.kills += 1
                self.server.close()
                self.start_server()

    def restart_server(self):
        """End the server as an init system does, and start it again."""
        with self._changing:
            self._is_up.clear()
            self.server.close()
            self.start_server()

    async def dial(self, factory):
        """Connect to the server of this moment."""
        loop = asyncio.get_running_loop()
        if self._namespaces is None:
            return await loop.create_connection(factory, *self._address)
        sock = self._namespaces.socket_in(self._namespaces.server)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, self._address)
            return await loop.create_connection(factory, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def dial_patiently(self, factory):
        await asyncio.to_thread(self._is_up.wait, 30)
        return await self.dial(factory)

    def command(self, node):
        """Send one command to a node; its id."""
        return self.ssm.send_command(InstanceIds=[node.node_id], DocumentName="marked-steps")["Command"]["CommandId"]

    def associate(self, node):
        """An association of a node that has run once."""
        made = self.ssm.create_association(
            Name="marked-steps", Targets=[{"Key": "InstanceIds", "Values": [node.node_id]}]
        )
        association_id = made["AssociationDescription"]["AssociationId"]
        assert self.execution_ended(association_id, 1)["Status"] == "Success"
        return association_id

    def start_once(self, association_id):
        self.ssm.start_associations_once(AssociationIds=[association_id])

    def executions(self, association_id):
        """The history, newest first."""
        pages = self.ssm.get_paginator("describe_association_executions").paginate(AssociationId=association_id)
        return [row for page in pages for row in page["AssociationExecutions"]]

    def execution_ended(self, association_id, count):
        """The newest of so many executions, when it has ended."""

        def ended():
            rows = self.executions(association_id)
            return rows[0] if len(rows) == count and rows[0]["Status"] not in OPEN else None

        return until(ended, LOOK_S)

    def invocation(self, association_id, execution):
        """(command id, the target's status) of the only target of an execution."""
        (target,) = self.ssm.describe_association_execution_targets(
            AssociationId=association_id, ExecutionId=execution["ExecutionId"]
        )["AssociationExecutionTargets"]
        return target["OutputSource"]["OutputSourceId"], target["Status"]

    def told(self, command_id, node):
        """The history of an invocation: status, and step → (status, exit code, standard output, standard error)."""
        steps = {}
        status = ""
        for step in STEPS:
            answer = self.ssm.get_command_invocation(CommandId=command_id, InstanceId=node.node_id, PluginName=step)
            texts = answer["StandardOutputContent"], answer["StandardErrorContent"]
            steps[step] = (answer["Status"], answer["ResponseCode"], *texts)
        (row,) = self.ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
        status = row["Status"]
        return status, steps

    def command_ended(self, command_id):
        """Wait until the only invocation of a command is final; its status."""

        def ended():
            rows = self.ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
            return rows[0]["Status"] if rows and rows[0]["Status"] not in OPEN else None

        return until(ended, LOOK_S)

    def final_events(self, association_id):
        """The statuses with which runs of an association ended on its node, as events tell it: one for each end."""
        found = {}
        for line in (self.folder / "events").read_text().splitlines():
            event = json.loads(line)
            detail = event["detail"]
            if "instance-id" in detail and detail.get("association-id") == association_id:
                found[event["id"]] = detail["status"]
        return [status for status in found.values() if status not in OPEN]

    def close(self):
        self.server.close()
        self.straight.close()

    def _document(self):
        def step(name, *lines, **inputs):
            marks = f'echo "{name} $SSM_COMMAND_ID" >> {self.marks}/$AWS_SSM_INSTANCE_ID'
            return {
                "action": "aws:runShellScript",
                "name": name,
                "inputs": {"runCommand": [marks, *lines, f"echo {name} done"], **inputs},
            }

        # The pause is a number of seconds, or a pipe that the test holds shut.
        wait = (
            f"pause={self.pauses}/$AWS_SSM_INSTANCE_ID; if [ -p $pause ]; then cat $pause; else sleep $(cat $pause); fi"
        )
        steps = [step("first", f"seq {LINES}", wait), step("second"), step("last", finallyStep=True)]
        return {"schemaVersion": "2.2", "mainSteps": steps}


DONE = {
    "first": ("Success", 0, "".join(f"{n}\n" for n in range(1, LINES + 1)) + "first done\n", ""),
    "second": ("Success", 0, "second done\n", ""),
    "last": ("Success", 0, "last done\n", ""),
}


class Node:
    """One agent: the real program, registered over its own way to the server."""

    def __init__(self, house, name, endpoint, inside=lambda *program: list(program)):
        self.house = house
        self.folder = house.folder / name
        self._inside = inside
        self.agent = None
        made = house.ssm.create_activation(IamRole="outages")
        ids = ["--activation-id", made["ActivationId"], "--activation-code", made["ActivationCode"]]
        place = ["--endpoint", endpoint, "--state-dir", str(self.folder)]
        ended = run("agent", "register", "--insecure", *ids, *place, program=inside(*STATEWARD))
        assert ended.returncode == 0, ended.stderr
        self.node_id = json.loads((self.folder / "registration.json").read_text())["node_id"]
        self.pause(0)
        self.start()
        until(lambda: self.way)

    def start(self):
        options = json.dumps({"state_dir": str(self.folder)})
        self.agent = Program(options, program=self._inside(*HASTY_AGENT))

    def kill(self):
        self.agent.send(signal.SIGKILL)

    def revive(self):
        """Start the agent again if it was killed."""
        if not self.agent.lives:
            self.agent.close()
            self.start()

    def pause(self, seconds):
        """How long the first step lasts from now on."""
        path = self.house.pauses / self.node_id
        path.unlink(missing_ok=True)
        path.write_text(f"{seconds:.3f}")

    def hold(self):
        """Have the first step wait for `let_go`."""
        path = self.house.pauses / self.node_id
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    def let_go(self):
        """Let the first step go on, when it has come so far."""
        with open(self.house.pauses / self.node_id, "w"):
            """The reader sees the end of the pipe."""

    @property
    def status(self):
        """What `stateward agent status` reads; empty while nothing of this process is there."""
        try:
            told = json.loads((self.folder / "status.json").read_text())
        except (OSError, ValueError):
            return {}
        return told if self.agent is not None and told.get("process_id") == self.agent.pid else {}

    @property
    def way(self):
        return self.status.get("way", "")

    @property
    def spooled(self):
        """How many reports lie on the disk."""
        return len(list((self.folder / "replies").glob("*.json")))

    @property
    def taken(self):
        """The ids of the commands that the journal knows."""
        return {path.stem for path in (self.folder / "commands").glob("*.json")}

    @property
    def open_commands(self):
        """Those on which not everything is said."""
        return {command_id for command_id in self.taken if not self._has_ended(command_id)}

    def is_done(self, command_ids):
        """Whether these have ended, at least one, and the server has acknowledged it."""
        return command_ids and all(map(self._has_ended, command_ids)) and not self.spooled

    def _has_ended(self, command_id):
        entry = json.loads((self.folder / "commands" / f"{command_id}.json").read_text())
        return entry.get("ended_ms") is not None

    def marked(self, command_id=None):
        """The steps that have really begun for a command, in order; without an id (step, command id) of all."""
        path = self.house.marks / self.node_id
        lines = [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []
        return lines if command_id is None else [step for step, command in lines if command == command_id]

    def nothing_unsaid(self):
        """Wait until the server has acknowledged everything."""
        until(lambda: not self.spooled)

    def close(self):
        self.agent.close()


def behind(house, **settings):
    """A cutting proxy before a house's server."""
    return CuttingProxy(house.thread, partial(house.dial), **settings)
