"""Strips: one letter a node of one run, in one small row that outlives the run's targets.

A node's place in the strips of an association is its slot. A strip is written when its run closes and is final then.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

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


class Gathering:
    """The strip of a run, and its slowest node, as its targets are read part by part."""

    def __init__(self) -> None:
        self._plain = bytearray()
        self.slowest: Slowest | None = None

    def add(self, results: Sequence[Result], slots: Mapping[str, int]) -> None:
        """More targets; `slots` are those of nodes that have none in `results`."""
        self._place(cells_of(results, slots))
        found = [one for one in (self.slowest, slowest(results)) if one is not None]
        self.slowest = min(found, key=lambda one: (-one.took_ms, one.node_id), default=None)

    def packed(self) -> bytes:
        """What is stored: over 512 bytes compressed."""
        return bytes(self._plain) if len(self._plain) <= PLAIN_BYTES else zlib.compress(self._plain)

    def _place(self, cells: Mapping[int, str]) -> None:
        self._plain.extend(letters.NO_TARGET.encode() * (max(cells, default=-1) + 1 - len(self._plain)))
        for slot, letter in cells.items():
            self._plain[slot] = ord(letter)


def packed(cells: Mapping[int, str]) -> bytes:
    """Slot → letter as bytes; slots between them were no targets. Over 512 bytes they are compressed."""
    gathered = Gathering()
    gathered._place(cells)
    return gathered.packed()


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
