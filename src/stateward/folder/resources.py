"""What a folder wants, what a server has, and the one form in which both are compared (D57, D57b)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import yaml

Kind = Literal["document", "calendar", "association"]
KINDS: tuple[Kind, ...] = ("document", "calendar", "association")
"""In the order in which they are made: what others need comes first."""

FOLDER_TAG = "stateward:folder"
KEY_TAG = "stateward:key"
TAG_PREFIXES = ("stateward:", "aws:")
CALENDAR_TYPE = "ChangeCalendar"

ASSOCIATION_MEMBERS = (
    "Name",
    "AssociationName",
    "DocumentVersion",
    "Targets",
    "TargetMaps",
    "TargetLocations",
    "AutomationTargetParameterName",
    "Parameters",
    "ScheduleExpression",
    "ScheduleOffset",
    "Duration",
    "ApplyOnlyAtCronInterval",
    "CalendarNames",
    "MaxConcurrency",
    "MaxErrors",
    "ComplianceSeverity",
    "SyncCompliance",
    "OutputLocation",
    "AlarmConfiguration",
    "AssociationDispatchAssumeRole",
)
"""In the order in which they stand in a file."""

ASSOCIATION_DEFAULTS: dict[str, Any] = {
    "DocumentVersion": "$DEFAULT",
    "ApplyOnlyAtCronInterval": False,
    "SyncCompliance": "AUTO",
    "ComplianceSeverity": "UNSPECIFIED",
}
DOCUMENT_MEMBERS = ("DisplayName", "TargetType", "VersionName", "Requires")


class Wanted(msgspec.Struct, frozen=True):
    """One file. `members` are those of the API; `tags` None: the file says nothing of tags, and they are left alone."""

    kind: Kind
    key: str
    members: dict[str, Any]
    tags: dict[str, str] | None = None
    was: str | None = None
    default: str | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        if self.kind == "association":
            return str(self.members.get("AssociationName") or self.key.removeprefix("associations/"))
        return str(self.members["Name"])


class Association(msgspec.Struct, frozen=True):
    """An association of the server: its definition without what it leaves to the defaults."""

    association_id: str
    version: int
    members: dict[str, Any]
    tags: dict[str, str]

    @property
    def name(self) -> str:
        return str(self.members.get("AssociationName") or self.association_id)


class Document(msgspec.Struct, frozen=True):
    """A document of the server. `contents`: version → text, of the versions that were looked at."""

    name: str
    document_type: str
    document_format: str
    schema_version: str
    default_version: str
    latest_version: str
    contents: dict[str, str]
    tags: dict[str, str]
    members: dict[str, Any] = {}


class Found(msgspec.Struct, frozen=True):
    """What a server has of its account: associations by id, documents by name.

    `users`: document → associations that name it, with their document versions. `types`: document → its type.
    `waiting`: associations that wait for their schedule when something changes (ApplyOnlyAtCronInterval).
    """

    associations: dict[str, Association]
    documents: dict[str, Document]
    users: dict[str, list[tuple[str, str]]] = {}
    types: dict[str, str] = {}
    waiting: frozenset[str] = frozenset()


def plain(members: dict[str, Any]) -> dict[str, Any]:
    """An association's definition in its shortest form: no defaults, nothing that is empty."""
    kept = {name: members[name] for name in ASSOCIATION_MEMBERS if name in members}
    return {
        name: value
        for name, value in kept.items()
        if value not in ("", [], {}, None) and value != ASSOCIATION_DEFAULTS.get(name)
    }


def parsed(content: str) -> Any:
    """A document's content as data, however it is written; a text that is neither JSON nor YAML stays one."""
    try:
        found = yaml.load(content, Loader=yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader)
    except yaml.YAMLError:
        return _lines(content)
    return found if isinstance(found, dict) else _lines(content)


def same_content(kind: Kind, one: str, other: str) -> bool:
    """Whether two contents say the same (D57b)."""
    if kind == "calendar":
        return _lines(one) == _lines(other)
    return bool(parsed(one) == parsed(other))


def own_tags(tags: dict[str, str]) -> dict[str, str]:
    """The tags that people have given."""
    return {key: value for key, value in tags.items() if not key.startswith(TAG_PREFIXES)}


def as_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the API has them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
