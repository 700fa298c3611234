"""`stateward fleet`: many nodes in one process, for load tests and demos."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stateward.cli.arguments import tag_of
from stateward.cli.server import USAGE, Server, Where, fail
from stateward.cli.whereabouts import located

if TYPE_CHECKING:
    from stateward.fleet.fleet import Activation, Plan, State

app = typer.Typer(
    no_args_is_help=True, help="Many nodes in one process, over the real protocol, with scripted answers."
)

MOST_OF_AN_ACTIVATION = 1_000
REMOVALS_AT_ONCE = 8
CLEAR_LINE = "\r\x1b[K"


@app.callback()
def program() -> None:
    """Many nodes in one process, over the real protocol, with scripted answers."""


@app.command("run")
@located
def run(
    where: Where,
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=100_000, help="How many nodes.")],
    name: Annotated[
        str, typer.Option(envvar="STATEWARD_FLEET_NAME", help="The nodes call themselves NAME-001 and so on.")
    ] = "fleet",
    tag: Annotated[
        list[str] | None,
        typer.Option(envvar="STATEWARD_FLEET_TAG", help="A tag of new nodes, key=value; again for others."),
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(
            envvar="STATEWARD_FLEET_SCRIPT",
            help="YAML or JSON file with a list of rules: what nodes answer.  [default: every step succeeds]",
            show_default=False,
        ),
    ] = None,
    delay: Annotated[
        str, typer.Option(envvar="STATEWARD_FLEET_DELAY", help="How long a step takes, or a range such as 1s..5s.")
    ] = "1s",
    connect_rate: Annotated[
        float, typer.Option(envvar="STATEWARD_FLEET_CONNECT_RATE", min=0.1, help="So many nodes begin in a second.")
    ] = 50.0,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            "--state-dir",
            envvar="STATEWARD_FLEET_STATE_DIR",
            help="Folder that brings the same nodes back.  [default: none, they are deregistered at the end]",
            show_default=False,
        ),
    ] = None,
    deregister: Annotated[
        bool, typer.Option("--deregister", envvar="STATEWARD_FLEET_DEREGISTER", help="Remove kept nodes too.")
    ] = False,
    log_level: Annotated[
        str, typer.Option(envvar="STATEWARD_FLEET_LOG_LEVEL", help="debug, info, warning or error, of every node.")
    ] = "error",
) -> None:
    """Register so many nodes, hold them until Ctrl-C, and answer commands as the script says."""
    from stateward.agent.identity import IdentityProblem, exclusively
    from stateward.agent.main import RegistrationFailed
    from stateward.cli.logs import configure_logs
    from stateward.fleet import open_files
    from stateward.fleet.fleet import Plan, stranger_in
    from stateward.fleet.roster import Roster
    from stateward.fleet.script import ScriptProblem, read
    from stateward.scripted.rules import range_problem

    tags = [tag_of(text) for text in tag or []]
    if deregister and state_dir is None:
        fail("--deregister is for nodes that --state-dir keeps; without that they are removed anyway", USAGE)
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,200}", name):
        fail(f"--name {name[:80]!r}: use up to 200 letters, digits, dots, _ and -", USAGE)
    wrong = range_problem("--delay", delay)
    if wrong is not None:
        fail(wrong, USAGE)
    try:
        configure_logs(log_level, "text")
        rules = [] if script is None else read(script)
        open_files.allow(count)
    except (ValueError, ScriptProblem, open_files.TooFewFiles) as error:
        fail(str(error), USAGE)
    server = Server(where)
    plan = Plan(server.endpoint, count, name, rules, delay, connect_rate)
    stranger = stranger_in(plan)
    if stranger is not None:
        fail(f"{script}: {stranger}", USAGE)
    server.announce()
    try:
        with ExitStack() as stack:
            folder = (state_dir or _passing(stack)).absolute()
            stack.enter_context(exclusively(folder))
            roster = Roster(folder, server.endpoint, server.region)
            activations = _activations(server, roster.missing(count), tags)
            if deregister or state_dir is None:
                stack.callback(_deregister, server, roster)
            stack.callback(_forget, server, activations)
            _hold(plan, roster, activations, server)
    except (IdentityProblem, RegistrationFailed) as error:
        fail(str(error))


def _hold(plan: Plan, roster: Any, activations: list[Activation], server: Server) -> None:
    """The fleet's life, and what is said of it."""
    from stateward.cli.loop import run_loop

    told = _Telling(server.endpoint, sys.stderr.isatty())
    state = run_loop(_run(plan, roster, activations, server, told.look))
    told.end(state)


