"""Finding documents by the names that callers use, and shipping those that AWS owns (spec 5.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources

import msgspec

from stateward.access.principals import Scope
from stateward.documents import declarations, description, platforms, schema, store
from stateward.documents.parameters import Declaration
from stateward.documents.store import AMAZON, DocumentRow
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError

UNKNOWN_VERSION = "The document version is not valid or does not exist."
RESERVED = ("aws", "amazon", "amzn")
MOST_DIGITS = 9
WITH_PARAMETERS = frozenset(("Command", "Policy", "Automation"))
ARN = re.compile(r"arn:[^:]+:ssm:(?P<region>[^:]*):(?P<account>[0-9]*):document/(?P<name>.+)")


def name_of(name_or_arn: str) -> str:
    """The bare document name in a name or an ARN."""
    return name_or_arn.rsplit(":document/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn


async def find(
    tx: Snapshot, scope: Scope, name: str, version: str | None = None, version_name: str | None = None
) -> DocumentRow:
    """One version of a visible document: a number, `$LATEST`, `$DEFAULT` (also when None), or a version's name.

    Raises InvalidDocument and InvalidDocumentVersion (spec 5.7).
    """
    default = await store.visible(tx, scope, name_of(name))
    if default is None or not _is_named_by(name, scope, default):
        raise AwsError("InvalidDocument", f"Document with name {name} does not exist.")
    row: DocumentRow | None = default
    if version_name is not None:
        row = await store.named(tx, scope, default.name, version_name)
        if row is not None and version not in (None, str(row.version)):
            row = None
    elif version == "$LATEST":
        row = await store.latest(tx, scope, default.name)
    elif version is not None and version not in ("", "$DEFAULT"):
        row = await store.numbered(tx, scope, default.name, int(version)) if len(version) <= MOST_DIGITS else None
    if row is None:
        raise AwsError("InvalidDocumentVersion", UNKNOWN_VERSION)
    return row


def _is_named_by(name_or_arn: str, scope: Scope, row: DocumentRow) -> bool:
    """An ARN means the document of its own region and account; Amazon's have no account."""
    if not name_or_arn.startswith("arn:"):
        return True
    arn = ARN.fullmatch(name_or_arn)
    owner = "" if row.account_id == AMAZON.account_id else scope.account_id
    return arn is not None and arn["region"] == scope.region and arn["account"] == owner


def parsed(row: DocumentRow) -> schema.Document:
    """The document's rules; stored content was checked when it came."""
    return schema.parse_command(schema.load(row.content, row.document_format))


def declared_parameters(row: DocumentRow) -> Mapping[str, Declaration]:
    """What a Command, Policy or Automation document declares; every other type takes no parameters."""
    if row.document_type not in WITH_PARAMETERS:
        return {}
    raw = schema.load(row.content, row.document_format)
    return declarations.parse(raw.get("parameters", {}), row.schema_version)


def describe_command(
    content: str, document_format: str, name: str, created_ms: int, request: dict[str, str | None]
) -> DocumentRow:
    """The row of a new Command document's first version; raises the schema's errors for bad content."""
    document = schema.parse_command(schema.load(content, document_format))
    return DocumentRow(
        account_id="",
        region="",
        name=name,
        document_type="Command",
        default_version=1,
        latest_version=1,
        version=1,
        version_name=request.get("VersionName"),
        display_name=request.get("DisplayName"),
        target_type=request.get("TargetType"),
        document_format=document_format,
        schema_version=document.schema_version,
        content=content,
        content_hash=description.sha256_hex(content),
        description=document.description,
        parameters=msgspec.json.encode(description.flattened_parameters(document)).decode(),
        platform_types=msgspec.json.encode(platforms.platform_types(document)).decode(),
        created_ms=created_ms,
    )


async def install_shipped(tx: Transaction) -> None:
    """Put the shipped documents into the database, replacing what an older Stateward put there."""
    for entry in resources.files("stateward.documents").joinpath("shipped").iterdir():
        if not entry.name.endswith(".json"):
            continue
        row = describe_command(entry.read_text(encoding="utf-8"), "JSON", entry.name.removesuffix(".json"), tx.now, {})
        if not await store.add(tx, AMAZON, row):
            await store.put_version(tx, AMAZON, row)
