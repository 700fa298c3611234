"""One SQL text for two databases: statements are written in PostgreSQL's words with `$n` and rewritten here.

Beside plain SQL a statement may say `ids_of($n)`: the members of a JSON list that is passed as one parameter.
"""

from __future__ import annotations

import re

_PARAMETER = re.compile(r"\$(\d+)")
_IDS = re.compile(r"ids_of\(\$(\d+)\)")
_LOCKING = re.compile(r"\s+FOR (?:NO KEY )?UPDATE(?: OF \w+)?(?: SKIP LOCKED)?")
_TEXT_COLUMN = re.compile(r"\bTEXT\b")
_BYTES = re.compile(r"\bBLOB\b")
_COLLATE = re.compile(r'\s+COLLATE "C"')


def to_sqlite(sql: str) -> str:
    """Number the parameters (a bare `$2, $1` would bind by first appearance), drop what SQLite does not need."""
    sql = _LOCKING.sub("", _COLLATE.sub("", sql))
    sql = _IDS.sub(r"SELECT value FROM json_each(?\1)", sql)
    return _PARAMETER.sub(r"?\1", sql)


def to_postgresql(sql: str) -> str:
    """Only the list macro differs."""
    return _IDS.sub(r"SELECT jsonb_array_elements_text(CAST(CAST($\1 AS TEXT) AS JSONB))", sql)


def schema_to_postgresql(sql: str) -> str:
    """Text sorts and compares by its bytes there too, as SQLite does it: page keys depend on it. Bytes are BYTEA."""
    return _BYTES.sub("BYTEA", _TEXT_COLUMN.sub('TEXT COLLATE "C"', sql))
