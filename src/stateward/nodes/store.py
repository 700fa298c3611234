"""Managed nodes and their channels."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction


class NodeRow(msgspec.Struct, frozen=True):
    node_id: str
    account_id: str
    region: str
    activation_id: str
    name: str | None
    iam_role: str
    registered_ms: int
    agent_name: str | None
    agent_version: str | None
    platform_type: str | None
    platform_name: str | None
    platform_version: str | None
    ip_address: str | None
    computer_name: str | None
    last_ping_ms: int | None
    first_online_ms: int | None
    connected: int
    channel_closed_ms: int | None = None


class Candidate(msgspec.Struct, frozen=True):
    """A node that may be a target, with what decides its place in the release order."""

    node_id: str
    last_ping_ms: int | None
    connected: int


class NodeTagRow(msgspec.Struct, frozen=True):
    node_id: str
    tag_key: str
    tag_value: str


class ReachRow(msgspec.Struct, frozen=True):
    registered: int
    online: int


class ChangeRow(msgspec.Struct, frozen=True):
    """A node to be compared with the associations again."""

    node_id: str
    account_id: str
    region: str
    arrived: int
    changed_ms: int
    connected: int
    returned: int


NODE_COLUMNS = """
SELECT n.node_id, n.account_id, n.region, n.activation_id, n.name, n.iam_role, n.registered_ms, n.agent_name,
 n.agent_version, n.platform_type, n.platform_name, n.platform_version, n.ip_address, n.computer_name, n.last_ping_ms,
 n.first_online_ms, CASE WHEN c.node_id IS NULL THEN 0 ELSE 1 END AS connected, n.channel_closed_ms
  FROM nodes n LEFT JOIN node_channels c ON c.node_id = n.node_id
"""
NODE = NODE_COLUMNS + " WHERE n.node_id = $1 AND n.account_id = $2 AND n.region = $3 AND n.removed_ms IS NULL"
NODES_AFTER = (
    NODE_COLUMNS
    + """ WHERE n.account_id = $1 AND n.region = $2 AND n.removed_ms IS NULL AND n.node_id > $3
 ORDER BY n.node_id COLLATE "C" LIMIT $4
"""
)
CANDIDATE_COLUMNS = """
SELECT n.node_id, n.last_ping_ms, CASE WHEN c.node_id IS NULL THEN 0 ELSE 1 END AS connected
  FROM nodes n LEFT JOIN node_channels c ON c.node_id = n.node_id
 WHERE n.account_id = $1 AND n.region = $2 AND n.removed_ms IS NULL AND n.node_id > $3
"""
CANDIDATES = CANDIDATE_COLUMNS + ' ORDER BY n.node_id COLLATE "C" LIMIT $4'
CANDIDATES_NAMED = CANDIDATE_COLUMNS + ' AND n.node_id IN (ids_of($5)) ORDER BY n.node_id COLLATE "C" LIMIT $4'
CANDIDATES_TAGGED = (
    CANDIDATE_COLUMNS
    + """ AND n.node_id IN (SELECT resource_id FROM tags WHERE account_id = $1 AND region = $2
 AND resource_type = 'ManagedInstance' AND tag_key = $5) ORDER BY n.node_id COLLATE "C" LIMIT $4
"""
)
REGISTERED = """
SELECT node_id FROM nodes
 WHERE account_id = $1 AND region = $2 AND removed_ms IS NULL AND node_id IN (ids_of($3))
"""
TAGS_OF_NODES = """
SELECT resource_id AS node_id, tag_key, tag_value FROM tags
 WHERE account_id = $1 AND region = $2 AND resource_type = 'ManagedInstance' AND resource_id IN (ids_of($3))
