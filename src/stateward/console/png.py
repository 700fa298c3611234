"""Pictures as PNG with a palette, one byte a pixel: all that a map needs. Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

Rgb = tuple[int, int, int]
SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_COLOURS = 256
PALETTE = 3
LEVEL = 6


def encode(width: int, height: int, pixels: bytes, palette: Sequence[Rgb]) -> bytes:
    """The picture whose pixels, row after row, are indexes into the palette. Raises ValueError."""
    if width < 1 or height < 1 or len(pixels) != width * height:
        raise ValueError(f"{len(pixels)} pixels are no picture of {width} × {height}")
    if not 1 <= len(palette) <= MOST_COLOURS or max(pixels) >= len(palette):
        raise ValueError(f"a palette has up to {MOST_COLOURS} colours, one for each index")
    # Every row begins with its filter; for a palette none is best.
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    head = struct.pack(">IIBBBBB", width, height, 8, PALETTE, 0, 0, 0)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", head),
            _chunk(b"PLTE", b"".join(map(bytes, palette))),
            _chunk(b"IDAT", zlib.compress(rows, LEVEL)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
