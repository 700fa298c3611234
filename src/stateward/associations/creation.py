"""Making an association, and the next version of one, inside a transaction (spec 2.2, 2.3, 2.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward import ids
from stateward.access.call import Call
from stateward.access.principals import Scope
from stateward.associations import definition as definitions
from stateward.associations import lifecycle, pauses, rules, store
from stateward.associations.facts import ScheduleChanged
from stateward.associations.rows import AssociationRow, Definition
from stateward.commands import references
from stateward.documents import library
from stateward.documents.store import DocumentRow
from stateward.nodes import store as nodes
from stateward.storage import Snapshot, Transaction
from stateward.tags import rules as tag_rules
from stateward.tags import store as tags
from stateward.wire.errors import AwsError

TAG_TYPE = "Association"
OWN_ID = "AssociationId"
"""A parameter of this name is filled with the association's own id (V14b)."""


async def create(
    tx: Transaction, call: Call, members: Definition, given_tags: Sequence[Mapping[str, str]] = ()
) -> tuple[AssociationRow, Definition]:
    """Store version 1 and, unless ApplyOnlyAtCronInterval, open its first execution. Raises AwsError (spec 2.2)."""
    # On a standing virtual clock many are made in one instant: they fall due, and run, in this order.
    association_id = ids.uuid_behind(await store.last_made(tx, call.scope, tx.now))
    document = await find_document(tx, call.scope, members)
    members = definitions.completed(members, document.document_type)
    mode = rules.mode_of(members, document.document_type)
    rules.check_form(members, document)
    if "InstanceId" in members:
        await _check_instance(tx, call.scope, members)
    if await store.count(tx, call.scope) >= call.quotas.associations:
        raise AwsError(
            "AssociationLimitExceeded", f"You can have at most {call.quotas.associations} active associations."
        )
    if "InstanceId" in members:
        await _check_platform(tx, call.scope, members, document)
    members = with_own_id(members, document, association_id)
    await check(tx, call.scope, members, document)
    problem = tag_rules.problem_with(given_tags, call.quotas.tags)
    if problem is not None:
        raise AwsError("InvalidTag", problem)
    association = AssociationRow(
        association_id=association_id,
        account_id=call.scope.account_id,
        region=call.scope.region,
        created_ms=tx.now,
        updated_ms=tx.now,
        version=1,
        name=members["Name"],
        association_name=members.get("AssociationName"),
        anchor_ms=tx.now,
        next_due_ms=lifecycle.first_due(members, tx.now),
        instance_id=members.get("InstanceId"),
        legacy_status=_first_status(members, tx.now),
    )
    association = _with_document(association, members, document, mode)
    association = await lifecycle.add(tx, association)
    await tags.put_tags(tx, call.scope, TAG_TYPE, association_id, given_tags)
    return await put_version(tx, call, association, members), members


async def change(
    tx: Transaction, call: Call, association: AssociationRow, members: Definition
) -> tuple[AssociationRow, Definition]:
    """Store the next version and, unless ApplyOnlyAtCronInterval, open its execution. Raises AwsError (spec 2.5)."""
    document = await find_document(tx, call.scope, members)
    mode = rules.mode_of(members, document.document_type)
    if mode != association.mode:
        raise AwsError(
            "InvalidUpdate", f"Document {members['Name']} is of another kind: an association keeps its kind of document"
        )
    rules.check_form(members, document)
    members = with_own_id(members, document, association.association_id)
    await check(tx, call.scope, members, document)
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
    association = _with_document(association, members, document, mode)
    return await put_version(tx, call, association, members), members


async def check(tx: Snapshot, scope: Scope, members: Definition, document: DocumentRow) -> None:
    """The rules from V13 on (spec 2.2). Raises AwsError."""
    rules.check_details(members, document, tx.now)
    await references.fetch(tx, scope, references.within(members.get("Parameters", {})))
    for name in members.get("CalendarNames", ()):
        calendar = await library.find(tx, scope, name)
        if calendar.document_type != "ChangeCalendar":
            raise AwsError("InvalidDocument", f"Document {name} is not a change calendar.")


async def put_version(tx: Transaction, call: Call, association: AssociationRow, members: Definition) -> AssociationRow:
    """Write the current version, index what it refers to, and run it unless its schedule or a pause holds it."""
    text = msgspec.json.encode(members).decode()
    await store.put_version(tx, association.association_id, association.version, tx.now, text)
    await store.index_parameters(tx, association, references.followed(members.get("Parameters", {})))
    cause = f"version:{association.version}"
    if members["ApplyOnlyAtCronInterval"]:
        association = await lifecycle.save_overview(tx, association)
    elif association.is_paused:
        association = await lifecycle.save_overview(tx, pauses.with_held(association, cause))
    else:
        association, _ = await lifecycle.open_execution(tx, association, cause, call.principal.name)
    tx.record(ScheduleChanged(association.association_id))
    return association


async def find_document(tx: Snapshot, scope: Scope, members: Definition) -> DocumentRow:
    """The document version that a definition names. Raises InvalidDocument, InvalidDocumentVersion (V2, V5)."""
    try:
        return await library.find(tx, scope, members["Name"], members["DocumentVersion"])
    except AwsError as error:
        if error.code == "InvalidDocument":
            raise AwsError("InvalidDocument", "The specified document does not exist.") from error
        raise


def with_own_id(members: Definition, document: DocumentRow, association_id: str) -> Definition:
    """Fill a declared parameter AssociationId that the caller left out (V14b)."""
    given = members.get("Parameters", {})
    if OWN_ID in given or OWN_ID not in library.declared_parameters(document):
        return members
    return {**members, "Parameters": {**given, OWN_ID: [association_id]}}


def _with_document(
    association: AssociationRow, members: Definition, document: DocumentRow, mode: str
) -> AssociationRow:
    # A document of another account always runs in its default version (spec 4.2).
    foreign = document.account_id not in (association.account_id, "Amazon")
    return msgspec.structs.replace(
        association,
        mode=mode,
        document_account=document.account_id,
        document_region=document.region,
        document_name=document.name,
        document_selector="$DEFAULT" if foreign else members["DocumentVersion"],
    )


async def _check_instance(tx: Snapshot, scope: Scope, members: Definition) -> None:
    instance_id = members["InstanceId"]
    if instance_id.startswith("mi-") and await nodes.find(tx, scope, instance_id) is None:
        raise AwsError("InvalidInstanceId", f"Managed node {instance_id} does not exist.")
    if await store.legacy(tx, scope, members["Name"], instance_id) is not None:
        raise AwsError("AssociationAlreadyExists", f"{instance_id} is associated with {members['Name']} already.")


async def _check_platform(tx: Snapshot, scope: Scope, members: Definition, document: DocumentRow) -> None:
    node = await nodes.find(tx, scope, members["InstanceId"])
    platforms = msgspec.json.decode(document.platform_types, type=list[str])
    if node is not None and node.platform_type and node.platform_type not in platforms:
        raise AwsError(
            "UnsupportedPlatformType",
            f"{members['Name']} runs on {', '.join(platforms)}; {members['InstanceId']} is {node.platform_type}.",
        )


def _first_status(members: Definition, now_ms: int) -> str | None:
    if "InstanceId" not in members:
        return None
    status: dict[str, Any] = {
        "Date": now_ms / 1000,
        "Name": "Associated",
        "Message": f"Associated with {members['Name']}",
    }
    return msgspec.json.encode(status).decode()
