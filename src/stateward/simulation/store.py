"""The simulated fleet and its script, which survive a restart."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.commands.rows import InvocationRow
from stateward.commands.store import INVOCATION_COLUMNS
from stateward.storage import Snapshot, Transaction


class FleetNodeRow(msgspec.Struct, frozen=True):
    """A simulated node that is part of the fleet; `back_ms` is when it comes back by itself."""

    node_id: str
    account_id: str
    region: str
    offline: int
    back_ms: int | None
    platform_type: str
    name: str | None

    @property
    def scope(self) -> Scope:
        return Scope(self.account_id, self.region)


class RuleRow(msgspec.Struct, frozen=True):
    number: int
    rule: str


class UseRow(msgspec.Struct, frozen=True):
    number: int
    command_id: str


NODE_COLUMNS = """
SELECT f.node_id, f.account_id, f.region, f.offline, f.back_ms, COALESCE(n.platform_type, 'Linux') AS platform_type,
 n.name FROM fleet_nodes f JOIN nodes n ON n.node_id = f.node_id WHERE f.removed_ms IS NULL
"""
EVERY_NODE = NODE_COLUMNS + " ORDER BY f.number"
NODES_OF_SCOPE = NODE_COLUMNS + " AND f.account_id = $1 AND f.region = $2 ORDER BY f.number"
LAST_NUMBER = "SELECT COALESCE(MAX(number), 0) FROM fleet_nodes"
ADD_NODE = "INSERT INTO fleet_nodes (node_id, account_id, region, number, added_ms) VALUES ($1, $2, $3, $4, $5)"
SET_PRESENCE = "UPDATE fleet_nodes SET offline = $2, back_ms = $3 WHERE node_id = $1"
REMOVE_NODE = "UPDATE fleet_nodes SET removed_ms = $2, offline = 0, back_ms = NULL WHERE node_id = $1"
RULES = "SELECT number, rule FROM fleet_rules WHERE account_id = $1 AND region = $2 ORDER BY number"
USES = "SELECT number, command_id FROM fleet_rule_uses WHERE account_id = $1 AND region = $2"
LAST_RULE = "SELECT COALESCE(MAX(number), 0) FROM fleet_rules WHERE account_id = $1 AND region = $2"
ADD_RULE = "INSERT INTO fleet_rules (account_id, region, number, rule, added_ms) VALUES ($1, $2, $3, $4, $5)"
CLEAR_RULES = "DELETE FROM fleet_rules WHERE account_id = $1 AND region = $2"
CLEAR_USES = "DELETE FROM fleet_rule_uses WHERE account_id = $1 AND region = $2"
NOTE_USE = """
INSERT INTO fleet_rule_uses (account_id, region, number, command_id, used_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""
FIRST_NODES = """
SELECT resource_id FROM invocations WHERE command_id = $1 ORDER BY resource_id COLLATE "C" LIMIT $2
"""
AT_WORK = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations
 WHERE acknowledged_ms IS NOT NULL AND (ended_ms IS NULL OR busy_until_ms IS NOT NULL)
 AND resource_id IN (SELECT node_id FROM fleet_nodes WHERE removed_ms IS NULL)
 ORDER BY requested_ms, association_id, command_id, resource_id
"""


async def every_node(tx: Snapshot) -> list[FleetNodeRow]:
    """The simulated nodes of every account and region, in the order in which they were added."""
    return await tx.rows(FleetNodeRow, EVERY_NODE)


async def nodes(tx: Snapshot, scope: Scope) -> list[FleetNodeRow]:
    """The fleet of one account and region, by id."""
    return await tx.rows(FleetNodeRow, NODES_OF_SCOPE, *scope)


async def last_number(tx: Snapshot) -> int:
    """The number of the newest simulated node that there ever was, in any scope; 0 for none."""
    return int(await tx.value(LAST_NUMBER))


async def add_node(tx: Transaction, scope: Scope, node_id: str, number: int) -> None:
    await tx.execute(ADD_NODE, node_id, *scope, number, tx.now)


async def set_presence(tx: Transaction, node_ids: Sequence[str], *, offline: bool, back_ms: int | None = None) -> None:
    """Note that these nodes are offline (until `back_ms`, None: until told), or online again."""
    await tx.execute_many(SET_PRESENCE, [(node_id, int(offline), back_ms) for node_id in node_ids])


async def remove_node(tx: Transaction, node_id: str) -> None:
    """The node leaves the fleet; its number is not given again."""
    await tx.execute(REMOVE_NODE, node_id, tx.now)


async def rules(tx: Snapshot, scope: Scope) -> list[RuleRow]:
    """The rules of a scope, oldest first."""
    return await tx.rows(RuleRow, RULES, *scope)


async def uses(tx: Snapshot, scope: Scope) -> dict[int, set[str]]:
    """Rule number → the commands that it has decided, for rules that are used up."""
    found: dict[int, set[str]] = {}
    for row in await tx.rows(UseRow, USES, *scope):
        found.setdefault(row.number, set()).add(row.command_id)
    return found


async def add_rule(tx: Transaction, scope: Scope, rule: str) -> None:
    await tx.execute(ADD_RULE, *scope, 1 + int(await tx.value(LAST_RULE, *scope)), rule, tx.now)


async def clear_rules(tx: Transaction, scope: Scope) -> None:
    await tx.execute(CLEAR_USES, *scope)
    await tx.execute(CLEAR_RULES, *scope)


async def note_use(tx: Transaction, scope: Scope, number: int, command_id: str) -> None:
    """A rule has decided something of this command; it counts once."""
    await tx.execute(NOTE_USE, *scope, number, command_id, tx.now)


async def first_nodes(tx: Snapshot, command_id: str, count: int) -> list[str]:
    """The first targets of a command by their ids."""
    return await tx.column(FIRST_NODES, command_id, count)


async def at_work(tx: Snapshot) -> list[InvocationRow]:
    """What simulated nodes had taken and not answered when the server stopped, in the order in which it was taken."""
    return await tx.rows(InvocationRow, AT_WORK)
