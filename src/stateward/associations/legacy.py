"""UpdateAssociationStatus: the status object of an association that was made with InstanceId (spec 2.6)."""

from __future__ import annotations

from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request
from stateward.associations import agent_operations, descriptions, store
from stateward.associations.operations import bury, of_instance
from stateward.nodes.facts import NodeRemoved
from stateward.storage import Transaction
from stateward.wire.errors import AwsError


async def update_association_status(call: Call, request: Request) -> Answer:
    """Keep what the node says of a legacy association; the Overview does not move (UST-01).

    Said by the node itself it is a report on a run.
    """
    if call.principal.is_node:
        return await agent_operations.report_in_oldest_mode(call, request)
    name, instance_id = request["Name"], request["InstanceId"]

    async def work(tx: Transaction) -> Answer:
        found = await of_instance(tx, call.scope, name, instance_id)
        association = await store.lock(tx, found.association_id)
        assert association is not None, "it was found in this transaction"
        told = request["AssociationStatus"]
        status = {key: told[key] for key in ("Name", "Message", "AdditionalInfo") if key in told}
        # The service keeps whole seconds.
        status["Date"] = float(told["Date"] // 1000)
        before: dict[str, Any] = msgspec.json.decode(association.legacy_status or "{}")
        if (before.get("Name"), before.get("Message")) == (status["Name"], status["Message"]):
            raise AwsError("StatusUnchanged", "The updated status is the same as the current status.")
        changed = msgspec.structs.replace(
            association, legacy_status=msgspec.json.encode(status).decode(), updated_ms=tx.now
        )
        await store.save(tx, changed)
        members = (await store.current(tx, changed)).members()
        return Answer({"AssociationDescription": descriptions.association(changed, members, changed.version)})

    return await call.write(work)


async def delete_of_removed_nodes(tx: Transaction, facts: list[NodeRemoved]) -> None:
    """Legacy associations of a deregistered node go with it (spec 4.7)."""
    for fact in facts:
        for row in await store.legacy_of_node(tx, fact.scope, fact.node_id):
            await bury(tx, row, fact.who)
