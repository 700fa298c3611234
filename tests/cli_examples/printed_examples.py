"""The examples that the AWS CLI prints in its help, read from the files that it ships with."""

import json
import re
import shlex
from pathlib import Path

import awscli
import msgspec

FOLDER = Path(awscli.__file__).parent / "examples" / "ssm"
OUTPUT = re.compile(r"^(\*\*)?Output[^:]*(\*\*)?:*:$")


class Example(msgspec.Struct, frozen=True):
    """One command of an operation's page; `members` are the top-level members of the output that is shown, if any."""

    operation: str
    number: int
    command: str
    members: frozenset[str] | None

    @property
    def name(self):
        return f"{self.operation} {self.number}"

    @property
    def words(self):
        """The command as a shell would split it, without `aws`."""
        return [word.replace("\\$", "$") for word in shlex.split(self.command)][1:]

    def replaced(self, command):
        return msgspec.structs.replace(self, command=command)


def of(operation):
    """The examples of an operation such as `create-association`, in the order of its page."""
    page = FOLDER / f"{operation}.rst"
    return list(_examples(operation, page.read_text(encoding="utf-8"))) if page.is_file() else []


def _examples(operation, text):
    found = []
    for heading, block in _blocks(text):
        if block.startswith("aws "):
            # A line that lacks its backslash goes on all the same: no page has two commands in one block.
            found.append([re.sub(r"\\?[ ]*\n\s*", " ", block), None])
        elif OUTPUT.match(heading) and found:
            found[-1][1] = _members(block)
    for number, (command, members) in enumerate(found, 1):
        yield Example(operation, number, command, members)


def _blocks(text):
    """(the paragraph before it, text without its indent) of each indented block."""
    heading, block = "", []
    for line in [*text.splitlines(), "end"]:
        if line.startswith((" ", "\t")) or (block and not line.strip()):
            block.append(line)
        elif line.strip():
            if block:
                yield heading, "\n".join(block).strip()
            heading, block = line.strip(), []


def _members(block):
    try:
        shown = json.loads(block)
    except ValueError:
        # Some outputs are cut or lack a comma: their outermost members stand at the smallest indent.
        keys = re.findall(r'^( +)"(\w+)":', block, re.MULTILINE)
        least = min((len(indent) for indent, _ in keys), default=0)
        return frozenset(key for indent, key in keys if len(indent) == least) or None
    return frozenset(shown) if isinstance(shown, dict) else None
