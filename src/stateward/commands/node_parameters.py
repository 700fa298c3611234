"""Which parameters a node's key may read (D55)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stateward.access.permissions import Request
from stateward.access.principals import Principal, Scope
from stateward.commands import store_references
from stateward.parameters import names
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError


class NodeParameters:
    """Those that the node's unfinished work refers to, and those under `paths`."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._folders = tuple(path.rstrip("/") + "/" for path in paths)

    async def may_read(self, tx: Snapshot, principal: Principal, request: Request) -> bool:
        """Whether every name that GetParameter or GetParameters asks for is one of these."""
        asked = request["Names"] if "Names" in request else [request["Name"]]
        wanted = {names.reference(text, principal.scope).name for text in asked}
        rest = {name for name in wanted if not self._is_shown(name)}
        if not rest:
            return True
        references = await store_references.of_open_work(tx, principal.name)
        return rest <= _names(references, principal.scope)

    def _is_shown(self, name: str) -> bool:
        # A single name is stored without the slash with which it may be written.
        rooted = name if name.startswith("/") else f"/{name}"
        return any(rooted.startswith(folder) for folder in self._folders)


def _names(references: Collection[str], scope: Scope) -> set[str]:
    found = set()
    for reference in references:
        try:
            found.add(names.reference(reference, scope).name)
        except AwsError:
            continue  # what is no name refers to nothing
    return found
