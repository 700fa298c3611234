"""What becomes of one document or calendar (D57, D57b)."""

from __future__ import annotations

import difflib
from typing import Any

from stateward.batch import Expectation, Step
from stateward.folder.changes import Change, Problem, all_tags, tag_steps
from stateward.folder.resources import (
    CALENDAR_TYPE,
    DOCUMENT_MEMBERS,
    FOLDER_TAG,
    KEY_TAG,
    Document,
    Found,
    Kind,
    Wanted,
    same_content,
)

RESOURCE_TYPE = "Document"
FIXED_SCHEMA = "1.2"
MOST_LINES = 40
DEFAULT = "$DEFAULT"


def change_for(wanted: Wanted, found: Found, folder: str) -> tuple[Change | None, list[str]]:
    """The change for one file (None: none), and the names that it accounts for. Raises Problem."""
    name = wanted.members["Name"]
    current = found.documents.get(name)
    if current is None:
        return _creation(wanted, folder), [name]
    other = current.tags.get(FOLDER_TAG)
    if other not in (None, folder):
        raise Problem(f"{wanted.key}: document {name} belongs to the folder {other}")
    adopts = other is None
    why = _why_replaced(wanted, current)
    if why:
        return _replacement(wanted, current, folder, why, adopts), [name]
    steps, differences, notes = _versions(wanted, current, found)
    more_steps, tag_differences = tag_steps(RESOURCE_TYPE, name, wanted, current.tags, folder)
    steps, differences = steps + more_steps, differences + tag_differences
    if not steps:
        return None, [name]
    return (
        Change(
            action="adopt" if adopts and not differences else "update",
            kind=wanted.kind,
            key=wanted.key,
            name=name,
            differences=differences,
            notes=notes,
            steps=steps,
            expect=[_unchanged(current)],
            resource_id=name,
            adopts=adopts,
        ),
        [name],
    )


def deletion(document: Document, users: set[str]) -> Change:
    """A document that its folder does not want any more; who still uses it is said."""
    kind: Kind = "calendar" if document.document_type == CALENDAR_TYPE else "document"
    used = ", ".join(sorted(users))
    return Change(
        action="delete",
        kind=kind,
        key=document.tags.get(KEY_TAG, ""),
        name=document.name,
        notes=[f"used by {used}" if used else "used by no association"],
        steps=[Step("DeleteDocument", {"Name": document.name})],
        expect=[_unchanged(document)],
        needs_delete=True,
    )


def _versions(wanted: Wanted, current: Document, found: Found) -> tuple[list[Step], list[str], list[str]]:
    """Steps, differences and notes that make content and default version right."""
    name, text = wanted.members["Name"], wanted.members["Content"]
    known = {version for version, content in current.contents.items() if same_content(wanted.kind, content, text)}
    users = _followers(found, name)
    if wanted.default is not None:
        return _pinned(wanted, current, known, users)
    if current.default_version in known:
        return [], [], []
    if known:
        version = current.latest_version if current.latest_version in known else max(known, key=int)
        return [_default(name, version)], [f"default version {current.default_version} → {version}"], users
    differences = _content_difference(current.contents[current.default_version], text)
    steps = [
        _new_version(wanted, current),
        Step(
            "UpdateDocumentDefaultVersion",
            {"Name": name},
            {"DocumentVersion": (0, "DocumentDescription", "DocumentVersion")},
        ),
    ]
    return steps, differences, [f"a version after {current.latest_version}, which becomes the default", *users]


def _pinned(
    wanted: Wanted, current: Document, known: set[str], users: list[str]
) -> tuple[list[Step], list[str], list[str]]:
    name, steps, differences, notes = wanted.members["Name"], [], [], []
    if current.latest_version not in known:
        steps.append(_new_version(wanted, current))
        differences += _content_difference(current.contents[current.latest_version], wanted.members["Content"])
        notes.append(f"a version after {current.latest_version}; the default stays pinned to {wanted.default}")
    if current.default_version != wanted.default:
        steps.append(_default(name, str(wanted.default)))
        differences.append(f"default version {current.default_version} → {wanted.default}")
        notes += users
    return steps, differences, notes


def _creation(wanted: Wanted, folder: str) -> Change:
    if wanted.default not in (None, "1"):
        raise Problem(f"{wanted.key}: default {wanted.default}: the document is not there yet, its first version is 1")
    return Change(
        action="create",
        kind=wanted.kind,
        key=wanted.key,
        name=wanted.name,
        steps=[Step("CreateDocument", {**wanted.members, "Tags": all_tags(wanted, folder)})],
    )


def _replacement(wanted: Wanted, current: Document, folder: str, why: str, adopts: bool) -> Change:
    made = _creation(wanted, folder)
    return Change(
        action="replace",
        kind=wanted.kind,
        key=wanted.key,
        name=wanted.name,
        differences=[why],
        notes=["its versions are lost"],
        steps=[Step("DeleteDocument", {"Name": wanted.name}), *made.steps],
        expect=[_unchanged(current)],
        resource_id=wanted.name,
        adopts=adopts,
        needs_delete=True,
    )


def _why_replaced(wanted: Wanted, current: Document) -> str:
    asked = wanted.members["DocumentType"]
    if current.document_type != asked:
        return f"replaced: it is a {current.document_type} document, wanted is {asked}"
    fits = any(same_content(wanted.kind, text, wanted.members["Content"]) for text in current.contents.values())
    if current.schema_version == FIXED_SCHEMA and not fits:
        return "replaced: documents of schema 1.2 cannot get another version"
    return ""


def _new_version(wanted: Wanted, current: Document) -> Step:
    members = {name: wanted.members[name] for name in DOCUMENT_MEMBERS if name in wanted.members and name != "Requires"}
    return Step(
        "UpdateDocument",
        {
            "Name": wanted.members["Name"],
            "Content": wanted.members["Content"],
            "DocumentFormat": wanted.members["DocumentFormat"],
            "DocumentVersion": current.latest_version,
            **members,
        },
    )


def _default(name: str, version: str) -> Step:
    return Step("UpdateDocumentDefaultVersion", {"Name": name, "DocumentVersion": version})


def _followers(found: Found, name: str) -> list[str]:
    """Which associations run again when the default version moves."""
    names = sorted(
        user for user, version in found.users.get(name, ()) if version == DEFAULT and user not in found.waiting
    )
    return [f"starts {', '.join(names)}"] if names else []


def _unchanged(document: Document) -> Expectation:
    seen: dict[str, Any] = {
        "DefaultVersion": document.default_version,
        "LatestVersion": document.latest_version,
        "DocumentType": document.document_type,
    }
    return Expectation("DescribeDocument", {"Name": document.name}, {"Document": seen})


def _content_difference(before: str, after: str) -> list[str]:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]
    shown = lines[:MOST_LINES]
    if len(lines) > len(shown):
        shown.append(f"… {len(lines) - len(shown)} lines more")
    return ["content", *(f"  {line}" for line in shown)]
