"""Running an association now on some of its nodes (D30): AWS has no words for it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from stateward.access.call import Answer, Call
from stateward.associations import execution_calls, lifecycle, retrying, store
from stateward.associations.execution_calls import UUID
from stateward.nodes.groups import ResourceGroups
from stateward.storage import Transaction
from stateward.wire.errors import validation_error

MOST_NODES = 500
NAMED = 10
WHY = {retrying.DEREGISTERED: "not registered", retrying.NO_TARGET: "not a target"}
NodeId = Annotated[str, msgspec.Meta(pattern="^m?i-[0-9a-z]{8,17}$")]


class RunWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which association, on which of its nodes."""

    association: UUID
    nodes: Annotated[list[NodeId], msgspec.Meta(min_length=1, max_length=MOST_NODES)]


class Runs:
    """The operation; `groups` are those of resource-groups targets."""

    def __init__(self, groups: ResourceGroups) -> None:
        self._groups = groups

    async def run_on_nodes(self, call: Call, wanted: RunWanted) -> Answer:
        """`{"association", "execution", "number", "nodes"}`; like a retry it supersedes nothing and moves no schedule.

        Raises ValidationException when a node is none of the association's targets: it runs on all that are named.
        """
        chosen = list(dict.fromkeys(wanted.nodes))

        async def work(tx: Transaction) -> Answer:
            association = await execution_calls.locked(tx, call.scope, wanted.association)
            definition = (await store.current(tx, association)).members()
            reached = retrying.reached(definition, self._groups)
            kept, left_out = await retrying.split(tx, call.scope, sorted(chosen), reached)
            if left_out:
                named = ", ".join(f"{one.node} ({WHY[one.reason]})" for one in left_out[:NAMED])
                more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
                raise validation_error(f"The association cannot run on {named}{more}")
            waits = await lifecycle.has_no_free_slot(tx, association, definition)
            cause = f"manual:{call.invocation_id or call.request_id}:nodes"
            _, opened = await lifecycle.open_execution(
                tx, association, cause, call.principal.name, tuple(kept), waits=waits
            )
            assert opened is not None, "a cause with the request's own id is new"
            return Answer(
                {
                    "association": wanted.association,
                    "execution": opened.execution_id,
                    "number": opened.number,
                    "nodes": len(kept),
                }
            )

        return await call.write_once(work)
