"""The access keys in a data directory: printing, making, listing and revoking them."""

from __future__ import annotations

import json
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from stateward.access import keys, store
from stateward.access.sealing import MasterKey, SealBroken
from stateward.clock import SystemClock, wall_ms
from stateward.config import DATABASE_FILE, MASTER_KEY_FILE
from stateward.storage import Database, Transaction
from stateward.storage.migrations import NewerDatabase


class NoCredentials(Exception):
    """There is nothing to print; the text says what would help."""


class Key(msgspec.Struct, frozen=True):
    access_key_id: str
    secret_access_key: str


class Keys:
    """The keys of one data directory, which a running server may be using. Each method raises NoCredentials."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def administrator(self, account_id: str) -> Key:
        """The oldest administrator's key of an account."""
        async with self._open() as db, db.reading() as tx:
            row = await store.first_access_key(tx, account_id)
        if row is None:
            raise NoCredentials(
                f"{self._data_dir} has no administrator's access key of account {account_id}; name it with --account-id"
            )
        return Key(row.access_key_id, self._master().open("access-key", row.secret_sealed).decode())

    async def create(self, account_id: str, role: str) -> keys.NewKey:
        """A new key of an account."""
        master = self._master()

        async def work(tx: Transaction) -> keys.NewKey:
            return await keys.create(tx, master, account_id, role, wall_ms())

        async with self._open() as db:
            try:
                return await db.write(work)
            except keys.KeyRefused as error:
                raise NoCredentials(str(error)) from error

    async def listed(self) -> list[store.ListedKeyRow]:
        """Every key, without secrets."""
        async with self._open() as db, db.reading() as tx:
            return await keys.listed(tx, None)

    async def revoke(self, access_key_id: str) -> None:
        """Forget a key; a running server knows it no more from its next request on."""

        async def work(tx: Transaction) -> bool:
            return await keys.revoke(tx, access_key_id, None)

        async with self._open() as db:
            if not await db.write(work):
                raise NoCredentials(f"{self._data_dir} has no access key {access_key_id}")

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Database]:
        if not (self._data_dir / DATABASE_FILE).exists() or not (self._data_dir / MASTER_KEY_FILE).exists():
            raise NoCredentials(
                f"{self._data_dir} holds no Stateward data: start `stateward serve` once, or give --data-dir"
            )
        try:
            db = Database(self._data_dir / DATABASE_FILE, SystemClock())
            try:
                yield db
            finally:
                await db.close()
        except (OSError, NewerDatabase, SealBroken) as error:
            raise NoCredentials(f"{self._data_dir}: the access keys cannot be used ({error})") from error

    def _master(self) -> MasterKey:
        try:
            return MasterKey.load(self._data_dir / MASTER_KEY_FILE)
        except OSError as error:
            raise NoCredentials(
                f"{self._data_dir} holds no Stateward data: start `stateward serve` once, or give --data-dir"
            ) from error


def formatted(key: Key, output: str, endpoint: str, region: str) -> str:
    """The key as `shell` (for eval), `profile` (for ~/.aws/config) or `json`. Raises NoCredentials for other words."""
    values = {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL_SSM": endpoint,
        "AWS_ENDPOINT_URL_STS": endpoint,
    }
    if output == "shell":
        # A token of another session would be sent with this key.
        exports = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
        return "\n".join(["unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN", *exports])
    if output == "json":
        return json.dumps(values, indent=2)
    if output == "profile":
        return "\n".join(
            (
                "[profile stateward]",
                f"aws_access_key_id = {key.access_key_id}",
                f"aws_secret_access_key = {key.secret_access_key}",
                f"region = {region}",
                "services = stateward",
                "",
                "[services stateward]",
                "ssm =",
                f"  endpoint_url = {endpoint}",
                "sts =",
                f"  endpoint_url = {endpoint}",
            )
        )
    raise NoCredentials(f"--format {output!r}: unknown, use shell, profile or json")
