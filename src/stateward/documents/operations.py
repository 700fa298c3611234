"""CreateDocument, GetDocument, DescribeDocument, ListDocuments, DeleteDocument (spec 5.7)."""

from __future__ import annotations

from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request, refuse_members
from stateward.access.principals import Scope
from stateward.documents import description, library, listing, schema, store
from stateward.documents.store import DocumentRow
from stateward.storage import Snapshot, Transaction
from stateward.tags import rules as tag_rules
from stateward.tags import store as tags
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds

MAX_BYTES = 64 * 1024
TAG_TYPE = "Document"


async def create_document(call: Call, request: Request) -> Answer:
    """Store a Command document, Active in the same commit, answered as `Creating` (D23, D66)."""
    refuse_members(request, ["Attachments", "Requires"])
    name, content = request["Name"], request["Content"]
    document_format = request.get("DocumentFormat", "JSON")
    if name.lower().startswith(library.RESERVED):
        raise AwsError(
            "ValidationException",
            f"The document name {name} is reserved: choose one that does not begin with AWS, amazon or amzn.",
        )
    if len(content.encode()) > MAX_BYTES:
        raise AwsError("MaxDocumentSizeExceeded", f"The size limit of a document is {MAX_BYTES // 1024} KB.")
    given = list(request.get("Tags", ()))
    problem = tag_rules.problem_with(given, call.quotas.tags)
    if problem is not None:
        raise AwsError("ValidationException", problem)
    row = _described(request, name, content, document_format)

    async def work(tx: Transaction) -> int:
        if await store.count(tx, call.scope) >= call.quotas.documents:
            raise AwsError("DocumentLimitExceeded", f"You can have at most {call.quotas.documents} documents.")
        if not await store.add(tx, call.scope, msgspec.structs.replace(row, created_ms=tx.now)):
            raise AwsError("DocumentAlreadyExists", "The specified document already exists.")
        await tags.put_tags(tx, call.scope, TAG_TYPE, name, given)
        return tx.now

    created_ms = await call.write(work)
    stored = msgspec.structs.replace(row, account_id=call.scope.account_id, created_ms=created_ms)
    shown = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in given]
    return Answer({"DocumentDescription": _description(stored, shown, status="Creating")})


async def get_document(call: Call, request: Request) -> Answer:
    """The content of one version, converted between JSON and YAML when the other format is asked for."""
    async with call.reading() as tx:
        row = await _find(tx, call.scope, request)
    # Nodes read JSON only (node protocol 7.5).
    wanted = request.get("DocumentFormat", "JSON" if call.principal.is_node else row.document_format)
    content = row.content
    if wanted != row.document_format:
        if wanted == "TEXT":
            raise AwsError("ValidationException", f"A {row.document_format} document can not be converted to TEXT.")
        content = description.convert(row.content, row.document_format, wanted)
    body: dict[str, Any] = {
        "Name": row.name,
        "CreatedDate": epoch_seconds(row.created_ms),
        "DocumentVersion": str(row.version),
        "Status": "Active",
        "Content": content,
        "DocumentType": row.document_type,
        "DocumentFormat": wanted,
    }
    _add_given(body, row)
    return Answer(body)


async def describe_document(call: Call, request: Request) -> Answer:
    """What is known of one version of a document."""
    async with call.reading() as tx:
        row = await _find(tx, call.scope, request)
        found = await tags.tags_of(tx, call.scope, TAG_TYPE, row.name)
    shown = [{"Key": tag.tag_key, "Value": tag.tag_value} for tag in found]
    return Answer({"Document": _description(row, shown, status="Active")})


