"""Finding documents by the names that callers use (spec 5.7), shared ones too (D50)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stateward.access.principals import Scope
from stateward.documents import declarations, schema, sharing, store, store_shares
from stateward.documents.document_types import AUTOMATION, STEPS_OF_NODES
from stateward.documents.parameters import Declaration
from stateward.documents.store import AMAZON, DocumentRow
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError

UNKNOWN_VERSION = "The document version is not valid or does not exist."
RESERVED = ("aws", "amazon", "amzn")
MOST_DIGITS = 9
ARN = re.compile(r"arn:[^:]+:ssm:(?P<region>[^:]*):(?P<account>[0-9]*):document/(?P<name>.+)")


def name_of(name_or_arn: str) -> str:
    """The bare document name in a name or an ARN."""
    return name_or_arn.rsplit(":document/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn


async def find(
    tx: Snapshot, scope: Scope, name: str, version: str | None = None, version_name: str | None = None
) -> DocumentRow:
    """One version of a visible document: a number, `$LATEST`, `$DEFAULT` (also when None), or a version's name.

    A document of another account is named by its ARN, and found in the versions that are shared (D50).
    Raises InvalidDocument and InvalidDocumentVersion (spec 5.7).
    """
    default, shared = await find_shared(tx, scope, name)
    row: DocumentRow | None
    if shared == sharing.ALL_VERSIONS:
        row = await _version(tx, default, version, version_name)
    else:
        row = default if shared == sharing.DEFAULT else await store.latest(tx, default.owner, default.name)
        if row is not None and not sharing.means_only(row.version, row.version_name, version, version_name):
            row = None
    if row is None:
        raise AwsError("InvalidDocumentVersion", UNKNOWN_VERSION)
    return row


async def find_shared(tx: Snapshot, scope: Scope, name: str) -> tuple[DocumentRow, str]:
    """The default version of a visible document, and which versions the scope may use: `$ALL` of its own.

    Raises InvalidDocument.
    """
    owner = _owner(scope, name)
    row = None if owner is None else await store.visible(tx, owner, name_of(name))
    if row is None or (name.startswith("arn:") and row.owner != owner):
        raise unknown(name)
    if row.owner in (scope, AMAZON):
        return row, sharing.ALL_VERSIONS
    shared = await store_shares.shared_version(tx, row.owner, row.name, scope.account_id)
    if shared is None:
        raise unknown(name)
    return row, shared


def unknown(name: str) -> AwsError:
    """InvalidDocument with the text of spec 5.7."""
    return AwsError("InvalidDocument", f"Document with name {name} does not exist.")


def parsed(row: DocumentRow) -> schema.Document:
    """The rules of a Command or Policy document; stored content was checked when it came."""
    return schema.parse_command(schema.load(row.content, row.document_format), row.document_type)


def declared_parameters(row: DocumentRow) -> Mapping[str, Declaration]:
    """What a Command, Policy or Automation document declares; every other type takes no parameters."""
    if row.document_type not in (*STEPS_OF_NODES, AUTOMATION):
        return {}
    raw = schema.load(row.content, row.document_format)
    return declarations.parse(raw.get("parameters", {}), row.schema_version)


def _owner(scope: Scope, name: str) -> Scope | None:
    """Whose document is meant: an ARN names region and account, Amazon's has no account."""
    if not name.startswith("arn:"):
        return scope
    arn = ARN.fullmatch(name)
    if arn is None or arn["region"] != scope.region:
        return None
    return Scope(arn["account"], arn["region"]) if arn["account"] else AMAZON


async def _version(
    tx: Snapshot, default: DocumentRow, version: str | None, version_name: str | None
) -> DocumentRow | None:
    if version_name is not None:
        row = await store.named(tx, default.owner, default.name, version_name)
        return None if row is None or version not in (None, str(row.version)) else row
    if version == sharing.LATEST:
        return await store.latest(tx, default.owner, default.name)
    if version is None or version in ("", sharing.DEFAULT):
        return default
    if len(version) > MOST_DIGITS:
        return None
    return await store.numbered(tx, default.owner, default.name, int(version))
