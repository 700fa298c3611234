"""Printing the administrator's access key from a data directory."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import msgspec

from stateward.access import store
from stateward.access.sealing import MasterKey, SealBroken
from stateward.clock import SystemClock
from stateward.config import DATABASE_FILE, MASTER_KEY_FILE
from stateward.storage import Database
from stateward.storage.migrations import NewerDatabase


class NoCredentials(Exception):
    """There is nothing to print; the text says what would help."""


class Key(msgspec.Struct, frozen=True):
    access_key_id: str
    secret_access_key: str


async def administrator(data_dir: Path, account_id: str) -> Key:
    """The oldest key of the account in a data directory, which a running server may be using. Raises NoCredentials."""
    key_file = data_dir / MASTER_KEY_FILE
    if not (data_dir / DATABASE_FILE).exists() or not key_file.exists():
        raise NoCredentials(f"{data_dir} holds no Stateward data: start `stateward serve` once, or give --data-dir")
    try:
        db = Database(data_dir / DATABASE_FILE, SystemClock())
        async with db.reading() as tx:
            row = await store.first_access_key(tx, account_id)
        await db.close()
        if row is None:
            raise NoCredentials(f"{data_dir} has no access key of account {account_id}; name it with --account-id")
        secret = MasterKey.load(key_file).open("access-key", row.secret_sealed).decode()
    except (OSError, NewerDatabase, SealBroken) as error:
        raise NoCredentials(f"{data_dir}: the access key cannot be read ({error})") from error
    return Key(row.access_key_id, secret)


def formatted(key: Key, output: str, endpoint: str, region: str) -> str:
    """The key as `shell` (for eval), `profile` (for ~/.aws/config) or `json`. Raises NoCredentials for other words."""
    values = {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL_SSM": endpoint,
    }
    if output == "shell":
        return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())
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
            )
        )
    raise NoCredentials(f"--format {output!r}: unknown, use shell, profile or json")
