"""`/_stateward/keys`: making, listing and revoking access keys on a running server (D50, D62).

An administrator of the server's own account looks after the keys of every account, one of another account after those
of that account.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stateward.access import keys
from stateward.access.call import Answer, Call
from stateward.access.keys import KeyRefused
from stateward.access.principals import Scope
from stateward.access.roles import ADMINISTRATOR
from stateward.access.sealing import MasterKey
from stateward.access.store import ListedKeyRow
from stateward.api.extension import Extension, NoMembers
from stateward.storage import Transaction
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import iso8601


class KeyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The key to be made; without an account one of the caller's."""

    role: str
    account: str | None = None


class KeyNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    access_key: str


class KeyOperations:
    """The operations; `home` is the server's own account."""

    def __init__(self, master: MasterKey, home: str) -> None:
        self._master = master
        self._home = home

    @property
    def extensions(self) -> list[Extension]:
        path = "/keys/{access_key}/revoke"
        return [
            Extension("ListAccessKeys", ADMINISTRATOR, "GET", "/keys", NoMembers, self.list_access_keys),
            Extension("CreateAccessKey", ADMINISTRATOR, "POST", "/keys", KeyWanted, self.create_access_key),
            Extension("RevokeAccessKey", ADMINISTRATOR, "POST", path, KeyNamed, self.revoke_access_key),
        ]

    async def list_access_keys(self, call: Call, _: NoMembers) -> Answer:
        """`{"keys": [{"access_key", "account", "role", "created", "last_used"}]}`, oldest first; never secrets."""
        async with call.reading() as tx:
            rows = await keys.listed(tx, self._ward(call.scope))
        return Answer({"keys": [_shown(row) for row in rows]})

    async def create_access_key(self, call: Call, wanted: KeyWanted) -> Answer:
        """The key with its secret, which is never shown again."""
        ward = self._ward(call.scope)
        account = call.scope.account_id if wanted.account is None else wanted.account
        if ward not in (None, account):
            raise AwsError("AccessDeniedException", f"Keys of account {account} are made by its administrators.", 403)

        async def work(tx: Transaction) -> Answer:
            try:
                made = await keys.create(tx, self._master, account, wanted.role, call.wall_ms)
            except KeyRefused as error:
                raise validation_error(str(error)) from error
            return Answer(
                {
                    "access_key": made.access_key_id,
                    "secret_access_key": made.secret_access_key,
                    "account": made.account_id,
                    "role": made.role,
                }
            )

        return await call.write_once(work)

    async def revoke_access_key(self, call: Call, named: KeyNamed) -> Answer:
        """From the next request on the key is unknown, and what streams to it ends within a second."""

        async def work(tx: Transaction) -> None:
            try:
                revoked = await keys.revoke(tx, named.access_key, self._ward(call.scope), self._home)
            except KeyRefused as error:
                raise AwsError("Conflict", str(error), 409) from error
            if not revoked:
                raise AwsError("NotFound", f"There is no access key {named.access_key[:40]}.", 404)

        await call.write(work)
        return Answer({"access_key": named.access_key})

    def _ward(self, scope: Scope) -> str | None:
        """The account whose keys the caller looks after; None for all."""
        return None if scope.account_id == self._home else scope.account_id


def _shown(row: ListedKeyRow) -> dict[str, Any]:
    return {
        "access_key": row.access_key_id,
        "account": row.account_id,
        "role": row.role,
        "created": iso8601(row.created_ms),
        "last_used": None if row.last_used_ms is None else iso8601(row.last_used_ms),
    }
