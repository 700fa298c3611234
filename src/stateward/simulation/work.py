"""What simulated nodes have in their hands, and what they will say when. Everything here is memory: the database
tells it again after a restart."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from stateward.access.principals import Scope
from stateward.commands.reports import Report, StepReport
from stateward.scripted import outcomes
from stateward.scripted.outcomes import Course, Task, Word
from stateward.scripted.rules import Rule
from stateward.simulation.store import FleetNodeRow


class Work:
    """One command on one node, from the moment when it was taken until its final report is in."""

    __slots__ = ("command_id", "course", "node_id", "task")

    def __init__(self, node_id: str, command_id: str, task: Task, began_ms: int) -> None:
        self.node_id = node_id
        self.command_id = command_id
        self.task = task
        self.course: Course | None = None if _is_silent(task.rule) else outcomes.course(task, began_ms)
        """None: it never answers."""


class SimulatedNode:
    """A node of the fleet; `kept` are reports that wait for it to come back."""

    def __init__(self, row: FleetNodeRow) -> None:
        self.node_id = row.node_id
        self.scope = row.scope
        self.platform = row.platform_type
        self.is_online = not row.offline
        self.kept: list[Answer] = []


class Answer(NamedTuple):
    """What a node will say at an instant; it falls away when the work takes another course."""

    at_ms: int
    order: int
    work: Work
    course: Course
    report: Report


class Hands:
    """The nodes, their work, and a heap of what they will say."""

    def __init__(self) -> None:
        self._nodes: dict[str, SimulatedNode] = {}
        self._works: dict[tuple[str, str], Work] = {}
        self._away: dict[str, int] = {}
        self._answers: list[Answer] = []
        self._order = itertools.count()

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._nodes

    def enter(self, rows: Iterable[FleetNodeRow]) -> None:
        for row in rows:
            self._nodes[row.node_id] = SimulatedNode(row)
            self._note_return(row.node_id, row.back_ms)

    def leave(self, node_ids: Iterable[str]) -> None:
        """The nodes are gone for ever, and their work with them."""
        gone = {node_id for node_id in node_ids if self._nodes.pop(node_id, None) is not None}
        self._works = {key: work for key, work in self._works.items() if key[0] not in gone}
        self._away = {node_id: back_ms for node_id, back_ms in self._away.items() if node_id not in gone}

    def online(self, node_ids: Iterable[str]) -> list[str]:
        """Those of these that have a channel, by id."""
        found = (self._nodes.get(node_id) for node_id in node_ids)
        return sorted(node.node_id for node in found if node is not None and node.is_online)

    def platform(self, node_id: str) -> str:
        return self._nodes[node_id].platform

    def begin(self, work: Work) -> None:
        """A node has taken a piece of work: what it will say is known from now on."""
        self._works[work.node_id, work.command_id] = work
        self._plan(work)

    def cancel(self, node_id: str, command_id: str, now_ms: int) -> None:
        """A node hears that it should stop; what has ended already, or never answers, hears nothing."""
        work = self._works.get((node_id, command_id))
        if work is not None and work.course is not None:
            work.course = outcomes.cancelled(work.task, work.course, now_ms)
            self._plan(work, now_ms)

    def forget(self, node_id: str, command_id: str) -> None:
        """The server is no longer interested; only a node that never answers has nothing more to say."""
        work = self._works.get((node_id, command_id))
        if work is not None and work.course is None:
            del self._works[node_id, command_id]

    def take_away(self, node_ids: Sequence[str], back_ms: int | None) -> None:
        """The nodes lose their channels; their work goes on."""
        for node_id in node_ids:
            self._nodes[node_id].is_online = False
            self._note_return(node_id, back_ms)

    def reboot(self, node_ids: Sequence[str], now_ms: int, resumes_ms: int) -> None:
        """What runs on the nodes is interrupted (D27)."""
        gone = set(node_ids)
        for work in list(self._works.values()):
            if work.node_id in gone and work.course is not None:
                changed = outcomes.interrupted(work.task, work.course, now_ms, resumes_ms)
                if changed is not work.course:
                    work.course = changed
                    self._plan(work, now_ms)

    def bring_back(self, node_ids: Sequence[str], now_ms: int) -> None:
        """The nodes have their channels again, and say what they could not say."""
        for node_id in node_ids:
            node = self._nodes[node_id]
            node.is_online = True
            self._note_return(node_id, None)
            for answer in node.kept:
                self._say(now_ms, answer.work, answer.course, answer.report)
            node.kept.clear()

    def returning(self, now_ms: int) -> list[tuple[Scope, str]]:
        """The nodes whose time to come back has come, by id."""
        found = sorted(node_id for node_id, back_ms in self._away.items() if back_ms <= now_ms)
        return [(self._nodes[node_id].scope, node_id) for node_id in found]

    def next_due(self) -> int | None:
        """When the next node says something or comes back, in ms."""
        while self._answers and self._is_stale(self._answers[0]):
            heapq.heappop(self._answers)
        dues = [*self._away.values(), *(answer.at_ms for answer in self._answers[:1])]
        return min(dues, default=None)

    def due(self, now_ms: int, limit: int) -> list[Answer]:
        """What nodes say now, in the order in which it was planned; a node without a channel keeps it for later."""
        found: list[Answer] = []
        while self._answers and self._answers[0].at_ms <= now_ms and len(found) < limit:
            answer = heapq.heappop(self._answers)
            if self._is_stale(answer):
                continue
            node = self._nodes[answer.work.node_id]
            (found if node.is_online else node.kept).append(answer)
        return found

    def said(self, answers: Iterable[Answer]) -> None:
        """The server has stored these; a final one ends the work."""
        for answer in answers:
            if answer.report.is_final:
                self._works.pop((answer.work.node_id, answer.work.command_id), None)

    def say_again(self, answers: Iterable[Answer]) -> None:
        """The server could not store these."""
        for answer in answers:
            heapq.heappush(self._answers, answer)

    def _plan(self, work: Work, after_ms: int = -1) -> None:
        if work.course is None:
            return
        for at_ms, word in outcomes.words(work.course, after_ms):
            self._say(at_ms, work, work.course, _report(word))

    def _say(self, at_ms: int, work: Work, course: Course, report: Report) -> None:
        heapq.heappush(self._answers, Answer(at_ms, next(self._order), work, course, report))

    def _note_return(self, node_id: str, back_ms: int | None) -> None:
        if back_ms is None:
            self._away.pop(node_id, None)
        else:
            self._away[node_id] = back_ms

    def _is_stale(self, answer: Answer) -> bool:
        work = answer.work
        return self._works.get((work.node_id, work.command_id)) is not work or work.course is not answer.course


def _report(word: Word) -> Report:
    """A word as the gateway reads it out of a reply."""
    steps = tuple(StepReport(*msgspec.structs.astuple(step)) for step in word.steps)
    return Report(word.document_status, steps, len(steps) if word.is_final else 0)


def _is_silent(rule: Rule | None) -> bool:
    return rule is not None and rule.silent
