"""UpdateDocumentMetadata, ListDocumentMetadataHistory: reviews of document versions (spec 5.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request
from stateward.documents import library, store, store_reviews
from stateward.documents.store_reviews import ReviewRow
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds

PENDING = "PENDING"
DECISIONS = {"Approve": "APPROVED", "Reject": "REJECTED"}
ABOVE_EVERY_NUMBER = 10**12


class Plan(msgspec.Struct, frozen=True):
    """What an action does: a further review with this status, or (None) another comment on the newest."""

    status: str | None


def plan(action: str, status: str | None) -> Plan:
    """What an action means for a version whose review stands at `status`. Raises ValueError with the reason."""
    if action == "SendForReview":
        if status == PENDING:
            raise ValueError("already waits for a review: use UpdateReview to change what you said")
        return Plan(PENDING)
    if status != PENDING:
        raise ValueError("does not wait for a review: use SendForReview first")
    return Plan(DECISIONS.get(action))


async def update_document_metadata(call: Call, request: Request) -> Answer:
    """Send a version for review, change what was said, approve or reject it."""
    name, action = request["Name"], request["DocumentReviews"]["Action"]
    comment = _comment(request["DocumentReviews"].get("Comment", ()))

    async def work(tx: Transaction) -> None:
        if await store.lock(tx, call.scope, name) is None:
            await _refuse(tx, call, name)
        row = await library.find(tx, call.scope, name, request.get("DocumentVersion"))
        newest = await store_reviews.reviews_below(tx, call.scope, name, row.version, ABOVE_EVERY_NUMBER, 1)
        try:
            planned = plan(action, row.review_status)
        except ValueError as error:
            raise AwsError("InvalidDocumentOperation", f"Version {row.version} of {name} {error}.") from error
        if planned.status is None:
            await store_reviews.reword(tx, call.scope, name, row.version, newest[0].number, comment)
            return
        number = newest[0].number + 1 if newest else 1
        review = ReviewRow(number, planned.status, call.principal.name, comment, tx.now, tx.now)
        await store_reviews.add(tx, call.scope, name, row.version, review)

    await call.write(work)
    return Answer({})


async def list_document_metadata_history(call: Call, request: Request) -> Answer:
    """The reviews of one version, newest first."""
    name = request["Name"]
    page = call.page(request)
    below = ABOVE_EVERY_NUMBER if page.key is None else int(page.key[0])
    async with call.reading() as tx:
        if not await store.owned(tx, call.scope, name):
            raise library.unknown(name)
        row = await library.find(tx, call.scope, name, request.get("DocumentVersion"))
        found = await store_reviews.reviews_below(tx, call.scope, name, row.version, below, page.size + 1)
        author = await store_reviews.asked_by(tx, call.scope, name, row.version)
    answer = page.answer("ReviewerResponse", found, _response, lambda review: (review.number,))
    body: dict[str, Any] = {"Name": name, "DocumentVersion": str(row.version)}
    if author is not None:
        body["Author"] = author
    body["Metadata"] = {"ReviewerResponse": answer.body["ReviewerResponse"]}
    if "NextToken" in answer.body:
        body["NextToken"] = answer.body["NextToken"]
    return Answer(body)


async def _refuse(tx: Snapshot, call: Call, name: str) -> None:
    if await store.visible(tx, call.scope, name) is not None:
        raise AwsError("InvalidDocumentOperation", f"{name} is owned by Amazon and can not be reviewed.")
    raise library.unknown(name)


def _response(review: ReviewRow) -> dict[str, Any]:
    body: dict[str, Any] = {
        "CreateTime": epoch_seconds(review.created_ms),
        "UpdatedTime": epoch_seconds(review.updated_ms),
        "ReviewStatus": review.status,
        "Reviewer": review.reviewer,
    }
    if review.comment is not None:
        body["Comment"] = [{"Type": "Comment", "Content": review.comment}]
    return body


def _comment(comments: Sequence[dict[str, str]]) -> str | None:
    return comments[0].get("Content") if comments else None
