"""What each node of a fleet makes of a command: the script asked, for all nodes in the same way (D45)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from stateward.agent.intake import given_values
from stateward.agent.messages import SendJob, read_work
from stateward.documents import parameters, schema
from stateward.documents.schema import Document
from stateward.fleet.script import FleetRule
from stateward.scripted import rules
from stateward.scripted.outcomes import Task
from stateward.scripted.rules import Numbered, Run

ORDERS_KEPT = 512


class Order(msgspec.Struct, frozen=True):
    """A command as every node got it; `number` counts the commands with this document."""

    document_name: str
    document: Document
    values: dict[str, Any]
    number: int


class Part(msgspec.Struct, frozen=True):
    """What one node does with a command. `late_ms`: how much later than due its reports come."""

    task: Task
    rule: FleetRule | None
    late_ms: int = 0

    @property
    def is_silent(self) -> bool:
        return self.rule is not None and self.rule.silent


class Director:
    """Knows the script and the commands; `usual` is the time of a step that no rule is about."""

    def __init__(self, script: Sequence[FleetRule], usual: str, platform: str) -> None:
        self._used: list[set[str]] = [set() for _ in script]
        self._rules = script
        self._script = [Numbered(number, rule, self._used[number]) for number, rule in enumerate(script)]
        self._counts = rules.counts(self._script)
        self._usual = usual
        self._platform = platform
        self._orders: OrderedDict[str, Order] = OrderedDict()
        self._numbers: Counter[str] = Counter()

    def part(self, job: SendJob, node_id: str, number: int, name: str) -> Part:
        """What the fleet's node with this number does. Raises what reading a job or its document raises."""
        order = self._order(job)
        run = Run(
            command_id=job.command_id,
            document_name=order.document_name,
            step_names=[step.name for step in order.document.steps],
            execution_number=order.number,
            first_nodes={count: {node_id} if number <= count else set() for count in self._counts},
        )
        decided = rules.decide(self._script, run, node_id, name)
        chance = rules.draw(node_id, job.command_id)
        rule = None if decided is None else self._rules[decided.number]
        if decided is not None and decided.rule.times is not None:
            self._used[decided.number].add(job.command_id)
        task = Task(order.document, order.values, self._platform, rule, self._usual, chance)
        late_ms = rules.picked_ms(rule.late, chance) if rule is not None and rule.late is not None else 0
        return Part(task, rule, late_ms)

    def _order(self, job: SendJob) -> Order:
        """A command is read once for all nodes."""
        known = self._orders.get(job.command_id)
        if known is None:
            work = read_work(job)
            document = schema.parse_command(work.DocumentContent)
            values = parameters.effective_values(document.parameters, given_values(document, work))
            self._numbers[work.DocumentName] += 1
            known = Order(work.DocumentName, document, values, self._numbers[work.DocumentName])
            self._orders[job.command_id] = known
            if len(self._orders) > ORDERS_KEPT:
                self._orders.popitem(last=False)
        return known
