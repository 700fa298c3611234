"""What befalls a node while one command is on its way: drawn from a seed, and judged. Values only."""

import random
from dataclasses import dataclass

from outage_house import DONE, STEPS

RESTARTED = "the agent was restarted while this step ran"
SKIPPED = ("Success", 0, "", "")
# A command alone is at least so many bytes in each direction, so that the first blow always falls.
SURE = {"up": 900, "down": 900}
LATER = 5000
# Kind → how often, of a hundred.
CUTS = {"reset": 42, "close": 16, "delay": 12, "swallow": 8}
KILLS = {"kill agent": 17, "kill server": 5}


@dataclass(frozen=True)
class Blow:
    """It falls when so many more bytes have gone in a direction; then so many connections are refused."""

    kind: str
    direction: str
    count: int
    refusals: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Storm:
    """One run. `strikes_step`: the agent is also killed as soon as the first step is seen to run."""

    number: int
    by_association: bool
    pause_s: float
    strikes_step: bool
    blows: tuple[Blow, ...]


def storm(seed, number):
    """The run of this number under a seed, always the same."""
    chance = random.Random(f"{seed}/{number}")
    return Storm(
        number=number,
        by_association=chance.random() < 0.3,
        pause_s=chance.choice([0.0, chance.uniform(0.0, 0.4)]),
        strikes_step=chance.random() < 0.1,
        blows=tuple(_blow(chance, turn == 0) for turn in range(chance.choice([1, 1, 2, 3]))),
    )


def _blow(chance, sure):
    kinds = CUTS | KILLS
    direction = chance.choice(["up", "down"])
    return Blow(
        kind=chance.choices(list(kinds), list(kinds.values()))[0],
        direction=direction,
        count=chance.randrange(SURE[direction] if sure else LATER),
        refusals=chance.choice([0, 0, 1, 3]),
        seconds=chance.uniform(0.0, 0.5),
    )


def complaint(status, steps, marked, agent_kills):
    """What is wrong with the history of a command (`House.told`), given what really ran and how often the agent was
    killed meanwhile; empty when it is the truth."""
    doubled = [step for step in STEPS if marked.count(step) > 1]
    if doubled:
        return f"begun more than once: {doubled}"
    interrupted = [step for step in STEPS if _is_interrupted(steps[step])]
    if len(interrupted) > agent_kills:
        return f"interrupted {interrupted}, but the agent was killed {agent_kills} times"
    for step in STEPS:
        if step in interrupted:
            continue
        if steps[step] == DONE[step]:
            if step not in marked:
                return f"{step} is told as done and never ran"
        elif steps[step] == SKIPPED and step == "second" and "first" in interrupted:
            if step in marked:
                return f"{step} is told as skipped and ran"
        else:
            return f"{step} is told as {steps[step]}"
    expected = "Failed" if interrupted else "Success"
    return "" if status == expected else f"the status is {status} where {expected} is the truth"


def _is_interrupted(told):
    status, code, _output, errors = told
    return (status, code) == ("Failed", -1) and errors == RESTARTED
