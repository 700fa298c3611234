"""Simulated nodes come, go, and come back, inside transactions (D46): rows like those of every other node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stateward.access.principals import Scope
from stateward.nodes import connection, registration
from stateward.nodes import store as nodes
from stateward.nodes.facts import NodeArrived, NodeRemoved
from stateward.simulation import store
from stateward.simulation.store import FleetNodeRow
from stateward.storage import Transaction
from stateward.tags import store as tags
from stateward.tags.facts import TagsChanged

REPLICA = "simulation"
EPOCH = "simulation"
AGENT_NAME = "stateward-simulation"
AGENT_VERSION = "1.0"
ACTIVATION = "00000000-0000-0000-0000-000000000000"
"""What simulated nodes name as their activation; there is none, so nobody can register with it."""
ROLE = "stateward-simulation"
PLATFORMS = {
    "Linux": ("Debian GNU/Linux", "12"),
    "Windows": ("Microsoft Windows Server 2022 Datacenter", "10.0.20348"),
    "MacOS": ("macOS", "14.5"),
}


def node_id(number: int) -> str:
    """The id of the fleet's Nth node, the same in every database."""
    return f"mi-{number:017d}"


async def add(
    tx: Transaction, scope: Scope, count: int, platform: str, name: str | None, given: Sequence[Mapping[str, str]]
) -> list[str]:
    """Register nodes and bring them online; their ids."""
    last = await store.last_number(tx)
    added = [(number, node_id(number)) for number in range(last + 1, last + count + 1)]
    for number, one in added:
        await nodes.add(tx, scope, one, ACTIVATION, name, ROLE)
        await store.add_node(tx, scope, one, number)
        if given:
            await tags.put_tags(tx, scope, registration.TAG_TYPE, one, given)
            tx.record(TagsChanged(scope, registration.TAG_TYPE, one))
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        told = (AGENT_NAME, AGENT_VERSION, platform, *PLATFORMS[platform], address, f"simulated-{number}")
        await nodes.ping(tx, one, told)
        await nodes.first_online(tx, one)
        tx.record(NodeArrived(scope, one))
        await connection.connect(tx, scope, one, REPLICA, EPOCH)
    return [one for _, one in added]


async def take_away(tx: Transaction, node_ids: Sequence[str], back_ms: int | None) -> None:
    """The nodes lose their channels now; `back_ms` is when they come back, None: when told."""
    for one in node_ids:
        await nodes.close_channel(tx, one, EPOCH)
    await store.set_presence(tx, node_ids, offline=True, back_ms=back_ms)


async def bring_back(tx: Transaction, rows: Sequence[tuple[Scope, str]]) -> None:
    """The nodes get their channels again; what they missed is caught up (D33)."""
    for scope, one in rows:
        await connection.connect(tx, scope, one, REPLICA, EPOCH)
    await store.set_presence(tx, [one for _, one in rows], offline=False)


async def take_up(tx: Transaction, rows: Sequence[FleetNodeRow]) -> None:
    """After a restart: nodes that were not away have been there all the time, and connect again."""
    for row in rows:
        await nodes.touch(tx, row.node_id)
        await connection.connect(tx, row.scope, row.node_id, REPLICA, EPOCH)


async def remove(tx: Transaction, scope: Scope, node_ids: Sequence[str], who: str, wall_ms: int) -> None:
    """Deregister nodes, as the API does."""
    for one in node_ids:
        await registration.deregister(tx, scope, one, who, wall_ms)


async def forget(tx: Transaction, facts: Sequence[NodeRemoved]) -> None:
    """Nodes that were deregistered, by whomever, leave the fleet."""
    for fact in facts:
        await nodes.close_channel(tx, fact.node_id, EPOCH)
        await store.remove_node(tx, fact.node_id)
