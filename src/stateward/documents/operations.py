"""CreateDocument, UpdateDocument, UpdateDocumentDefaultVersion, DeleteDocument (spec 5.7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request, refuse_members
from stateward.access.principals import Scope
from stateward.documents import document_types, library, rows, store, store_reviews, store_shares
from stateward.documents.facts import DefaultVersionMoved, DocumentDeleted, DocumentVersionAdded
from stateward.documents.problems import InvalidDocumentContent, InvalidDocumentSchemaVersion
from stateward.documents.reading import TAG_TYPE, exists
from stateward.documents.store import DocumentRow, HeadRow
from stateward.storage import Snapshot, Transaction
from stateward.tags import rules as tag_rules
from stateward.tags import store as tags
from stateward.wire.errors import AwsError, validation_error

__all__ = ["TAG_TYPE", "DocumentOperations", "exists"]

MAX_BYTES = 64 * 1024
NOT_BUILT = ("Attachments", "CloudProviders")
FIXED_SCHEMA = "1.2"
REQUIRING = "ApplicationConfiguration"
DELETED_BY_FORCE = "ApplicationConfigurationSchema"

ContentCheck = Callable[[str], Awaitable[None]]
"""Raises InvalidDocumentContent for a text that is no document of its type (D67)."""


Reading = Callable[[], AbstractAsyncContextManager[Snapshot]]


class DocumentOperations:
    """What changes documents. `content_checks` (type → check) run outside of transactions."""

    def __init__(self, content_checks: Mapping[str, ContentCheck], reading: Reading) -> None:
        self._content_checks = content_checks
        self._reading = reading

    async def create_document(self, call: Call, request: Request) -> Answer:
        """Store a document, Active in the same commit, answered as `Creating` (D23)."""
        refuse_members(request, NOT_BUILT)
        name, text = request["Name"], request["Content"]
        _check_name(name)
        _check_size(text)
        given = list(request.get("Tags", ()))
        problem = tag_rules.problem_with(given, call.quotas.tags)
        if problem is not None:
            raise validation_error(problem)
        document_format = request.get("DocumentFormat", "JSON")
        document_type = _type_of(request, document_format)
        if "Requires" in request and document_type != REQUIRING:
            raise validation_error(f"Requires is only for documents of type {REQUIRING}, not {document_type}.")
        row = rows.new_row(call.scope, name, document_type, document_format, text, 0, request)
        await self._check_content(call, document_type, text)

        async def work(tx: Transaction) -> Answer:
            await _check_requires(tx, call.scope, request)
            stored = msgspec.structs.replace(row, created_ms=tx.now)
            if not await store.add(tx, call.scope, stored):
                raise AwsError("DocumentAlreadyExists", "The specified document already exists.")
            if await store.count(tx, call.scope) > call.quotas.documents:
                raise AwsError("DocumentLimitExceeded", f"You can have at most {call.quotas.documents} documents.")
            await tags.put_tags(tx, call.scope, TAG_TYPE, name, given)
            shown = await tags.tags_of(tx, call.scope, TAG_TYPE, name)
            return Answer({"DocumentDescription": rows.described(stored, call.scope, shown, status="Creating")})

        return await call.write_once(work)

    async def update_document(self, call: Call, request: Request) -> Answer:
        """Add a version after the newest, Active in the same commit, answered as `Updating`; the default stays."""
        refuse_members(request, NOT_BUILT)
        name, text = request["Name"], request["Content"]
        _check_size(text)
        async with call.reading() as tx:
            await _require_owned(tx, call.scope, name, "updated")
            newest = await library.find(tx, call.scope, name, "$LATEST")
        if newest.schema_version == FIXED_SCHEMA:
            raise AwsError(
                "InvalidDocumentSchemaVersion",
                "Document version update is not supported with document schema version 1.2",
            )
        document_format = request.get("DocumentFormat", "JSON")
        row = rows.new_row(call.scope, name, newest.document_type, document_format, text, 0, request)
        if row.schema_version == FIXED_SCHEMA:
            raise AwsError(
                "InvalidDocumentSchemaVersion",
                "Document version update is not supported with document schema version 1.2",
            )
        await self._check_content(call, newest.document_type, text)

        async def work(tx: Transaction) -> Answer:
            head = await _lock(tx, call.scope, name, "updated")
            before = await library.find(tx, call.scope, name, "$LATEST")
            if before.document_type != row.document_type:
                raise library.unknown(name)  # Deleted meanwhile, and created as something else.
            added = await _version_after(tx, call, request, row, before, head)
            shown = await tags.tags_of(tx, call.scope, TAG_TYPE, name)
            return Answer({"DocumentDescription": rows.described(added, call.scope, shown, status="Updating")})

        return await call.write_once(work)

    async def update_document_default_version(self, call: Call, request: Request) -> Answer:
        """Let `$DEFAULT` mean another version; associations that use it run again (spec 4.1)."""
        name = request["Name"]

        async def work(tx: Transaction) -> DocumentRow:
            head = await _lock(tx, call.scope, name, "changed", code="InvalidDocument")
            row = await library.find(tx, call.scope, name, request["DocumentVersion"])
            if row.version != head.default_version:
                await store.set_default(tx, call.scope, name, row.version)
                tx.record(DefaultVersionMoved(call.scope, name, row.version, row.document_type))
            return row

        row = await call.write(work)
        told = {"Name": name, "DefaultVersion": str(row.version)}
        if row.version_name is not None:
            told["DefaultVersionName"] = row.version_name
        return Answer({"Description": told})

    async def delete_document(self, call: Call, request: Request) -> Answer:
        """Remove a document, or one version that is not its default; associations stay (DOC-08)."""
        name = request["Name"]
        one_version = "DocumentVersion" in request or "VersionName" in request

        async def work(tx: Transaction) -> None:
            head = await _lock(tx, call.scope, name, "deleted")
            if one_version:
                await _delete_version(tx, call.scope, request, head)
            else:
                await _delete_all(tx, call.scope, request, head)

        await call.write(work)
        return Answer({})

    async def check_ahead(self, scope: Scope, operation: str, request: Mapping[str, Any]) -> None:
        """Check a content that is to be stored in a joined call, before its transaction. Raises AwsError."""
        text = request.get("Content", "")
        if operation == "CreateDocument":
            await self._check(request.get("DocumentType", ""), text)
        elif operation == "UpdateDocument":
            async with self._reading() as tx:
                newest = await store.visible(tx, scope, request.get("Name", ""))
            await self._check("" if newest is None else newest.document_type, text)

    async def _check_content(self, call: Call, document_type: str, text: str) -> None:
        if not call.is_joined:  # a check waits, and a transaction must not: see check_ahead
            await self._check(document_type, text)

    async def _check(self, document_type: str, text: str) -> None:
        check = self._content_checks.get(document_type)
        if check is not None:
            await check(text)


async def _version_after(
    tx: Transaction, call: Call, request: Request, row: DocumentRow, before: DocumentRow, head: HeadRow
) -> DocumentRow:
    """The new version, numbered and stored. What is not given of its names stays as it was, but for VersionName."""
    name, asked = row.name, request.get("DocumentVersion", "$LATEST")
    latest = ("$LATEST", str(head.latest_version))
    if asked not in latest and not (asked == "$DEFAULT" and head.default_version == head.latest_version):
        raise AwsError(
            "InvalidDocumentVersion",
            f"Version provided for document {name} is not latest. "
            f"Please provide the latest version to update document {name}",
        )
    if row.version_name is not None and await store.has_version_named(tx, call.scope, name, row.version_name):
        raise AwsError("DuplicateDocumentVersionName", "The specified version name is a duplicate.")
    if await store.has_version_like(tx, call.scope, name, row.content_hash):
        raise AwsError(
            "DuplicateDocumentContent",
            "The content of the association document matches another document. "
            "Change the content of the document and try again.",
        )
    most = call.quotas.document_versions
    if await store.count_versions(tx, call.scope, name) >= most:
        raise AwsError(
            "DocumentVersionLimitExceeded", f"A document can have at most {most} versions: delete one that is not used."
        )
    added = msgspec.structs.replace(
        row,
        version=head.versions_made + 1,
        default_version=head.default_version,
        latest_version=head.versions_made + 1,
        display_name=before.display_name if row.display_name is None else row.display_name,
        target_type=before.target_type if row.target_type is None else row.target_type,
        requires=before.requires,
        created_ms=tx.now,
    )
    await store.add_version(tx, call.scope, added)
    tx.record(DocumentVersionAdded(call.scope, name, added.version, added.document_type))
    return added


async def _delete_version(tx: Transaction, scope: Scope, request: Request, head: HeadRow) -> None:
    row = await library.find(tx, scope, request["Name"], request.get("DocumentVersion"), request.get("VersionName"))
    if row.version == head.default_version:
        raise AwsError("InvalidDocumentOperation", "Default version of the document can't be deleted.")
    await store.delete_version(tx, scope, row.name, row.version)
    await store_reviews.delete(tx, scope, row.name, row.version)


async def _delete_all(tx: Transaction, scope: Scope, request: Request, head: HeadRow) -> None:
    name = request["Name"]
    if await store_shares.count(tx, scope, name):
        raise AwsError("InvalidDocumentOperation", "Must unshare document first before delete")
    if head.document_type == DELETED_BY_FORCE and not request.get("Force", False):
        raise AwsError("InvalidDocumentOperation", f"A document of type {DELETED_BY_FORCE} is deleted only with Force.")
    await store.delete(tx, scope, name)
    await store_reviews.delete(tx, scope, name)
    await tags.remove_all_tags(tx, scope, TAG_TYPE, name)
    tx.record(DocumentDeleted(scope, name, head.document_type))


async def _check_requires(tx: Snapshot, scope: Scope, request: Request) -> None:
    for required in request.get("Requires", ()):
        try:
            await library.find(tx, scope, required["Name"], required.get("Version"), required.get("VersionName"))
        except AwsError as error:
            raise AwsError("InvalidDocumentContent", f"Requires {required['Name']}: {error.message}") from error


async def _require_owned(
    tx: Snapshot, scope: Scope, name: str, done: str, code: str = "InvalidDocumentOperation"
) -> None:
    """Raises InvalidDocument where there is none; `code` for what is Amazon's."""
    if await store.owned(tx, scope, name):
        return
    if await store.visible(tx, scope, name) is not None:
        raise AwsError(code, f"{name} is owned by Amazon and can not be {done}.")
    raise library.unknown(name)


async def _lock(tx: Transaction, scope: Scope, name: str, done: str, code: str = "InvalidDocumentOperation") -> HeadRow:
    head = await store.lock(tx, scope, name)
    if head is None:
        await _require_owned(tx, scope, name, done, code)
    assert head is not None
    return head


def _type_of(request: Request, document_format: str) -> str:
    try:
        return document_types.type_of(request.get("DocumentType"), request["Content"], document_format)
    except InvalidDocumentSchemaVersion as error:
        raise AwsError("InvalidDocumentSchemaVersion", str(error)) from error
    except InvalidDocumentContent as error:
        raise AwsError("InvalidDocumentContent", str(error)) from error


def _check_name(name: str) -> None:
    if name.lower().startswith(library.RESERVED):
        raise validation_error(
            f"The document name {name} is reserved: choose one that does not begin with AWS, amazon or amzn."
        )


def _check_size(text: str) -> None:
    if len(text.encode()) > MAX_BYTES:
        raise AwsError("MaxDocumentSizeExceeded", f"The size limit of a document is {MAX_BYTES // 1024} KB.")
