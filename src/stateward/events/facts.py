"""What the events room tells itself: an event is written when the rest of the transaction has settled."""

from __future__ import annotations

import msgspec

from stateward.associations.rows import NodeStatusRow


class EventDue(msgspec.Struct, frozen=True):
    """The status of an association changed, or with `node` its status on that node.

    The event is written at the end of the queue of facts, since dates and counters of the association follow the
    execution, which is rolled up after the fact that announces the status.
    """

    association_id: str
    node: NodeStatusRow | None = None
