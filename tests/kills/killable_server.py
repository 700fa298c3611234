"""`stateward serve`, which kills itself just before or after the commit of a change that the kill order names.

The program is the real one: a reaction more is registered for the facts, behind all others.
"""

import asyncio

import kill_order

from stateward import serving
from stateward.app import Server
from stateward.associations import store_strips, strip_keeping
from stateward.associations.facts import ExecutionChanged
from stateward.cli.main import main
from stateward.commands import store
from stateward.commands.facts import CommandChanged, InvocationChanged
from stateward.engine import resolution

FEW = resolution.FEW
IN_SLICES = ("resolving", "resolved")
LONG = strip_keeping.LONG
STRIP_MOMENTS = ("strip-due", "strip")
put_steps = store.put_steps
add_due, forget_due = store_strips.add_due, store_strips.forget_due


class KillableServer(Server):
    def __init__(self, config, model=None):
        super().__init__(config, model)
        self.db.react(ExecutionChanged, self._watch(execution_moments))
        self.db.react(CommandChanged, self._watch(command_moments))
        self.db.react(InvocationChanged, self._watch(invocation_moments))

    def _watch(self, moments_of):
        async def watch(tx, facts):
            for fact in facts:
                for moment in moments_of(fact.before, fact.after):
                    self._reach(tx, moment)

        return watch

    def _reach(self, tx, moment):
        if moment == "opened":  # one that is killed while it resolves does so in slices, as for many nodes
            resolution.FEW = 0 if kill_order.read()[0] in IN_SLICES else FEW
            strip_keeping.LONG = 0 if kill_order.read()[0] in STRIP_MOMENTS else LONG
        if moment == "accepted" and kill_order.read() == ("accepted", "after"):
            # The test kills when it has the answer; until then the engine must not go on.
            asyncio.get_running_loop().create_task(self.engine.stop())
        else:
            reach(tx, moment)


def reach(tx, moment):
    ordered, when = kill_order.read()
    if ordered != moment:
        return
    if when == "before":
        kill_order.die()
    tx.after_commit(kill_order.die)


def execution_moments(before, after):
    if before is None:
        yield "accepted"
        yield "opened"


def command_moments(before, after):
    if before is None:
        yield "resolving"
    elif before.phase == "resolving" and after.phase == "running":
        yield "resolved"


def invocation_moments(before, after):
    if before is None:
        return
    for moment, field in (("released", "released_ms"), ("sent", "sent_ms"), ("acknowledged", "acknowledged_ms")):
        if getattr(before, field) is None and getattr(after, field) is not None:
            yield moment
    if after.is_final and not before.is_final:
        yield "final"


async def put_steps_and_watch(tx, steps):
    await put_steps(tx, steps)
    if any(step.step_name == "first" for step in steps):
        reach(tx, "step")


async def add_due_and_watch(tx, *key):
    await add_due(tx, *key)
    reach(tx, "strip-due")


async def forget_due_and_watch(tx, due):
    await forget_due(tx, due)
    reach(tx, "strip")


if __name__ == "__main__":
    store_strips.add_due, store_strips.forget_due = add_due_and_watch, forget_due_and_watch
    serving.Server = KillableServer
    store.put_steps = put_steps_and_watch
    main()
