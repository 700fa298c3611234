"""What becomes of one association (D57, D57b)."""

from __future__ import annotations

from typing import Any

from stateward.batch import Expectation, Step, Untagged
from stateward.folder.changes import Change, Problem, all_tags, difference, marks, tag_steps
from stateward.folder.resources import ASSOCIATION_MEMBERS, FOLDER_TAG, KEY_TAG, Association, Found, Wanted, plain

RESOURCE_TYPE = "Association"
TARGET_MEMBERS = ("Targets", "TargetMaps", "TargetLocations")
OWN_ID = "AssociationId"
"""A parameter that the service fills by itself (V14b)."""


def change_for(wanted: Wanted, found: Found, folder: str) -> tuple[Change | None, list[str]]:
    """The change for one file (None: none), and the ids that it accounts for. Raises Problem."""
    current, adopts = _current(wanted, found, folder)
    if current is None:
        return _creation(wanted, folder), []
    before, after = current.members, _with_own_id(plain(wanted.members), current.members)
    differences = [
        text for name in ASSOCIATION_MEMBERS if (text := difference(name, before.get(name), after.get(name)))
    ]
    taken = [current.association_id]
    why = _why_replaced(before, after, found)
    if differences and why:
        return _replacement(wanted, current, folder, [*differences, why], adopts), taken
    steps, tag_differences = tag_steps(RESOURCE_TYPE, current.association_id, wanted, current.tags, folder)
    notes: list[str] = []
    if differences:
        steps.insert(0, _update(wanted, current))
        notes.append(f"version {current.version} → {current.version + 1}")
        notes += _at_once(after)
    if not steps:
        return None, taken
    differences += tag_differences
    if current.tags.get(KEY_TAG, wanted.key) != wanted.key:
        notes.append(f"was {current.tags[KEY_TAG]}")
    if adopts:
        notes.append(f"takes {current.association_id} over")
    return (
        Change(
            action="adopt" if adopts and not differences else "update",
            kind="association",
            key=wanted.key,
            name=wanted.name,
            differences=differences,
            notes=notes,
            steps=steps,
            expect=[_unchanged(current)],
            resource_id=current.association_id,
            adopts=adopts,
            members=after,
        ),
        taken,
    )


def deletion(association: Association) -> Change:
    """An association that its folder does not want any more."""
    return Change(
        action="delete",
        kind="association",
        key=association.tags.get(KEY_TAG, ""),
        name=association.name,
        steps=[Step("DeleteAssociation", {"AssociationId": association.association_id})],
        expect=[_unchanged(association)],
        needs_delete=True,
    )


def _current(wanted: Wanted, found: Found, folder: str) -> tuple[Association | None, bool]:
    """The association that a file stands for, and whether it is to be adopted for that."""
    for key in filter(None, (wanted.key, wanted.was)):
        mine = [
            one
            for one in found.associations.values()
            if one.tags.get(FOLDER_TAG) == folder and one.tags.get(KEY_TAG) == key
        ]
        if len(mine) > 1:
            raise Problem(f"{wanted.key}: {_ids(mine)} both are marked as {key}: take the tag {KEY_TAG} from one")
        if mine:
            return mine[0], False
    name, asked = wanted.members.get("AssociationName"), plain(wanted.members)
    free = [one for one in found.associations.values() if FOLDER_TAG not in one.tags]
    equal = [one for one in free if one.members == _with_own_id(asked, one.members)]
    like = [one for one in free if name and one.members.get("AssociationName") == name]
    if len(equal) == 1 or not like:
        like = equal
    if len(like) > 1:
        raise Problem(f"{wanted.key}: {_ids(like)} could be it: delete one, or give them different names")
    return (like[0], True) if like else (None, False)


def _creation(wanted: Wanted, folder: str) -> Change:
    members = {name: wanted.members[name] for name in ASSOCIATION_MEMBERS if name in wanted.members}
    return Change(
        action="create",
        kind="association",
        key=wanted.key,
        name=wanted.name,
        notes=_at_once(members),
        steps=[Step("CreateAssociation", {**members, "Tags": all_tags(wanted, folder)})],
        untagged=[Untagged(RESOURCE_TYPE, marks(wanted, folder))],
        members=plain(members),
    )


def _at_once(members: dict[str, Any]) -> list[str]:
    return [] if members.get("ApplyOnlyAtCronInterval") else ["runs at once (ApplyOnlyAtCronInterval is false)"]


def _update(wanted: Wanted, current: Association) -> Step:
    """All members are sent: what is left out would be cleared (spec 2.5)."""
    members = {name: wanted.members[name] for name in ASSOCIATION_MEMBERS if name in wanted.members}
    known = {"AssociationId": current.association_id, "AssociationVersion": str(current.version)}
    return Step("UpdateAssociation", {**known, **members})


def _replacement(wanted: Wanted, current: Association, folder: str, differences: list[str], adopts: bool) -> Change:
    made = _creation(wanted, folder)
    return Change(
        action="replace",
        kind="association",
        key=wanted.key,
        name=wanted.name,
        differences=differences,
        notes=["its history ends, under another id a new one begins", *made.notes],
        steps=[Step("DeleteAssociation", {"AssociationId": current.association_id}), *made.steps],
        expect=[_unchanged(current)],
        resource_id=current.association_id,
        adopts=adopts,
        needs_delete=True,
        members=made.members,
    )


def _why_replaced(before: dict[str, Any], after: dict[str, Any], found: Found) -> str:
    """Why the API cannot make this change in place; empty: it can."""
    old, new = found.types.get(before["Name"]), found.types.get(after["Name"])
    if before["Name"] != after["Name"] and old and new and old != new:
        return f"replaced: {before['Name']} is a {old} document, {after['Name']} a {new} document"
    if any(member in before for member in TARGET_MEMBERS) and not any(member in after for member in TARGET_MEMBERS):
        return "replaced: targets cannot be taken away in place"
    return ""


def _with_own_id(asked: dict[str, Any], has: dict[str, Any]) -> dict[str, Any]:
    filled = has.get("Parameters", {}).get(OWN_ID)
    given = asked.get("Parameters", {})
    if filled is None or OWN_ID in given:
        return asked
    return {**asked, "Parameters": {**given, OWN_ID: filled}}


def _unchanged(association: Association) -> Expectation:
    return Expectation(
        "DescribeAssociation",
        {"AssociationId": association.association_id},
        {"AssociationDescription": {"AssociationVersion": str(association.version)}},
    )


def _ids(associations: list[Association]) -> str:
    return " and ".join(sorted(one.association_id for one in associations))
