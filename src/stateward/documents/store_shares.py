"""With which accounts documents are shared, and in which of their versions (D50)."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction

EVERYBODY = "all"


class ShareRow(msgspec.Struct, frozen=True):
    shared_with: str
    shared_version: str


SHARES = """
SELECT shared_with, shared_version FROM document_shares
 WHERE account_id = $1 AND region = $2 AND name = $3 AND shared_with > $4 ORDER BY shared_with COLLATE "C" LIMIT $5
"""
SHARED_WITH = """
SELECT shared_version FROM document_shares
 WHERE account_id = $1 AND region = $2 AND name = $3 AND shared_with IN ($4, 'all')
"""
COUNT = "SELECT COUNT(*) FROM document_shares WHERE account_id = $1 AND region = $2 AND name = $3"
PUT = """
INSERT INTO document_shares (account_id, region, name, shared_with, shared_version, shared_ms)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, region, name, shared_with) DO UPDATE SET shared_version = excluded.shared_version
"""
REMOVE = """
DELETE FROM document_shares WHERE account_id = $1 AND region = $2 AND name = $3 AND shared_with IN (ids_of($4))
"""
KEEP = """
DELETE FROM document_shares WHERE account_id = $1 AND region = $2 AND name = $3
 AND CASE WHEN $4 = 'all' THEN shared_with <> 'all' ELSE shared_with = 'all' END
"""


async def shares_after(tx: Snapshot, scope: Scope, name: str, after: str, limit: int) -> list[ShareRow]:
    """The next accounts, by number, with which a document is shared; `all` alone where everybody may use it."""
    return await tx.rows(ShareRow, SHARES, *scope, name, after, limit)


async def shared_version(tx: Snapshot, owner: Scope, name: str, account_id: str) -> str | None:
    """`$DEFAULT`, `$LATEST` or `$ALL`: which versions an account may use; None when it may use none."""
    found = await tx.value(SHARED_WITH, *owner, name, account_id)
    return None if found is None else str(found)


async def count(tx: Snapshot, scope: Scope, name: str) -> int:
    return int(await tx.value(COUNT, *scope, name))


async def share(tx: Transaction, scope: Scope, name: str, accounts: list[str], version: str) -> None:
    """Share with these accounts, or with `all`; one kind replaces the other."""
    await tx.execute(KEEP, *scope, name, accounts[0])
    await tx.execute_many(PUT, [(*scope, name, account, version, tx.now) for account in accounts])


async def unshare(tx: Transaction, scope: Scope, name: str, accounts: list[str]) -> None:
    await tx.execute(REMOVE, *scope, name, msgspec.json.encode(accounts).decode())
