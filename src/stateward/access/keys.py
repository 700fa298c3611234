"""Making, listing and revoking access keys (D50, D62): the same from a route and from the data directory."""

from __future__ import annotations

import msgspec

from stateward import ids
from stateward.access import store
from stateward.access.roles import ADMINISTRATOR, ROLES
from stateward.access.sealing import MasterKey
from stateward.access.store import ListedKeyRow
from stateward.storage import Snapshot, Transaction

ACCOUNT_DIGITS = 12


class KeyRefused(Exception):
    """A key cannot be made or taken away; the text says why, and what would be right."""


class NewKey(msgspec.Struct, frozen=True):
    """A key with its secret, which is shown once."""

    access_key_id: str
    secret_access_key: str
    role: str
    account_id: str


async def create(tx: Transaction, master: MasterKey, account_id: str, role: str, wall_ms: int) -> NewKey:
    """A new key. Raises KeyRefused for an account or role that is none."""
    if len(account_id) != ACCOUNT_DIGITS or not (account_id.isascii() and account_id.isdecimal()):
        raise KeyRefused(f"account {account_id[:40]!r}: an account id has twelve digits")
    if role not in ROLES:
        raise KeyRefused(f"role {role[:40]!r}: a role is {', '.join(ROLES[:-1])} or {ROLES[-1]}")
    key = NewKey(ids.access_key_id("AKIA"), ids.secret_access_key(), role, account_id)
    sealed = master.seal("access-key", key.secret_access_key.encode())
    await store.put_access_key(tx, key.access_key_id, account_id, role, sealed, wall_ms)
    return key


async def listed(tx: Snapshot, account_id: str | None) -> list[ListedKeyRow]:
    """The keys of one account or of all, oldest first, without secrets."""
    return [row for row in await store.access_keys(tx) if account_id in (None, row.account_id)]


async def revoke(tx: Transaction, access_key_id: str, account_id: str | None, home: str | None = None) -> bool:
    """Forget a key of this account (None: of any); False when there is none.

    Raises KeyRefused for the last administrator's key of the account `home`, without which nobody could make another.
    """
    known = {row.access_key_id: row for row in await store.access_keys(tx)}
    row = known.get(access_key_id)
    if row is None or account_id not in (None, row.account_id):
        return False
    rest = [one for one in known.values() if one.account_id == row.account_id and one is not row]
    if row.role == ADMINISTRATOR and row.account_id == home and not any(one.role == ADMINISTRATOR for one in rest):
        raise KeyRefused(
            f"{access_key_id} is the last administrator's key of account {row.account_id}: make another one first"
        )
    return await store.revoke_access_key(tx, access_key_id)
