"""Storing the script of a fleet, and asking it what nodes make of their work (D45)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from stateward.access.principals import Scope
from stateward.commands import store as commands
from stateward.commands import store_delivery
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.documents import library, schema, sharing, store_listing
from stateward.documents.document_types import STEPS_OF_NODES
from stateward.documents.parameters import effective_values, typed_values
from stateward.documents.store import AMAZON
from stateward.scripted import rules
from stateward.scripted.rules import Numbered, Rule
from stateward.simulation import store
from stateward.simulation.requests import those_there_are
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError, validation_error

NAMES_SHOWN = 10
DOCUMENTS_AT_ONCE = 200


class Order(msgspec.Struct, frozen=True):
    """The work of one command in the hands of simulated nodes, and the rule that holds for each of them."""

    document: schema.Document
    values: dict[str, Any]
    rows: list[tuple[InvocationRow, Rule | None]]


async def read(tx: Snapshot, scope: Scope) -> list[Numbered]:
    """The rules of a scope, oldest first."""
    used = await store.uses(tx, scope)
    return [
        Numbered(row.number, msgspec.json.decode(row.rule, type=Rule), frozenset(used.get(row.number, ())))
        for row in await store.rules(tx, scope)
    ]


async def add(tx: Transaction, scope: Scope, added: Sequence[Rule], *, ahead: bool = False) -> None:
    """Add rules, the last one to be asked first. Raises ValidationException for names that fit nothing; with `ahead`
    documents may be created after the rules about them."""
    for rule in added:
        problem = rules.problem_with(rule)
        await _check_nodes(tx, scope, rule)
        if problem is None and not ahead:
            problem = await _problem(tx, scope, rule)
        if problem is not None:
            raise validation_error(problem)
        await store.add_rule(tx, scope, msgspec.json.encode(rule).decode())


async def unknown_names(tx: Snapshot, scope: Scope, script: Sequence[Numbered]) -> dict[int, str]:
    """Rule number → why it never holds: it names a document or a step that is not there."""
    found = {one.number: await _problem(tx, scope, one.rule) for one in script}
    return {number: problem for number, problem in found.items() if problem is not None}


async def orders(tx: Transaction, rows: Sequence[InvocationRow]) -> list[Order]:
    """What the script says to work that nodes have taken, command by command; rules note that they were used."""
    of_command: dict[str, list[InvocationRow]] = {}
    for row in rows:
        of_command.setdefault(row.command_id, []).append(row)
    return [await _order(tx, command_id, rows_of_one) for command_id, rows_of_one in of_command.items()]


async def _order(tx: Transaction, command_id: str, rows: Sequence[InvocationRow]) -> Order:
    command = await commands.command(tx, command_id)
    assert command is not None, "an invocation hangs under its command"
    text = await store_delivery.job_text(tx, command_id)
    document = schema.parse_command(msgspec.json.decode(text.content))
    values = effective_values(
        document.parameters, typed_values(document.parameters, msgspec.json.decode(text.parameters))
    )
    scope = commands.scope_of(command)
    script = await read(tx, scope)
    run = await _run(tx, command, document, script)
    decided: list[tuple[InvocationRow, Rule | None]] = []
    for row in rows:
        one = rules.decide(script, run, row.resource_id)
        if one is not None and _is_to_be_noted(one, command_id):
            await store.note_use(tx, scope, one.number, command_id)
        decided.append((row, None if one is None else one.rule))
    return Order(document, values, decided)


def _is_to_be_noted(one: Numbered, command_id: str) -> bool:
    """Of a rule that is not used up only the first use matters: that there was one."""
    return not one.used_by or (one.rule.times is not None and command_id not in one.used_by)


async def _run(tx: Snapshot, command: CommandRow, document: schema.Document, script: Sequence[Numbered]) -> rules.Run:
    return rules.Run(
        command_id=command.command_id,
        document_name=command.document_name,
        step_names=schema.step_names(document),
        execution_number=command.execution_number,
        first_nodes={
            count: frozenset(await store.first_nodes(tx, command.command_id, count)) for count in rules.counts(script)
        },
    )


async def _check_nodes(tx: Snapshot, scope: Scope, rule: Rule) -> None:
    """Nodes are there before their rules."""
    if isinstance(rule.nodes, list):
        known = [row.node_id for row in await store.nodes(tx, scope)]
        unknown = [node_id for node_id in rule.nodes if node_id not in known]
        if unknown:
            raise validation_error(f"nodes: {_shown(unknown)}: no simulated node here; {those_there_are(known)}")


async def _problem(tx: Snapshot, scope: Scope, rule: Rule) -> str | None:
    """A name that fits nothing is an error, not a rule that never holds."""
    if rule.document is not None:
        names = await _steps_of(tx, scope, rule.document)
        if isinstance(names, str):
            return names
        if rule.step is not None and rule.step not in names:
            return f"step {rule.step!r}: document {rule.document} has no such step; it has {_shown(sorted(names))}"
    elif rule.step is not None:
        own: set[str] = set()
        async for shipped, names in _steps_of_documents(tx, scope):
            if rule.step in names:
                return None
            own |= set() if shipped else names
        here = f", or correct the name: your documents have {_shown(sorted(own))}" if own else ""
        return f"step {rule.step!r}: no document here has a step of this name; create the document first{here}"
    return None


async def _steps_of(tx: Snapshot, scope: Scope, name: str) -> set[str] | str:
    """The steps of a document's default and latest version, or why there are none."""
    try:
        default = await library.find(tx, scope, name)
        versions = [default, await library.find(tx, scope, name, sharing.LATEST)]
    except AwsError as error:
        if error.code != "InvalidDocument":
            raise
        return f"document {name!r}: does not exist here; create it first, or correct the name"
    if default.document_type not in STEPS_OF_NODES:
        return f"document {name!r}: is of type {default.document_type}, which does not run on nodes"
    return {step for row in versions for step in schema.step_names(library.parsed(row))}


async def _steps_of_documents(tx: Snapshot, scope: Scope) -> AsyncIterator[tuple[bool, set[str]]]:
    """The steps of each document that runs on nodes, and whether it is one of AWS's."""
    after = ("", "")
    while True:
        rows = await store_listing.summaries(tx, scope, after, DOCUMENTS_AT_ONCE)
        for row in rows:
            if row.shared_with == "" and row.document_type in STEPS_OF_NODES:
                names = await _steps_of(tx, scope, row.name)
                if not isinstance(names, str):
                    yield row.account_id == AMAZON.account_id, names
        if len(rows) < DOCUMENTS_AT_ONCE:
            return
        after = (rows[-1].name, rows[-1].account_id)


def _shown(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
