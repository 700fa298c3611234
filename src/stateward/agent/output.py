"""What is kept of a step's output, and how it is cut for a reply (node protocol 5.7)."""

from __future__ import annotations

import codecs
from collections.abc import Callable

STREAM_BYTES = 24_000
SHORT_BYTES = 2_500
STREAM_CUT = "--output truncated--"
OUTPUT_CUT = "\n---Output truncated---"
ERROR_CUT = "\n---Error truncated----"
ERROR_TITLE = "\n----------ERROR-------\n"


class Capture:
    """The beginning of a stream; the rest is forgotten, so that memory stays bounded. `also` gets all of it."""

    def __init__(self, limit: int = STREAM_BYTES, also: Callable[[bytes], None] | None = None) -> None:
        self._limit = limit
        self._also = also
        self._kept = bytearray()
        self._sealed = False
        self.overflowed = False

    def add(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        if self._sealed:
            return
        if self._also is not None:
            self._also(data)
        space = self._limit - len(self._kept)
        self._kept += data[:space]
        self.overflowed = self.overflowed or len(data) > space

    def seal(self) -> None:
        """Ignore what comes from now on: the step has ended."""
        self._sealed = True

    def text(self) -> str:
        """What was kept; bytes that are no UTF-8 appear as U+FFFD, a character cut at the limit not at all."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return decoder.decode(bytes(self._kept), final=not self.overflowed)


def cut(text: str, limit: int, mark: str, *, longer: bool = False) -> str:
    """A text of at most `limit` bytes, ending with the mark where something is missing (`longer`: it is anyway)."""
    data = text.encode()
    if len(data) <= limit and not longer:
        return text
    return data[: max(0, limit - len(mark.encode()))].decode(errors="ignore") + mark


def both(standard_output: str, standard_error: str, limit: int = SHORT_BYTES) -> str:
    """Both streams in one text, as the old `output` member has them; each may use what the other leaves."""
    title = ERROR_TITLE if standard_error else ""
    space = limit - len(title)
    sizes = len(standard_output.encode()), len(standard_error.encode())
    if sum(sizes) <= space:
        return standard_output + title + standard_error
    half = space // 2
    shares = (
        space - sizes[1] if sizes[1] <= half else half,
        space - sizes[0] if sizes[0] <= half else half,
    )
    return cut(standard_output, shares[0], OUTPUT_CUT) + title + cut(standard_error, shares[1], ERROR_CUT)
