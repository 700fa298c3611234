"""`stateward agent run`, which kills itself on reaching the moment that the kill order names.

The program is the real one. It comes back to the server within a second each time, however often the server was killed.
"""

import functools

import kill_order
import msgspec

from stateward.agent import channel
from stateward.agent.channel import ControlChannel
from stateward.agent.journal import Journal
from stateward.agent.outbox import Outbox
from stateward.agent.runner import CommandRun
from stateward.cli import agent_process
from stateward.cli.main import main


def deadly(kind, method, moment):
    """Let a method die on being called (`before`) or when it has returned (`after`), if that is the order."""
    original = getattr(kind, method)

    @functools.wraps(original)
    def call(*values, **named):
        if kill_order.read() == (moment, "before"):
            kill_order.die()
        answer = original(*values, **named)
        if kill_order.read() == (moment, "after"):
            kill_order.die()
        return answer

    setattr(kind, method, call)


if __name__ == "__main__":
    channel.STABLE_S = 0
    # In this process, not in one that knows nothing of the orders.
    agent_process.become = lambda options: agent_process.main(msgspec.json.encode(options).decode())
    deadly(ControlChannel, "_take_command", "received")
    deadly(ControlChannel, "_acknowledge", "acknowledged")
    deadly(CommandRun, "_began", "begun")
    deadly(CommandRun, "_record", "recorded")
    deadly(CommandRun, "close", "closed")
    deadly(Outbox, "post", "spooled")
    deadly(Journal, "end", "ended")
    main()
