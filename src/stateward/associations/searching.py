"""Search: what somebody means by an id, its beginning, a name, a node, a tag, `nightly-patch/412` (console 2, 6)."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec

from stateward.access.call import Answer, Call
from stateward.access.principals import Scope
from stateward.associations import store_search
from stateward.associations.store_search import Hit
from stateward.storage import Snapshot

SHORTEST_ID = 4
SHOWN = 10
NEWEST = 2**62
_RUN = re.compile(r"(?P<association>[^/]+)/(?:#?(?P<number>\d{1,15})|last(?:~(?P<back>\d{1,6}))?)", re.ASCII)


class SearchWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to look for."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Found(msgspec.Struct, frozen=True):
    """`exact`: the one thing that it must be, if any; `hits` by kind; `more`: kinds of which there are more."""

    exact: Hit | None
    hits: dict[str, list[Hit]]
    more: list[str]


async def search_everything(call: Call, wanted: SearchWanted) -> Answer:
    """`{"exact": null or {"kind", "id", "name", "of"}, "hits": {kind: […]}, "more": [kind]}`, ten of each kind."""
    async with call.reading() as tx:
        found = await search(tx, call.scope, wanted.q)
    return Answer(
        {
            "exact": None if found.exact is None else _shown(found.exact),
            "hits": {kind: [_shown(hit) for hit in hits] for kind, hits in found.hits.items()},
            "more": found.more,
        }
    )


async def search(tx: Snapshot, scope: Scope, text: str) -> Found:
    """Everything that begins so: names from the first sign on, ids from the fourth."""
    text = text.strip()
    run = await execution_named(tx, scope, text)
    if len(run) == 1:
        return Found(run[0], {"execution": run}, [])
    by_kind = {
        "association": await associations_named(tx, scope, text),
        "execution": run or await _by_id(store_search.executions, tx, scope, text),
        "node": await store_search.nodes(tx, scope, text, SHOWN + 1),
        "document": await store_search.documents(tx, scope, text, SHOWN + 1),
        "command": await _by_id(store_search.commands, tx, scope, text),
        "tag": await _tagged(tx, scope, text),
    }
    known = {kind: list({hit.id: hit for hit in hits}.values()) for kind, hits in by_kind.items()}
    same = [hit for hits in known.values() for hit in hits if text in (hit.id, hit.name) and hit.kind != "tag"]
    return Found(
        exact=same[0] if len(same) == 1 else None,
        hits={kind: hits[:SHOWN] for kind, hits in known.items() if hits},
        more=[kind for kind, hits in known.items() if len(hits) > SHOWN],
    )


async def associations_named(tx: Snapshot, scope: Scope, text: str) -> list[Hit]:
    """The associations that a name, an id or its beginning may mean: one, or the candidates.

    A name or id that is given in full means only those that have it.
    """
    found = await store_search.associations(tx, scope, text, SHOWN + 1)
    found = [hit for hit in found if len(text) >= SHORTEST_ID or _begins(hit.name, text)]
    return [hit for hit in found if text in (hit.id, hit.name)] or found


async def nodes_called(tx: Snapshot, scope: Scope, text: str) -> list[Hit]:
    """The nodes that have exactly this id, name or computer name, at most eleven."""
    found = await store_search.nodes(tx, scope, text, SHOWN + 1)
    return list({hit.id: hit for hit in found if text in (hit.id, hit.name)}.values())


async def execution_named(tx: Snapshot, scope: Scope, text: str) -> list[Hit]:
    """The executions that `nightly-patch/412`, `nightly-patch/last` or `…/last~1` may mean; none for other texts."""
    asked = _RUN.fullmatch(text)
    if asked is None:
        return []
    found: list[Hit] = []
    for association in await associations_named(tx, scope, asked["association"]):
        hit = await _run(tx, association.id, asked["number"], int(asked["back"] or 0))
        if hit is not None:
            found.append(hit)
    return found


async def _run(tx: Snapshot, association_id: str, number: str | None, back: int) -> Hit | None:
    if number is not None:
        hit = await store_search.numbered(tx, association_id, int(number))
        return hit if hit is not None and hit.name == str(int(number)) else None
    newest = await store_search.numbered(tx, association_id, NEWEST)
    if newest is None or not back:
        return newest
    return await _run(tx, association_id, str(int(newest.name or 0) - back), 0)


async def _by_id(look: Any, tx: Snapshot, scope: Scope, text: str) -> list[Hit]:
    if len(text) < SHORTEST_ID:
        return []
    found: list[Hit] = await look(tx, scope, text, SHOWN + 1)
    return found


async def _tagged(tx: Snapshot, scope: Scope, text: str) -> list[Hit]:
    """`env=prod` or `env=`; a key alone is a name like any other."""
    key, sign, value = text.removeprefix("tag:").partition("=")
    return await store_search.tagged(tx, scope, key, value, SHOWN + 1) if key and sign else []


def _begins(name: str | None, text: str) -> bool:
    return name is not None and name.startswith(text)


def _shown(hit: Hit) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(hit).items() if value is not None}
