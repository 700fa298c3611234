"""GetDocument, DescribeDocument, ListDocuments, ListDocumentVersions (spec 5.7)."""

from __future__ import annotations

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.documents import description, library, listing, rows, sharing, store, store_listing, store_reviews
from stateward.documents.document_types import STEPS_OF_NODES
from stateward.documents.problems import InvalidDocumentContent
from stateward.documents.store import DocumentRow
from stateward.documents.store_listing import SummaryRow
from stateward.storage import Snapshot
from stateward.tags import store as tags
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import epoch_seconds

TAG_TYPE = "Document"
BATCH = 200
ABOVE_EVERY_VERSION = 10**library.MOST_DIGITS


async def get_document(call: Call, request: Request) -> Answer:
    """The content of one version, converted between JSON and YAML when the other format is asked for."""
    async with call.reading() as tx:
        row = await _find(tx, call, request)
    # Nodes read JSON only (node protocol 7.5).
    wanted = request.get("DocumentFormat", "JSON" if call.principal.is_node else row.document_format)
    try:
        text = description.convert(row.content, row.document_format, wanted)
    except InvalidDocumentContent as error:
        raise validation_error(str(error)) from error
    return Answer(rows.content(row, call.scope, text, wanted))


async def describe_document(call: Call, request: Request) -> Answer:
    """What is known of one version of a document."""
    async with call.reading() as tx:
        row = await _find(tx, call, request)
        own = row.account_id == call.scope.account_id
        found = await tags.tags_of(tx, call.scope, TAG_TYPE, row.name) if own else []
        body = rows.described(row, call.scope, found, status="Active")
        if row.review_status is not None:
            (newest,) = await store_reviews.reviews_below(tx, row.owner, row.name, row.version, ABOVE_EVERY_VERSION, 1)
            body["ReviewInformation"] = [
                {
                    "ReviewedTime": epoch_seconds(newest.updated_ms),
                    "Status": newest.status,
                    "Reviewer": newest.reviewer,
                }
            ]
        for member, status in (("ApprovedVersion", "APPROVED"), ("PendingReviewVersion", "PENDING")):
            version = await store_reviews.newest_with(tx, row.owner, row.name, status)
            if version is not None:
                body[member] = str(version)
    return Answer({"Document": body})


async def list_documents(call: Call, request: Request) -> Answer:
    """The visible documents by name, those of other accounts too that are shared (spec 5.7, D50)."""
    filters = listing.filters_of(request)
    page = call.page(request)
    after = ("", "") if page.key is None else (str(page.key[0]), str(page.key[1]))
    async with call.reading() as tx:
        tagged = await tags.tags_of_type(tx, call.scope, TAG_TYPE)

        def tags_of(row: SummaryRow) -> dict[str, str]:
            return tagged.get(row.name, {}) if row.account_id == call.scope.account_id else {}

        found: list[SummaryRow] = []
        limit = BATCH if filters else page.size + 1
        more = True
        while more and len(found) <= page.size:
            batch = await store_listing.summaries(tx, call.scope, after, limit)
            found += [row for row in batch if listing.matches(row, call.scope, tags_of(row), filters)]
            more = len(batch) == limit
            after = (batch[-1].name, batch[-1].account_id) if batch else after
    return page.answer(
        "DocumentIdentifiers",
        found,
        lambda row: rows.identifier(row, call.scope, tags_of(row)),
        lambda row: (row.name, row.account_id),
    )


async def list_document_versions(call: Call, request: Request) -> Answer:
    """The versions of a document, newest first; of a shared one those that may be used."""
    page = call.page(request)
    below = ABOVE_EVERY_VERSION if page.key is None else int(page.key[0])
    async with call.reading() as tx:
        default, shared = await library.find_shared(tx, call.scope, request["Name"])
        only = {sharing.DEFAULT: default.version, sharing.LATEST: default.latest_version}.get(shared)
        found = await store.versions_below(tx, default.owner, default.name, below, only, page.size + 1)
    return page.answer(
        "DocumentVersions",
        found,
        lambda row: rows.version_info(row, default.name, default.default_version),
        lambda row: (row.version,),
    )


async def exists(tx: Snapshot, scope: Scope, name: str) -> bool:
    """Whether a document can carry tags here."""
    return await store.owned(tx, scope, name)


async def _find(tx: Snapshot, call: Call, request: Request) -> DocumentRow:
    """The version that is asked for. Nodes read what has steps for them, and nothing else (D55)."""
    row = await library.find(
        tx, call.scope, request["Name"], request.get("DocumentVersion"), request.get("VersionName")
    )
    if call.principal.is_node and row.document_type not in STEPS_OF_NODES:
        raise AwsError(
            "AccessDeniedException",
            f"{call.principal.name} is not authorized to perform: ssm:{call.operation} "
            f"on documents of type {row.document_type}",
        )
    return row
