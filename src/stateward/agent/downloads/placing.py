"""Putting content where a document wants it: never outside of that folder, never through a link inside of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stateward.agent.downloads.fetching import Fetched
from stateward.agent.plugins.step import StepFailed

MOST_DEPTH = 100
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PIECE = 1024 * 1024


def parts_of(path: str) -> tuple[str, ...]:
    """The names in a path that must stay below its folder. Raises StepFailed for any other."""
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if path.startswith("/") or ".." in parts or "\0" in path or not parts or len(parts) > MOST_DEPTH:
        raise StepFailed(f"the path {path[:200]!r} in the content leaves its folder, or is none")
    return parts


def destination_of(given: object, work: Path, fetched: Fetched) -> tuple[Path, str]:
    """The folder that takes the content and, for one file, the name that it gets there. Raises StepFailed.

    A relative path is below the command's folder. One file becomes `destinationPath` itself, unless that ends with a
    slash or is a folder already.
    """
    if not isinstance(given, str | None) or "\0" in (given or ""):
        raise StepFailed("destinationPath must be a path")
    if not given:
        return work, fetched.file_name
    if not given.startswith("/") and ".." in given.split("/"):
        raise StepFailed(f"destinationPath {given[:200]!r} leaves the command's folder: use an absolute path")
    path = work / given
    if not fetched.is_file or given.endswith("/") or path.is_dir():
        return path, fetched.file_name
    return path.parent, path.name


def place(fetched: Fetched, folder: Path, name: str) -> None:
    """Move the content into a folder, which is made where it is missing. Raises StepFailed and OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(folder) as target:
        if fetched.is_file:
            _place_file(fetched.folder / fetched.file_name, name, target)
        else:
            _place_folder(fetched.folder, target, ())


def check_link(path: tuple[str, ...], target: str) -> None:
    """Raises StepFailed unless a link at this place in the content leads to another place in it.

    `..` only at the beginning: behind a name it could be the parent of wherever another link leads.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = len([part for part in parts if part == ".."])
    if target.startswith("/") or not target or ups > len(path) - 1 or ".." in parts[ups:]:
        raise StepFailed(
            f"the link {'/'.join(path)[:200]!r} in the content leads out of its folder, to {target[:200]!r}"
        )


@contextmanager
def _opened(name: Path | str, parent: int | None = None) -> Iterator[int]:
    # The destination itself may be a link, which is its owner's business; what is below it may not.
    flags = _FOLDER if parent is None else _FOLDER | os.O_NOFOLLOW
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _place_folder(source: Path, target: int, path: tuple[str, ...]) -> None:
    for entry in sorted(os.scandir(source), key=lambda one: one.name):
        here = (*path, entry.name)
        if entry.is_symlink():
            _place_link(os.readlink(entry.path), here, target)
        elif entry.is_dir():
            with suppress(FileExistsError):
                os.mkdir(entry.name, 0o755, dir_fd=target)
            try:
                with _opened(entry.name, target) as inner:
                    _place_folder(Path(entry.path), inner, here)
            except NotADirectoryError as error:
                raise StepFailed(f"{'/'.join(here)} at the destination is a file or a link, not a folder") from error
        elif entry.is_file():
            _place_file(Path(entry.path), entry.name, target)
        else:
            raise StepFailed(f"{'/'.join(here)} in the content is neither file, folder nor link")


def _place_link(leads_to: str, path: tuple[str, ...], target: int) -> None:
    check_link(path, leads_to)
    beside = _beside(path[-1])
    with suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=target)
    os.symlink(leads_to, beside, dir_fd=target)
    _replace(beside, path[-1], target)


def _place_file(source: Path, name: str, target: int) -> None:
    beside = _beside(name)
    with suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    mode = source.stat().st_mode & 0o777
    with open(os.open(beside, flags, mode, dir_fd=target), "wb") as copy, source.open("rb") as file:
        shutil.copyfileobj(file, copy, _PIECE)
    _replace(beside, name, target)


def _replace(beside: str, name: str, target: int) -> None:
    try:
        os.replace(beside, name, src_dir_fd=target, dst_dir_fd=target)
    except OSError as error:
        with suppress(OSError):
            os.unlink(beside, dir_fd=target)
        raise StepFailed(f"{name} cannot be put at the destination ({error.strerror})") from error


def _beside(name: str) -> str:
    return f".{name[:200]}.new"
