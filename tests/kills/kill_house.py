"""A server and this machine as its node, as real processes in one folder, and an association that marks every run."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import kill_order
from botocore.exceptions import BotoCoreError

from live_server import KEY_ID, SECRET, client_of
from stateward.clock import monotonic_s

WAIT_S = 30
LOOK_S = 0.03
STEPS = ("first", "second", "last")
HERE = Path(__file__).parent
READY = "Stateward is listening on "


class Process:
    """A program that is expected to be killed."""

    def __init__(self, log, *arguments, **environment):
        self._log = open(log, "ab")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    @property
    def lives(self):
        return self._process.poll() is None

    def line(self, beginning):
        """The rest of the first line on standard output that begins so."""
        for line in self._process.stdout:
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        raise AssertionError(f"{self._process.args} has ended: {Path(self._log.name).read_text()[-2000:]}")

    def lives_on(self, timeout_s):
        """Whether it has not ended within that time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return True
        return False

    def kill(self):
        self._process.kill()

    def was_killed(self):
        """Wait for its end; whether SIGKILL brought it about."""
        code = self._process.wait(WAIT_S)
        self._close()
        return code == -signal.SIGKILL

    def stop(self):
        if self.lives:
            self._process.terminate()
            if self.lives_on(WAIT_S):
                self._process.kill()
                self._process.wait()
        self._close()

    def _close(self):
        self._process.stdout.close()
        self._log.close()


