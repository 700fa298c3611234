"""Changing associations: run once, new and edit with their previews, pause, resume, delete."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from stateward.associations import store, store_pages
from stateward.associations.rows import AssociationRow, Definition
from stateward.associations.schedule import InvalidSchedule, next_due, parse_for_association
from stateward.associations.upcoming import fire_times
from stateward.console import matching, words
from stateward.console.matching import Matched
from stateward.console.pages.associations import found
from stateward.console.pages.commands import PARAMETER, parameters_of
from stateward.console.visit import Page, Visit, previewed
from stateward.wire.errors import AwsError, validation_error

MOST_AT_ONCE = 20
MANY = 100
FIRES = 10
NOT_SENT = ("InstanceId",)
"""Kept by the association, but no member of an update."""

SIMPLE = {
    "AssociationName": "name",
    "DocumentVersion": "version",
    "ScheduleExpression": "schedule",
    "MaxConcurrency": "concurrency",
    "MaxErrors": "errors",
    "ComplianceSeverity": "severity",
    "SyncCompliance": "sync",
}
"""Members that are one text, and their fields."""

SEVERITIES = ("", "CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED")
SYNCS = ("", "AUTO", "MANUAL")


class Chosen(msgspec.Struct, frozen=True):
    """An association that would run, and the nodes that match now."""

    row: AssociationRow
    name: str
    matched: Matched


# Run once


async def run_preview(visit: Visit, problem: AwsError | None = None) -> Response:
    """On which nodes the chosen associations would run now."""
    chosen = await _chosen(visit, visit.fields("id") or visit.queries("id"))
    ids = [one.row.association_id for one in chosen]
    return visit.page(
        "association_run.html",
        "Run once",
        chosen=chosen,
        total=sum(one.matched.count for one in chosen),
        digest=_digest(chosen),
        many=MANY,
        command=visit.command("StartAssociationsOnce", AssociationIds=ids),
        problem=problem,
    )


async def run_once(visit: Visit) -> Response:
    """Start the associations on the set that was shown."""
    ids = visit.fields("id")
    try:
        chosen = await _chosen(visit, ids)
        total = sum(one.matched.count for one in chosen)
        if _digest(chosen) != visit.field("previewed"):
            raise AwsError("NodesChanged", f"The nodes that match have changed: {total} now. Look again.", 409)
        if total > MANY and visit.field("count").strip() != str(total):
            raise validation_error(f"Type {total} to run on {total} nodes.")
        await visit.ask("StartAssociationsOnce", AssociationIds=ids)
    except AwsError as error:
        return await run_preview(visit, error)
    where = visit.url("associations", ids[0]) if len(ids) == 1 else visit.url("associations", state="running")
    return visit.see(where, f"{words.counted(len(ids), 'run')} started.")


async def _chosen(visit: Visit, ids: list[str]) -> list[Chosen]:
    if not 1 <= len(set(ids)) <= MOST_AT_ONCE:
        raise validation_error(f"Choose 1 to {MOST_AT_ONCE} associations.")
    async with visit.reading() as tx:
        rows = await store_pages.of_ids(tx, visit.scope, ids)
        versions = await store_pages.current_of(tx, list(rows))
    missing = [one for one in ids if one not in rows]
    if missing:
        raise AwsError("AssociationDoesNotExist", f"Association {missing[0][:80]} does not exist.")
    return [
        Chosen(row, words.name_of(row), await _matched(visit, versions[row.association_id].members()))
        for row in rows.values()
    ]


async def _matched(visit: Visit, definition: Definition) -> Matched:
    """The nodes that an association means now; none for targets that only Automation knows."""
    wanted = definition.get("Targets") or ()
    if not wanted and definition.get("InstanceId"):
        wanted = [{"Key": "InstanceIds", "Values": [definition["InstanceId"]]}]
    return await matching.matched(visit, wanted) if wanted else Matched([], [])


def _digest(chosen: list[Chosen]) -> str:
    return previewed(f"{one.row.association_id}/{one.row.version}/{one.matched.digest}" for one in chosen)


# New and edit


async def edit(visit: Visit, problem: AwsError | None = None) -> Response:
    """The form; with `preview` what it would do."""
    row, before = await _before(visit)
    asked = visit.form or {name: visit.queries(name) for name in visit.request.query_params}
    given = asked if asked.get("document") and ("targets" in asked or row is None) else fields_of(before)
    document = (given.get("document") or [""])[0].strip()
    described: dict[str, Any] | None = None
    preview: dict[str, Any] | None = None
    try:
        if document:
            described = (await visit.ask("DescribeDocument", Name=document))["Document"]
        if asked.get("preview"):
            preview = await _preview(visit, row, before, members_of(asked, before))
    except (AwsError, InvalidSchedule) as error:
        problem = problem or (error if isinstance(error, AwsError) else validation_error(str(error)))
    return visit.page(
        "association_edit.html",
        f"Edit {words.name_of(row)}" if row else "New association",
        row=row,
        name=words.name_of(row) if row else "",
        given={name: values[0] for name, values in given.items()},
        parameters=parameters_of(given),
        described=described,
        document=document,
        preview=preview,
        severities=SEVERITIES,
        syncs=SYNCS,
        problem=problem,
    )


async def save(visit: Visit) -> Response:
    """Create or update with exactly what was previewed."""
    row, before = await _before(visit)
    try:
        members = members_of(visit.form, before)
        if row is None:
            made = (await visit.ask("CreateAssociation", **members))["AssociationDescription"]
            return visit.see(visit.url("associations", made["AssociationId"]), "The association is created.")
        if visit.field("version_seen") != str(row.version):
            raise AwsError("VersionChanged", f"Version {row.version} was made meanwhile. Look again.", 409)
        await visit.ask("UpdateAssociation", AssociationId=row.association_id, **members)
    except AwsError as error:
        visit.form["preview"] = ["1"]
        return await edit(visit, error)
    return visit.see(visit.url("associations", row.association_id), f"Version {row.version + 1} is there.")


async def _before(visit: Visit) -> tuple[AssociationRow | None, Definition]:
    if "association_id" not in visit.request.path_params:
        return None, {}
    async with visit.reading() as tx:
        row = await found(visit, tx)
        return row, (await store.current(tx, row)).members()


def fields_of(definition: Definition) -> dict[str, list[str]]:
    """A definition as the form's fields."""
    fields = {"document": [str(definition.get("Name", ""))]}
    fields |= {field: [str(definition[member])] for member, field in SIMPLE.items() if definition.get(member)}
    fields["targets"] = [matching.text_of(definition.get("Targets", ()))]
    fields["calendars"] = ["\n".join(definition.get("CalendarNames", ()))]
    fields["offset"] = [str(definition.get("ScheduleOffset") or "")]
    if definition.get("ApplyOnlyAtCronInterval"):
        fields["only"] = ["on"]
    for name, values in (definition.get("Parameters") or {}).items():
        fields[f"{PARAMETER}{name}[]" if len(values) > 1 else f"{PARAMETER}{name}"] = ["\n".join(values)]
    return fields


