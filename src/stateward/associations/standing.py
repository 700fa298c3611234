"""How an association stands on a node, and how it stands as a whole: ranks, since when, how often in a row.

What is running does not hide what was: a bad result counts until the next run has ended.
"""

from __future__ import annotations

import msgspec

from stateward.associations import letters
from stateward.associations.rows import AssociationRow, NodeStatusRow

MISSED = "DeliveryTimedOut"
"""How a run ends that did not come through to its node."""

FAILED, OWED, HELD, WAITING, WELL = 4, 3, 2, 1, 0
"""States of an association, worst first: `OWED`, nodes missed a run; `HELD`, calendars keep it from running;
`WAITING`, it has never found its targets."""

NODE_RANKS = {"Failed": 7, "TimedOut": 6, "Cancelled": 5, "InProgress": 3, "Pending": 2, "Skipped": 1, "Success": 0}
OWED_NODE = 4


def advanced(before: NodeStatusRow | None, news: NodeStatusRow, now_ms: int) -> NodeStatusRow:
    """The row after a run of the association on a node has another status.

    `news` tells only of that run. An older run than the newest changes its letter, and the streak where no newer one
    has ended; never the status that is shown.
    """
    letter = letters.of(news.status)
    if before is None:
        row = msgspec.structs.replace(news, since_ms=now_ms)
        row = _settled(row, news, letter, now_ms) if letter in letters.FINAL else row
        return _ranked(row, letters.noted("", news.number, letter))
    row = _newest(before, news)
    if _settles(before, news, letter):
        row = _settled(row, news, letter, now_ms)
    return _ranked(row, letters.noted(before.recent, news.number, letter))


def is_bad(row: NodeStatusRow | None) -> bool:
    """The newest result on the node is an error or was called off; a missed run is owed instead."""
    return row is not None and row.settled in letters.BAD and row.owed_since_ms is None


def is_owed(row: NodeStatusRow | None) -> bool:
    """The newest result says that the run did not come through to the node."""
    return row is not None and row.owed_since_ms is not None


def missed(row: NodeStatusRow) -> bool:
    """The run that is shown did not come through: it is caught up when the node is back (D33)."""
    return row.detailed_status == MISSED


def rank_of(status: str, *, owed: bool) -> int:
    """The place of a node in the order worst first: Failed, TimedOut, Cancelled, owed, InProgress, Pending, …"""
    if owed and status in ("TimedOut", "Pending"):
        return OWED_NODE
    return NODE_RANKS[status]


def stood(association: AssociationRow, now_ms: int) -> AssociationRow:
    """The association with its state from its counters; `state_since_ms` moves when the state does."""
    rank = state_of(association)
    if rank == association.state_rank:
        return association
    return msgspec.structs.replace(association, state_rank=rank, state_since_ms=now_ms)


def state_of(association: AssociationRow) -> int:
    """The worst that is true of an association."""
    if association.failed_start is not None or association.bad_nodes:
        return FAILED
    if association.owed_nodes:
        return OWED
    if association.held_since_ms is not None:
        return HELD
    return WELL if association.resolved else WAITING


def _newest(before: NodeStatusRow, news: NodeStatusRow) -> NodeStatusRow:
    """What is shown: the run with the highest number, with the dates of earlier ones that ran."""
    if news.number < before.number:
        return before
    return msgspec.structs.replace(
        before,
        number=news.number,
        status=news.status,
        detailed_status=news.detailed_status,
        last_run_ms=before.last_run_ms if news.last_run_ms is None else news.last_run_ms,
        last_success_ms=before.last_success_ms if news.last_success_ms is None else news.last_success_ms,
        summary=None,
        error_code=None,
        output_url=None,
    )


def _settles(before: NodeStatusRow, news: NodeStatusRow, letter: str) -> bool:
    if letter not in letters.FINAL:
        return False
    newest_number, newest_letter = letters.newest(before.recent)
    if news.number >= newest_number:
        return news.number > newest_number or newest_letter not in letters.FINAL
    ended = [number for number, known in letters.runs(before.recent) if known in letters.FINAL]
    return not ended or news.number > ended[-1]


def _settled(row: NodeStatusRow, news: NodeStatusRow, letter: str, now_ms: int) -> NodeStatusRow:
    same = row.settled == letter
    return msgspec.structs.replace(
        row,
        settled=letter,
        streak=row.streak + 1 if same else 1,
        since_ms=row.since_ms if same else now_ms,
        error_key=news.error_key,
        owed_since_ms=(row.owed_since_ms or now_ms) if missed(news) else None,
    )


def _ranked(row: NodeStatusRow, recent: str) -> NodeStatusRow:
    rank = rank_of(row.status, owed=row.owed_since_ms is not None)
    return msgspec.structs.replace(row, status_rank=rank, recent=recent)
