"""Where output goes in S3, and how its addresses look (spec 4.10, node protocol 7.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from stateward.commands.rows import CommandRow
from stateward.commands.store_output import StreamKey


class OutputFile(msgspec.Struct, frozen=True):
    """One object to be written."""

    key: str
    body: bytes


class Outputs(msgspec.Struct, frozen=True):
    """Where one command's output is found; nowhere, all texts empty, when it has no bucket.

    `actions` has each step's plugin, `endpoint` the address of what speaks S3, None for AWS.
    """

    command: CommandRow
    actions: Mapping[str, str]
    endpoint: str | None

    def folder(self, node_id: str, step_name: str) -> str:
        """The folder of a step's plugin."""
        of = self.command
        if of.output_bucket is None:
            return ""
        return plugin_key(of.output_prefix or "", of.command_id, node_id, self.actions[step_name])

    def url(self, node_id: str, step_name: str, name: str) -> str:
        """The address of a step's `stdout` or `stderr`."""
        of = self.command
        if of.output_bucket is None:
            return ""
        base = self.endpoint or f"https://s3.{of.output_region or of.region}.amazonaws.com"
        key = f"{self.folder(node_id, step_name)}/{_step_folder(step_name)}/{name}"
        return f"{base.rstrip('/')}/{of.output_bucket}/{quote(key)}"


def files(prefix: str, actions: Mapping[str, str], printed: Sequence[tuple[StreamKey, bytes]]) -> list[OutputFile]:
    """What the steps have printed, by key; `actions` has each step's plugin. Empty output makes no file."""
    found = []
    for stream, body in printed:
        step = stream.step_name
        folder = plugin_key(prefix, stream.command_id, stream.resource_id, actions[step])
        if body:
            found.append(OutputFile(f"{folder}/{_step_folder(step)}/{stream.stream}", body))
    return found


def plugin_key(prefix: str, command_id: str, node_id: str, action: str) -> str:
    """The folder of one plugin, `<prefix>/<command id>/<node id>/awsrunShellScript`."""
    return "/".join(part for part in (prefix.strip("/"), command_id, node_id, _folder(action)) if part)


def _step_folder(step_name: str) -> str:
    # In schema 1.2 a step has no name but its plugin's; agents number what they call them.
    return f"0.{_folder(step_name)}" if ":" in step_name else step_name


def _folder(action: str) -> str:
    return action.replace(":", "")
