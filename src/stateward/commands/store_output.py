"""Live output: how far each stream has come, and its bytes in rows (D58)."""

from __future__ import annotations

import msgspec

from stateward.commands import output_window
from stateward.commands.output_window import Kept, Segment
from stateward.storage import Snapshot, Transaction

SHORT_ROW_BYTES = 4 * 1024
"""A last row is written anew with what follows it while it is shorter: slow streams do not make a row a line."""
ROWS_A_SLICE = 50
"""About 3 MiB; what is forgotten goes in slices as small as this."""


class StreamKey(msgspec.Struct, frozen=True):
    """One stream of one step on one node; `stream` is stdout or stderr."""

    command_id: str
    resource_id: str
    step_name: str
    stream: str


class StreamRow(msgspec.Struct, frozen=True):
    """How far a stream has come, as in output_window.Kept."""

    step_name: str
    stream: str
    head: int
    tail_from: int
    length: int
    ended: int

    @property
    def kept(self) -> Kept:
        return Kept(self.head, self.tail_from, self.length, bool(self.ended))


class StepState(msgspec.Struct, frozen=True):
    """A reported step without its texts: only how many bytes they have."""

    step_name: str
    status: str
    code: int
    output_bytes: int
    error_bytes: int


class StepText(msgspec.Struct, frozen=True):
    standard_output: str
    standard_error: str


class RowEnd(msgspec.Struct, frozen=True):
    first_byte: int
    size: int


class DataRow(msgspec.Struct, frozen=True):
    first_byte: int
    data: bytes


_KEY = "command_id = $1 AND resource_id = $2 AND step_name = $3 AND stream = $4"
STREAM = f"SELECT step_name, stream, head, tail_from, length, ended FROM output_streams WHERE {_KEY}"
STREAMS_OF = """
SELECT step_name, stream, head, tail_from, length, ended FROM output_streams WHERE command_id = $1 AND resource_id = $2
"""
PUT_STREAM = """
INSERT INTO output_streams (command_id, resource_id, step_name, stream, head, tail_from, length, ended, changed_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (command_id, resource_id, step_name, stream) DO UPDATE SET head = excluded.head,
 tail_from = excluded.tail_from, length = excluded.length, ended = excluded.ended, changed_ms = excluded.changed_ms
"""
LAST_ROW = f"SELECT first_byte, size FROM output_rows WHERE {_KEY} ORDER BY first_byte DESC LIMIT 1"
ROW_AT = f"""
SELECT first_byte, data FROM output_rows WHERE {_KEY} AND first_byte <= $5 ORDER BY first_byte DESC LIMIT 1
"""
PUT_ROW = """
INSERT INTO output_rows (command_id, resource_id, step_name, stream, first_byte, size, data)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (command_id, resource_id, step_name, stream, first_byte) DO UPDATE SET size = excluded.size,
 data = excluded.data
"""
DROP_ROWS = f"DELETE FROM output_rows WHERE {_KEY} AND first_byte >= $5 AND first_byte + size <= $6"
STEP_STATES = """
SELECT step_name, status, code, OCTET_LENGTH(standard_output) AS output_bytes,
 OCTET_LENGTH(standard_error) AS error_bytes
  FROM steps WHERE command_id = $1 AND resource_id = $2
"""
STEP_TEXT = """
SELECT standard_output, standard_error FROM steps WHERE command_id = $1 AND resource_id = $2 AND step_name = $3
"""
OLD_STREAMS = """
SELECT s.command_id, s.resource_id, s.step_name, s.stream FROM output_streams s
 WHERE s.changed_ms < $1 AND NOT EXISTS (SELECT 1 FROM invocations i WHERE i.command_id = s.command_id
  AND i.resource_id = s.resource_id AND i.ended_ms IS NULL)
 ORDER BY s.changed_ms LIMIT 1
"""
FORGET_ROWS = f"""
DELETE FROM output_rows WHERE {_KEY} AND first_byte IN (
 SELECT first_byte FROM output_rows WHERE {_KEY} ORDER BY first_byte LIMIT $5)
"""
FORGET_STREAM = f"DELETE FROM output_streams WHERE {_KEY}"
STREAM_OF_COMMAND = """
SELECT command_id, resource_id, step_name, stream FROM output_streams WHERE command_id = $1 LIMIT 1
"""
FOREVER = 2**62


