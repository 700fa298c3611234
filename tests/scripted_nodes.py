"""Managed nodes over the real protocol (registration, signatures, websocket) whose results a test decides."""

import asyncio
import json
import threading

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from stateward import ids
from stateward.agent import messages, reports
from stateward.agent.client import NodeClient, RegistrationClient
from stateward.agent.identity import Identity, NodeKey, Registration
from stateward.agent.machine import Machine
from stateward.agent.reports import StepResult
from stateward.clock import SystemClock, wall_ms
from stateward.wire import agent_message
from stateward.wire.agent_message import AgentMessage

WAIT_S = 30
MACHINE = Machine(
    agent_version="0.1.0.0",
    platform_type="Linux",
    platform_name="Debian GNU/Linux",
    platform_version="12",
    computer_name="node",
    home="/home/node",
    system="linux",
)
PING = {
    "AgentStatus": "Active",
    "AgentVersion": "3.3.0.0",
    "PlatformType": "Linux",
    "PlatformName": "Debian GNU/Linux",
    "PlatformVersion": "12",
    "ComputerName": "node",
    "IPAddress": "10.0.0.5",
}
_SHARED_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Step:
    """What a scripted node reports of one step."""

    def __init__(self, status="Success", output="", error="", code=None):
        self.status = status
        self.output = output
        self.error = error
        self.code = code if code is not None else {"Success": 0, "Skipped": 0, "TimedOut": 137}.get(status, 1)


class Job:
    """A command that a node was sent."""

    def __init__(self, node, command_id, content):
        self.node = node
        self.command_id = command_id
        self.parameters = content["Parameters"]
        self.document = content["DocumentContent"]
        self.document_name = content["DocumentName"]

    @property
    def steps(self):
        """Name and plugin of each step."""
        if "mainSteps" in self.document:
            return [(step["name"], step["action"]) for step in self.document["mainSteps"]]
        return [(plugin, plugin) for plugin in self.document["runtimeConfig"]]

    def finish(self, status="Success", **step):
        """Report the last step with this status and the others as successes, then the end; wait for the server."""
        self.node.wait_for_acks(self.node.call(self.node.finish(self, status, step)))

    def report_step(self, name, status="Success", **step):
        """Report one step while the document goes on."""
        self.node.wait_for_acks([self.node.call(self.node.report_step(self, name, Step(status, **step)))])

    def end(self, status="Success", counts=None):
        """Report the end alone: `counts` says how many steps ended how."""
        self.node.wait_for_acks([self.node.call(self.node.end(self, status, counts))])


