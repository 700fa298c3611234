"""The built-in agent's replies beside those of the official agent to the same jobs."""

import asyncio
import json
from pathlib import Path

import pytest
from agent_bench import steps_of

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "official-agent"
SAME_TEXTS = {
    "command-one-step",
    "command-three-steps",
    "command-no-output",
    "command-schema-1.2",
    "command-schema-1.2-two-properties",
    "command-long-output",
    "command-long-error",
    "command-binary-output",
}
COMMANDS = sorted(
    SAME_TEXTS
    | {
        "command-onfailure-exit",
        "command-onfailure-success-and-exit",
        "command-onsuccess-exit",
        "command-exit-168",
        "command-exit-169",
        "command-exit-127",
        "command-killed-by-signal",
        "command-unknown-plugin",
    }
)


def conversation(name):
    """The job's content, and the contents of the official agent's replies but the first (accepted)."""
    events = json.loads((RECORDINGS / f"{name}.json").read_text())["events"]
    frames = [event["frame"] for event in events if "frame" in event]
    job = next(frame["payload"]["Content"] for frame in frames if frame["messageType"] == "agent_job")
    replies = [frame["payload"]["content"] for frame in frames if frame["messageType"] == "agent_job_reply"]
    return job, replies[1:]


def final_of(replies):
    return next(reply for reply in replies if reply["documentStatus"] != "InProgress")


def members(value):
    """The names of all members, in order, wherever they stand."""
    if isinstance(value, dict):
        return [(name, members(inner)) for name, inner in value.items()]
    return []


@pytest.mark.parametrize("name", COMMANDS)
def test_replies_have_the_recorded_shape(name, bench):
    job, recorded = conversation(name)

    async def replay():
        return await bench().run(job["DocumentContent"], job["Parameters"])

    replies = asyncio.run(replay())
    ours, theirs = steps_of(replies), steps_of(recorded)
    assert len(replies) == len(recorded)
    assert {step: (ours[step]["status"], ours[step]["code"], ours[step]["name"]) for step in ours} == {
        step: (theirs[step]["status"], theirs[step]["code"], theirs[step]["name"]) for step in theirs
    }
    final, recorded_final = final_of(replies), final_of(recorded)
    assert replies[-1] is final
    assert members(final) == members(recorded_final)
    assert final["documentStatus"] == recorded_final["documentStatus"]
    counts = "runtimeStatusCounts"
    assert final["additionalInfo"][counts] == recorded_final["additionalInfo"][counts]
    for step, told in ours.items():
        assert list(told) == list(theirs[step])
        if name in SAME_TEXTS:
            texts = ("output", "standardOutput", "standardError")
            assert [told[text] for text in texts] == [theirs[step][text] for text in texts]


@pytest.mark.parametrize("name", ["command-exit-169", "command-onsuccess-exit", "command-unknown-plugin"])
def test_each_step_reply_holds_that_step_only(name, bench):
    job, _ = conversation(name)

    async def replay():
        return await bench().run(job["DocumentContent"], job["Parameters"])

    *steps, final = asyncio.run(replay())
    order = [step["name"] for step in job["DocumentContent"]["mainSteps"]]
    assert [list(reply["runtimeStatus"]) for reply in steps] == [[step] for step in order]
    assert {reply["documentStatus"] for reply in steps} == {"InProgress"}
    assert final["runtimeStatus"] == {}


def test_a_cancelled_command_reports_as_recorded(bench):
    job, recorded = conversation("cancel-between-steps")
    recorded = [reply for reply in recorded if reply["runtimeStatus"] is not None]

    async def replay():
        table = bench()
        table.start(job["DocumentContent"])
        await table.begun()
        table.intake.cancel("command-1")
        await table.intake.idle()
        return table.replies()

    replies = asyncio.run(replay())
    assert [
        (reply["documentStatus"], reply["additionalInfo"]["runtimeStatusCounts"], members(reply["runtimeStatus"]))
        for reply in replies
    ] == [
        (reply["documentStatus"], reply["additionalInfo"]["runtimeStatusCounts"], members(reply["runtimeStatus"]))
        for reply in recorded
    ]
    assert [(step["status"], step["code"]) for step in steps_of(replies).values()] == [
        (step["status"], step["code"]) for step in steps_of(recorded).values()
    ]
