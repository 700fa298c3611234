"""What a person writes of an association or a command, as members of the API."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from stateward.cli.names import Names
from stateward.cli.server import USAGE, fail

EVERY_NODE = "*"
TARGET_KINDS = ("tag:", "tag-key", "InstanceIds", "ParameterKey", "resource-groups:")

Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        help="tag:env=prod,test, or env=prod for short, or '*' for every node; again: nodes that match all of them.",
    ),
]
Nodes = Annotated[list[str] | None, typer.Option("--node", "-n", help="A node, by id or name; again for others.")]
Parameters = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", help="name=value; the same name again: a list of values.")
]
File = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="Members as the API names them, JSON or YAML; - reads standard input."),
]


def targets_of(names: Names, targets: list[str] | None, nodes: list[str] | None) -> list[dict[str, Any]]:
    """Targets in the API's form."""
    if targets and nodes:
        fail("--target and --node: give one of them", USAGE)
    if nodes:
        return [{"Key": "InstanceIds", "Values": [names.node(node) for node in nodes]}]
    return [_target(text) for text in targets or []]


def parameters_of(texts: list[str] | None) -> dict[str, list[str]]:
    """`{"commands": ["true"]}`."""
    found: dict[str, list[str]] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not name or not equals:
            fail(f"--parameter {text!r}: use name=value", USAGE)
        found.setdefault(name, []).append(value)
    return found


def members_in(path: Path | None) -> dict[str, Any]:
    """The members in a file, none without one."""
    if path is None:
        return {}
    try:
        text = typer.get_text_stream("stdin").read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--file {path}: {error}", USAGE)
    return members_of(text, str(path))


def members_of(text: str, name: str) -> dict[str, Any]:
    """What JSON or YAML says; every JSON text is YAML, too."""
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        fail(f"{name} is neither JSON nor YAML: {' '.join(str(error).split())}", USAGE)
    if not isinstance(found, dict):
        fail(f"{name}: write members, such as ScheduleExpression: rate(1 day)", USAGE)
    return found


def edited(members: Mapping[str, Any], head: str) -> dict[str, Any] | None:
    """The members after a person has edited them as YAML; None when nothing was changed."""
    import yaml

    before = "".join(f"# {line}\n" for line in head.splitlines())
    before += yaml.safe_dump(dict(members), sort_keys=False, allow_unicode=True)
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="stateward-") as folder:
        path = Path(folder) / "association.yaml"
        path.write_text(before, encoding="utf-8")
        try:
            subprocess.run([*command, str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            fail(f"{command[0]} has not edited it: {error}; $EDITOR says which editor to use")
        after = path.read_text(encoding="utf-8")
    return None if after == before else members_of(after, "what was written")


def shown_targets(targets: Iterable[Mapping[str, Any]]) -> str:
    """`env=prod,test · role=web`, `every node`."""
    parts = []
    for target in targets:
        values = ",".join(target["Values"])
        if target["Key"] == "InstanceIds":
            parts.append("every node" if target["Values"] == [EVERY_NODE] else values)
        else:
            parts.append(f"{target['Key'].removeprefix('tag:')}={values}")
    return " · ".join(parts)


def shown_parameters(parameters: Mapping[str, list[str]]) -> str:
    """A line for each."""
    return "\n".join(f"{name}={', '.join(values)}" for name, values in parameters.items())


def _target(text: str) -> dict[str, Any]:
    if text == EVERY_NODE:
        return {"Key": "InstanceIds", "Values": [EVERY_NODE]}
    key, equals, values = text.partition("=")
    if not key or not equals:
        fail(f"--target {text!r}: use tag:KEY=VALUE,VALUE, KEY=VALUE for short, or '*' for every node", USAGE)
    if not key.startswith(TARGET_KINDS):
        key = f"tag:{key}"
    return {"Key": key, "Values": values.split(",")}
