"""Why? for whoever asks: the facts by a handful of reads along keys, then the rule (console 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from stateward.access.call import Answer, Call
from stateward.access.principals import Scope
from stateward.associations import store, store_why, why
from stateward.associations.execution_calls import UUID
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow
from stateward.associations.why import Facts, Gate, NodeFacts, Reason
from stateward.commands import store as commands
from stateward.commands import store_delivery
from stateward.nodes import store as nodes
from stateward.nodes import store_anywhere
from stateward.nodes.groups import ResourceGroups
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError
from stateward.wire.protocol import iso8601

AskCalendars = Callable[[Scope, Definition, int], Awaitable[Gate]]


class WhyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which association, and on which node if one is meant."""

    association: UUID
    node: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class Questions:
    """The operation; `ask_calendars` is what the engine asks before a run, `groups` are resource groups."""

    def __init__(self, ask_calendars: AskCalendars, groups: ResourceGroups, *, virtual_clock: bool) -> None:
        self._ask_calendars = ask_calendars
        self._groups = groups
        self._virtual_clock = virtual_clock

    async def explain(self, call: Call, wanted: WhyWanted) -> Answer:
        """`{"association", "node", "verdict", "reasons": [{"code", "sentence", …}]}`; the first reason decides."""
        reasons = await self.reasons(call, wanted.association, wanted.node)
        return Answer(
            {
                "association": wanted.association,
                "node": wanted.node,
                "verdict": reasons[0].code,
                "reasons": [shown(reason) for reason in reasons],
            }
        )

    async def reasons(self, call: Call, association_id: str, node_id: str | None) -> list[Reason]:
        """The reasons, the one that decides first. Raises AssociationDoesNotExist."""
        async with call.reading() as tx:
            association = await store_why.association(tx, call.scope, association_id)
            if association is None:
                raise AwsError("AssociationDoesNotExist", f"Association {association_id} does not exist.", 404)
            definition = (await store.current(tx, association)).members()
            now_ms = tx.now
        gate = await self._ask_calendars(call.scope, definition, now_ms)
        async with call.reading() as tx:
            facts = await self._facts(tx, call.scope, association, definition, gate, node_id)
        return why.why(facts)

    async def _facts(
        self,
        tx: Snapshot,
        scope: Scope,
        association: AssociationRow,
        definition: Definition,
        gate: Gate,
        node_id: str | None,
    ) -> Facts:
        facts = Facts(
            now_ms=tx.now,
            virtual_clock=self._virtual_clock,
            association=association,
            definition=definition,
            gate=gate,
            groups=self._groups.current,
            node_id=node_id,
        )
        if node_id is None:
            execution = await store.execution(tx, association.association_id, association.last_number)
            return msgspec.structs.replace(facts, execution=execution)
        row = await store.node_status(tx, association.association_id, node_id)
        number = association.last_number if row is None else row.number
        execution = await store.execution(tx, association.association_id, number)
        facts = msgspec.structs.replace(facts, node=await _node(tx, scope, node_id), row=row, execution=execution)
        return await _with_work(tx, facts, execution, node_id)


def shown(reason: Reason) -> dict[str, Any]:
    """A reason in JSON: instants in words, what is not known left out."""
    told: dict[str, Any] = {
        "code": reason.code,
        "sentence": reason.sentence,
        "since": None if reason.since_ms is None else iso8601(reason.since_ms),
        "until": None if reason.until_ms is None else iso8601(reason.until_ms),
        "remedy": reason.remedy,
        "link": reason.link,
    }
    return {name: value for name, value in told.items() if value is not None}


async def _node(tx: Snapshot, scope: Scope, node_id: str) -> NodeFacts | None:
    row = await store_anywhere.find(tx, node_id)
    if row is None:
        return None
    here = (row.account_id, row.region) == tuple(scope)
    tags = (await nodes.tags_of(tx, scope, [node_id])).get(node_id, {}) if here else {}
    return NodeFacts(
        node_id,
        here,
        row.region,
        row.removed_ms,
        row.last_ping_ms,
        row.first_online_ms,
        bool(row.connected),
        tags,
    )


async def _with_work(tx: Snapshot, facts: Facts, execution: ExecutionRow | None, node_id: str) -> Facts:
    """The newest run's command and invocation, and what stands before it on the node."""
    if execution is None or execution.command_id is None:
        return facts
    command = await commands.command(tx, execution.command_id)
    invocation = await commands.invocation(tx, execution.command_id, node_id)
    facts = msgspec.structs.replace(facts, command=command, invocation=invocation)
    if invocation is None or invocation.is_final or invocation.sent_ms is not None:
        return facts
    return msgspec.structs.replace(
        facts,
        ahead=await store_delivery.ahead_of(tx, invocation),
        busy_until_ms=await store_delivery.busy_until(tx, node_id),
    )