class ScriptedNode:
    """One node. `holds`: it takes jobs and reports when the test says so; else it reports at once."""

    def __init__(self, thread, http, identity, script=None, *, holds=False):
        self.node_id = identity.node_id
        self.script = script or (lambda job: "Success")
        self.holds = holds
        self.agent_name = "stateward-agent"
        self.ack_code = "200"
        self.silent = False
        self.jobs = []
        self.cancels = []
        self._thread = thread
        self._client = NodeClient(identity, SystemClock(), http)
        self._changed = threading.Condition()
        self._credentials = None
        self._task = None
        self._socket = None
        self._connected = None
        self._acked = {}

    def call(self, coroutine):
        return self._thread.run(coroutine)

    def connect(self):
        self.call(self._open())
        return self

    def disconnect(self):
        self.call(self._close())

    def wait_for_jobs(self, count=1):
        """The jobs that have come, when there are as many as this."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.jobs) >= count, WAIT_S), f"{len(self.jobs)} jobs came"
            return list(self.jobs)

    def wait_for_cancels(self, count=1):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.cancels) >= count, WAIT_S), "no cancel came"
            return list(self.cancels)

    def wait_for_closing(self):
        """Wait until the server has closed the channel."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._socket is None, WAIT_S), "the channel stayed open"

    def wait_for_stored(self, count):
        """Wait until the server has acknowledged so many replies."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._acked) >= count, WAIT_S), f"{len(self._acked)} acks"

    def wait_for_acks(self, message_ids):
        """Wait until the server has acknowledged these replies, which it does after the commit."""
        with self._changed:
            stored = self._changed.wait_for(lambda: all(one in self._acked for one in message_ids), WAIT_S)
            assert stored, "a reply was not acknowledged"

    def request(self, operation, **members):
        """A JSON call with this node's own credentials; httpx's response."""
        return self.call(self._request(operation, members))

    def send_frame(self, kind, payload):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.call(self._send(kind, body))

    def send_bytes(self, data):
        self.call(self._socket.send(data))

    async def finish(self, job, status, step):
        results, sent = [], []
        for number, (name, plugin) in enumerate(job.steps, 1):
            last = number == len(job.steps)
            told = Step(status, **step) if last else Step()
            results.append(_result(name, plugin, told))
            if len(job.steps) > 1:
                sent.append(await self._reply(job, reports.step_ended(MACHINE, results, wall_ms())))
        sent.append(await self._reply(job, reports.ended(MACHINE, status, results, wall_ms())))
        return sent

    async def report_step(self, job, name, step):
        plugin = dict(job.steps)[name]
        return await self._reply(job, reports.step_ended(MACHINE, [_result(name, plugin, step)], wall_ms()))

    async def end(self, job, status, counts):
        content = json.loads(reports.ended(MACHINE, status, [], wall_ms()))
        content["additionalInfo"]["runtimeStatusCounts"] = counts or {status: len(job.steps)}
        return await self._reply(job, json.dumps(content))

    async def ping(self):
        members = {"InstanceId": self.node_id, "AgentName": self.agent_name, **PING}
        await self._client.update_instance_information(await self._keys(), members)

    async def _keys(self):
        if self._credentials is None:
            self._credentials = await self._client.request_role_token()
        return self._credentials

    async def _request(self, operation, members):
        caller = self._client._caller
        request = caller.json_request(operation, members)
        signed = self._client._signed(request, await self._keys(), "ssm")
        headers = {**request.headers, **signed}
        return await caller._http.request("POST", caller._url, headers=headers, content=request.body)

    async def _open(self):
        credentials = await self._keys()
        await self.ping()
        opened = await self._client.create_control_channel(credentials)
        token = getattr(opened, "token", opened)
        address, headers = self._client.channel_address(credentials)
        self._socket = await connect(address, additional_headers=headers, compression=None, max_size=2**24)
        frame = {"Cookie": None, "MessageSchemaVersion": "1.0", "RequestId": ids.new_uuid(), "TokenValue": token}
        await self._socket.send(json.dumps(frame))
        self._task = asyncio.create_task(self._listen(self._socket))

    async def _close(self):
        if self._socket is not None:
            await self._socket.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self, socket):
        try:
            async for frame in socket:
                if isinstance(frame, bytes) and not self.silent:
                    await self._take(agent_message.decode(frame))
        except WebSocketException:
            pass  # the server has gone: the test looks at `wait_for_closing`
        finally:
            self._note(lambda: self._forget(socket))

    def _forget(self, socket):
        if self._socket is socket:
            self._socket = None

    async def _take(self, message):
        if message.message_type == messages.REPLY_ACK:
            self._note(lambda: self._acked.update({messages.read_reply_ack(message): True}))
            return
        told = messages.read_job(message, self.node_id)
        await self._send_ack(message, told)
        if isinstance(told, messages.CancelJob):
            self._note(lambda: self.cancels.append(told.target_command_id))
            return
        if self.ack_code != "200":
            self._note(lambda: self.jobs.append(Job(self, told.command_id, msgspec.json.decode(told.content))))
            return
        job = Job(self, told.command_id, msgspec.json.decode(told.content))
        await self._reply(job, reports.accepted(MACHINE, wall_ms()))
        self._note(lambda: self.jobs.append(job))
        if not self.holds:
            told = self.script(job)
            status, step = told if isinstance(told, tuple) else (told, {})
            await self.finish(job, status, step)

    async def _send_ack(self, message, told):
        ack = messages.job_ack(message, told.job_id, self.ack_code, "", ids.new_uuid(), wall_ms())
        await self._socket.send(agent_message.encode(ack))

    async def _reply(self, job, content):
        payload = messages.reply_payload(f"aws.ssm.{job.command_id}.{self.node_id}", messages.SEND_TOPIC, content)
        return await self._send(messages.REPLY, payload)

    async def _send(self, kind, payload):
        message = AgentMessage(kind, ids.new_uuid(), wall_ms(), payload)
        await self._socket.send(agent_message.encode(message))
        return message.message_id

    def _note(self, change):
        with self._changed:
            change()
            self._changed.notify_all()


class NodePark:
    """Makes nodes for one server."""

    def __init__(self, thread, server):
        self._thread = thread
        self._server = server
        self._http = thread.run(_new_http())
        self.nodes = []

    def add(self, count=1, *, script=None, holds=False, tags=None, online=True, name=None):
        """Register nodes, online ones with an open channel; the list of them, in the order of their ids."""
        added = []
        for start in range(0, count, 1000):
            size = min(1000, count - start)
            members = {"Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()]}
            if name is not None:
                members["DefaultInstanceName"] = name
            made = self._server.client().create_activation(IamRole="role", RegistrationLimit=size, **members)
            added += self._thread.run(self._register(made, size, script, holds), timeout=120)
        if online:
            self._thread.run(_all(node._open() for node in added), timeout=120)
        self.nodes += added
        return sorted(added, key=lambda node: node.node_id)

    def one(self, **how):
        return self.add(1, **how)[0]

    def close(self):
        self._thread.run(_all(node._close() for node in self.nodes))
        self._thread.run(self._http.aclose())

    async def _register(self, activation, count, script, holds):
        client = RegistrationClient(self._server.url, self._http)
        nodes = []
        for _ in range(count):
            key = NodeKey(_SHARED_KEY, ids.new_uuid())
            made = await client.register(activation["ActivationId"], activation["ActivationCode"], key)
            identity = Identity(Registration(made.node_id, "us-east-1", self._server.url), key)
            nodes.append(ScriptedNode(self._thread, self._http, identity, script, holds=holds))
        return nodes


async def _new_http():
    # Servers of tests have no TLS, and reading the system's roots takes longer than what a node does.
    return httpx.AsyncClient(verify=False, timeout=WAIT_S, limits=httpx.Limits(max_connections=50))


async def _all(coroutines):
    for coroutine in list(coroutines):
        await coroutine


def _result(name, plugin, step):
    return StepResult(
        name=name,
        plugin=plugin,
        status=step.status,
        code=step.code,
        started_ms=wall_ms(),
        ended_ms=wall_ms(),
        output=step.output,
        standard_output=step.output,
        standard_error=step.error,
    )
