"""Two machines that pass for one node: noted, announced once a day, and settled by a person (D56)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward.access import store as keys
from stateward.access.principals import Scope
from stateward.nodes import store_clones
from stateward.nodes.facts import CloneSuspected, FingerprintAccepted, NodeRemoved
from stateward.nodes.store_clones import CloneRow
from stateward.storage import Transaction

FINGERPRINT, CHANNELS = "fingerprint", "channels"
MOST_ADDRESSES = 5
MOST_FINGERPRINT = 200
TOLD_EVERY_MS = 24 * 60 * 60 * 1000


class NothingToAccept(Exception):
    """No machine with that fingerprint has asked for the node's credentials; the text says what has."""


async def note_fingerprint(tx: Transaction, scope: Scope, node_id: str, fingerprint: str, address: str) -> bool:
    """A machine with another fingerprint asked for the node's credentials; True when that is news."""
    return await _note(tx, scope, node_id, FINGERPRINT, [address], fingerprint[:MOST_FINGERPRINT])


async def note_channels(tx: Transaction, scope: Scope, node_id: str, addresses: Sequence[str]) -> bool:
    """Two addresses keep taking the node's channel from each other; True when that is news."""
    return await _note(tx, scope, node_id, CHANNELS, addresses, None)


async def accept(tx: Transaction, scope: Scope, node_id: str, fingerprint: str, wall_ms: int) -> None:
    """The machine that was refused is the node now; credentials that another one holds are good no more.

    Raises NothingToAccept.
    """
    row = await store_clones.find(tx, node_id, FINGERPRINT)
    if row is None or row.fingerprint is None or (row.account_id, row.region) != tuple(scope):
        raise NothingToAccept(f"no other machine has asked for the credentials of {node_id}")
    if row.fingerprint != fingerprint:
        raise NothingToAccept(f"the machine that last asked for the credentials of {node_id} is another one by now")
    await keys.change_fingerprint(tx, node_id, fingerprint, wall_ms)
    await store_clones.forget(tx, node_id)
    tx.record(FingerprintAccepted(scope, node_id))


async def forget_removed_nodes(tx: Transaction, facts: list[NodeRemoved]) -> None:
    for fact in facts:
        await store_clones.forget(tx, fact.node_id)


async def _note(
    tx: Transaction, scope: Scope, node_id: str, kind: str, addresses: Sequence[str], fingerprint: str | None
) -> bool:
    known = await store_clones.find(tx, node_id, kind)
    if known is not None and known.fingerprint != fingerprint:
        known = None  # a third machine
    before: list[str] = [] if known is None else msgspec.json.decode(known.addresses)
    seen = list(dict.fromkeys([*filter(None, addresses), *before]))[:MOST_ADDRESSES]
    is_news = known is None or tx.now - known.told_ms >= TOLD_EVERY_MS
    row = CloneRow(
        node_id=node_id,
        kind=kind,
        account_id=scope.account_id,
        region=scope.region,
        fingerprint=fingerprint,
        addresses=msgspec.json.encode(seen).decode(),
        times=1 if known is None else known.times + 1,
        first_ms=tx.now if known is None else known.first_ms,
        last_ms=tx.now,
        told_ms=tx.now if known is None or is_news else known.told_ms,
    )
    await store_clones.put(tx, row)
    if is_news:
        tx.record(CloneSuspected(scope, node_id, kind, tuple(seen)))
    return is_news
