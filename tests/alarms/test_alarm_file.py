"""Alarms in a file (D37)."""

import asyncio
import json
import os
import threading

import pytest
from structlog.testing import capture_logs

from stateward.alarms import file
from stateward.alarms.file import AlarmFile
from stateward.alarms.source import NoAlarms


def ask(source, *names):
    """The states of some alarms, asked one after another, and what the log said."""

    async def states():
        found = [await source.state(name) for name in names]
        await source.close()
        return found

    with capture_logs() as entries:
        return asyncio.run(states()), entries


def write(path, content):
    """Write the file as its author should: beside it, then in its place."""
    beside = path.with_suffix(".new")
    beside.write_text(content if isinstance(content, str) else json.dumps(content))
    beside.rename(path)
    return path


def test_without_a_source_every_alarm_is_ok():
    assert ask(NoAlarms(), "disk-full")[0] == ["OK"]


def test_the_file_says_how_alarms_stand(tmp_path):
    path = write(tmp_path / "alarms.json", {"a": "OK", "b": "ALARM", "c": "UNKNOWN", "häßlich / ../x": "ALARM"})
    assert ask(AlarmFile(path), "a", "b", "c", "häßlich / ../x", "d") == (
        ["OK", "ALARM", "UNKNOWN", "ALARM", "UNKNOWN"],
        [],
    )


def test_the_file_is_read_again_when_it_changes(tmp_path, monkeypatch):
    reads = []
    monkeypatch.setattr(file.msgspec.json, "decode", lambda data: reads.append(1) or json.loads(data))
    source = AlarmFile(write(tmp_path / "alarms.json", {"a": "OK"}))
    assert ask(source, "a", "a", "a")[0] == ["OK", "OK", "OK"]
    assert len(reads) == 1
    write(tmp_path / "alarms.json", {"a": "ALARM"})
    assert ask(source, "a")[0] == ["ALARM"]


def test_a_change_of_the_same_size_counts(tmp_path):
    path = write(tmp_path / "alarms.json", {"a": "OK", "b": "ALARM"})
    source = AlarmFile(path)
    assert ask(source, "a")[0] == ["OK"]
    write(path, {"b": "OK", "a": "ALARM"})
    os.utime(path, ns=(1, 1))
    assert ask(source, "a")[0] == ["ALARM"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "Input data was truncated; write a JSON object"),
        ("[]", "write a JSON object, name to OK, ALARM or UNKNOWN"),
        ("\ufeff{}", "write a JSON object"),
        ("[" * 100_000, "write a JSON object"),
        (" " * (file.MOST_BYTES + 1), "at most 4194304 are read"),
    ],
)
def test_a_file_that_cannot_be_read_is_unknown_and_said_once(tmp_path, content, problem):
    states, entries = ask(AlarmFile(write(tmp_path / "alarms.json", content)), "a", "b")
    assert states == ["UNKNOWN", "UNKNOWN"]
    assert [entry["log_level"] for entry in entries] == ["warning"]
    assert problem in entries[0]["problem"]


def test_a_missing_file_is_unknown_until_it_is_there(tmp_path):
    source = AlarmFile(tmp_path / "alarms.json")
    states, entries = ask(source, "a", "a")
    assert (states, len(entries)) == (["UNKNOWN", "UNKNOWN"], 1)
    write(tmp_path / "alarms.json", {"a": "OK"})
    assert ask(source, "a") == (["OK"], [])


@pytest.mark.parametrize("state", ["ok", "INSUFFICIENT_DATA", "", 1, None, ["OK"]])
def test_another_word_is_unknown_and_said(tmp_path, state):
    states, entries = ask(AlarmFile(write(tmp_path / "alarms.json", {"a\n": state, "b": "OK"})), "a\n", "b")
    assert states == ["UNKNOWN", "OK"]
    assert [(entry["log_level"], entry["alarm"]) for entry in entries] == [("warning", r"'a\n'")]


def test_a_disk_that_does_not_answer_is_unknown_and_asked_once(tmp_path, monkeypatch):
    answers, asked = threading.Event(), []

    def stuck(path, seen):
        asked.append(path)
        answers.wait(10)

    monkeypatch.setattr(file, "PATIENCE_S", 0.02)
    monkeypatch.setattr(file, "_changed", stuck)

    async def states():
        source = AlarmFile(tmp_path / "alarms.json")
        try:
            return [await source.state("a") for _ in range(3)]
        finally:
            answers.set()

    assert asyncio.run(states()) == ["UNKNOWN"] * 3
    assert len(asked) == 1
