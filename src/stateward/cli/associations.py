"""`stateward associations`: which document runs on which nodes, and when."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stateward.cli import completion
from stateward.cli.arguments import Assoc, Yes
from stateward.cli.declaring import command, group
from stateward.cli.definitions import File, Nodes, Parameters, Targets
from stateward.cli.presentation import Column, Listing, Look, confirm
from stateward.cli.server import USAGE, Server, Where, fail

if TYPE_CHECKING:
    from stateward.cli.names import Association

app = group(
    "Associations: which document runs on which nodes, and when.",
    "stateward associations list",
    "stateward associations create nightly-patch --document patch --target env=prod --schedule 'rate(1 day)'",
)

DocumentOption = Annotated[
    str, typer.Option("--document", "-d", help="The document that runs.", autocompletion=completion.documents)
]
Schedule = Annotated[str, typer.Option("--schedule", help="rate(…), cron(…) or at(…); none: when it is changed.")]
OnlyThen = Annotated[
    bool, typer.Option("--only-at-schedule", help="Do not run at once, but first when the schedule says so.")
]
Concurrency = Annotated[str, typer.Option("--max-concurrency", help="How many nodes at a time: 10 or 10%.")]
Errors = Annotated[str, typer.Option("--max-errors", help="How many errors are allowed: 5 or 5%.")]


@command(app, "list", "stateward associations list --status Failed", "stateward associations list -o name")
def list_associations(
    where: Where,
    look: Look,
    status: Annotated[str, typer.Option("--status", help="Only with this status: Success, Failed or Pending.")] = "",
    document: DocumentOption = "",
) -> None:
    """List the associations."""
    wanted = {"AssociationStatusName": status, "Name": document}
    filters = [{"key": key, "value": value} for key, value in wanted.items() if value]
    from stateward.cli import association_page

    rows = Server(where).some(
        "list_associations",
        "Associations",
        look.limit,
        MaxResults=50,
        **({"AssociationFilterList": filters} if filters else {}),
    )
    look.show(association_page.LIST, rows)


@command(app, "show", "stateward associations show nightly-patch", "stateward associations show nightly-patch -o yaml")
def show(where: Where, look: Look, association: Assoc) -> None:
    """Show an association: what, where, when, how it stands, when it runs next."""
    from stateward.cli import association_page
    from stateward.cli.names import Names

    server = Server(where)
    association_page.show(server, _described(server, Names(server).association(association).id), look)


@command(
    app,
    "create",
    "stateward associations create greet -d AWS-RunShellScript -p 'commands=echo hello' -t '*'",
    "stateward associations create --file nightly-patch.yaml",
)
def create(
    where: Where,
    look: Look,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Its name.", show_default=False)] = "",
    document: DocumentOption = "",
    target: Targets = None,
    node: Nodes = None,
    parameter: Parameters = None,
    schedule: Schedule = "",
    only_at_schedule: OnlyThen = False,
    max_concurrency: Concurrency = "",
    max_errors: Errors = "",
    file: File = None,
) -> None:
    """Make an association; it runs at once, unless --only-at-schedule is given."""
    from stateward.cli import association_page
    from stateward.cli.definitions import members_in, parameters_of, targets_of
    from stateward.cli.names import Names

    server = Server(where)
    given = {
        "AssociationName": name,
        "Name": document,
        "Targets": targets_of(Names(server), target, node),
        "Parameters": parameters_of(parameter),
        "ScheduleExpression": schedule,
        "ApplyOnlyAtCronInterval": only_at_schedule,
        "MaxConcurrency": max_concurrency,
        "MaxErrors": max_errors,
    }
    members = {**members_in(file), **{member: value for member, value in given.items() if value}}
    if "Name" not in members:
        fail("which document? Give --document, or Name in a --file", USAGE)
    server.announce(quiet=look.quiet)
    made = server.call("create_association", **members)["AssociationDescription"]
    association_page.show(server, made, look)


@command(
    app,
    "edit",
    "stateward associations edit nightly-patch --max-concurrency 20",
    "stateward associations edit nightly-patch --schedule 'cron(0 3 * * ? *)'",
)
def edit(
    where: Where,
    look: Look,
    association: Assoc,
    target: Targets = None,
    node: Nodes = None,
    parameter: Parameters = None,
    schedule: Schedule = "",
    max_concurrency: Concurrency = "",
    max_errors: Errors = "",
    file: File = None,
) -> None:
    """Change an association: by options, from a file, or in $EDITOR. What is not named stays; it is a new version."""
    from stateward.cli import association_page
    from stateward.cli.definitions import members_in, parameters_of, targets_of
    from stateward.cli.names import Names

    server = Server(where)
    names = Names(server)
    found = names.association(association)
    members = _members(server, found)
    given = {
        "Targets": targets_of(names, target, node),
        "Parameters": {**members.get("Parameters", {}), **parameters_of(parameter)} if parameter else {},
        "ScheduleExpression": schedule,
        "MaxConcurrency": max_concurrency,
        "MaxErrors": max_errors,
    }
    changed = {**members, **members_in(file), **{member: value for member, value in given.items() if value}}
    if not file and not any(given.values()):
        changed = _by_hand(members, found)
    if changed == members:
        look.say(f"{found.name} stays as it is")
        return
    server.announce(quiet=look.quiet)
    told = server.call("update_association", AssociationId=found.id, **changed)["AssociationDescription"]
    association_page.show(server, told, look)


@command(app, "pause", "stateward associations pause nightly-patch", "stateward associations pause nightly-patch -q")
def pause(where: Where, look: Look, association: Assoc) -> None:
    """Turn its schedule and triggers off; what runs goes on, and `stateward run` still runs it."""
    _turn(where, look, association, "pause")


@command(app, "resume", "stateward associations resume nightly-patch", "stateward associations resume nightly-patch -q")
def resume(where: Where, look: Look, association: Assoc) -> None:
    """Turn its schedule and triggers on again."""
    _turn(where, look, association, "resume")


@command(
    app, "delete", "stateward associations delete nightly-patch", "stateward associations delete nightly-patch --yes"
)
def delete(where: Where, look: Look, association: Assoc, yes: Yes = False) -> None:
    """Delete an association. What runs on nodes finishes; its history stays."""
    from stateward.cli.names import Names

    server = Server(where)
    found = Names(server).association(association)
    confirm(f"Delete {found.name} ({found.id}) on {server.endpoint}?", yes=yes, what="delete asks before it deletes")
    server.announce(quiet=look.quiet)
    server.call("delete_association", AssociationId=found.id)
    look.say(f"{found.name} is deleted")


@command(
    app,
    "versions",
    "stateward associations versions nightly-patch",
    "stateward associations versions nightly-patch -o json",
)
def versions(where: Where, look: Look, association: Assoc) -> None:
    """List its versions with what each has changed, newest first."""
    from stateward.cli import association_page
    from stateward.cli.names import Names

    server = Server(where)
    found = Names(server).association(association)
    rows = server.pages("list_association_versions", "AssociationVersions", AssociationId=found.id, MaxResults=50)
    rows.sort(key=lambda row: int(row["AssociationVersion"]), reverse=True)
    changes = [association_page.changed(old, new) for new, old in pairwise(rows)]
    shown = [{**row, "changed": change} for row, change in zip(rows, [*changes, ""], strict=False)]
    look.show(association_page.VERSIONS, shown, rows)


@command(
    app,
    "next",
    "stateward associations next nightly-patch",
    "stateward associations next nightly-patch --count 30 -o name",
)
def next_times(
    where: Where,
    look: Look,
    association: Assoc,
    count: Annotated[int, typer.Option("--count", min=1, max=100, help="How many times.")] = 10,
) -> None:
    """List when it runs next, as its schedule says."""
    from stateward.cli.names import Names

    server = Server(where)
    found = Names(server).association(association)
    told = server.own(f"/_stateward/associations/{found.id}/next", query={"count": str(count)})
    if told is None:
        fail("AWS does not tell when an association runs next; `stateward associations show` has its schedule")
    if told["paused"]:
        look.say(f"{found.name} is paused: these times will pass")
    if not told["next"]:
        look.say(f"nothing is due; `stateward why {found.name}` says why")
    listing = Listing((Column("NEXT", lambda instant: instant, "instant"),), name=str)
    look.show(listing, told["next"])


def _described(server: Server, association_id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.call("describe_association", AssociationId=association_id)["AssociationDescription"]
    return found


def _members(server: Server, found: Association) -> dict[str, Any]:
    """All that was given: UpdateAssociation forgets what it is not told again (spec 2.5)."""
    from stateward.folder.resources import ASSOCIATION_MEMBERS

    described = _described(server, found.id)
    return {name: described[name] for name in ASSOCIATION_MEMBERS if name in described}


def _by_hand(members: dict[str, Any], found: Association) -> dict[str, Any]:
    from stateward.cli.definitions import edited

    if not sys.stdin.isatty():
        fail("edit what? Give options or --file: there is no terminal for an editor", USAGE)
    changed = edited(members, f"{found.name}, {found.id}\nSave what is to be other; leave as it is to change nothing.")
    return members if changed is None else changed


def _turn(where: Where, look: Look, text: str, what: str) -> None:
    from stateward.cli.names import Names

    server = Server(where)
    found = Names(server).association(text)
    server.announce(quiet=look.quiet)
    told = server.own(f"/_stateward/associations/{found.id}/{what}", {})
    if told is None:
        fail("AWS has no pause for an association")
    if look.is_plain:
        look.show_plain(told)
    elif what == "pause":
        look.say(f"{found.name} is paused; due times pass until `stateward associations resume {found.name}`")
    elif told.get("was") is None:
        look.say(f"{found.name} was not paused")
    else:
        look.say(f"{found.name} runs again; {told['was']['passed']} due times have passed")
