"""Writing exported history as JSON lines, CSV or Parquet, a block at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any

FORMATS = ("jsonl", "csv", "parquet")
BLOCK = 10_000
INSTANTS = ("created", "last_execution", "ended", "requested", "released", "sent", "acknowledged", "started")
NUMBERS = (
    *("number", "association_version", "target_count", "position", "code"),
    *("success", "failed", "timed_out", "cancelled", "skipped", "pending", "in_progress"),
)


class NoParquet(Exception):
    """The library that writes Parquet is not installed."""


def write(lines: Iterable[str], form: str, target: IO[bytes]) -> int:
    """Write lines of JSON in a format; how many there were. Raises NoParquet."""
    if form == "jsonl":
        return _jsonl(lines, target)
    return _csv(lines, target) if form == "csv" else _parquet(lines, target)


def _jsonl(lines: Iterable[str], target: IO[bytes]) -> int:
    count = 0
    for line in lines:
        target.write(line.encode() + b"\n")
        count += 1
    return count


def _csv(lines: Iterable[str], target: IO[bytes]) -> int:
    import io

    count = 0
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    for line in lines:
        row = json.loads(line)
        if not count:
            writer.writerow(row)
        writer.writerow(_cell(value) for value in row.values())
        count += 1
    text.detach()
    return count


def _cell(value: Any) -> Any:
    """What a node has printed must not become a formula in somebody's spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _parquet(lines: Iterable[str], target: IO[bytes]) -> int:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise NoParquet("Parquet needs pyarrow: pip install 'stateward[parquet]'") from error
    count = 0
    writer = None
    for rows in _blocks(lines):
        schema = pyarrow.schema([(name, _type(pyarrow, name)) for name in rows[0]])
        columns = [[_value(name, row[name]) for row in rows] for name in rows[0]]
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(target, schema, compression="zstd")
        writer.write_table(pyarrow.table(columns, schema=schema))
        count += len(rows)
    if writer is None:
        writer = pyarrow.parquet.ParquetWriter(target, pyarrow.schema([]))
    writer.close()
    return count


def _blocks(lines: Iterable[str]) -> Iterator[list[dict[str, Any]]]:
    found = iter(lines)
    while block := [json.loads(line) for line in islice(found, BLOCK)]:
        yield block


def _type(pyarrow: Any, name: str) -> Any:
    if name in INSTANTS:
        return pyarrow.timestamp("ms", tz="UTC")
    return pyarrow.int64() if name in NUMBERS else pyarrow.string()


def _value(name: str, value: Any) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(value) if name in INSTANTS and value is not None else value
