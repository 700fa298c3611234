"""What the commands room announces."""

from __future__ import annotations

import msgspec

from stateward.commands.rows import CommandRow, InvocationRow


class InvocationChanged(msgspec.Struct, frozen=True):
    """A row of a command came to be (before is None) or changed."""

    before: InvocationRow | None
    after: InvocationRow


class CommandChanged(msgspec.Struct, frozen=True):
    """A command's counters, status or phase changed; `before` is None for a new one."""

    before: CommandRow | None
    after: CommandRow


class OutputStored(msgspec.Struct, frozen=True):
    """There is more to be seen of what a node does for a command: live output, or a step that it has reported."""

    command_id: str
    resource_id: str


class OutputWaits(msgspec.Struct, frozen=True):
    """An invocation's output is to be uploaded."""

    command_id: str
    resource_id: str


class OutputGivenUp(msgspec.Struct, frozen=True):
    """An invocation's output could not be uploaded for a day."""

    command_id: str
    resource_id: str


class NodeFreed(msgspec.Struct, frozen=True):
    """What a node may still have been doing for a superseded run is over; the next run may be handed to it (D4)."""

    node_id: str
