"""What only nodes call over JSON: registration, credentials, heartbeats, reports (spec 7.1, 7.3, D24)."""

from __future__ import annotations

import hmac
from typing import Any

import structlog

from stateward import ids
from stateward.access import store as keys
from stateward.access import store_asking
from stateward.access.authentication import Authenticator
from stateward.access.call import Answer, Call, Request
from stateward.agent.messages import REGION_HEADER
from stateward.nodes import clones, connection, registration, store
from stateward.nodes.facts import NodeArrived, NodeConnected
from stateward.storage import Transaction
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import epoch_seconds

PLATFORMS = ("Linux", "Windows", "MacOS")
TEXT_CHARACTERS = 255
QUIET_MS = 10 * 60 * 1000
"""Since the server's start: for so long no node is asked to change its key (D54)."""

log = structlog.get_logger("stateward.gateway")
HEARTBEAT = (
    "AgentName",
    "AgentVersion",
    "PlatformType",
    "PlatformName",
    "PlatformVersion",
    "IPAddress",
    "ComputerName",
)


class NodeCalls:
    """The agent-only operations."""

    def __init__(self, authenticator: Authenticator, started_ms: int = 0) -> None:
        self._authenticator = authenticator
        self._quiet_until_ms = started_ms + QUIET_MS

    async def register_managed_instance(self, call: Call, request: Request) -> Answer:
        """Exchange an activation for a node id (node protocol 3.1)."""
        for member in ("ActivationId", "ActivationCode", "Fingerprint", "PublicKey"):
            if member not in request:
                raise validation_error(f"{member} is missing: a node registers with an activation and its public key")
        if request.get("PublicKeyType", "Rsa") != "Rsa":
            raise validation_error("PublicKeyType must be Rsa")
        registration.check_public_key(request["PublicKey"])

        async def work(tx: Transaction) -> tuple[str, str]:
            node_id = await registration.register(
                tx,
                request["ActivationId"],
                request["ActivationCode"],
                request["Fingerprint"],
                request["PublicKey"],
                call.wall_ms,
            )
            key = await keys.node_key(tx, node_id)
            return node_id, "" if key is None else key.region

        node_id, region = await call.write(work)
        return Answer({"InstanceId": node_id}, {REGION_HEADER: region})

    async def request_managed_instance_role_token(self, call: Call, request: Request) -> Answer:
        """Credentials for an hour. Another fingerprint than the registered one is another machine (D56)."""
        async with call.reading() as tx:
            key = await keys.node_key(tx, call.principal.name)
            is_asked = await store_asking.is_asked(tx, call.principal.name)
            row = await store.find(tx, call.scope, call.principal.name)
        if key is None or not hmac.compare_digest(key.fingerprint.encode(), request["Fingerprint"].encode()):
            await self._note_other_machine(call, request["Fingerprint"])
            raise AwsError("MachineFingerprintDoesNotMatch", "The fingerprint is not that of the registered machine.")
        issued = self._authenticator.issue(call.principal.name, ids.access_key_id("ASIA"))
        return Answer(
            {
                "AccessKeyId": issued.access_key_id,
                "SecretAccessKey": issued.secret_access_key,
                "SessionToken": issued.session_token,
                "TokenExpirationDate": epoch_seconds(issued.expires_ms),
                # A request that gets lost would lock the node out: only where all has been well for a while.
                "UpdateKeyPair": is_asked
                and row is not None
                and bool(row.connected)
                and call.wall_ms >= self._quiet_until_ms,
            }
        )

    async def _note_other_machine(self, call: Call, fingerprint: str) -> None:
        node_id = call.principal.name

        async def work(tx: Transaction) -> bool:
            return await clones.note_fingerprint(tx, call.scope, node_id, fingerprint, call.source)

        if await call.write(work):
            log.warning("another machine has a node's key", node=node_id, address=call.source)

    async def update_instance_information(self, call: Call, request: Request) -> Answer:
        """A heartbeat; the short form leaves what is known as it is (node protocol 4.1)."""
        if request.get("PlatformType") not in (None, *PLATFORMS):
            raise validation_error(f"PlatformType must be one of {', '.join(PLATFORMS)}")
        told = [_clean(request.get(member)) for member in HEARTBEAT]

        async def work(tx: Transaction) -> None:
            away = await connection.was_long_away(tx, call.principal.name)
            if not await store.ping(tx, call.principal.name, told):
                raise AwsError("InvalidInstanceId", f"Not existing InstanceId {call.principal.name}")
            if await store.first_online(tx, call.principal.name):
                tx.record(NodeArrived(call.scope, call.principal.name))
            if away:
                tx.record(NodeConnected(call.scope, call.principal.name, was_long_away=True))

        await call.write(work)
        return Answer({})


def _clean(text: Any) -> str | None:
    if not text:
        return None
    return "".join(character for character in str(text)[:TEXT_CHARACTERS] if character.isprintable()) or None
