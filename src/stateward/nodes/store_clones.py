"""Signs that two machines pass for one node."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction


class CloneRow(msgspec.Struct, frozen=True):
    """`kind` is `fingerprint` (another machine asked for credentials) or `channels` (two take it from each other);
    `addresses` is a JSON list, the latest first; instants in domain time."""

    node_id: str
    kind: str
    account_id: str
    region: str
    fingerprint: str | None
    addresses: str
    times: int
    first_ms: int
    last_ms: int
    told_ms: int


COLUMNS = ", ".join(CloneRow.__struct_fields__)
CLONE = f"SELECT {COLUMNS} FROM node_clones WHERE node_id = $1 AND kind = $2"
CLONES = f"""
SELECT {COLUMNS} FROM node_clones WHERE account_id = $1 AND region = $2 AND node_id = $3 ORDER BY kind COLLATE "C"
"""
PUT = f"""
INSERT INTO node_clones ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (node_id, kind) DO UPDATE SET fingerprint = excluded.fingerprint, addresses = excluded.addresses,
 times = excluded.times, first_ms = excluded.first_ms, last_ms = excluded.last_ms, told_ms = excluded.told_ms
"""
FORGET = "DELETE FROM node_clones WHERE node_id = $1"


async def find(tx: Snapshot, node_id: str, kind: str) -> CloneRow | None:
    return await tx.row(CloneRow, CLONE, node_id, kind)


async def of_node(tx: Snapshot, scope: Scope, node_id: str) -> list[CloneRow]:
    return await tx.rows(CloneRow, CLONES, *scope, node_id)


async def put(tx: Transaction, row: CloneRow) -> None:
    await tx.execute(PUT, *msgspec.structs.astuple(row))


async def forget(tx: Transaction, node_id: str) -> None:
    await tx.execute(FORGET, node_id)
