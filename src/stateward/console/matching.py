"""Which nodes a list of targets means now, for previews: the same rule as when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.console.visit import Visit, previewed
from stateward.nodes import store, targets
from stateward.wire.errors import validation_error

SLICE = 500
SHOWN = 10


class Matched(msgspec.Struct, frozen=True):
    """The nodes that match now, by id, and the names of the first ten."""

    node_ids: list[str]
    first: list[tuple[str, str]]

    @property
    def count(self) -> int:
        return len(self.node_ids)

    @property
    def digest(self) -> str:
        return previewed(self.node_ids)


async def matched(visit: Visit, wanted: Sequence[Mapping[str, Any]]) -> Matched:
    """Look through the nodes. Raises ValidationException for targets that cannot be."""
    try:
        conditions = targets.expanded(targets.parse(wanted), visit.services.groups.current)
    except targets.InvalidTarget as error:
        raise validation_error(str(error)) from error
    named = targets.named_nodes(conditions)
    tag_key = next((one.key for one in conditions if one.kind == "tag"), None)
    found: list[str] = []
    after = ""
    while True:
        async with visit.reading() as tx:
            rows = await store.candidates(tx, visit.scope, after, SLICE, named=named, tag_key=tag_key)
            tagged = await store.tags_of(tx, visit.scope, [row.node_id for row in rows])
        found += [row.node_id for row in rows if targets.matches(conditions, row.node_id, tagged.get(row.node_id, {}))]
        if len(rows) < SLICE:
            break
        after = rows[-1].node_id
    first = []
    async with visit.reading() as tx:
        for node_id in found[:SHOWN]:
            row = await store.find(tx, visit.scope, node_id)
            first.append((node_id, node_id if row is None else row.name or row.computer_name or node_id))
    return Matched(found, first)


def targets_in(text: str) -> list[dict[str, Any]]:
    """Targets as people write them, a condition a line: `*`, node ids, `env=prod,staging`, `Key=…` of the API."""
    found: list[dict[str, Any]] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        key, sign, values = line.partition("=")
        if line == "*" or (not sign and line.startswith(("mi-", "i-"))):
            found.append({"Key": "InstanceIds", "Values": [value.strip() for value in line.split(",")]})
        elif not sign:
            raise validation_error(f"{line[:80]!r} is no target: write *, node ids, or a tag as env=prod")
        else:
            known = key.startswith("tag:") or key in ("InstanceIds", "tag-key", "resource-groups:Name")
            listed = [value.strip() for value in values.split(",") if value.strip()]
            found.append({"Key": key if known else f"tag:{key.strip()}", "Values": listed})
    if not found:
        raise validation_error("Say on which nodes: *, node ids, or a tag as env=prod")
    return found


def text_of(wanted: Sequence[Mapping[str, Any]]) -> str:
    """Targets in the words of `targets_in`."""
    lines = []
    for target in wanted:
        key, values = str(target.get("Key", "")), ",".join(target.get("Values", ()))
        lines.append(values if key.lower() == "instanceids" else f"{key.removeprefix('tag:')}={values}")
    return "\n".join(lines)
