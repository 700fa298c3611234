"""The job that makes a node apply one association of its own now (D53, node protocol 7.7)."""

from __future__ import annotations

import msgspec

from stateward.commands.store_delivery import JobText

REFRESH_DOCUMENT = "AWS-RefreshAssociation"
_CONTENT = {
    "schemaVersion": "2.0",
    "description": "Apply associations now",
    "parameters": {"associationIds": {"type": "StringList", "default": []}},
    "mainSteps": [
        {
            "action": "aws:refreshAssociation",
            "name": "refreshAssociation",
            "inputs": {"associationIds": "{{ associationIds }}"},
        }
    ],
}


def refresh_text(association_id: str) -> JobText:
    """The job that makes the official agent run one association; an empty list would make it run them all."""
    return JobText(
        REFRESH_DOCUMENT,
        msgspec.json.encode(_CONTENT).decode(),
        msgspec.json.encode({"associationIds": [association_id]}).decode(),
    )
