"""The agent as one file: a zip-app of this installation's code and the packages that it needs.

Some of them are compiled, so that the file is for machines of the same system and Python as the one that made it. A
compiled module cannot be loaded out of a zip: at its first start the file unpacks itself, once for each content.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

import msgspec

NAMES = ("cryptography", "httpx", "msgspec", "pyyaml", "regex", "structlog", "typer", "websockets")
# Colours and loops that the agent does without.
LEFT_OUT = frozenset({"rich", "pygments", "markdown-it-py", "mdurl", "uvloop"})
OUR_PARTS = ("agent", "cli", "access", "wire", "documents")
OUR_FILES = ("__init__.py", "__main__.py", "clock.py", "ids.py", "config.py", "quotas.py")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAIN = '''\
"""Stateward's node agent. This file unpacks itself into a folder of its user's own, and runs from there."""
import os, sys, sysconfig, tempfile, zipfile

WANTED = {wanted!r}
DIGEST = {digest!r}


def fail(reason):
    sys.exit("stateward-agent.pyz: " + reason)


def folder():
    if os.geteuid() == 0:
        home = "/var/cache"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(home, "stateward-agent")
    os.makedirs(path, mode=0o700, exist_ok=True)
    found = os.lstat(path)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or not os.path.isdir(path) or os.path.islink(path):
        fail(path + " must be a folder that only this user can use (mode 0700)")
    return path


def unpacked():
    home = folder()
    path = os.path.join(home, DIGEST)
    if not os.path.isdir(path):
        beside = tempfile.mkdtemp(dir=home)
        with zipfile.ZipFile(sys.argv[0]) as file:
            file.extractall(beside)
        try:
            os.rename(beside, path)
        except OSError:
            if not os.path.isdir(path):
                raise
    return path


if sys.argv[1:2] == ["--process"]:
    # Already unpacked: this is the process that the agent stays.
    from stateward.cli.agent_process import main
    main(sys.argv[2])
elif __name__ == "__main__":
    own = [sys.implementation.cache_tag, sysconfig.get_platform()]
    if own != WANTED:
        fail("made for " + " on ".join(WANTED) + ", and this is " + " on ".join(own) + ": "
             "take a file of this system and Python, or install the package stateward with pip")
    sys.argv[0] = os.path.abspath(sys.argv[0])
    os.environ["STATEWARD_AGENT_ZIPAPP"] = sys.argv[0]
    # What colours the help is not in this file.
    os.environ["TYPER_USE_RICH"] = "0"
    sys.path[0] = unpacked()
    from stateward.cli.agent import run_zipapp
    run_zipapp()
'''


class Packed(msgspec.Struct, frozen=True):
    """A zip-app: its file, and the SHA-256 of that."""

    path: Path
    sha256: str
    size: int


def wanted() -> list[str]:
    """What a machine must be like to run a zip-app made here: its Python and its platform."""
    return [str(sys.implementation.cache_tag), sysconfig.get_platform()]


def pack(path: Path) -> Packed:
    """Write the zip-app, replacing the file as a whole; the same installation gives the same bytes. Raises OSError."""
    contents = dict(sorted([*_our_files(), *_their_files()]))
    digest = hashlib.sha256()
    for name, source in contents.items():
        digest.update(f"{name}\0{hashlib.sha256(_bytes(source)).hexdigest()}\0".encode())
    main = _MAIN.format(wanted=wanted(), digest=digest.hexdigest()[:32])
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(f"#!/usr/bin/env python{sys.version_info[0]}.{sys.version_info[1]}\n".encode())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _add(archive, "__main__.py", main.encode())
            for name, source in contents.items():
                _add(archive, name, _bytes(source))
    beside.chmod(0o755)
    beside.replace(path)
    data = path.read_bytes()
    return Packed(path, hashlib.sha256(data).hexdigest(), len(data))


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)


def _bytes(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _our_files() -> Iterator[tuple[str, Path | bytes]]:
    package = Path(__file__).parent.parent
    found = [package / name for name in OUR_FILES]
    for part in OUR_PARTS:
        found += (package / part).rglob("*.py")
    for path in found:
        if path.is_file():
            yield f"stateward/{path.relative_to(package).as_posix()}", path
    ours = importlib.metadata.distribution("stateward")
    # For the version that the agent tells.
    metadata = f"Metadata-Version: 2.1\nName: stateward\nVersion: {ours.version}\n"
    yield f"stateward-{ours.version}.dist-info/METADATA", metadata.encode()


def _their_files() -> Iterator[tuple[str, Path | bytes]]:
    for distribution in _needed():
        for file in distribution.files or ():
            parts = file.parts
            if ".." in parts or "__pycache__" in parts or file.suffix in (".pyc", ".pyi"):
                continue
            if file.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
                continue
            path = Path(str(distribution.locate_file(file)))
            if path.is_file():
                yield file.as_posix(), path


def _needed() -> list[Distribution]:
    """The packages and all that they need, as they are installed here."""
    found: dict[str, Distribution] = {}
    names = list(NAMES)
    while names:
        name = _canonical(names.pop())
        if name in found or name in LEFT_OUT:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except PackageNotFoundError:
            continue  # for another system or Python
        for requirement in found[name].requires or ():
            needed = _NAME.match(requirement)
            if needed is not None and "extra ==" not in requirement:
                names.append(needed[0])
    return [found[name] for name in sorted(found)]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
