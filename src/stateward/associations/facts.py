"""What the associations room announces."""

from __future__ import annotations

import msgspec

from stateward.associations.rows import AssociationRow, ExecutionRow, NodeStatusRow


class ExecutionChanged(msgspec.Struct, frozen=True):
    """An execution was opened (before is None) or changed its phase or status."""

    before: ExecutionRow | None
    after: ExecutionRow


class ScheduleChanged(msgspec.Struct, frozen=True):
    """An association is due at another time, or never again."""

    association_id: str


class OverviewChanged(msgspec.Struct, frozen=True):
    """An association is new (before is None), was deleted, or has another Overview status or detail.

    The Overview in `before` is the one that was stored; its counters may be ahead of that.
    """

    before: AssociationRow | None
    after: AssociationRow


class AgentReported(msgspec.Struct, frozen=True):
    """A node's own words on the run `number` of an association there."""

    association_id: str
    node_id: str
    number: int
    summary: str | None
    error_code: str | None
    output_url: str | None


class NodeStatusChanged(msgspec.Struct, frozen=True):
    """An association stands differently on a node: before is None for a new node, after for one that left."""

    before: NodeStatusRow | None
    after: NodeStatusRow | None
