"""How soon replies are acknowledged while a large fan-out is written: `python -m benchmarks.acknowledgements`.

A real server with a durable database in a process of its own; real websockets of the nodes in this one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

import boto3
import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.seeding import SCOPE
from stateward import ids
from stateward.agent import machine, messages, reports
from stateward.agent.client import NodeClient, RegistrationClient
from stateward.agent.identity import Identity, NodeKey, Registration
from stateward.agent.reports import StepResult
from stateward.app import Server
from stateward.cli import credentials
from stateward.cli.loop import run_loop
from stateward.cli.processes import start_server
from stateward.clock import SystemClock, monotonic_s, wall_ms
from stateward.config import DEFAULT_ACCOUNT, DEFAULT_REGION, MASTER_KEY_FILE, Config
from stateward.nodes import store as nodes
from stateward.storage import Transaction
from stateward.wire import agent_message
from stateward.wire.agent_message import AgentMessage

ROWS_A_WRITE = 1000
PAUSE_S = 0.5
SETTLE_S = 60.0
DOCUMENT = "AWS-RunShellScript"
TAG = {"Key": "answers", "Values": ["yes"]}


class Round(msgspec.Struct, frozen=True):
    """One round of answers: the waits for acknowledgements, and how many invocations there were before and after."""

    waits_ms: list[float]
    before: int
    after: int


class Node:
    """One connected node; it answers when it is told to."""

    def __init__(self, identity: Identity, http: httpx.AsyncClient) -> None:
        self.node_id = identity.node_id
        self._client = NodeClient(identity, SystemClock(), http)
        self._socket: ClientConnection | None = None
        self._acked: dict[str, asyncio.Future[float]] = {}
        self.jobs: asyncio.Queue[str] = asyncio.Queue()
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        keys = await self._client.request_role_token()
        told = {"InstanceId": self.node_id, "AgentName": "bench", "PlatformType": "Linux"}
        await self._client.update_instance_information(keys, told)
        token = (await self._client.create_control_channel(keys)).token
        address, headers = self._client.channel_address(keys)
        self._socket = await connect(address, additional_headers=headers, compression=None, max_size=2**24)
        await self._socket.send(json.dumps({"TokenValue": token}))
        self._listening = asyncio.create_task(self._listen(self._socket))

    async def close(self) -> None:
        if self._socket is not None and self._listening is not None:
            await self._socket.close()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def answer(self) -> float:
        """End the next command with its step's output; the milliseconds until the server said that it is stored."""
        assert self._socket is not None, "an open node answers"
        content = reports.ended(MACHINE, "Success", [STEP], wall_ms())
        payload = messages.reply_payload(await self.jobs.get(), messages.SEND_TOPIC, content)
        message = AgentMessage(messages.REPLY, ids.new_uuid(), wall_ms(), payload)
        future = self._acked[message.message_id] = asyncio.get_running_loop().create_future()
        started_s = monotonic_s()
        await self._socket.send(agent_message.encode(message))
        acked_s: float = await future
        return (acked_s - started_s) * 1000

    async def _listen(self, socket: ClientConnection) -> None:
        async for frame in socket:
            assert isinstance(frame, bytes), "the server sends messages only"
            message = agent_message.decode(frame)
            if message.message_type == messages.REPLY_ACK:
                self._acked.pop(messages.read_reply_ack(message)).set_result(monotonic_s())
            else:
                await self._take(socket, message)

    async def _take(self, socket: ClientConnection, message: AgentMessage) -> None:
        told = messages.read_job(message, self.node_id)
        ack = messages.job_ack(message, told.job_id, "200", "", ids.new_uuid(), wall_ms())
        await socket.send(agent_message.encode(ack))
        self.jobs.put_nowait(told.job_id)


MACHINE = machine.describe()
STEP = StepResult(
    name="runShellScript",
    plugin="aws:runShellScript",
    status="Success",
    code=0,
    started_ms=wall_ms(),
    ended_ms=wall_ms(),
    output="done\n",
    standard_output="done\n" * 50,
)


