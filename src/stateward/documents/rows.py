"""From a request to the row of a version, and from rows to the API's members (spec 5.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.access.principals import Scope
from stateward.documents import description, document_types
from stateward.documents.problems import InvalidDocumentContent, InvalidDocumentSchemaVersion
from stateward.documents.store import AMAZON, DocumentRow, VersionRow
from stateward.documents.store_listing import SummaryRow
from stateward.tags.store import TagRow
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds


def new_row(
    owner: Scope,
    name: str,
    document_type: str,
    document_format: str,
    text: str,
    created_ms: int,
    members: Mapping[str, Any] | None = None,
) -> DocumentRow:
    """The row of a document's first version. Raises the AwsErrors InvalidDocumentSchemaVersion, …Content."""
    try:
        told = document_types.described(document_type, text, document_format)
    except InvalidDocumentSchemaVersion as error:
        raise AwsError("InvalidDocumentSchemaVersion", str(error)) from error
    except InvalidDocumentContent as error:
        raise AwsError("InvalidDocumentContent", str(error)) from error
    given = members or {}
    return DocumentRow(
        account_id=owner.account_id,
        region=owner.region,
        name=name,
        document_type=document_type,
        default_version=1,
        latest_version=1,
        version=1,
        version_name=given.get("VersionName"),
        display_name=given.get("DisplayName"),
        target_type=given.get("TargetType"),
        document_format=document_format,
        schema_version=told.schema_version,
        content=text,
        content_hash=description.sha256_hex(text),
        description=told.description,
        parameters=msgspec.json.encode(told.parameters).decode(),
        platform_types=msgspec.json.encode(told.platform_types).decode(),
        created_ms=created_ms,
        requires=msgspec.json.encode(given["Requires"]).decode() if "Requires" in given else None,
    )


def shown_name(row: DocumentRow | SummaryRow, scope: Scope) -> str:
    """The name by which a scope calls a document: that of another account is known by its ARN."""
    if row.account_id in (scope.account_id, AMAZON.account_id):
        return row.name
    return f"arn:aws:ssm:{row.region}:{row.account_id}:document/{row.name}"


def described(row: DocumentRow, scope: Scope, tags: Sequence[TagRow], status: str) -> dict[str, Any]:
    """A DocumentDescription."""
    body: dict[str, Any] = {
        "Hash": row.content_hash,
        "HashType": "Sha256",
        "Name": shown_name(row, scope),
        "Owner": row.account_id,
        "CreatedDate": epoch_seconds(row.created_ms),
        "Status": status,
        "DocumentVersion": str(row.version),
        "Parameters": msgspec.json.decode(row.parameters),
        "PlatformTypes": msgspec.json.decode(row.platform_types),
        "DocumentType": row.document_type,
        "LatestVersion": str(row.latest_version),
        "DefaultVersion": str(row.default_version),
        "DocumentFormat": row.document_format,
        "Tags": [{"Key": tag.tag_key, "Value": tag.tag_value} for tag in tags],
    }
    return body | _given(
        Description=row.description or None,
        SchemaVersion=row.schema_version or None,
        VersionName=row.version_name,
        DisplayName=row.display_name,
        TargetType=row.target_type,
        Requires=_decoded(row.requires),
        ReviewStatus=row.review_status,
    )


def content(row: DocumentRow, scope: Scope, text: str, document_format: str) -> dict[str, Any]:
    """GetDocument's answer."""
    body: dict[str, Any] = {
        "Name": shown_name(row, scope),
        "CreatedDate": epoch_seconds(row.created_ms),
        "DocumentVersion": str(row.version),
        "Status": "Active",
        "Content": text,
        "DocumentType": row.document_type,
        "DocumentFormat": document_format,
    }
    return body | _given(
        VersionName=row.version_name,
        DisplayName=row.display_name,
        Requires=_decoded(row.requires),
        ReviewStatus=row.review_status,
    )


def identifier(row: SummaryRow, scope: Scope, tags: Mapping[str, str]) -> dict[str, Any]:
    """A DocumentIdentifier."""
    body: dict[str, Any] = {
        "Name": shown_name(row, scope),
        "CreatedDate": epoch_seconds(row.created_ms),
        "Owner": row.account_id,
        "PlatformTypes": msgspec.json.decode(row.platform_types),
        "DocumentVersion": str(row.version),
        "DocumentType": row.document_type,
        "DocumentFormat": row.document_format,
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }
    return body | _given(
        SchemaVersion=row.schema_version or None,
        VersionName=row.version_name,
        DisplayName=row.display_name,
        TargetType=row.target_type,
        Requires=_decoded(row.requires),
        ReviewStatus=row.review_status,
    )


def version_info(row: VersionRow, name: str, default_version: int) -> dict[str, Any]:
    """A DocumentVersionInfo."""
    body: dict[str, Any] = {
        "Name": name,
        "DocumentVersion": str(row.version),
        "CreatedDate": epoch_seconds(row.created_ms),
        "IsDefaultVersion": row.version == default_version,
        "DocumentFormat": row.document_format,
        "Status": "Active",
    }
    return body | _given(VersionName=row.version_name, DisplayName=row.display_name, ReviewStatus=row.review_status)


def _given(**members: Any) -> dict[str, Any]:
    """Only what was set is shown (spec 0)."""
    return {member: value for member, value in members.items() if value is not None}


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
