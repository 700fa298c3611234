"""The blocks of code in the pages, and what stands before each: who runs it, or why nobody does.

A comment in the line before a block says so: `<!-- tour: client -->` (typed in a terminal of the page's tour),
`<!-- run: client -->` (typed where a server is there already), `<!-- file: … -->` and `<!-- shows: … -->` (by a test of
that page alone), `<!-- not run: why -->`.
"""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(
    r"(?:<!-- (?P<kind>tour|run|file|shows|not run):? ?(?P<what>[^\n]*?) ?-->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    page: str
    line: int
    language: str
    kind: str
    what: str
    text: str

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    @property
    def commands(self):
        """What is typed: all of `sh`, the lines of `console` that begin with a prompt."""
        if self.language != "console":
            return self.text
        return "\n".join(command for command, _ in steps_of(self.text))


def pages():
    """Every page for readers: those of the repository's root, of docs, and of each example."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/README.md")]
    return sorted(str(page.relative_to(ROOT)) for page in found)


def blocks_of(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start("indent")) + 1,
            found["language"],
            found["kind"] or "",
            found["what"] or "",
            found["text"],
        )
        for found in FENCE.finditer(text)
    ]


def steps_of(text):
    """(command, expected output) of a console block."""
    steps = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append(([line[2:]], []))
        elif line.startswith("> ") or line == ">":
            steps[-1][0].append(line[2:])
        else:
            steps[-1][1].append(line)
    return [("\n".join(command), "\n".join(output)) for command, output in steps]
