"""Which bytes of an output stream are kept: its beginning, its end, and not what lies between (D58)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

ROW_BYTES = 64 * 1024


class Piece(msgspec.Struct, frozen=True):
    """Bytes of a stream that have come; `end`: no byte comes behind them."""

    offset: int
    data: bytes
    end: bool = False


class Kept(msgspec.Struct, frozen=True):
    """The bytes 0 to `head` and `tail_from` to `length` of a stream; what lies between is left out.

    Nothing is left out while `tail_from` is `head`.
    """

    head: int = 0
    tail_from: int = 0
    length: int = 0
    ended: bool = False

    @property
    def left_out(self) -> int:
        """How many bytes of the middle are not there."""
        return self.tail_from - self.head


class Segment(msgspec.Struct, frozen=True):
    """New bytes that belong together, from byte `at` on."""

    at: int
    data: bytes


class Taken(msgspec.Struct, frozen=True):
    """What pieces change. `restarts`: what was kept of the stream's end goes, a gap follows it."""

    kept: Kept
    segments: tuple[Segment, ...]
    restarts: bool = False


class Span(msgspec.Struct, frozen=True):
    """Bytes to be read, `start` to `stop`; `left_out`: how many between the asked one and `start` are not there."""

    start: int
    stop: int
    left_out: int = 0


def take(kept: Kept, pieces: Sequence[Piece], limit: int) -> Taken:
    """Take in pieces, in the order in which they came: the first and the last `limit` bytes of the stream are kept.

    An offset before what is there repeats it, and only what is new counts. One behind it is a gap: then the beginning
    grows no more, and the end begins anew there. Nothing comes behind an end.
    """
    segments: list[Segment] = []
    restarts = False
    for piece in pieces:
        if kept.ended:
            break
        if piece.offset > kept.length:
            segments = [one for one in segments if one.at < kept.head]
            kept = msgspec.structs.replace(kept, tail_from=piece.offset, length=piece.offset)
            restarts = True
        fresh = piece.data[kept.length - piece.offset :]
        before, kept = kept, _longer(kept, len(fresh), limit)
        split = max(0, kept.head - before.length)
        segments += [Segment(before.length, fresh[:split]), Segment(before.length + split, fresh[split:])]
        if piece.end:
            kept = msgspec.structs.replace(kept, ended=True)
    return Taken(kept, _joined(segments, kept), restarts)


def span(kept: Kept, offset: int, most: int) -> Span:
    """What to read for `offset`, at most so many bytes, never across what is left out; empty when nothing is there."""
    start = min(max(0, offset), kept.length)
    left_out = 0
    if kept.head <= start < kept.tail_from:
        left_out = kept.tail_from - start
        start = kept.tail_from
    end = kept.head if start < kept.head and kept.left_out else kept.length
    return Span(start, min(end, start + most), left_out)


def rows(segment: Segment) -> list[Segment]:
    """A segment as it is stored, in rows of 64 KiB."""
    return [
        Segment(segment.at + begin, segment.data[begin : begin + ROW_BYTES])
        for begin in range(0, len(segment.data), ROW_BYTES)
    ]


def starts_end(kept: Kept, at: int) -> bool:
    """Whether the end of a stream begins at a byte: no row holds bytes of both."""
    return at == kept.head < kept.length


def whole_characters(data: bytes) -> int:
    """How many of the bytes are whole characters in UTF-8, when more may follow; what is none counts as whole."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if needed > back else len(data)
        if byte < 0x80:
            break
    return len(data)


def _longer(kept: Kept, size: int, limit: int) -> Kept:
    head = kept.head
    if head == kept.length:
        head += min(size, max(0, limit - head))
    length = kept.length + size
    return msgspec.structs.replace(kept, head=head, tail_from=max(head, kept.tail_from, length - limit), length=length)


def _joined(segments: Sequence[Segment], kept: Kept) -> tuple[Segment, ...]:
    groups: list[list[Segment]] = []
    end = -1
    for segment in segments:
        if not segment.data:
            continue
        if segment.at != end or starts_end(kept, segment.at):
            groups.append([])
        groups[-1].append(segment)
        end = segment.at + len(segment.data)
    return tuple(Segment(group[0].at, b"".join(one.data for one in group)) for group in groups)