async def list_documents(call: Call, request: Request) -> Answer:
    """The visible documents by name; filters per spec 5.7."""
    filters = listing.filters_of(request)
    page = call.page(request)
    async with call.reading() as tx:
        rows = await store.every_default(tx, call.scope)
        tagged = await tags.tags_of_type(tx, call.scope, TAG_TYPE)
    after = "" if page.key is None else str(page.key[0])
    rows = [row for row in rows if row.name > after and listing.matches(row, tagged.get(row.name, {}), filters)]

    def identifier(row: DocumentRow) -> dict[str, Any]:
        body = {
            "Name": row.name,
            "CreatedDate": epoch_seconds(row.created_ms),
            "Owner": row.account_id,
            "PlatformTypes": msgspec.json.decode(row.platform_types),
            "DocumentVersion": str(row.version),
            "DocumentType": row.document_type,
            "SchemaVersion": row.schema_version,
            "DocumentFormat": row.document_format,
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(tagged.get(row.name, {}).items())],
        }
        _add_given(body, row)
        return body

    return page.answer("DocumentIdentifiers", rows, identifier, lambda row: (row.name,))


async def delete_document(call: Call, request: Request) -> Answer:
    """Remove a document; associations that use it stay and fail at their next run (DOC-08)."""
    name = library.name_of(request["Name"])
    if "DocumentVersion" in request or "VersionName" in request:
        async with call.reading() as tx:
            await _require_owned(tx, call.scope, name)
            await _find(tx, call.scope, request)
        raise AwsError("InvalidDocumentOperation", "Default version of the document can't be deleted.")

    async def work(tx: Transaction) -> None:
        await _require_owned(tx, call.scope, name)
        await store.delete(tx, call.scope, name)
        await tags.remove_all_tags(tx, call.scope, TAG_TYPE, name)

    await call.write(work)
    return Answer({})


async def exists(tx: Snapshot, scope: Scope, name: str) -> bool:
    """Whether a document can carry tags here."""
    return await store.owned(tx, scope, name)


def _described(request: Request, name: str, content: str, document_format: str) -> DocumentRow:
    document_type = request.get("DocumentType")
    if document_type not in (None, "Command"):
        raise AwsError(
            "InvalidDocumentContent", f"DocumentType {document_type} is not supported by this version of Stateward"
        )
    if document_format not in ("JSON", "YAML"):
        raise AwsError("InvalidDocumentContent", f"A Command document is JSON or YAML, not {document_format}.")
    try:
        row = library.describe_command(content, document_format, name, 0, dict(request))
    except schema.InvalidDocumentSchemaVersion as error:
        raise AwsError("InvalidDocumentSchemaVersion", str(error)) from error
    except schema.InvalidDocumentContent as error:
        raise AwsError("InvalidDocumentContent", str(error)) from error
    if document_type is None and row.schema_version != "1.2":
        raise AwsError("InvalidDocumentSchemaVersion", "Document type is required for schema version 2.0")
    return row


async def _require_owned(tx: Snapshot, scope: Scope, name: str) -> None:
    if await store.owned(tx, scope, name):
        return
    if await store.visible(tx, scope, name) is not None:
        raise AwsError("InvalidDocumentOperation", f"{name} is owned by Amazon and can not be deleted.")
    raise AwsError("InvalidDocument", f"Document with name {name} does not exist.")


async def _find(tx: Snapshot, scope: Scope, request: Request) -> DocumentRow:
    return await library.find(tx, scope, request["Name"], request.get("DocumentVersion"), request.get("VersionName"))


def _description(row: DocumentRow, shown_tags: list[dict[str, str]], status: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Hash": row.content_hash,
        "HashType": "Sha256",
        "Name": row.name,
        "Owner": row.account_id,
        "CreatedDate": epoch_seconds(row.created_ms),
        "Status": status,
        "DocumentVersion": str(row.version),
        "Parameters": msgspec.json.decode(row.parameters),
        "PlatformTypes": msgspec.json.decode(row.platform_types),
        "DocumentType": row.document_type,
        "SchemaVersion": row.schema_version,
        "LatestVersion": str(row.latest_version),
        "DefaultVersion": str(row.default_version),
        "DocumentFormat": row.document_format,
        "Tags": shown_tags,
    }
    if row.description:
        body["Description"] = row.description
    _add_given(body, row)
    return body


def _add_given(body: dict[str, Any], row: DocumentRow) -> None:
    for member, value in (
        ("VersionName", row.version_name),
        ("DisplayName", row.display_name),
        ("TargetType", row.target_type),
    ):
        if value is not None and (member != "TargetType" or "Content" not in body):
            body[member] = value
