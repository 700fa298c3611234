"""Archives of repositories, unpacked into a new folder without believing anything that they say."""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from pathlib import Path
from typing import IO

from stateward.agent.downloads import placing
from stateward.agent.downloads.fetching import Budget
from stateward.agent.plugins.step import StepFailed

# Headers of an archive are read in one go; contents are not.
MOST_AT_ONCE = 1024 * 1024
# What nobody wants of an archive is read too, and counted more generously.
MOST_READ_FACTOR = 4
_PIECE = 64 * 1024


class _Bounded:
    """A stream that never gives much at once, and not for ever."""

    def __init__(self, stream: IO[bytes], most_bytes: int) -> None:
        self._stream = stream
        self._left = most_bytes

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MOST_AT_ONCE:
            raise StepFailed("the archive has a header that is too large")
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise StepFailed("the archive is larger than this node's limit")
        return data

    def seek(self, position: int) -> int:
        while (ahead := position - self._stream.tell()) > 0 and self.read(min(ahead, MOST_AT_ONCE)):
            pass
        return self._stream.tell()

    def tell(self) -> int:
        return self._stream.tell()


def unpack(archive: Path, folder: Path, wanted: tuple[str, ...], budget: Budget) -> str:
    """Unpack a .tar.gz whose entries share one first folder; only what is at `wanted`, or below it.

    The name of the file at `wanted`, which is then the only one; empty when that is a folder. Raises StepFailed when
    there is nothing, and for an entry that leads out of the folder or is no file, folder or inner link.
    """
    folder.mkdir()
    found = file_name = ""
    try:
        with gzip.open(archive) as stream:
            bounded = _Bounded(stream, MOST_READ_FACTOR * budget.left_bytes)  # type: ignore[arg-type]
            with tarfile.open(fileobj=bounded, mode="r:") as entries:  # type: ignore[call-overload]
                for entry in entries:
                    parts = placing.parts_of(entry.name)[1:]
                    if parts[: len(wanted)] != wanted:
                        continue
                    found = entry.name
                    if parts == wanted and entry.isreg():
                        file_name = wanted[-1]
                        _write(entries, entry, folder / file_name, budget)
                    elif parts[len(wanted) :]:
                        _unpack_one(entries, entry, folder, parts[len(wanted) :], budget)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StepFailed(f"the archive cannot be read ({error})") from error
    if not found:
        raise StepFailed(f"{'/'.join(wanted) or 'anything'} is not in the repository")
    return file_name


def _unpack_one(
    entries: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path, parts: tuple[str, ...], budget: Budget
) -> None:
    path = folder.joinpath(*parts)
    _make_folders(folder, parts if entry.isdir() else parts[:-1], budget)
    if entry.isdir():
        return
    if entry.issym():
        placing.check_link(parts, entry.linkname)
        budget.take_file()
        os.symlink(entry.linkname, path)
    elif entry.isreg():
        _write(entries, entry, path, budget)
    else:
        raise StepFailed(f"{entry.name[:200]} in the archive is neither file, folder nor link")


def _make_folders(folder: Path, parts: tuple[str, ...], budget: Budget) -> None:
    for part in parts:
        folder = folder / part
        if folder.is_symlink():
            raise StepFailed(f"{part} in the archive is a link and a folder")
        if not folder.is_dir():
            budget.take_file()
            folder.mkdir()


def _write(entries: tarfile.TarFile, entry: tarfile.TarInfo, path: Path, budget: Budget) -> None:
    budget.take_file()
    source = entries.extractfile(entry)
    assert source is not None, "only regular files come here"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    mode = 0o755 if entry.mode & 0o100 else 0o644
    with open(os.open(path, flags, mode), "wb") as file:
        while piece := source.read(_PIECE):
            budget.take(len(piece))
            file.write(piece)
