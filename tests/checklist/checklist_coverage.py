"""Which rows of the checklist have no test: run as a program it prints them, and none when all is well.

A row's id stands in the name of a test (`..._exe_01`) or in the id of its parameters (`id="EXE-01 newest first"`).
"""

import ast
import re
import sys
from pathlib import Path

CHECKLIST = Path(__file__).parent / "checklist.txt"
TESTS = Path(__file__).parent.parent
ROW = re.compile(r"([A-Z]{3}-[0-9]{2}) (.+)")
ID = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{3})[-_]([0-9]{2})(?![0-9A-Za-z])")

NOT_HERE: dict[str, str] = {}
"""Row → why no test of this repository can carry it."""


def rows():
    """Row id → what must be so."""
    found = (ROW.fullmatch(line) for line in CHECKLIST.read_text(encoding="utf-8").splitlines())
    return {one[1]: one[2] for one in found if one}


def ids_in(text):
    """Ids of rows in the name or the parameters of a test."""
    return {f"{area.upper()}-{number}" for area, number in ID.findall(text)}


def names_of(path):
    """The names of a file's tests, and every text that is given as an id of parameters."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name
        elif isinstance(node, ast.keyword) and node.arg in ("id", "ids"):
            yield from (one.value for one in ast.walk(node.value) if _is_text(one))


def carriers(folder):
    """Row id → the files with tests that carry it."""
    found = {}
    for path in sorted(folder.rglob("test_*.py")):
        for row in {row for name in names_of(path) for row in ids_in(name)}:
            found.setdefault(row, []).append(path.relative_to(folder).as_posix())
    return found


def missing():
    """Row id → what must be so, of the rows that no test carries and nothing excuses."""
    carried = carriers(TESTS)
    return {row: words for row, words in rows().items() if row not in carried and row not in NOT_HERE}


def _is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def main():
    without = missing()
    for row, words in without.items():
        print(row, words)
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