def members_of(asked: dict[str, list[str]], before: Definition) -> dict[str, Any]:
    """The request's members for a form. What the form does not show stays as it was. Raises ValidationException."""
    shown = {*SIMPLE, "Name", "Targets", "CalendarNames", "ScheduleOffset", "ApplyOnlyAtCronInterval", "Parameters"}
    members = {name: value for name, value in before.items() if name not in shown and name not in NOT_SENT}
    members["Name"] = _first(asked, "document")
    members |= {member: _first(asked, field) for member, field in SIMPLE.items() if _first(asked, field)}
    if _first(asked, "targets"):
        members["Targets"] = matching.targets_in(asked["targets"][0])
    calendars = _first(asked, "calendars").split()
    if calendars:
        members["CalendarNames"] = calendars
    offset = _first(asked, "offset")
    if offset:
        if not (offset.isascii() and offset.isdecimal()):
            raise validation_error(f"An offset of {offset[:20]!r} is no number of days.")
        members["ScheduleOffset"] = int(offset)
    if _first(asked, "only"):
        members["ApplyOnlyAtCronInterval"] = True
    parameters = parameters_of(asked)
    if parameters:
        members["Parameters"] = parameters
    return members


async def _preview(
    visit: Visit, row: AssociationRow | None, before: Definition, members: dict[str, Any]
) -> dict[str, Any]:
    """What changes, when it fires next, which nodes it means now, and which it meant."""
    matched = await _matched(visit, members)
    were = await _matched(visit, before) if before else None
    operation = "CreateAssociation" if row is None else "UpdateAssociation"
    named = {} if row is None else {"AssociationId": row.association_id}
    return {
        "changes": words.changed_members(without_defaults(before), without_defaults(members)),
        "matched": matched,
        "were": None if were is None else were.count,
        "fires": next_fires(members, visit.now_ms),
        "runs_now": not members.get("ApplyOnlyAtCronInterval"),
        "command": visit.command(operation, **named, **members),
    }


