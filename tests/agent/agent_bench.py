"""An agent, or its parts, on a bench for tests."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from agent_stub_server import CODE, NODE_ID, stub_server

from stateward.agent.client import CallRefused
from stateward.agent.identity import Registration
from stateward.agent.intake import ACCEPTED, Intake
from stateward.agent.journal import Journal
from stateward.agent.live_output import LiveOutput
from stateward.agent.machine import Machine
from stateward.agent.main import register, run_agent
from stateward.agent.messages import SendJob
from stateward.agent.outbox import Outbox
from stateward.agent.processes import Drains
from stateward.agent.stored_document import StoredDocument
from stateward.agent.workshop import Workshop
from stateward.clock import SystemClock

MACHINE = Machine(
    agent_version="0.1.0.0",
    platform_type="Linux",
    platform_name="Debian GNU/Linux",
    platform_version="12",
    computer_name="node",
    home="/home/node",
    system="linux",
)


class WatchedJournal(Journal):
    """Lets a test wait for what is written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._changed = asyncio.Event()

    def save(self, entry):
        super().save(entry)
        self._changed.set()

    async def until(self, condition):
        """Wait until the unfinished entries meet a condition."""
        while not condition(self.unfinished()):
            self._changed.clear()
            await self._changed.wait()


class ScriptedServer:
    """Answers steps out of what a test put there."""

    def __init__(self):
        self.documents = {}
        self.secrets = {}
        self.asked = []
        self.inventory = []
        self.refusals = []

    def hold(self, name, document, document_type="Command"):
        self.documents[name] = StoredDocument(name, json.dumps(document), "JSON", document_type)

    async def get_document(self, name, version):
        self.asked.append((name, version))
        if name not in self.documents:
            raise CallRefused("InvalidDocument", f"Document with name {name} does not exist.", 400)
        return self.documents[name]

    async def put_inventory(self, items):
        self.inventory.append(items)
        if self.refusals:
            raise CallRefused(self.refusals.pop(0), "no", 400)

    async def get_secret(self, name):
        self.asked.append(name)
        if name not in self.secrets:
            raise CallRefused("ParameterNotFound", f"parameter {name} is not there", 400)
        return self.secrets[name]


class Bench:
    """An intake without a server: commands go in, what was spooled comes out."""

    def __init__(self, folder: Path, **options) -> None:
        self.folder = folder
        (folder / "runs").mkdir(exist_ok=True)
        self.journal = WatchedJournal(folder / "commands")
        self.outbox = Outbox(folder / "replies", SystemClock())
        self.drains = Drains()
        registration = Registration(NODE_ID, "eu-test-1", "http://127.0.0.1:1")
        self.server = options.setdefault("server", ScriptedServer())
        workshop = Workshop(
            registration=registration,
            machine=MACHINE,
            clock=SystemClock(),
            journal=self.journal,
            outbox=self.outbox,
            state_dir=folder,
            drains=self.drains,
            live=LiveOutput(folder / "output"),
            **options,
        )
        self.intake = Intake(workshop)

    def job(self, document, parameters=None, command_id="command-1"):
        content = json.dumps({"Parameters": parameters or {}, "DocumentContent": document})
        return SendJob(f"aws.ssm.{command_id}.{NODE_ID}", command_id, content)

    def start(self, document, parameters=None, command_id="command-1"):
        assert self.intake.offer(self.job(document, parameters, command_id)) is ACCEPTED
        self.intake.begin(command_id)

    async def run(self, document, parameters=None, command_id="command-1"):
        self.start(document, parameters, command_id)
        await self.intake.idle()
        return self.replies(command_id)

    async def begun(self, count=1):
        """Wait until the processes of this many commands are journalled."""
        await self.journal.until(lambda entries: sum(entry.running is not None for entry in entries) >= count)

    def replies(self, command_id="command-1"):
        """The contents of all stored replies to a command, oldest first."""
        spool = Outbox(self.folder / "replies", SystemClock())
        spool.connected()
        found = [json.loads(waiting.message.payload) for waiting in spool._waiting.values()]
        return [json.loads(one["content"]) for one in found if one["jobId"] == f"aws.ssm.{command_id}.{NODE_ID}"]


def steps_of(replies):
    """Step name → step, out of all replies."""
    return {name: step for reply in replies for name, step in (reply["runtimeStatus"] or {}).items()}


@asynccontextmanager
async def running_agent(state_dir: Path, **options):
    stop = asyncio.Event()
    task = asyncio.create_task(run_agent(state_dir, stop=stop, **options))
    try:
        yield task
    finally:
        stop.set()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def registered_agent(state_dir: Path):
    """A stub server and an agent whose channel is open."""
    async with stub_server() as server:
        await register(state_dir, server.url, "a" * 36, CODE)
        async with running_agent(state_dir):
            await server.opened.get()
            yield server
