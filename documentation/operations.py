"""`reference/operations.md`: every operation of the service model, and Stateward's own."""

from __future__ import annotations

import ast
import inspect
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from documentation.tables import code, table
from stateward.access import permissions, roles
from stateward.api.extension_routes import PREFIX
from stateward.app import Server
from stateward.config import Config

REFUSE = "refuse_members"


def page() -> str:
    with tempfile.TemporaryDirectory() as folder:
        performer = Server(Config(data_dir=Path(folder), clock="virtual", durable=False)).performer
        answered, own = performer.operations, performer.extensions
    # The table of roles covers the whole model of AWS, and does not change with the botocore that is installed here.
    known = roles.LEAST_ROLE.keys()
    return f"""
# Every operation

Of the {len(known)} operations that AWS Systems Manager has for people, {len(known & answered.keys())} are answered,
and {len(answered.keys() - known)} more that only nodes call. What each does and where it differs stands in
[Operations of the API](../api.md). Others answer `UnknownOperationException`.

## Answered

*Role* is the least [role](../operations.md#roles) of an access key; *node* says that a node may call it about itself. A
member that is *refused* answers `ValidationException`.

{table(["Operation", "Role", "Node", "Refused members"], (_row(name, answered[name]) for name in sorted(answered)))}

## Not answered

{_paragraph(sorted(known - answered.keys()))}

## Stateward's own

With a virtual clock there are more, for [time, fleet and alarms](../virtual-clock.md).
What each says: [Addresses of Stateward's own](../extensions.md).

{table(["Name", "Role", "Address"], ([f"`{one.name}`", one.role, f"`{one.method} {PREFIX}{one.path}`"] for one in own))}
"""


def refused(operation: Callable[..., Any]) -> list[str]:
    """The members that the operation's own code refuses, read from its calls of `refuse_members`."""
    code_of = ast.parse(textwrap.dedent(inspect.getsource(operation)))
    found: list[str] = []
    for call in (node for node in ast.walk(code_of) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == REFUSE:
            found += _members(call.args[1], sys.modules[operation.__module__])
    return list(dict.fromkeys(found))


def _members(given: ast.expr, module: object) -> Iterable[str]:
    members = getattr(module, given.id) if isinstance(given, ast.Name) else ast.literal_eval(given)
    return [str(member) for member in members]


def _row(name: str, operation: Callable[..., Any]) -> list[str]:
    by_nodes = name in permissions.NODE_CALLS or name in permissions.NODE_CALLS_BY_ROWS
    role = "" if name in permissions.NODE_ONLY else roles.LEAST_ROLE[name]
    return [f"`{name}`", role, "yes" if by_nodes else "", code(refused(operation))]


def _paragraph(names: Iterable[str]) -> str:
    return textwrap.fill(", ".join(names) + ".", 140)
