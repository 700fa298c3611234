"""Reviews of document versions: what was asked, and what was decided, one row each."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction


class ReviewRow(msgspec.Struct, frozen=True):
    """`number` counts the reviews of one version; `reviewer` asked (PENDING) or decided."""

    number: int
    status: str
    reviewer: str
    comment: str | None
    created_ms: int
    updated_ms: int


REVIEWS_BELOW = """
SELECT number, status, reviewer, comment, created_ms, updated_ms FROM document_reviews
 WHERE account_id = $1 AND region = $2 AND name = $3 AND version = $4 AND number < $5 ORDER BY number DESC LIMIT $6
"""
ASKED_BY = """
SELECT reviewer FROM document_reviews WHERE account_id = $1 AND region = $2 AND name = $3 AND version = $4
   AND status = 'PENDING' ORDER BY number DESC LIMIT 1
"""
NEWEST_WITH_STATUS = """
SELECT MAX(version) FROM document_versions
 WHERE account_id = $1 AND region = $2 AND name = $3 AND review_status = $4
"""
ADD = """
INSERT INTO document_reviews (account_id, region, name, version, number, status, reviewer, comment, created_ms,
 updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
"""
REWORD = """
UPDATE document_reviews SET comment = $6, updated_ms = $7
 WHERE account_id = $1 AND region = $2 AND name = $3 AND version = $4 AND number = $5
"""
SET_STATUS = """
UPDATE document_versions SET review_status = $5
 WHERE account_id = $1 AND region = $2 AND name = $3 AND version = $4
"""
DELETE = """
DELETE FROM document_reviews WHERE account_id = $1 AND region = $2 AND name = $3
   AND (CAST($4 AS BIGINT) IS NULL OR version = $4)
"""


async def reviews_below(
    tx: Snapshot, scope: Scope, name: str, version: int, number: int, limit: int
) -> list[ReviewRow]:
    """The next reviews of one version that are older than `number`, newest first."""
    return await tx.rows(ReviewRow, REVIEWS_BELOW, *scope, name, version, number, limit)


async def asked_by(tx: Snapshot, scope: Scope, name: str, version: int) -> str | None:
    """Who last sent a version for review."""
    found = await tx.value(ASKED_BY, *scope, name, version)
    return None if found is None else str(found)


async def newest_with(tx: Snapshot, scope: Scope, name: str, status: str) -> int | None:
    """The newest version whose review stands so."""
    found = await tx.value(NEWEST_WITH_STATUS, *scope, name, status)
    return None if found is None else int(found)


async def add(tx: Transaction, scope: Scope, name: str, version: int, review: ReviewRow) -> None:
    """Add a review, whose status becomes the version's."""
    await tx.execute(
        ADD,
        *scope,
        name,
        version,
        review.number,
        review.status,
        review.reviewer,
        review.comment,
        review.created_ms,
    )
    await tx.execute(SET_STATUS, *scope, name, version, review.status)


async def reword(tx: Transaction, scope: Scope, name: str, version: int, number: int, comment: str | None) -> None:
    await tx.execute(REWORD, *scope, name, version, number, comment, tx.now)


async def delete(tx: Transaction, scope: Scope, name: str, version: int | None = None) -> None:
    """Forget the reviews of one version, or of all."""
    await tx.execute(DELETE, *scope, name, version)