def without_defaults(definition: Definition) -> Definition:
    """What stands in a definition though nobody said it is no change."""
    quiet = {"DocumentVersion": "$DEFAULT", "ApplyOnlyAtCronInterval": False}
    return {name: value for name, value in definition.items() if value != quiet.get(name, object())}


def next_fires(members: dict[str, Any], now_ms: int) -> list[int]:
    """The next ten times of a schedule that begins now. Raises InvalidSchedule."""
    expression = members.get("ScheduleExpression")
    if not expression:
        return []
    schedule = parse_for_association(expression, now_ms)
    first_ms = next_due(schedule, now_ms, now_ms, members.get("ScheduleOffset", 0))
    return fire_times(members, first_ms, now_ms, FIRES)


# Pause, resume, delete


async def pause_preview(visit: Visit) -> Response:
    async with visit.reading() as tx:
        row = await found(visit, tx)
    verb = visit.request.url.path.rpartition("/")[2]
    return visit.page("association_pause.html", f"{verb.capitalize()} {words.name_of(row)}", row=row, verb=verb)


async def pause(visit: Visit) -> Response:
    await visit.ask("PauseAssociation", association=visit.path("association_id"))
    return visit.see(visit.url("associations", visit.path("association_id")), "Paused: nothing starts but by hand.")


async def resume(visit: Visit) -> Response:
    made = await visit.ask("ResumeAssociation", association=visit.path("association_id"))
    held = "What had been held back runs now." if made.get("execution") else "It runs at its next time."
    return visit.see(visit.url("associations", visit.path("association_id")), f"Resumed. {held}")


async def delete_preview(visit: Visit) -> Response:
    async with visit.reading() as tx:
        row = await found(visit, tx)
    command = visit.command("DeleteAssociation", AssociationId=row.association_id)
    name = words.name_of(row)
    return visit.page("association_delete.html", f"Delete {name}", row=row, name=name, command=command)


async def delete(visit: Visit) -> Response:
    async with visit.reading() as tx:
        row = await found(visit, tx)
    if visit.field("name").strip() not in (words.name_of(row), row.association_id):
        raise validation_error(f"Type {words.name_of(row)} to delete this association.")
    await visit.ask("DeleteAssociation", AssociationId=row.association_id)
    return visit.see(visit.url("associations"), f"{words.name_of(row)} is deleted; what nodes have begun may finish.")


def _first(asked: dict[str, list[str]], name: str) -> str:
    return (asked.get(name) or [""])[0].strip()


PAGES = (
    Page("/associations/run", run_preview, run_once),
    Page("/associations/new", edit, save),
    Page("/associations/{association_id}/edit", edit, save),
    Page("/associations/{association_id}/pause", pause_preview, pause),
    Page("/associations/{association_id}/resume", pause_preview, resume),
    Page("/associations/{association_id}/delete", delete_preview, delete),
)
