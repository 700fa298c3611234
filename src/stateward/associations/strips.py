"""Strips: one letter a node of one run, in one small row that outlives the run's targets.

A node's place in the strips of an association is its slot. A strip is written when its run closes and is final then.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

import msgspec

from stateward.associations import letters, rollup

PLAIN_BYTES = 512
_COMPRESSED = b"x"  # how every zlib stream begins, and no letter


class Result(msgspec.Struct, frozen=True):
    """How a run ended on one node; `slot` is None for a node that has none yet."""

    resource_id: str
    status: str
    began_ms: int | None
    ended_ms: int | None
    slot: int | None


class Slowest(msgspec.Struct, frozen=True):
    node_id: str
    took_ms: int


def packed(cells: Mapping[int, str]) -> bytes:
    """Slot → letter as bytes; slots between them were no targets. Over 512 bytes they are compressed."""
    plain = bytearray(letters.NO_TARGET.encode() * (max(cells, default=-1) + 1))
    for slot, letter in cells.items():
        plain[slot] = ord(letter)
    return bytes(plain) if len(plain) <= PLAIN_BYTES else zlib.compress(plain)


def unpacked(cells: bytes) -> str:
    """The letters by slot; a strip ends with the last slot that was a target."""
    return (zlib.decompress(cells) if cells[:1] == _COMPRESSED else bytes(cells)).decode("ascii")


def cells_of(results: Iterable[Result], slots: Mapping[str, int]) -> dict[int, str]:
    """Slot → letter of the targets of a run; `slots` are those of nodes that had none in `results`."""
    return {
        slots[one.resource_id] if one.slot is None else one.slot: letters.of(rollup.target_status(one.status))
        for one in results
    }


def slowest(results: Iterable[Result]) -> Slowest | None:
    """The node that took longest from beginning to its end; of two, the first by id. None when nothing ran."""
    ran = [
        (one.began_ms - one.ended_ms, one.resource_id)
        for one in results
        if one.began_ms is not None and one.ended_ms is not None
    ]
    if not ran:
        return None
    took_ms, node_id = min(ran)
    return Slowest(node_id, -took_ms)
