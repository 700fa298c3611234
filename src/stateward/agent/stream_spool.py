"""The two ends of an output stream in a file of bounded size, whatever the stream's length (D58)."""

from __future__ import annotations

import os
from pathlib import Path


class StreamSpool:
    """Keeps the first `limit` bytes and the last `limit` bytes; what lies between is overwritten.

    Raises OSError from every method that touches the file.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self.length = 0

    @property
    def most_bytes(self) -> int:
        """How large the file can become."""
        return 2 * self._limit

    def add(self, data: bytes) -> None:
        """Append the next bytes of the stream."""
        if len(data) > self._limit and self.length >= self._limit:
            self.length += len(data) - self._limit
            data = data[-self._limit :]
        while data:
            room = self._room(self.length)
            os.pwrite(self._file, data[:room], self._place(self.length))
            self.length += min(room, len(data))
            data = data[room:]

    def next_kept(self, offset: int) -> int:
        """The first byte at or behind an offset that is still there."""
        if offset < self._limit:
            return offset
        return max(offset, self.length - self._limit)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes that are still there, as many of `size` as lie together."""
        size = min(size, self.length - offset, self._room(offset))
        return os.pread(self._file, size, self._place(offset))

    def close(self) -> None:
        """Forget the stream."""
        os.close(self._file)
        self._path.unlink(missing_ok=True)

    def _place(self, offset: int) -> int:
        """Where a byte of the stream lies in the file: the head as it is, behind it a ring."""
        if offset < self._limit:
            return offset
        return self._limit + (offset - self._limit) % self._limit

    def _room(self, offset: int) -> int:
        """How many bytes from this offset on lie together in the file."""
        if offset < self._limit:
            return self._limit - offset
        return self._limit - (offset - self._limit) % self._limit
