"""What has to be done so that a server has what a folder wants: pure, wanted and found in, a plan out (D57, D57b)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from stateward.batch import Batch, Step
from stateward.folder import associations, documents
from stateward.folder.changes import Change, Problem
from stateward.folder.resources import FOLDER_TAG, KEY_TAG, KINDS, Found, Wanted


class Plan(msgspec.Struct, frozen=True):
    """The changes in the order in which they are made, what stands in the way, and how much stays as it is."""

    folder: str
    changes: list[Change]
    problems: list[str]
    unchanged: int

    def chosen(self, *, delete: bool, adopt: bool) -> list[Change]:
        """The changes that are made: deletions and adoptions only when they are wanted."""
        return [
            change
            for change in self.changes
            if (delete or not change.needs_delete) and (adopt or not change.adopts) and change.steps
        ]

    @property
    def differs(self) -> bool:
        """Whether folder and server say different things; a resource that only lacks its mark does not."""
        return any(change.action != "adopt" for change in self.changes)

    @property
    def hash(self) -> str:
        """Changes with what is planned and with what it was planned against."""
        text = msgspec.json.encode([(change.steps, change.expect, change.untagged) for change in self.changes])
        return hashlib.sha256(text).hexdigest()[:12]


def plan(wanted: Sequence[Wanted], found: Found, folder: str) -> Plan:
    """Compare a folder with a server. Deletions come last, and what needs others before these."""
    changes: list[Change] = []
    problems: list[str] = []
    unchanged = 0
    claimed: set[tuple[str, str]] = set()
    for one in sorted(wanted, key=lambda each: (KINDS.index(each.kind), each.key)):
        rules = associations if one.kind == "association" else documents
        try:
            change, ids = rules.change_for(one, found, folder)
        except Problem as problem:
            problems.append(str(problem))
            continue
        claimed |= {(rules.RESOURCE_TYPE, name) for name in ids}
        if change is None:
            unchanged += 1
        else:
            changes.append(change)
    problems += _claimed_twice(changes)
    changes += _deletions(wanted, found, folder, claimed, problems)
    return Plan(folder, _with_hints(changes), problems, unchanged)


def _with_hints(changes: Sequence[Change]) -> list[Change]:
    """A deletion beside a creation of the same name is a renamed file more often than not."""
    made = {(change.kind, change.name): change.key for change in changes if change.action == "create"}
    hinted = []
    for change in changes:
        key = made.get((change.kind, change.name))
        if change.action == "delete" and key is not None:
            hint = f"if this is {key} now, write `was: {change.key}` into that file"
            change = msgspec.structs.replace(change, notes=[*change.notes, hint])
        hinted.append(change)
    return hinted


def _deletions(
    wanted: Sequence[Wanted],
    found: Found,
    folder: str,
    claimed: set[tuple[str, str]],
    problems: Sequence[str],
) -> Iterable[Change]:
    if problems:
        return  # what could not be told apart must not be taken for gone
    keys = {one.key for one in wanted}
    for association in sorted(found.associations.values(), key=lambda each: each.name):
        if association.tags.get(FOLDER_TAG) == folder and ("Association", association.association_id) not in claimed:
            yield associations.deletion(association)
    for document in sorted(found.documents.values(), key=lambda each: (each.document_type, each.name), reverse=True):
        mine = document.tags.get(FOLDER_TAG) == folder and document.tags.get(KEY_TAG, "") not in keys
        if mine and ("Document", document.name) not in claimed:
            yield documents.deletion(document, {*_users(wanted, document.name), *_others(found, document.name)})


def _others(found: Found, name: str) -> list[str]:
    """The associations outside of the folder that name a document."""
    own = {one.name for one in found.associations.values()}
    return [user for user, _ in found.users.get(name, ()) if user not in own]


def _users(wanted: Sequence[Wanted], name: str) -> list[str]:
    """The files that still name a document or calendar."""
    return [
        one.name
        for one in wanted
        if one.kind == "association" and (one.members["Name"] == name or name in one.members.get("CalendarNames", ()))
    ]


def _claimed_twice(changes: Sequence[Change]) -> list[str]:
    by_id: dict[str, list[str]] = {}
    for change in changes:
        if change.resource_id:
            by_id.setdefault(change.resource_id, []).append(change.key)
    return [
        f"{' and '.join(keys)} both fit {resource_id}: give their associations different names"
        for resource_id, keys in by_id.items()
        if len(keys) > 1
    ]


def wish(changes: Sequence[Change], *, rehearse: bool = False) -> Batch:
    """The body of POST /_stateward/apply for these changes (D57a)."""
    steps: list[Step] = []
    for change in changes:
        first = len(steps)
        for step in change.steps:
            fill: dict[str, tuple[int | str, ...]] = {
                member: (first + int(number), *path) for member, (number, *path) in step.fill.items()
            }
            steps.append(msgspec.structs.replace(step, fill=fill, label=change.key))
    return Batch(
        steps,
        [one for change in changes for one in change.expect],
        [one for change in changes for one in change.untagged],
        rehearse,
    )
