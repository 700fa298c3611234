"""The command that does what a button does: AWS CLI and boto3, with this server's endpoint."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import msgspec

BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class CommandLines(msgspec.Struct, frozen=True):
    """One action in each form."""

    aws: str
    boto3: str
    stateward: str = ""


def kebab(name: str) -> str:
    """`StartAssociationsOnce` → `start-associations-once`, as the AWS CLI names operations and options."""
    return BORDER.sub("-", name).lower()


def aws_line(operation: str, members: Mapping[str, Any], endpoint: str, region: str) -> str:
    """The line of the AWS CLI, ready to paste."""
    words = ["aws ssm", kebab(operation)]
    for name, value in members.items():
        words.append(f"--{'no-' if value is False else ''}{kebab(name)}")
        if not isinstance(value, bool):
            words.append(_argument(value))
    return " ".join([*words, f"--region {shlex.quote(region)}", f"--endpoint-url {shlex.quote(endpoint)}"])


def boto3_line(operation: str, members: Mapping[str, Any], endpoint: str, region: str) -> str:
    """The same for a Python program."""
    call = kebab(operation).replace("-", "_")
    given = ", ".join(f"{name}={value!r}" for name, value in members.items())
    return f'boto3.client("ssm", region_name={region!r}, endpoint_url={endpoint!r}).{call}({given})'


def command_lines(
    operation: str, members: Mapping[str, Any], endpoint: str, region: str, stateward: str = ""
) -> CommandLines:
    return CommandLines(
        aws_line(operation, members, endpoint, region), boto3_line(operation, members, endpoint, region), stateward
    )


def _argument(value: Any) -> str:
    if isinstance(value, list | tuple) and value and all(isinstance(one, str | int) for one in value):
        return " ".join(shlex.quote(str(one)) for one in value)
    if isinstance(value, str | int | float):
        return shlex.quote(str(value))
    return shlex.quote(json.dumps(value, ensure_ascii=False))
