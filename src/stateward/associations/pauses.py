"""What a pause keeps of an association: since when and by whom, which due times passed, what waits for its end (D64).

Pure: rows in, rows out.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward.associations.rows import AssociationRow

TIMES_KEPT = 50


def paused(row: AssociationRow, who: str, now_ms: int) -> AssociationRow:
    """The association with its schedule and triggers off; one that is paused already stays as it is."""
    return row if row.is_paused else msgspec.structs.replace(row, paused_ms=now_ms, paused_by=who)


def resumed(row: AssociationRow) -> AssociationRow:
    """The association as it was before its pause."""
    return msgspec.structs.replace(
        row, paused_ms=None, paused_by=None, passed_count=0, passed_dues=None, held_cause=None
    )


def with_passed(row: AssociationRow, dues: Sequence[int]) -> AssociationRow:
    """Due times came while it was paused: all are counted, the newest fifty are listed."""
    times = [*passed_times(row), *dues][-TIMES_KEPT:]
    text = msgspec.json.encode(times).decode()
    return msgspec.structs.replace(row, passed_count=row.passed_count + len(dues), passed_dues=text)


def passed_times(row: AssociationRow) -> list[int]:
    """The newest due times that passed, oldest first, in ms."""
    return [] if row.passed_dues is None else msgspec.json.decode(row.passed_dues, type=list[int])


def with_held(row: AssociationRow, cause: str) -> AssociationRow:
    """Something would have started a run over all targets: it is one run when the pause ends, of the newest cause."""
    return msgspec.structs.replace(row, held_cause=cause)
