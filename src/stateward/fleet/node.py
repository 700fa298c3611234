"""One node of a fleet: an agent's credentials, heartbeats and channel, and scripted hands."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import httpx
import msgspec

from stateward.agent.channel import ControlChannel
from stateward.agent.client import NodeClient
from stateward.agent.credentials import CredentialKeeper
from stateward.agent.heartbeat import Heartbeat
from stateward.agent.identity import Identity
from stateward.agent.machine import Machine
from stateward.agent.outbox import Outbox
from stateward.clock import Clock
from stateward.fleet.director import Director
from stateward.fleet.hands import Hands, Tally


class Surroundings(msgspec.Struct, frozen=True):
    """What all nodes of a fleet share."""

    machine: Machine
    clock: Clock
    http: httpx.AsyncClient
    tls: ssl.SSLContext
    director: Director
    tally: Tally


class FleetNode:
    """A registered node, connected as long as `run` runs; `note` hears that its channel has opened or closed."""

    def __init__(
        self, identity: Identity, number: int, name: str, around: Surroundings, note: Callable[[bool], None]
    ) -> None:
        node_id = identity.node_id
        machine = msgspec.structs.replace(around.machine, computer_name=name)
        client = NodeClient(identity, around.clock, around.http)
        self._keeper = CredentialKeeper(client.request_role_token, around.clock)
        self._outbox = Outbox(None, around.clock)
        self._hands = Hands(
            lambda job: around.director.part(job, node_id, number, name),
            self._outbox,
            machine,
            around.clock,
            around.tally,
            self._cut,
        )
        self._channel = ControlChannel(
            node_id, client, self._keeper, self._hands, self._outbox, machine, around.clock, around.tls, None
        )
        self._heartbeat = Heartbeat(node_id, client, self._keeper, machine, lambda: "ssmmessages")
        self._channel.watch(lambda: note(self._channel.is_open))
        self.opened = self._channel.opened

    async def run(self) -> None:
        """Be the node until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keeper.keep(), name="credentials")
            group.create_task(self._heartbeat.beat(), name="heartbeat")
            await self._heartbeat.online.wait()
            await self._channel.run(_nothing_to_end)

    async def farewell(self) -> None:
        """End what runs, and wait until the server knows, if there is a channel."""
        self._hands.stop()
        if self._channel.is_open:
            await self._outbox.emptied()

    def _cut(self) -> None:
        self._channel.cut()


async def _nothing_to_end() -> None:
    """A scripted node has no other way than its channel."""
