"""Creating, changing, deleting, starting and reading associations (spec 2.1 to 2.10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stateward import ids
from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.associations import definition, descriptions, lifecycle, listing, store
from stateward.associations.facts import ScheduleChanged
from stateward.associations.rows import AssociationRow, Definition
from stateward.documents import library
from stateward.documents import store as documents
from stateward.documents.store import DocumentRow
from stateward.storage import Snapshot, Transaction
from stateward.tags import rules as tag_rules
from stateward.tags import store as tags
from stateward.wire.errors import AwsError, validation_error

ROWS_PER_LOOK = 200
TAG_TYPE = "Association"
EXECUTIONS_HEADER = "x-stateward-executions"


def unknown(association_id: str) -> AwsError:
    return AwsError("AssociationDoesNotExist", f"Association {association_id} does not exist.")


async def create_association(call: Call, request: Request) -> Answer:
    """Store version 1 and, unless ApplyOnlyAtCronInterval, open its first execution (spec 2.1 to 2.3, D8)."""
    members = definition.taken(request)
    given = list(request.get("Tags", ()))

    async def work(tx: Transaction) -> Answer:
        document = await _document(tx, call.scope, members)
        if await store.count(tx, call.scope) >= call.quotas.associations:
            raise AwsError(
                "AssociationLimitExceeded", f"You can have at most {call.quotas.associations} active associations."
            )
        definition.check(members, document, tx.now)
        problem = tag_rules.problem_with(given, call.quotas.tags)
        if problem is not None:
            raise AwsError("InvalidTag", problem)
        association = AssociationRow(
            association_id=ids.new_uuid(),
            account_id=call.scope.account_id,
            region=call.scope.region,
            created_ms=tx.now,
            updated_ms=tx.now,
            version=1,
            name=members["Name"],
            association_name=members.get("AssociationName"),
            anchor_ms=tx.now,
            next_due_ms=lifecycle.first_due(members, tx.now),
        )
        await lifecycle.add(tx, association)
        await tags.put_tags(tx, call.scope, TAG_TYPE, association.association_id, given)
        association = await _put_version(tx, call, association, members)
        return Answer({"AssociationDescription": descriptions.association(association, members, 1, just_changed=True)})

    return await call.write_once(work)


async def update_association(call: Call, request: Request) -> Answer:
    """The next version; what is left out is cleared, but for Name and Targets (spec 2.5)."""
    association_id = request["AssociationId"]

    async def work(tx: Transaction) -> Answer:
        association = await _lock(tx, call.scope, association_id)
        if request.get("AssociationVersion", "$LATEST") not in ("$LATEST", str(association.version)):
            raise AwsError("InvalidAssociationVersion", "The specified version is not the latest version")
        if association.version >= call.quotas.association_versions:
            raise AwsError(
                "AssociationVersionLimitExceeded",
                f"An association has at most {call.quotas.association_versions} versions.",
            )
        members = definition.updated((await store.current(tx, association)).members(), request)
        definition.check(members, await _document(tx, call.scope, members), tx.now)
        await lifecycle.stop_unstarted(tx, association, "updated", call.principal.name)
        association = msgspec.structs.replace(
            association,
            version=association.version + 1,
            name=members["Name"],
            association_name=members.get("AssociationName"),
            updated_ms=tx.now,
            anchor_ms=tx.now,
            next_due_ms=lifecycle.first_due(members, tx.now),
            resolved=0,
            failed_start=None,
        )
        association = await _put_version(tx, call, association, members)
        shown = descriptions.association(association, members, association.version, just_changed=True)
        return Answer({"AssociationDescription": shown})

    return await call.write(work)


async def delete_association(call: Call, request: Request) -> Answer:
    """Forget an association; what runs on nodes may finish (spec 2.7, D13)."""
    if "AssociationId" not in request:
        if "Name" in request and "InstanceId" in request:
            raise _no_legacy(request)
        raise validation_error("AssociationId, or InstanceId and Document Name must be specified")

    async def work(tx: Transaction) -> None:
        association = await _lock(tx, call.scope, request["AssociationId"])
        await lifecycle.stop_unstarted(tx, association, "deleted", call.principal.name)
        await lifecycle.bury(tx, association)
        await tags.remove_all_tags(tx, call.scope, TAG_TYPE, association.association_id)

    await call.write(work)
    return Answer({})


async def start_associations_once(call: Call, request: Request) -> Answer:
    """Open an execution on all current targets of each association, or start nothing at all (spec 2.8, D4, D61)."""
    association_ids = list(dict.fromkeys(request["AssociationIds"]))
    cause = call.invocation_id or call.request_id

    async def work(tx: Transaction) -> Answer:
        found = [await _lock(tx, call.scope, association_id) for association_id in association_ids]
        for association in found:
            if await documents.visible(tx, call.scope, library.name_of(association.name)) is None:
                raise AwsError(
                    "InvalidAssociation",
                    f"Association {association.association_id} can not run: document {association.name} does not exist.",
                )
        started: list[str] = []
        for number, association in enumerate(found, 1):
            await lifecycle.supersede(tx, association, call.principal.name)
            _, execution = await lifecycle.open_execution(
                tx, association, f"manual:{cause}:{number}", call.principal.name
            )
            if execution is not None:
                started.append(f"{association.association_id}={execution.execution_id}")
        return Answer({}, {EXECUTIONS_HEADER: ",".join(started)})

    return await call.write_once(work)


async def describe_association(call: Call, request: Request) -> Answer:
    """One association, with the members of the version that was asked for (spec 2.9)."""
    if "AssociationId" not in request:
        if "Name" in request and "InstanceId" in request:
            raise _no_legacy(request)
        raise validation_error("AssociationId, or InstanceId and Document Name must be specified")
    async with call.reading() as tx:
        association = await store.find(tx, call.scope, request["AssociationId"])
        if association is None:
            raise unknown(request["AssociationId"])
        wanted = request.get("AssociationVersion", "$LATEST")
        number = association.version if wanted == "$LATEST" else int(wanted)
        version = await store.version(tx, association.association_id, number)
    if version is None:
        raise AwsError("InvalidAssociationVersion", f"The association has no version {wanted}.")
    return Answer({"AssociationDescription": descriptions.association(association, version.members(), number)})


async def list_associations(call: Call, request: Request) -> Answer:
    """The associations by creation; filters per spec 2.10."""
    filters = listing.filters_of(request)
    page = call.page(request)
    key: Sequence[Any] = page.key or (-1, "")
    found: list[tuple[AssociationRow, Definition]] = []
    async with call.reading() as tx:
        while len(found) <= page.size:
            rows = await store.after(tx, call.scope, key[0], key[1], ROWS_PER_LOOK)
            for row in rows:
                members = (await store.current(tx, row)).members()
                if listing.matches(row, members, filters):
                    found.append((row, members))
            if len(rows) < ROWS_PER_LOOK:
                break
            key = (rows[-1].created_ms, rows[-1].association_id)
    return page.answer(
        "Associations",
        found,
        lambda pair: descriptions.list_element(*pair),
        lambda pair: (pair[0].created_ms, pair[0].association_id),
    )


async def exists(tx: Snapshot, scope: Scope, association_id: str) -> bool:
    """Whether an association can carry tags here."""
    return await store.find(tx, scope, association_id) is not None


def _no_legacy(request: Request) -> AwsError:
    return AwsError(
        "AssociationDoesNotExist", f"No association of {request['Name']} with {request['InstanceId']} exists."
    )


async def _lock(tx: Transaction, scope: Scope, association_id: str) -> AssociationRow:
    association = await store.lock(tx, association_id)
    if association is None or association.deleted_ms is not None or association.scope != scope:
        raise unknown(association_id)
    return association


async def _document(tx: Snapshot, scope: Scope, members: Definition) -> DocumentRow:
    try:
        return await library.find(tx, scope, members["Name"], members["DocumentVersion"])
    except AwsError as error:
        if error.code == "InvalidDocument":
            raise AwsError("InvalidDocument", "The specified document does not exist.") from error
        raise


async def _put_version(tx: Transaction, call: Call, association: AssociationRow, members: Definition) -> AssociationRow:
    text = msgspec.json.encode(members).decode()
    await store.put_version(tx, association.association_id, association.version, tx.now, text)
    if not members["ApplyOnlyAtCronInterval"]:
        association, _ = await lifecycle.open_execution(
            tx, association, f"version:{association.version}", call.principal.name
        )
    else:
        association = await lifecycle.save_overview(tx, association)
    tx.record(ScheduleChanged(association.association_id))
    return association
