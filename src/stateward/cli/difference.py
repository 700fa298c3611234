"""Two executions side by side, as people read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import typer

from stateward.cli import colours, tables
from stateward.cli.names import Names
from stateward.cli.presentation import Look

KINDS = (
    ("failing", "Failed", "fails now, and was well", "fail now, and were well"),
    ("other_error", "Failed", "fails in both, with another error", "fail in both, with another error"),
    ("same_error", "Failed", "fails in both, with the same error", "fail in both, with the same error"),
    ("recovered", "Success", "is well now, and failed", "are well now, and failed"),
    ("new", "None", "is new", "are new"),
    ("gone", "None", "is no target any more", "are no targets any more"),
)
"""Kind, the status that it looks like, and its sentence for one node and for several."""
DIFFERENCES = ("failing", "other_error", "recovered", "new", "gone")
SHOWN = 8


def differs(told: Mapping[str, Any]) -> bool:
    """Whether anything is other: nodes, the definition, parameters."""
    before, after = told["before"], told["after"]
    return bool(
        any(told["counts"][kind] for kind in DIFFERENCES)
        or told["definition"]
        or told["parameter_versions"]
        or before["document_version"] != after["document_version"]
    )


def show(told: Mapping[str, Any], names: Names, look: Look) -> None:
    """The two in a line, then what is different."""
    before, after, counts = told["before"], told["after"], told["counts"]
    pairs = [
        ("version", before["version"], after["version"]),
        ("document", before["document_version"], after["document_version"]),
        ("nodes", before["targets"], after["targets"]),
    ]
    line = [f"#{before['number']} {_status(before, look)} → #{after['number']} {_status(after, look)}"]
    line += [f"{name} {old} {'=' if old == new else '→'} {new}" for name, old, new in pairs if old or new]
    typer.echo("   ".join([*line, f"Success in both {counts['well']}"]))
    for change in told["definition"]:
        typer.echo(f"~ {change['member']}  {_value(change['before'])} → {_value(change['after'])}")
    for change in told["parameter_versions"]:
        typer.echo(f"~ parameter {change['member']}  {_value(change['before'])} → {_value(change['after'])}")
    for kind, status, of_one, of_several in KINDS:
        if counts[kind]:
            sentence = of_one if counts[kind] == 1 else of_several
            _kind(told["nodes"][kind], counts[kind], status, sentence, names, look)


def _kind(nodes: list[dict[str, Any]], count: int, status: str, sentence: str, names: Names, look: Look) -> None:
    """`✕ 2 fail now, and were well   db-002 db-009   restart exit 1: disk full`, a line for each error."""
    head = look.painted(f"{colours.sign(status)} {count} {sentence}", status)
    by_error: dict[str, list[str]] = {}
    for one in nodes:
        side = one["after"] or one["before"] or {}
        error = (side.get("error") or "") if status == "Failed" else ""
        by_error.setdefault(error, []).append(one["node"])
    called = names.node_names(node for found in by_error.values() for node in found[:SHOWN])
    typer.echo(head)
    for error, found in by_error.items():
        more = f" … {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        shown = " ".join(called[node] for node in found[:SHOWN])
        typer.echo(f"    {tables.safe(shown)}{more}{'   ' + tables.safe(error) if error else ''}")
    if count > len(nodes):
        typer.echo(f"    and {count - len(nodes)} more nodes")


def _status(side: Mapping[str, Any], look: Look) -> str:
    return look.painted(look.cell("status", side["status"]), side["status"])


def _value(value: Any) -> str:
    return "none" if value is None else tables.safe(json.dumps(value, ensure_ascii=False))
