"""The documents that Amazon owns on AWS, written anew for Stateward: files in `shipped/<DocumentType>/` (spec 5.6)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from stateward.documents import store
from stateward.documents.rows import new_row
from stateward.documents.store import AMAZON
from stateward.storage import Transaction


def shipped() -> Iterator[tuple[str, str, str]]:
    """(name, document type, JSON text) of each."""
    for folder in resources.files("stateward.documents").joinpath("shipped").iterdir():
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry.name.endswith(".json"):
                yield entry.name.removesuffix(".json"), folder.name, entry.read_text(encoding="utf-8")


async def install(tx: Transaction) -> None:
    """Put the shipped documents into the database, replacing what an older Stateward put there."""
    for name, document_type, text in shipped():
        row = new_row(AMAZON, name, document_type, "JSON", text, tx.now)
        if not await store.add(tx, AMAZON, row):
            await store.put_version(tx, AMAZON, row)
