"""What every action on one execution asks first: which one, and of which association."""

from __future__ import annotations

from typing import Annotated

import msgspec

from stateward.access.principals import Scope
from stateward.associations import store, store_runs
from stateward.associations.rows import AssociationRow, ExecutionRow
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError

UUID = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]


class OneExecution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request about one execution."""

    execution: UUID


class OneAssociation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request about one association."""

    association: UUID


async def execution_of(tx: Snapshot, scope: Scope, execution_id: str) -> ExecutionRow:
    """Raises AssociationExecutionDoesNotExist."""
    found = await store_runs.named(tx, scope, execution_id)
    if found is None:
        raise AwsError("AssociationExecutionDoesNotExist", f"There is no execution {execution_id}.", 404)
    return found


async def association_of(tx: Snapshot, scope: Scope, association_id: str) -> AssociationRow:
    """An association that was not deleted. Raises AssociationDoesNotExist."""
    found = await store.find(tx, scope, association_id)
    if found is None:
        raise AwsError("AssociationDoesNotExist", f"Association {association_id} does not exist.", 404)
    return found


async def locked(tx: Transaction, scope: Scope, association_id: str) -> AssociationRow:
    """The same, held until the end of the transaction."""
    found = await store.lock(tx, association_id)
    if found is None or found.deleted_ms is not None or found.scope != scope:
        raise AwsError("AssociationDoesNotExist", f"Association {association_id} does not exist.", 404)
    return found