async def _run(
    plan: Plan, roster: Any, activations: list[Activation], server: Server, look: Callable[[State], None]
) -> State:
    import asyncio
    import ssl

    from stateward.agent.main import stop_on_signals
    from stateward.fleet.fleet import Fleet

    stop = asyncio.Event()
    stop_on_signals(stop)
    return await Fleet(plan, roster, activations, ssl.create_default_context(cafile=server.ca_file)).run(stop, look)


class _Telling:
    """A line that changes on a terminal; elsewhere one when all nodes are connected, and one at the end."""

    def __init__(self, endpoint: str, terminal: bool) -> None:
        self._endpoint = endpoint
        self._terminal = terminal
        self._ready = False

    def look(self, state: State) -> None:
        if state.ready_s is not None and not self._ready:
            self._ready = True
            self._clear()
            typer.echo(f"{_nodes(state.count)} connected to {self._endpoint} after {state.ready_s:.1f} s; Ctrl-C ends")
        if self._terminal:
            typer.echo(
                f"{CLEAR_LINE}{state.connected:,} of {state.count:,} connected · {_work(state)}", nl=False, err=True
            )

    def end(self, state: State) -> None:
        self._clear()
        typer.echo(f"{state.connected:,} of {state.count:,} nodes were connected · {_work(state)}")

    def _clear(self) -> None:
        if self._terminal:
            typer.echo(CLEAR_LINE, nl=False, err=True)


def _nodes(count: int) -> str:
    return "1 node is" if count == 1 else f"{count:,} nodes are"


def _work(state: State) -> str:
    unwell = f", {state.unwell:,} of them not successful" if state.unwell else ""
    return f"{state.running:,} commands running · {state.ended:,} ended{unwell}"


def _passing(stack: ExitStack) -> Path:
    import tempfile

    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stateward-fleet-")))


def _activations(server: Server, missing: int, tags: list[dict[str, str]]) -> list[Activation]:
    """As many activations as that many nodes need."""
    from stateward.fleet.fleet import Activation

    made: list[Activation] = []
    while missing > 0:
        limit = min(missing, MOST_OF_AN_ACTIVATION)
        members: dict[str, Any] = {"Tags": tags} if tags else {}
        answer = server.call(
            "create_activation", IamRole="stateward", Description="stateward fleet", RegistrationLimit=limit, **members
        )
        made.append(Activation(answer["ActivationId"], answer["ActivationCode"], limit))
        missing -= limit
    return made


def _forget(server: Server, activations: list[Activation]) -> None:
    """Activations that nobody is to use any more."""
    for activation in activations:
        server.call("delete_activation", ActivationId=activation.activation_id)


def _deregister(server: Server, roster: Any) -> None:
    """Remove every node of the roster; one that is gone already is no matter."""
    from concurrent.futures import ThreadPoolExecutor

    def remove(member: Any) -> None:
        try:
            server.ssm.deregister_managed_instance(InstanceId=member.node_id)
        except server.ssm.exceptions.InvalidInstanceId:
            return

    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with ThreadPoolExecutor(REMOVALS_AT_ONCE) as removing:
            removed = sum(1 for _ in removing.map(remove, roster.members))
    except (BotoCoreError, ClientError) as error:
        fail(f"the nodes could not be removed ({error}); `stateward nodes deregister` does it one by one")
    roster.clear()
    typer.echo(f"{_nodes(removed)} deregistered")
