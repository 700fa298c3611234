"""Saying that the node is there: at the start, then every five minutes (node protocol 4.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from stateward.agent.backoff import Backoff
from stateward.agent.client import CallFailed, CallRefused, NodeClient
from stateward.agent.credentials import REFUSED_CAP_S, CredentialKeeper
from stateward.agent.machine import AGENT_NAME, Machine, local_address
from stateward.ids import jitter

EVERY_S = 300.0
log = structlog.get_logger("stateward.agent")


class Heartbeat:
    """UpdateInstanceInformation, again and again."""

    def __init__(
        self,
        node_id: str,
        client: NodeClient,
        keeper: CredentialKeeper,
        machine: Machine,
        way: Callable[[], str],
    ) -> None:
        self._node_id = node_id
        self._client = client
        self._keeper = keeper
        self._machine = machine
        self._way = way
        self.online = asyncio.Event()

    async def beat(self) -> None:
        """Short form and full form until the server has taken both, then the full form for ever."""
        await self._insist(self._short_form())
        await self._insist(await self._full_form())
        log.info("online", node=self._node_id)
        self.online.set()
        await asyncio.sleep(jitter(0, EVERY_S))
        while True:
            await self._insist(await self._full_form())
            await asyncio.sleep(jitter(0.9 * EVERY_S, 1.1 * EVERY_S))

    async def _insist(self, members: dict[str, str]) -> None:
        unreachable, refused, tell = Backoff(), Backoff(REFUSED_CAP_S), log.warning
        while True:
            credentials = await self._keeper.current()
            try:
                await self._client.update_instance_information(credentials, members)
                return
            except CallRefused as error:
                log.warning("a heartbeat was refused", node=self._node_id, reason=str(error))
                if not error.passing:
                    self._keeper.distrust()
                pause_s = (unreachable if error.passing else refused).next_s()
            except CallFailed as error:
                tell("a heartbeat did not arrive, which is tried until it does", node=self._node_id, reason=str(error))
                tell = log.debug
                pause_s = unreachable.next_s()
            await asyncio.sleep(pause_s)

    def _short_form(self) -> dict[str, str]:
        return {
            "AgentName": AGENT_NAME,
            "AgentVersion": self._machine.agent_version,
            "InstanceId": self._node_id,
            "PlatformType": self._machine.platform_type,
        }

    async def _full_form(self) -> dict[str, str]:
        address = await asyncio.to_thread(local_address, *self._client.server)
        return {
            **self._short_form(),
            "AgentStatus": "Active",
            "AvailabilityZone": "",
            "AvailabilityZoneId": "",
            "ComputerName": self._machine.computer_name,
            "IPAddress": address,
            "PlatformName": self._machine.platform_name,
            "PlatformVersion": self._machine.platform_version,
            "SSMConnectionChannel": self._way(),
        }