async def seed(data_dir: Path, count: int) -> None:
    """Register so many nodes that are away."""
    server = Server(Config(data_dir=data_dir, durable=False))
    try:
        for start in range(0, count, ROWS_A_WRITE):

            async def work(tx: Transaction, start: int = start) -> None:
                for number in range(start, min(start + ROWS_A_WRITE, count)):
                    await nodes.add(tx, SCOPE, f"mi-{number:017x}", "bench", None, "role")

            await server.db.write(work)
        server.master.save(data_dir / MASTER_KEY_FILE)
    finally:
        await server.db.close()


async def measure(url: str, key: credentials.Key, connected: int, rounds: int) -> list[Round]:
    """Connect nodes, hand them a command, start the fan-out, and let them all answer at once, several times."""
    ssm = boto3.client(
        "ssm",
        region_name=DEFAULT_REGION,
        endpoint_url=url,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
    )
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=20)) as http:
        fleet = await _connect(ssm, url, http, connected)
        try:
            for _ in range(rounds + 1):
                await asyncio.to_thread(_send, ssm, [TAG], "100%")
            async with asyncio.timeout(SETTLE_S):
                while any(node.jobs.qsize() <= rounds for node in fleet):  # noqa: ASYNC110 - many queues
                    await asyncio.sleep(PAUSE_S)
            quiet = await _round(ssm, fleet, None)
            fan_out = _send(ssm, [{"Key": "InstanceIds", "Values": ["*"]}], "100%")
            await asyncio.sleep(PAUSE_S)
            return [quiet] + [await _round(ssm, fleet, fan_out) for _ in range(rounds)]
        finally:
            await asyncio.gather(*(node.close() for node in fleet))


async def _connect(ssm: Any, url: str, http: httpx.AsyncClient, count: int) -> list[Node]:
    made = ssm.create_activation(
        IamRole="role", RegistrationLimit=count, Tags=[{"Key": TAG["Key"], "Value": TAG["Values"][0]}]
    )
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    registrations = RegistrationClient(url, http)
    fleet: list[Node] = []
    for _ in range(count):
        node_key = NodeKey(private_key, ids.new_uuid())
        node = await registrations.register(made["ActivationId"], made["ActivationCode"], node_key)
        fleet.append(Node(Identity(Registration(node.node_id, DEFAULT_REGION, url), node_key), http))
        await fleet[-1].open()
    return fleet


async def _round(ssm: Any, fleet: Sequence[Node], command_id: str | None) -> Round:
    before = await asyncio.to_thread(_written, ssm, command_id)
    waits = await asyncio.gather(*(node.answer() for node in fleet))
    return Round(list(waits), before, await asyncio.to_thread(_written, ssm, command_id))


def _send(ssm: Any, targets: Sequence[Any], at_once: str) -> str:
    (tagged,) = targets
    wanted = {**tagged, "Key": f"tag:{tagged['Key']}"} if tagged["Key"] != "InstanceIds" else tagged
    answer = ssm.send_command(
        DocumentName=DOCUMENT, Targets=[wanted], Parameters={"commands": ["true"]}, MaxConcurrency=at_once
    )
    return str(answer["Command"]["CommandId"])


def _written(ssm: Any, command_id: str | None) -> int:
    if command_id is None:
        return 0
    (command,) = ssm.list_commands(CommandId=command_id)["Commands"]
    return int(command["TargetCount"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connected", type=int, default=1000)
    parser.add_argument("--away", type=int, default=99_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="stateward-bench-") as name:
        folder = Path(name) / "data"
        folder.mkdir()
        run_loop(seed(folder, asked.away))
        server, url = start_server(folder, 0, "--log-level", "warning")
        with server:
            key = run_loop(credentials.Keys(folder).administrator(DEFAULT_ACCOUNT))
            for number, one in enumerate(run_loop(measure(url, key, asked.connected, asked.rounds))):
                cuts = quantiles(one.waits_ms, n=100)
                what = f"fan-out at {one.before:,} to {one.after:,} invocations" if number else "nothing else to do"
                print(
                    f"{len(one.waits_ms):,} replies at once, {what}: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, "
                    f"at most {max(one.waits_ms):.0f} ms",
                    flush=True,
                )


if __name__ == "__main__":
    main()
