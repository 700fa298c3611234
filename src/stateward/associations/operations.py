"""Creating, changing, deleting, starting and reading associations (spec 2.1 to 2.11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.associations import creation, descriptions, lifecycle, listing, store
from stateward.associations import definition as definitions
from stateward.associations.rows import AssociationRow, Definition
from stateward.compliance import association_items
from stateward.documents import library
from stateward.nodes import store as nodes
from stateward.storage import Snapshot, Transaction
from stateward.tags import store as tags
from stateward.wire.errors import AwsError, validation_error

ENTRIES_PER_BATCH = 100
ROWS_PER_LOOK = 200
EXECUTIONS_HEADER = "x-stateward-executions"
NEWEST_VERSION = 2**62
NO_KEY = "AssociationId, or InstanceId and Document Name must be specified"


def unknown(association_id: str) -> AwsError:
    return AwsError("AssociationDoesNotExist", f"Association {association_id} does not exist.")


async def create_association(call: Call, request: Request) -> Answer:
    """Store version 1 and, unless ApplyOnlyAtCronInterval, open its first execution (spec 2.1 to 2.3, D8)."""
    members = definitions.taken(request)

    async def work(tx: Transaction) -> Answer:
        association, kept = await creation.create(tx, call, members, request.get("Tags", ()))
        return Answer({"AssociationDescription": descriptions.association(association, kept, 1, just_changed=True)})

    return await call.write_once(work)


async def create_association_batch(call: Call, request: Request) -> Answer:
    """Create each entry by itself; what is wrong with one goes to Failed (spec 2.4)."""
    entries: Sequence[Mapping[str, Any]] = request["Entries"]
    if not 1 <= len(entries) <= ENTRIES_PER_BATCH:
        raise validation_error(f"Entries must have 1 to {ENTRIES_PER_BATCH} elements, not {len(entries)}")
    pairs = [(entry["Name"], entry["InstanceId"]) for entry in entries if "InstanceId" in entry]
    if len(set(pairs)) < len(pairs):
        raise AwsError("DuplicateInstanceId", "You can not specify an instance ID in more than one association.")

    async def work(tx: Transaction) -> Answer:
        successful: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                # A refused entry has written nothing: every rule is checked before the first row.
                association, kept = await creation.create(tx, call, definitions.taken(entry))
            except AwsError as error:
                failed.append({"Entry": dict(entry), "Message": str(error), "Fault": error.fault})
            else:
                successful.append(descriptions.association(association, kept, 1, just_changed=True))
        return Answer({"Successful": successful, "Failed": failed})

    return await call.write_once(work)


async def update_association(call: Call, request: Request) -> Answer:
    """The next version; what is left out is cleared, but for Name and the targets (spec 2.5)."""

    async def work(tx: Transaction) -> Answer:
        association = await locked(tx, call.scope, request["AssociationId"])
        if request.get("AssociationVersion", "$LATEST") not in ("$LATEST", str(association.version)):
            raise AwsError("InvalidAssociationVersion", "The specified version is not the latest version")
        if association.version >= call.quotas.association_versions:
            raise AwsError(
                "AssociationVersionLimitExceeded",
                f"An association has at most {call.quotas.association_versions} versions.",
            )
        members = definitions.updated((await store.current(tx, association)).members(), request)
        association, members = await creation.change(tx, call, association, members)
        shown = descriptions.association(association, members, association.version, just_changed=True)
        return Answer({"AssociationDescription": shown})

    return await call.write(work)


async def delete_association(call: Call, request: Request) -> Answer:
    """Forget an association; what runs on nodes may finish (spec 2.7, D13)."""
    _require_key(request)

    async def work(tx: Transaction) -> None:
        found = await _named(tx, call.scope, request)
        association = await locked(tx, call.scope, found.association_id)
        await bury(tx, association, call.principal.name)

    await call.write(work)
    return Answer({})


async def bury(tx: Transaction, association: AssociationRow, who: str) -> None:
    """Delete an association inside a transaction."""
    await lifecycle.stop_unstarted(tx, association, "deleted", who)
    await lifecycle.bury(tx, association)
    await store.index_parameters(tx, association, ())
    await association_items.remove_association_items(tx, association.scope, association.association_id)
    await tags.remove_all_tags(tx, association.scope, creation.TAG_TYPE, association.association_id)


async def start_associations_once(call: Call, request: Request) -> Answer:
    """Open an execution on all current targets of each association, or start nothing at all (spec 2.8, D4, D61)."""
    association_ids = list(dict.fromkeys(request["AssociationIds"]))
    cause = call.invocation_id or call.request_id

    async def work(tx: Transaction) -> Answer:
        found = [await locked(tx, call.scope, association_id) for association_id in association_ids]
        for association in found:
            await _require_document(tx, association)
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
    _require_key(request)
    async with call.reading() as tx:
        association = await _named(tx, call.scope, request)
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


async def list_association_versions(call: Call, request: Request) -> Answer:
    """Every version of one association, newest first (spec 2.11)."""
    association_id = request["AssociationId"]
    page = call.page(request)
    below = NEWEST_VERSION if page.key is None else int(page.key[0])
    async with call.reading() as tx:
        if await store.find(tx, call.scope, association_id) is None:
            raise unknown(association_id)
        rows = await store.versions_below(tx, association_id, below, page.size + 1)
    return page.answer("AssociationVersions", rows, descriptions.version, lambda row: (row.version,))


async def exists(tx: Snapshot, scope: Scope, association_id: str) -> bool:
    """Whether an association can carry tags here."""
    return await store.find(tx, scope, association_id) is not None


async def locked(tx: Transaction, scope: Scope, association_id: str) -> AssociationRow:
    """The association, held until the end of the transaction. Raises AssociationDoesNotExist."""
    association = await store.lock(tx, association_id)
    if association is None or association.deleted_ms is not None or association.scope != scope:
        raise unknown(association_id)
    return association


async def _require_document(tx: Snapshot, association: AssociationRow) -> None:
    try:
        await library.find(tx, association.scope, association.name)
    except AwsError as error:
        raise AwsError(
            "InvalidAssociation",
            f"Association {association.association_id} can not run: document {association.name} does not exist.",
        ) from error


async def of_instance(tx: Snapshot, scope: Scope, name: str, instance_id: str) -> AssociationRow:
    """A node's legacy association of a document.

    Raises InvalidDocument, InvalidInstanceId or AssociationDoesNotExist, whichever is missing.
    """
    found = await store.legacy(tx, scope, name, instance_id)
    if found is not None:
        return found
    await library.find(tx, scope, name)
    if instance_id.startswith("mi-") and await nodes.find(tx, scope, instance_id) is None:
        raise AwsError("InvalidInstanceId", f"Managed node {instance_id} does not exist.")
    raise AwsError("AssociationDoesNotExist", f"No association of {name} with {instance_id} exists.")


def _require_key(request: Request) -> None:
    if "AssociationId" not in request and not ("Name" in request and "InstanceId" in request):
        raise validation_error(NO_KEY)


async def _named(tx: Snapshot, scope: Scope, request: Request) -> AssociationRow:
    if "AssociationId" in request:
        found = await store.find(tx, scope, request["AssociationId"])
        if found is None:
            raise unknown(request["AssociationId"])
        return found
    return await of_instance(tx, scope, request["Name"], request["InstanceId"])