"""
ADD_NODE = """
INSERT INTO nodes (node_id, account_id, region, activation_id, name, iam_role, registered_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
PING = """
UPDATE nodes SET last_ping_ms = $2, agent_name = COALESCE(CAST($3 AS TEXT), agent_name),
 agent_version = COALESCE(CAST($4 AS TEXT), agent_version), platform_type = COALESCE(CAST($5 AS TEXT), platform_type),
 platform_name = COALESCE(CAST($6 AS TEXT), platform_name),
 platform_version = COALESCE(CAST($7 AS TEXT), platform_version),
 ip_address = COALESCE(CAST($8 AS TEXT), ip_address), computer_name = COALESCE(CAST($9 AS TEXT), computer_name)
 WHERE node_id = $1 AND removed_ms IS NULL
"""
FIRST_ONLINE = """
UPDATE nodes SET first_online_ms = $2 WHERE node_id = $1 AND first_online_ms IS NULL AND removed_ms IS NULL
"""
REACH = """
SELECT COUNT(*), COALESCE(SUM(CASE WHEN c.node_id IS NOT NULL OR n.last_ping_ms >= $1 THEN 1 ELSE 0 END), 0)
  FROM nodes n LEFT JOIN node_channels c ON c.node_id = n.node_id WHERE n.removed_ms IS NULL
"""
REGISTERED_COUNT = "SELECT COUNT(*) FROM nodes WHERE account_id = $1 AND region = $2 AND removed_ms IS NULL"
# Nodes with a channel are heard of every few minutes: this looks at little more than those that are away.
LOST_COUNT = """
SELECT COUNT(*) FROM nodes n WHERE n.account_id = $1 AND n.region = $2 AND n.removed_ms IS NULL
 AND (n.last_ping_ms < $3 OR n.last_ping_ms IS NULL)
 AND NOT EXISTS (SELECT 1 FROM node_channels c WHERE c.node_id = n.node_id)
"""
LAST_HEARD = "SELECT COALESCE(last_ping_ms, 0) FROM nodes WHERE node_id = $1"
TOUCH = "UPDATE nodes SET last_ping_ms = $2 WHERE node_id = $1 AND removed_ms IS NULL"
REMOVE = """
UPDATE nodes SET removed_ms = $4
 WHERE node_id = $1 AND account_id = $2 AND region = $3 AND removed_ms IS NULL
"""
OPEN_CHANNEL = """
INSERT INTO node_channels (node_id, replica, epoch, connected_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (node_id) DO UPDATE SET replica = excluded.replica, epoch = excluded.epoch,
 connected_ms = excluded.connected_ms
"""
CLOSE_CHANNEL = "DELETE FROM node_channels WHERE node_id = $1 AND epoch = $2"
CHANNEL_CLOSED = "UPDATE nodes SET last_ping_ms = $2, channel_closed_ms = $2 WHERE node_id = $1 AND removed_ms IS NULL"
CLOSED_WITH_THE_SERVER = """
UPDATE nodes SET channel_closed_ms = $1 WHERE node_id IN (SELECT node_id FROM node_channels) AND removed_ms IS NULL
"""
CLOSE_EVERY_CHANNEL = "DELETE FROM node_channels"
NOTE_CHANGE = """
INSERT INTO node_changes (node_id, account_id, region, arrived, changed_ms, connected, returned)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (node_id) DO UPDATE SET
 arrived = CASE WHEN excluded.arrived > node_changes.arrived THEN excluded.arrived ELSE node_changes.arrived END,
 connected = CASE WHEN excluded.connected > node_changes.connected THEN excluded.connected
  ELSE node_changes.connected END,
 returned = CASE WHEN excluded.returned > node_changes.returned THEN excluded.returned ELSE node_changes.returned END,
 changed_ms = excluded.changed_ms
"""
NOTE_CHANGES_OF_ALL = """
INSERT INTO node_changes (node_id, account_id, region, arrived, changed_ms, connected, returned)
SELECT n.node_id, n.account_id, n.region, 0, $1, 0, 0 FROM nodes n
 WHERE n.removed_ms IS NULL AND n.node_id > $2 ORDER BY n.node_id COLLATE "C" LIMIT $3
ON CONFLICT (node_id) DO UPDATE SET changed_ms = excluded.changed_ms
RETURNING node_id
"""
CHANGES = """
SELECT node_id, account_id, region, arrived, changed_ms, connected, returned FROM node_changes
 ORDER BY changed_ms, node_id COLLATE "C" LIMIT $1
"""
FORGET_CHANGE = "DELETE FROM node_changes WHERE node_id = $1 AND changed_ms = $2"


async def find(tx: Snapshot, scope: Scope, node_id: str) -> NodeRow | None:
    return await tx.row(NodeRow, NODE, node_id, *scope)


async def after(tx: Snapshot, scope: Scope, node_id: str, limit: int) -> list[NodeRow]:
    """The next registered nodes in order of their ids."""
    return await tx.rows(NodeRow, NODES_AFTER, *scope, node_id, limit)


async def registered(tx: Snapshot, scope: Scope, node_ids: Sequence[str]) -> set[str]:
    """Those of these nodes that have not been removed."""
    return set(await tx.column(REGISTERED, *scope, json.dumps(list(node_ids))))


async def candidates(
    tx: Snapshot, scope: Scope, after_id: str, limit: int, *, named: Sequence[str] | None, tag_key: str | None
) -> list[Candidate]:
    """The next nodes that may be targets: those named, those that carry a tag, or all of the scope."""
    if named is not None:
        return await tx.rows(Candidate, CANDIDATES_NAMED, *scope, after_id, limit, json.dumps(list(named)))
    if tag_key is not None:
        return await tx.rows(Candidate, CANDIDATES_TAGGED, *scope, after_id, limit, tag_key)
    return await tx.rows(Candidate, CANDIDATES, *scope, after_id, limit)


async def tags_of(tx: Snapshot, scope: Scope, node_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Node id → tags, for the nodes that have any."""
    found: dict[str, dict[str, str]] = {}
    for row in await tx.rows(NodeTagRow, TAGS_OF_NODES, *scope, json.dumps(list(node_ids))):
        found.setdefault(row.node_id, {})[row.tag_key] = row.tag_value
    return found


async def add(tx: Transaction, scope: Scope, node_id: str, activation_id: str, name: str | None, iam_role: str) -> None:
    await tx.execute(ADD_NODE, node_id, *scope, activation_id, name, iam_role, tx.now)


async def ping(tx: Transaction, node_id: str, told: Sequence[str | None]) -> bool:
    """Note a heartbeat; what it leaves out (None) keeps its value. False when the node is gone."""
    return await tx.execute(PING, node_id, tx.now, *told) == 1


async def first_online(tx: Transaction, node_id: str) -> bool:
    """True exactly once in a node's life."""
    return await tx.execute(FIRST_ONLINE, node_id, tx.now) == 1


async def reach(tx: Snapshot, heard_after_ms: int) -> ReachRow:
    """How many nodes are registered, and how many of them have a channel or were heard of since an instant."""
    found = await tx.row(ReachRow, REACH, heard_after_ms)
    assert found is not None, "a count has a row"
    return found


async def presence(tx: Snapshot, scope: Scope, heard_after_ms: int) -> ReachRow:
    """The same for one account and region, as exact: the count of those that are away, taken from all."""
    every = int(await tx.value(REGISTERED_COUNT, *scope))
    return ReachRow(every, every - int(await tx.value(LOST_COUNT, *scope, heard_after_ms)))


async def last_heard(tx: Snapshot, node_id: str) -> int:
    """When the node was heard of last, in ms; 0 for never."""
    return int(await tx.value(LAST_HEARD, node_id) or 0)


async def touch(tx: Transaction, node_id: str) -> None:
    """The node was heard of now."""
    await tx.execute(TOUCH, node_id, tx.now)


async def remove(tx: Transaction, scope: Scope, node_id: str) -> bool:
    return await tx.execute(REMOVE, node_id, *scope, tx.now) == 1


async def open_channel(tx: Transaction, node_id: str, replica: str, epoch: str) -> None:
    """This replica holds the node's channel now; the newest wins."""
    await tx.execute(OPEN_CHANNEL, node_id, replica, epoch, tx.now)


async def close_channel(tx: Transaction, node_id: str, epoch: str) -> bool:
    """The node was heard of until now; False when a newer channel has taken over."""
    if await tx.execute(CLOSE_CHANNEL, node_id, epoch) == 0:
        return False
    await tx.execute(CHANNEL_CLOSED, node_id, tx.now)
    return True


async def close_every_channel(tx: Transaction) -> None:
    """At a start: whatever the last process held is closed."""
    await tx.execute(CLOSED_WITH_THE_SERVER, tx.now)
    await tx.execute(CLOSE_EVERY_CHANNEL)


async def note_change(
    tx: Transaction,
    scope: Scope,
    node_id: str,
    *,
    arrived: bool = False,
    connected: bool = False,
    returned: bool = False,
) -> None:
    """Have the engine compare this node with the associations."""
    await tx.execute(NOTE_CHANGE, node_id, *scope, int(arrived), tx.now, int(connected), int(returned))


async def note_changes_of_all(tx: Transaction, after_id: str, limit: int) -> list[str]:
    """Have the engine compare the next nodes, by id, with the associations; their ids."""
    return sorted(await tx.column(NOTE_CHANGES_OF_ALL, tx.now, after_id, limit))


async def changes(tx: Snapshot, limit: int) -> list[ChangeRow]:
    return await tx.rows(ChangeRow, CHANGES, limit)


async def forget_change(tx: Transaction, row: ChangeRow) -> None:
    """The change was dealt with; a later one of the same node stays."""
    await tx.execute(FORGET_CHANGE, row.node_id, row.changed_ms)
