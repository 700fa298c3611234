"""The recordings of the official agent (3.3.0.0), and what stands in them."""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "fixtures" / "official-agent"
NODE_ID = re.compile(r"mi-[0-9a-f]{17}")
JOB_ID = re.compile(r"aws\.ssm\.(.+)\.(mi-[0-9a-f]{17})")
MOST_REPETITIONS = 20


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


class Conversation:
    """A recorded conversation over the push channel; frames are the recording's own dictionaries."""

    def __init__(self, name):
        self.name = name
        self.events = load(name)["events"]

    def frames(self, kind):
        return [event["frame"] for event in self.events if event.get("frame", {}).get("messageType") == kind]

    @property
    def jobs(self):
        """The commands, each once, in order."""
        found = {frame["payload"]["JobId"]: frame for frame in self.frames("agent_job") if not is_cancel(frame)}
        return list(found.values())

    @property
    def acks(self):
        """The acknowledgements of jobs that are no cancels."""
        jobs = {frame["payload"]["JobId"] for frame in self.jobs}
        return [frame for frame in self.frames("agent_job_ack") if frame["payload"]["jobId"] in jobs]

    @property
    def replies(self):
        """The replies, each once, in order."""
        found = {}
        for frame in self.frames("agent_job_reply"):
            found.setdefault(frame["messageId"], frame)
        return list(found.values())

    @property
    def is_cancelled(self):
        return any(is_cancel(frame) for frame in self.frames("agent_job"))


def in_time(events):
    """(second, event), with the repetitions of an event that are folded in it, in order: twenty of them tell all."""
    every = []
    for event in events:
        times = (event.get("offset_s", 0.0), *event.get("again_at_s", ()))
        every += [(at_s, event) for at_s in times[: MOST_REPETITIONS + 1]]
    return sorted(every, key=lambda one: one[0])


def is_cancel(frame):
    return frame["payload"]["Topic"].startswith("aws.ssm.cancelCommand")


def content_of(frame):
    """What a job carries: document, parameters, name."""
    return frame["payload"]["Content"]


def api_parameters(content):
    """A job's parameters as SendCommand takes them: lists of texts."""

    def texts(value):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        return [value if isinstance(value, str) else json.dumps(value)]

    return {name: texts(value) for name, value in content["Parameters"].items()}
