"""Which documents a ListDocuments request means (spec 5.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.access.principals import Scope
from stateward.documents import rows
from stateward.documents.store import AMAZON
from stateward.documents.store_listing import SummaryRow
from stateward.documents.store_shares import EVERYBODY
from stateward.wire.errors import AwsError, validation_error

OWNERS = ("Self", "Amazon", "Public", "Private", "ThirdParty", "All")
KEYS = ("Name", "Owner", "DocumentType", "PlatformTypes", "TargetType", "SearchKeyword")


class Filter(msgspec.Struct, frozen=True):
    key: str
    values: tuple[str, ...]


def filters_of(request: Mapping[str, Any]) -> list[Filter]:
    """Both forms of filters as one; raises ValidationException for both at once, InvalidFilterKey for unknown keys."""
    new, old = request.get("Filters"), request.get("DocumentFilterList")
    if new and old:
        raise validation_error("Filters and DocumentFilterList can not both be specified.")
    found = [Filter(item.get("Key", ""), tuple(item.get("Values", ()))) for item in new or ()]
    found += [Filter(item["key"], (item["value"],)) for item in old or ()]
    for one in found:
        if one.key not in KEYS and not one.key.startswith("tag:"):
            raise AwsError("InvalidFilterKey", f"{one.key}: use one of {', '.join(KEYS)} or tag:<key>")
        if one.key == "Owner" and not set(one.values) <= set(OWNERS):
            raise validation_error(f"Owner {list(one.values)}: use one of {', '.join(OWNERS)}")
    return found


def matches(row: SummaryRow, scope: Scope, tags: Mapping[str, str], filters: Sequence[Filter]) -> bool:
    """Whether a document passes every filter; values of one filter are alternatives."""
    return all(any(_passes(row, scope, tags, one.key, value) for value in one.values) for one in filters)


def _passes(row: SummaryRow, scope: Scope, tags: Mapping[str, str], key: str, value: str) -> bool:
    match key:
        case "Name":
            return row.name.startswith(value) or rows.shown_name(row, scope).startswith(value)
        case "Owner":
            return value in _owners(row, scope)
        case "DocumentType":
            return row.document_type == value
        case "PlatformTypes":
            return value in msgspec.json.decode(row.platform_types)
        case "TargetType":
            return row.target_type == value
        case "SearchKeyword":
            return value.lower() in f"{row.name} {row.description}".lower()
        case _:
            return tags.get(key.removeprefix("tag:")) == value


def _owners(row: SummaryRow, scope: Scope) -> tuple[str, ...]:
    """What a document's owner is called: `Private` are one's own and those shared with one's account alone."""
    if row.account_id == AMAZON.account_id:
        return ("Amazon", "Public", "All")
    if row.account_id == scope.account_id:
        return ("Self", "Private", "All")
    return ("Public", "All") if row.shared_with == EVERYBODY else ("Private", "All")
