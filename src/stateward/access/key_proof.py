"""Whether the master key at hand is the one that the database was made with."""

from __future__ import annotations

from pathlib import Path

from stateward.access import store
from stateward.access.sealing import MasterKey, SealBroken
from stateward.storage import Snapshot, Transaction

PROOF = "master key"
_PURPOSE = "proof"


class AnotherMasterKey(Exception):
    """The database was made with another master key; the text says what is lost and what helps."""


async def check(tx: Snapshot, master: MasterKey, path: Path) -> None:
    """Raises AnotherMasterKey when the database was made with another key than this, which `path` holds or lacks."""
    if not await _fits(tx, master):
        raise AnotherMasterKey(_explanation(path))


async def keep(tx: Transaction, master: MasterKey) -> None:
    """Make this key the database's own; access keys and kept answers that another one sealed are forgotten."""
    if not await _fits(tx, master):
        await store.forget_sealed(tx)
    await store.put_value(tx, PROOF, master.seal(_PURPOSE, b"stateward"))


async def _fits(tx: Snapshot, master: MasterKey) -> bool:
    sealed = await store.known_value(tx, PROOF)
    try:
        return sealed is None or bool(master.open(_PURPOSE, sealed))
    except SealBroken:
        return False


def _explanation(path: Path) -> str:
    what = "not the master key that the database was made with" if path.exists() else "the database's key is missing"
    return (
        f"{path}: {what}. Without that key the access keys and the SecureStrings in the database cannot be read. "
        "Put the file back from its backup; if it is lost for ever, start once with --new-master-key, which gives both "
        "up"
    )
