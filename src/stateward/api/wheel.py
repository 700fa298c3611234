"""This installation as a wheel, for machines of any system and Python (PEP 427)."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

PACKAGE = "stateward"
EPOCH = (1980, 1, 1, 0, 0, 0)
WHEEL = """\
Wheel-Version: 1.0
Generator: stateward ({version})
Root-Is-Purelib: true
Tag: py3-none-any
"""


def wheel_name() -> str:
    """The file's name, as pip wants it."""
    return f"{PACKAGE}-{distribution(PACKAGE).version}-py3-none-any.whl"


def build(path: Path) -> str:
    """Write the wheel, replacing the file as a whole; its SHA-256. Same code, same bytes. Raises OSError."""
    information = f"{PACKAGE}-{distribution(PACKAGE).version}.dist-info"
    beside = path.with_name(f".{path.name}.new")
    records: list[str] = []
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [*_code(), *_information(information)]:
            _add(archive, name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            records.append(f"{name},sha256={digest},{len(content)}")
        _add(archive, f"{information}/RECORD", "\n".join([*records, f"{information}/RECORD,,", ""]).encode())
    beside.replace(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _code() -> Iterator[tuple[str, bytes]]:
    """The package's files, whether it is installed or runs out of a checkout."""
    package = Path(__file__).parent.parent
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield f"{PACKAGE}/{path.relative_to(package).as_posix()}", path.read_bytes()


def _information(folder: str) -> Iterator[tuple[str, bytes]]:
    ours = distribution(PACKAGE)
    yield f"{folder}/METADATA", (ours.read_text("METADATA") or "").encode()
    yield f"{folder}/WHEEL", WHEEL.format(version=ours.version).encode()
    yield f"{folder}/entry_points.txt", (ours.read_text("entry_points.txt") or "").encode()
    for file in ours.files or ():
        if file.parts[0].endswith(".dist-info") and "licenses" in file.parts:
            yield f"{folder}/{'/'.join(file.parts[1:])}", Path(str(ours.locate_file(file))).read_bytes()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