async def stream(tx: Snapshot, key: StreamKey) -> Kept | None:
    """How far a stream has come; None when nothing of it has."""
    found = await tx.row(StreamRow, STREAM, *_values(key))
    return None if found is None else found.kept


async def streams(tx: Snapshot, command_id: str, resource_id: str) -> list[StreamRow]:
    """Every stream of which something has come from a node."""
    return await tx.rows(StreamRow, STREAMS_OF, command_id, resource_id)


async def put(tx: Transaction, key: StreamKey, before: Kept, taken: output_window.Taken) -> None:
    """Write what pieces have changed, and forget the rows that hold nothing but what is left out."""
    kept = taken.kept
    if taken.restarts:
        await tx.execute(DROP_ROWS, *_values(key), before.head, FOREVER)
    for segment in taken.segments:
        await _append(tx, key, kept, segment)
    if kept.tail_from > before.tail_from and kept.left_out:
        await tx.execute(DROP_ROWS, *_values(key), kept.head, kept.tail_from)
    state = (kept.head, kept.tail_from, kept.length, int(kept.ended))
    await tx.execute(PUT_STREAM, *_values(key), *state, tx.now)


async def read(tx: Snapshot, key: StreamKey, start: int, stop: int) -> bytes:
    """The bytes of a stream from one to another, which must be kept; fewer where they have just been forgotten."""
    parts: list[bytes] = []
    while start < stop:
        row = await tx.row(DataRow, ROW_AT, *_values(key), start)
        if row is None or row.first_byte + len(row.data) <= start:
            break
        part = row.data[start - row.first_byte : stop - row.first_byte]
        parts.append(part)
        start += len(part)
    return b"".join(parts)


async def step_states(tx: Snapshot, command_id: str, resource_id: str) -> dict[str, StepState]:
    """The steps that a node has reported, by name."""
    return {row.step_name: row for row in await tx.rows(StepState, STEP_STATES, command_id, resource_id)}


async def step_text(tx: Snapshot, key: StreamKey) -> bytes:
    """What a node has reported of a stream at the end of its step."""
    found = await tx.row(StepText, STEP_TEXT, key.command_id, key.resource_id, key.step_name)
    if found is None:
        return b""
    text = found.standard_output if key.stream == "stdout" else found.standard_error
    return text.encode(errors="replace")


async def forget_old(tx: Transaction, before_ms: int, limit: int) -> int:
    """Forget streams whose last byte came before an instant, of invocations that have ended; how much was done."""
    done = 0
    while done < limit:
        key = await tx.row(StreamKey, OLD_STREAMS, before_ms)
        if key is None:
            break
        done += await _forget(tx, key, limit - done)
    return done


async def forget_of_command(tx: Transaction, command_id: str, limit: int) -> int:
    """Forget the streams of a command; how much was done, less than `limit` when nothing is left."""
    done = 0
    while done < limit:
        key = await tx.row(StreamKey, STREAM_OF_COMMAND, command_id)
        if key is None:
            break
        done += await _forget(tx, key, limit - done)
    return done


async def _forget(tx: Transaction, key: StreamKey, limit: int) -> int:
    gone = await tx.execute(FORGET_ROWS, *_values(key), limit)
    return gone if gone >= limit else gone + await tx.execute(FORGET_STREAM, *_values(key))


async def _append(tx: Transaction, key: StreamKey, kept: Kept, segment: Segment) -> None:
    last = await tx.row(RowEnd, LAST_ROW, *_values(key))
    follows = last is not None and last.first_byte + last.size == segment.at
    if last is not None and follows and last.size < SHORT_ROW_BYTES and not output_window.starts_end(kept, segment.at):
        short = await tx.row(DataRow, ROW_AT, *_values(key), last.first_byte)
        assert short is not None, "its end was just read"
        segment = Segment(last.first_byte, short.data + segment.data)
    for row in output_window.rows(segment):
        await tx.execute(PUT_ROW, *_values(key), row.at, len(row.data), row.data)


def _values(key: StreamKey) -> tuple[str, str, str, str]:
    return key.command_id, key.resource_id, key.step_name, key.stream
