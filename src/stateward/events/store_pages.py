"""Pages of the outbox: by number, by subject, by time (console R8)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward.events.store import EVENT_COLUMNS, EventRow
from stateward.storage import Snapshot

LAST_SEQUENCE = 2**62


class Wanted(msgspec.Struct, frozen=True):
    """Which events: numbers between `after` and `before` and instants from `since_ms` to before `until_ms`, of one
    account (None: of all), about one association or node (None: about anything); `newest_first` says the order.
    """

    account: str | None = None
    association: str | None = None
    node: str | None = None
    after: int = 0
    before: int = LAST_SEQUENCE
    since_ms: int = 0
    until_ms: int = LAST_SEQUENCE
    newest_first: bool = False


# Instants grow with the numbers, but for a clock that was set back: the first number is only where to begin.
FIRST_SINCE = "SELECT sequence FROM events WHERE created_ms >= $1 ORDER BY created_ms, sequence LIMIT 1"
_BETWEEN = "sequence > $1 AND sequence < $2 AND created_ms >= $3 AND created_ms < $4"
_ANY_ACCOUNT = "(CAST($6 AS TEXT) IS NULL OR account_id = $6)"
_ASSOCIATION, _NODE = f"{_ANY_ACCOUNT} AND association_id = $7", f"{_ANY_ACCOUNT} AND node_id = $7"
_FROM = f"{EVENT_COLUMNS} FROM events WHERE {_BETWEEN}"
_UP, _DOWN = "ORDER BY sequence LIMIT $5", "ORDER BY sequence DESC LIMIT $5"

ALL_UP, ALL_DOWN = f"SELECT {_FROM} {_UP}", f"SELECT {_FROM} {_DOWN}"
ACCOUNT_UP = f"SELECT {_FROM} AND account_id = $6 {_UP}"
ACCOUNT_DOWN = f"SELECT {_FROM} AND account_id = $6 {_DOWN}"
ASSOCIATION_UP, ASSOCIATION_DOWN = (
    f"SELECT {_FROM} AND {_ASSOCIATION} {_UP}",
    f"SELECT {_FROM} AND {_ASSOCIATION} {_DOWN}",
)
NODE_UP, NODE_DOWN = f"SELECT {_FROM} AND {_NODE} {_UP}", f"SELECT {_FROM} AND {_NODE} {_DOWN}"


async def page(tx: Snapshot, wanted: Wanted, limit: int) -> list[EventRow]:
    """The next events in the order that is asked for."""
    first = await _first_since(tx, wanted.since_ms, 0)
    end = await _first_since(tx, wanted.until_ms, LAST_SEQUENCE)
    after, before = max(wanted.after, first - 1), min(wanted.before, end)
    between = (after, before, wanted.since_ms, wanted.until_ms, limit)
    return await (_newest_first if wanted.newest_first else _oldest_first)(tx, wanted, between)


async def _oldest_first(tx: Snapshot, wanted: Wanted, between: Sequence[int]) -> list[EventRow]:
    if wanted.association is not None:
        return await tx.rows(EventRow, ASSOCIATION_UP, *between, wanted.account, wanted.association)
    if wanted.node is not None:
        return await tx.rows(EventRow, NODE_UP, *between, wanted.account, wanted.node)
    if wanted.account is not None:
        return await tx.rows(EventRow, ACCOUNT_UP, *between, wanted.account)
    return await tx.rows(EventRow, ALL_UP, *between)


async def _newest_first(tx: Snapshot, wanted: Wanted, between: Sequence[int]) -> list[EventRow]:
    if wanted.association is not None:
        return await tx.rows(EventRow, ASSOCIATION_DOWN, *between, wanted.account, wanted.association)
    if wanted.node is not None:
        return await tx.rows(EventRow, NODE_DOWN, *between, wanted.account, wanted.node)
    if wanted.account is not None:
        return await tx.rows(EventRow, ACCOUNT_DOWN, *between, wanted.account)
    return await tx.rows(EventRow, ALL_DOWN, *between)


async def _first_since(tx: Snapshot, instant_ms: int, otherwise: int) -> int:
    """The number of the first event from an instant on; `otherwise` where the instant is no limit."""
    if instant_ms in (0, LAST_SEQUENCE):
        return otherwise
    found = await tx.value(FIRST_SINCE, instant_ms)
    return LAST_SEQUENCE if found is None else int(found)
