"""The script of a fleet: a YAML or JSON file with a list of rules (D45), and the faults that only real nodes have."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stateward.documents.content import Unreadable, read_yaml
from stateward.scripted import rules
from stateward.scripted.rules import Rule

LONGEST_BYTES = 1_000_000
DURATION = "a duration such as 90s, or a range such as 1s..5s"
YES_OR_NO = "true or false"
RIGHT = {
    "nodes": "a number, for the first so many, or a list of names or ids of nodes",
    "share": "a number above 0 and up to 1, such as 0.1",
    "document": "the name of a document",
    "step": "the name of a step",
    "run": "a number, for that command with the document",
    "times": "a number of commands",
    "status": "Success, Failed, TimedOut or Skipped",
    "output": "text of up to 24,000 characters",
    "error": "text of up to 24,000 characters",
    "exit_code": "a number of 32 bits",
    "delay": DURATION,
    "silent": YES_OR_NO,
    "drop": YES_OR_NO,
    "twice": YES_OR_NO,
    "late": DURATION,
}
EXAMPLE = "such as\n- share: 0.1\n  status: Failed"


class ScriptProblem(Exception):
    """The script cannot be used; the text says where, what is wrong, and what would be right."""


class FleetRule(Rule, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule for real nodes.

    `drop`: the channel breaks off when the work was taken. `twice`: each report comes twice. `late`: each report comes
    so much later than it was made.
    """

    drop: bool = False
    twice: bool = False
    late: str | None = None


def read(path: Path) -> list[FleetRule]:
    """The rules in a file, the last to be asked first. Raises ScriptProblem."""
    try:
        if path.stat().st_size > LONGEST_BYTES:
            raise ScriptProblem(f"{path}: longer than {LONGEST_BYTES:,} bytes, which no script needs")
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptProblem(f"{path}: the script cannot be read ({error})") from error


def parse(text: str, name: str) -> list[FleetRule]:
    """The rules in a text; `name` stands in what ScriptProblem says."""
    try:
        found = read_yaml(text)
        lines = _lines(text)
    except (Unreadable, yaml.YAMLError) as error:
        marked = error.__cause__ if isinstance(error, Unreadable) else error
        if isinstance(marked, yaml.MarkedYAMLError) and marked.problem_mark is not None:
            line = marked.problem_mark.line + 1
            raise ScriptProblem(f"{name}, line {line}: this is no YAML: {marked.problem}") from error
        raise ScriptProblem(f"{name}: {' '.join(str(error).split())}") from error
    if not isinstance(found, list):
        raise ScriptProblem(f"{name}, line 1: a script is a list of rules, {EXAMPLE}")
    return [_rule(item, number, lines, name) for number, item in enumerate(found)]


def _rule(item: Any, number: int, lines: Mapping[tuple[int, str], int], name: str) -> FleetRule:
    def problem(member: str, text: str) -> ScriptProblem:
        return ScriptProblem(f"{name}, line {lines.get((number, member)) or lines[number, '']}: {text}")

    if not isinstance(item, dict):
        raise problem("", f"{_short(item)}: a rule has members, {EXAMPLE}")
    for member, value in item.items():
        if member not in RIGHT:
            near = difflib.get_close_matches(str(member), RIGHT, 1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(RIGHT)}"
            raise problem(member, f"{_short(member)} is no member of a rule; {hint}")
        if not _fits(member, value):
            raise problem(member, f"{member}: {_short(value)} is not right, write {RIGHT[member]}")
    rule = msgspec.convert(item, FleetRule)
    wrong = problem_with(rule)
    if wrong is not None:
        raise problem(next((member for member in item if wrong.startswith(member)), ""), wrong)
    return rule


def problem_with(rule: FleetRule) -> str | None:
    """What is wrong with members that contradict each other or a duration, and what would be right."""
    if rule.late is not None and (wrong := rules.range_problem("late", rule.late)):
        return wrong
    if rule.silent and (rule.twice or rule.late is not None):
        return "silent: such a node never answers, leave out twice and late, or silent"
    return rules.problem_with(rule)


def _fits(member: str, value: Any) -> bool:
    try:
        msgspec.convert({member: value}, FleetRule)
    except msgspec.ValidationError:
        return False
    return True


def _lines(text: str) -> dict[tuple[int, str], int]:
    """The line of each rule (number, "") and of each of its members (number, member)."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found: dict[tuple[int, str], int] = {}
    for number, rule in enumerate(root.value if isinstance(root, yaml.SequenceNode) else ()):
        found[number, ""] = rule.start_mark.line + 1
        if isinstance(rule, yaml.MappingNode):
            found.update({(number, str(key.value)): key.start_mark.line + 1 for key, _ in rule.value})
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