class House:
    """What is killed, and what must be true afterwards."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "server"
        self.marks = folder / "marks"
        self.fuse = folder / "fuse"
        self.server_order = folder / "server-order"
        self.agent_order = folder / "agent-order"
        self.association_id = ""
        self.server = self.agent = None
        self._port = 0
        self.start_server()
        self.ssm = self.client()

    def client(self, attempts=1):
        return client_of(f"http://127.0.0.1:{self._port}", attempts=attempts, read_timeout=30)

    def start_server(self):
        self.server = Process(
            self.folder / "server.log",
            str(HERE / "killable_server.py"),
            *("serve", "--port", str(self._port), "--data-dir", str(self.data)),
            KILL_ORDER=str(self.server_order),
            STATEWARD_ADMIN_ACCESS_KEY_ID=KEY_ID,
            STATEWARD_ADMIN_SECRET_ACCESS_KEY=SECRET,
        )
        self._port = int(self.server.line(READY).rpartition(":")[2])

    def start_agent(self):
        self.agent = Process(
            self.folder / "agent.log",
            str(HERE / "killable_agent.py"),
            *("agent", "run", "--state-dir", str(self.folder / "agent")),
            KILL_ORDER=str(self.agent_order),
        )

    def join(self):
        """Make this machine a node, and let a first run succeed."""
        made = self.ssm.create_activation(IamRole="kills")
        registration = ["--activation-id", made["ActivationId"], "--activation-code", made["ActivationCode"]]
        place = ["--endpoint", f"http://127.0.0.1:{self._port}", "--state-dir", str(self.folder / "agent")]
        register = [sys.executable, "-m", "stateward", "agent", "register", *registration, *place]
        subprocess.run(register, check=True, capture_output=True)
        self.start_agent()
        self.eventually(self._node_is_online)
        self.ssm.create_document(Name="marked-steps", DocumentType="Command", Content=json.dumps(self._document()))
        created = self.ssm.create_association(
            Name="marked-steps", Targets=[{"Key": "InstanceIds", "Values": ["*"]}], ApplyOnlyAtCronInterval=False
        )
        self.association_id = created["AssociationDescription"]["AssociationId"]
        assert self.ended(1)["ResourceCountByStatus"] == "{Success=1}"

    def kill_server_at(self, moment, when):
        kill_order.write(self.server_order, moment, when)

    def kill_agent_at(self, moment, when):
        kill_order.write(self.agent_order, moment, when)

    def start_once(self):
        """StartAssociationsOnce; whether it was answered."""
        try:
            self.ssm.start_associations_once(AssociationIds=[self.association_id])
        except BotoCoreError:
            return False
        return True

    def executions(self):
        """The history, newest first."""
        pages = self.ssm.get_paginator("describe_association_executions").paginate(AssociationId=self.association_id)
        return [row for page in pages for row in page["AssociationExecutions"]]

    def ended(self, count):
        """The newest execution once there are as many as this and it has ended."""
        return self.eventually(lambda: self._ended(count))

    def invocation(self, execution):
        """(command id, node id) of the only target of an execution."""
        (target,) = self.ssm.describe_association_execution_targets(
            AssociationId=self.association_id, ExecutionId=execution["ExecutionId"]
        )["AssociationExecutionTargets"]
        assert target["OutputSource"]["OutputSourceType"] == "RunCommand"
        return target["OutputSource"]["OutputSourceId"], target["ResourceId"]

    def steps(self, execution):
        """Step → (status, exit code, standard output, standard error), from the history."""
        command_id, node_id = self.invocation(execution)
        told = {}
        for step in STEPS:
            answer = self.ssm.get_command_invocation(CommandId=command_id, InstanceId=node_id, PluginName=step)
            texts = answer["StandardOutputContent"], answer["StandardErrorContent"]
            told[step] = (answer["Status"], answer["ResponseCode"], *texts)
        return told

    def marked(self, command_id):
        """The steps that have really run for a command, in order."""
        lines = [line.split() for line in self.marks.read_text().splitlines()]
        return [step for step, run in lines if run == command_id]

    def nothing_unsaid(self):
        """Wait until the agent has no reply left that the server has not acknowledged."""
        self.eventually(lambda: not list((self.folder / "agent" / "replies").glob("*.json")))

    def eventually(self, look):
        """What `look` finds when it finds something; both processes must live until then."""
        until = monotonic_s() + WAIT_S
        while monotonic_s() < until:
            found = look()
            if found:
                return found
            assert self.server.lives_on(LOOK_S), "the server has ended"
            assert self.agent is None or self.agent.lives, "the agent has ended"
        logs = "\n".join(log.read_text()[-2000:] for log in self.folder.glob("*.log"))
        raise AssertionError(f"waited {WAIT_S} s in vain:\n{logs}")

    def strips(self):
        """The letters of every run of the association, oldest first, as they lie in the database."""
        connection = sqlite3.connect(f"file:{self.data / 'stateward.db'}?mode=ro", uri=True)
        try:
            sql = "SELECT cells FROM strips WHERE association_id = ? ORDER BY number"
            return [cells for (cells,) in connection.execute(sql, (self.association_id,))]
        finally:
            connection.close()

    def standing(self):
        """How far the newest execution has come in the database of a dead server."""
        assert not self.server.lives
        with CopiedDatabase(self.data / "stateward.db", self.folder / "copy") as database:
            execution = database.first(
                "SELECT * FROM executions WHERE association_id = ? ORDER BY number DESC", self.association_id
            )
            command = database.first("SELECT * FROM commands WHERE command_id = ?", execution["command_id"])
            if execution["phase"] == "closed":
                return "final"
            if command is None:
                return "accepted"
            row = database.first("SELECT * FROM invocations WHERE command_id = ?", command["command_id"])
            steps = database.first("SELECT count(*) AS n FROM steps WHERE command_id = ?", command["command_id"])["n"]
            return _standing(command, row, steps)

    def close(self):
        for process in (self.agent, self.server):
            if process is not None:
                process.stop()

    def _ended(self, count):
        rows = self.executions()
        return rows[0] if len(rows) >= count and rows[0]["Status"] not in ("Pending", "InProgress") else None

    def _node_is_online(self):
        nodes = self.ssm.describe_instance_information()["InstanceInformationList"]
        return [node for node in nodes if node["PingStatus"] == "Online"]

    def _document(self):
        def step(name, *lines, **inputs):
            run = [f'echo "{name} $SSM_COMMAND_ID" >> {self.marks}', *lines, f"echo {name} done"]
            return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": run, **inputs}}

        # With the fuse there, the first step kills the agent that runs it.
        burn = f"if rm {self.fuse} 2>/dev/null; then kill -9 $PPID; sleep 300; fi"
        steps = [step("first", burn), step("second"), step("last", finallyStep=True)]
        return {"schemaVersion": "2.2", "mainSteps": steps}


class CopiedDatabase:
    """A database as its dead server left it; looking changes only the copy."""

    def __init__(self, path, folder):
        folder.mkdir(exist_ok=True)
        for name in (path.name, f"{path.name}-wal"):
            if (path.parent / name).exists():
                shutil.copy(path.parent / name, folder / name)
        self._connection = sqlite3.connect(folder / path.name)
        self._connection.row_factory = sqlite3.Row

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._connection.close()

    def first(self, sql, *values):
        return self._connection.execute(sql, values).fetchone()


def _standing(command, row, steps):
    if row is None or command["phase"] == "resolving":
        return "resolving"
    if steps:
        return "step"
    for moment in ("acknowledged", "sent", "released"):
        if row[f"{moment}_ms"] is not None:
            return moment
    return "resolved"
