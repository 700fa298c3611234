"""The documents that Amazon owns on AWS, written anew for Stateward: files in `shipped/<DocumentType>/` (spec 5.6)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib import resources

import msgspec

from stateward.documents import store
from stateward.documents.rows import new_row
from stateward.documents.store import AMAZON, DocumentRow
from stateward.storage import Transaction


def shipped() -> Iterator[tuple[str, str, str]]:
    """(name, document type, JSON text) of each."""
    for folder in resources.files("stateward.documents").joinpath("shipped").iterdir():
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry.name.endswith(".json"):
                yield entry.name.removesuffix(".json"), folder.name, entry.read_text(encoding="utf-8")


async def install(tx: Transaction) -> None:
    """Put the shipped documents into the database, replacing what an older Stateward put there."""
    for undated in _rows():
        row = msgspec.structs.replace(undated, created_ms=tx.now)
        if not await store.add(tx, AMAZON, row):
            await store.put_version(tx, AMAZON, row)


@functools.cache
def _rows() -> tuple[DocumentRow, ...]:
    """They are the same for every server of a process, but for the instant."""
    return tuple(new_row(AMAZON, name, document_type, "JSON", text, 0) for name, document_type, text in shipped())
