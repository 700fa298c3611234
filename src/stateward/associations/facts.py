"""What the associations room announces."""

from __future__ import annotations

import msgspec

from stateward.associations.rows import ExecutionRow


class ExecutionChanged(msgspec.Struct, frozen=True):
    """An execution was opened (before is None) or changed its phase or status."""

    before: ExecutionRow | None
    after: ExecutionRow


class ScheduleChanged(msgspec.Struct, frozen=True):
    """An association is due at another time, or never again."""

    association_id: str
