"""One change of a plan: what people read of it, and the operations that make it."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

from stateward.batch import Expectation, Step, Untagged
from stateward.folder.resources import FOLDER_TAG, KEY_TAG, Kind, Wanted, as_tags, own_tags

Action = Literal["create", "update", "replace", "adopt", "delete"]


class Problem(Exception):
    """A file that cannot be planned: its key and why."""


class Change(msgspec.Struct, frozen=True):
    """What becomes of one resource. `differences` say what changes, `notes` what that brings about.

    The numbers in a step's `fill` count the steps of this change.
    """

    action: Action
    kind: Kind
    key: str
    name: str
    differences: list[str] = []
    notes: list[str] = []
    steps: list[Step] = []
    expect: list[Expectation] = []
    untagged: list[Untagged] = []
    resource_id: str = ""
    adopts: bool = False
    needs_delete: bool = False
    members: dict[str, Any] = {}


def marks(wanted: Wanted, folder: str) -> dict[str, str]:
    """The tags by which a resource belongs to a file of a folder (D57)."""
    return {FOLDER_TAG: folder, KEY_TAG: wanted.key}


def all_tags(wanted: Wanted, folder: str) -> list[dict[str, str]]:
    """The tags of a new resource."""
    return as_tags({**(wanted.tags or {}), **marks(wanted, folder)})


def tag_steps(
    resource_type: str, resource_id: str, wanted: Wanted, has: dict[str, str], folder: str
) -> tuple[list[Step], list[str]]:
    """The operations that put tags right, and the differences that people care for."""
    marked = marks(wanted, folder)
    people = own_tags(has)
    asked = people if wanted.tags is None else wanted.tags
    added = {key: value for key, value in {**asked, **marked}.items() if has.get(key) != value}
    removed = sorted(people.keys() - asked.keys())
    steps: list[Step] = []
    named = {"ResourceType": resource_type, "ResourceId": resource_id}
    if added:
        steps.append(Step("AddTagsToResource", {**named, "Tags": as_tags(added)}))
    if removed:
        steps.append(Step("RemoveTagsFromResource", {**named, "TagKeys": removed}))
    differences = [difference("tag " + key, people.get(key), asked.get(key)) for key in sorted({*people, *asked})]
    return steps, [text for text in differences if text]


def difference(name: str, before: Any, after: Any) -> str:
    """`MaxConcurrency "50" → "20"`, empty where nothing changes."""
    if before == after:
        return ""
    return f"{name} {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
