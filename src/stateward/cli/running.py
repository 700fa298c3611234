"""`stateward run` and `stateward retry`: start associations, and follow what was started."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stateward.cli.arguments import Assocs, Exec, Timeout, Watch
from stateward.cli.declaring import command
from stateward.cli.presentation import Look
from stateward.cli.server import FAILED, USAGE, Server, Where, fail

if TYPE_CHECKING:
    from stateward.cli.names import Association, Execution

HEADER = "x-stateward-executions"
LOOK_S, TRIES = 1.0, 10


OnNodes = Annotated[
    list[str] | None,
    typer.Option("--node", "--nodes", "-n", help="Only on this node, id or name; again for others.  [default: all]"),
]


def run(
    where: Where,
    look: Look,
    associations: Assocs,
    node: OnNodes = None,
    watch: Watch = False,
    timeout: Timeout = "",
) -> None:
    """Run associations now, on all their targets or on some. With --watch exit code 0 means: every node succeeded."""
    from stateward.cli.names import Names

    server = Server(where)
    names = Names(server)
    chosen = list({one.id: one for one in map(names.association, associations)}.values())
    server.announce(quiet=look.quiet)
    if node:
        on = [names.node(one) for one in node]
        started = [_on_nodes(server, one, on) for one in chosen]
        follow(server, started, look, watch=watch, timeout=timeout)
        return
    newest = {one.id: _newest(server, one) for one in chosen}
    answer = server.call("start_associations_once", AssociationIds=[one.id for one in chosen])
    header = answer["ResponseMetadata"]["HTTPHeaders"].get(HEADER, "")
    started = _named(header, chosen) if header else _looked_for(server, chosen, newest, look)
    follow(server, [names.numbered(one) for one in started], look, watch=watch, timeout=timeout)


def retry(
    where: Where,
    look: Look,
    execution: Exec,
    failed: Annotated[bool, typer.Option("--failed", help="On the nodes that failed.")] = False,
    timed_out: Annotated[bool, typer.Option("--timed-out", help="On those that took too long.")] = False,
    not_started: Annotated[
        bool, typer.Option("--not-started", help="On those that were cancelled before they had done it.")
    ] = False,
    watch: Watch = False,
    timeout: Timeout = "",
) -> None:
    """Run an execution's association again, only on the nodes where that execution did not succeed."""
    from stateward.cli.names import Execution, Names

    chosen = {"Failed": failed, "TimedOut": timed_out, "Cancelled": not_started}
    statuses = [status for status, wanted in chosen.items() if wanted]
    if not statuses:
        fail("retry what? Give --failed, --timed-out, --not-started, or several of them", USAGE)
    server = Server(where)
    found = Names(server).execution(execution)
    server.announce(quiet=look.quiet)
    told = server.own(f"/_stateward/executions/{found.id}/retry", {"status": statuses})
    if told is None:
        fail(
            "AWS cannot run an association on some nodes of an execution only: `stateward run "
            f"{found.association.name}` runs it on all its targets"
        )
    for one in told["first_left_out"]:
        look.say(f"left out: {one['node']}, {one['reason']}")
    started = Execution(told["execution"], found.association, told["number"])
    look.say(f"{started.called}: on {told['nodes']} of the nodes of {found.called}")
    follow(server, [started], look, watch=watch, timeout=timeout)


def follow(server: Server, started: list[Execution], look: Look, *, watch: bool, timeout: str) -> None:
    """With --watch to its end; else say what was started, and how to follow it."""
    from stateward.cli import watching
    from stateward.cli.presentation import Column, Listing

    if watch:
        watching.watch(server, started, look, timeout)
        return
    if timeout:
        fail("--timeout is for --watch", USAGE)
    listing = Listing(
        columns=(
            Column("RUN", lambda one: one.word, "id"),
            Column("EXECUTION", lambda one: one.id, "id"),
            Column("ASSOCIATION", lambda one: one.association.id, "id"),
        ),
        name=lambda one: one.word,
    )
    plain = [{"ExecutionId": one.id, "AssociationId": one.association.id, "Number": one.number} for one in started]
    look.show(listing, started, plain)
    if look.is_terminal:
        look.say(f"watch: stateward executions watch {' '.join(one.word for one in started)}")


def add_to(app: typer.Typer) -> None:
    """Make these commands of the program."""
    command(
        app, "run", "stateward run nightly-patch --watch", "stateward run nightly-patch --node web-017 --node web-018"
    )(run)
    command(
        app,
        "retry",
        "stateward retry nightly-patch/last --failed --watch",
        "stateward retry nightly-patch/412 --failed --timed-out --not-started",
    )(retry)


def _on_nodes(server: Server, association: Association, nodes: list[str]) -> Execution:
    from stateward.cli.names import Execution

    told = server.own(f"/_stateward/associations/{association.id}/run", {"nodes": nodes})
    if told is None:
        fail("AWS cannot run an association on some of its nodes; `stateward commands send` runs its document there")
    return Execution(told["execution"], association, told["number"])


def _named(header: str, chosen: list[Association]) -> list[Execution]:
    from stateward.cli.names import Execution

    pairs = dict(pair.split("=", 1) for pair in header.split(",") if "=" in pair)
    return [Execution(pairs[one.id], one) for one in chosen if one.id in pairs]


def _newest(server: Server, association: Association) -> dict[str, Any] | None:
    rows = server.some(
        "describe_association_executions", "AssociationExecutions", 1, AssociationId=association.id, MaxResults=1
    )
    return rows[0] if rows else None


def _looked_for(
    server: Server, chosen: list[Association], before: dict[str, dict[str, Any] | None], look: Look
) -> list[Execution]:
    """AWS does not name what it starts: the newest execution that was not there before."""
    from stateward.cli.names import Execution
    from stateward.clock import pause

    look.say("AWS does not say which executions it has started: the newest ones since then are taken for them")
    found = []
    for association in chosen:
        known = before[association.id]
        for _ in range(TRIES):
            row = _newest(server, association)
            if row is not None and _is_newer(row, known):
                found.append(Execution(row["ExecutionId"], association))
                break
            pause(LOOK_S)
        else:
            fail(f"{association.name} was started, and no new execution of it is to be seen yet", FAILED)
    return found


def _is_newer(row: dict[str, Any], known: dict[str, Any] | None) -> bool:
    if known is None:
        return True
    earlier: datetime = known["CreatedTime"]
    return bool(row["ExecutionId"] != known["ExecutionId"] and row["CreatedTime"] >= earlier)
