"""Following a command on many nodes at once: a stream of events for each, one printer for all (D58)."""

from __future__ import annotations

import queue
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
import typer

from stateward.cli.server import NOT_FOUND, NOT_REACHABLE, USAGE, Server, exit_code_of, fail
from stateward.clock import monotonic_s

AT_ONCE = 10
MOST_NODES = 1_000
LOOK_AGAIN_S = 1.0
TRY_AGAIN_S = 1.0
GIVE_UP_S = 60.0
LONGEST_LINE = 64 * 1024
BUSY = 503
WAITING = "Pending"
CAUSES = {
    "node_removed": "the node was deregistered",
    "delivery_timeout": "no final report came in time",
    "superseded": "a later run took its place",
    "errors": "as many nodes as MaxErrors allows had failed",
    "alarm": "an alarm went off",
    "duration": "the time of its association was over",
}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Event(msgspec.Struct, frozen=True):
    """What happened on a node: an event of the server's, or `refused` or `lost`."""

    node: str
    kind: str
    data: dict[str, Any]


@dataclass
class _Place:
    """How far a node's events were heard, and when; what has ended the last connection."""

    heard_s: float
    last: str = ""
    trouble: str = ""


class Printer:
    """Output on standard output: of one node as it comes, of several in whole lines that say whose they are.

    On a terminal control characters are taken out: what a node prints must not command it.
    """

    def __init__(self, *, named: bool) -> None:
        self._named = named
        self._terminal = sys.stdout.isatty()
        self._begun: dict[tuple[str, str, str], str] = {}
        self._open_line = ""

    def add(self, node: str, step: str, stream: str, text: str) -> None:
        """Print what is complete of a stream."""
        if not self._named:
            if self._open_line not in ("", step):
                self._print("\n")
            self._print(text)
            self._open_line = "" if text.endswith("\n") else step if text else self._open_line
            return
        *lines, rest = (self._begun.pop((node, step, stream), "") + text).split("\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], ""
        self._print("".join(f"{node} {step}: {line}\n" for line in lines))
        if rest:
            self._begun[node, step, stream] = rest

    def finish(self, node: str) -> None:
        """Print what has no end of line."""
        for key in [key for key in self._begun if key[0] == node]:
            self._print(f"{node} {key[1]}: {self._begun.pop(key)}\n")
        if self._terminal and self._open_line:
            self._print("\n")
            self._open_line = ""

    def _print(self, text: str) -> None:
        sys.stdout.write(CONTROLS.sub("\ufffd", COLOURS.sub("", text)) if self._terminal else text)
        sys.stdout.flush()


class Tail:
    """One command that is followed. What goes wrong ends the program with a sentence and its exit code."""

    def __init__(self, server: Server, command_id: str, step: str) -> None:
        self._server = server
        self._path = f"/_stateward/commands/{quote(command_id, safe='')}"
        self._command_id = command_id
        self._step = step
        self._events: queue.Queue[Event] = queue.Queue(maxsize=100)
        self._active: set[str] = set()
        self._done: dict[str, str] = {}
        self._steps: dict[str, str] = {}
        self._looked_s = monotonic_s()

    def run(self, chosen: list[str]) -> str:
        """Follow these nodes, or all; the status of it all at the end."""
        known = self._look()
        if not chosen and known["targets"] > MOST_NODES:
            fail(
                f"the command has {known['targets']} targets, {MOST_NODES} at most are followed: name some as --node",
                USAGE,
            )
        count = len(chosen) or known["targets"]
        if count > AT_ONCE:
            say(f"{count} nodes: {AT_ONCE} are followed at once, as they begin; each is shown from its beginning")
        printer = Printer(named=count > 1)
        looked_s = self._looked_s
        while not self._is_over(chosen, known):
            self._begin(chosen or _begun(known))
            try:
                self._show(self._events.get(timeout=LOOK_AGAIN_S), printer, named=count > 1)
            except queue.Empty:
                looked_s -= LOOK_AGAIN_S
            if not chosen and len(self._active) < AT_ONCE and monotonic_s() - looked_s >= LOOK_AGAIN_S:
                known, looked_s = self._look_again(known), monotonic_s()
        return self._status(chosen, known)

    def _look(self) -> dict[str, Any]:
        found = self._server.own(self._path, query={"limit": str(MOST_NODES)})
        if found is None:
            fail(f"{self._server.endpoint} cannot show what commands print: it is no Stateward, or an older one")
        return dict(found)

    def _look_again(self, known: dict[str, Any]) -> dict[str, Any]:
        """The same later: a server that is away for a moment is no end."""
        try:
            with self._server.attempt(self._path, {"limit": str(MOST_NODES)}, {}) as answer:
                if answer.status_code == 200:
                    self._looked_s = monotonic_s()
                    return msgspec.json.decode(answer.read(), type=dict[str, Any])
                reason = f"HTTP {answer.status_code}"
        except Exception as error:
            reason = str(error) or type(error).__name__
        if monotonic_s() - self._looked_s > GIVE_UP_S:
            fail(f"{self._server.endpoint} cannot be reached any more: {reason}", NOT_REACHABLE)
        return known

    def _is_over(self, chosen: list[str], known: dict[str, Any]) -> bool:
        if self._active:
            return False
        wanted = chosen or [one["node"] for one in known["nodes"]]
        return bool(chosen or known["closed"]) and all(node in self._done for node in wanted)

    def _begin(self, nodes: Iterable[str]) -> None:
        for node in nodes:
            if len(self._active) >= AT_ONCE:
                return
            if node not in self._active and node not in self._done:
                self._active.add(node)
                threading.Thread(target=self._follow, args=(node,), daemon=True, name=f"events of {node}").start()

    def _show(self, event: Event, printer: Printer, *, named: bool) -> None:
        node, data = event.node, event.data
        who = f"{node} " if named else ""
        if event.kind == "output":
            if data.get("left_out"):
                say(f"{who}{data['step']}: {data['left_out']} bytes of {data['stream']} are left out here")
            printer.add(node, data["step"], data["stream"], data["text"])
        elif event.kind == "step":
            printer.finish(node)
            self._steps[node] = data["status"]
            say(f"{who}{data['step']}: {data['status']}, exit code {data['code']}")
        elif event.kind == "end":
            printer.finish(node)
            self._active.discard(node)
            self._done[node] = data["status"]
            if data.get("ended_by") in CAUSES:
                say(f"{node}: {data['status']}, {CAUSES[data['ended_by']]}")
        elif event.kind == "refused":
            code = NOT_FOUND if data["http"] == 404 else exit_code_of(data["error"])
            fail(f"{data['error']}: {data['message']}", USAGE if data["error"] == "ValidationException" else code)
        else:
            fail(f"{self._server.endpoint} cannot be reached any more: {data['reason']}", NOT_REACHABLE)

    def _status(self, chosen: list[str], known: dict[str, Any]) -> str:
        if self._step:
            seen = [self._steps.get(node, self._done[node]) for node in self._done]
        elif chosen:
            seen = [self._done[node] for node in chosen]
        else:
            seen = [known["status"]]
        status = next((one for one in seen if not is_success(one)), "Success")
        say(f"{self._command_id}: {status}")
        return status

    def _follow(self, node: str) -> None:
        """In a thread of its own: the events of a node to its end, over any number of connections."""
        place = _Place(monotonic_s())
        pause = threading.Event()
        while not self._read(node, place):
            if monotonic_s() - place.heard_s > GIVE_UP_S:
                self._events.put(Event(node, "lost", {"reason": place.trouble}))
                return
            pause.wait(TRY_AGAIN_S)

    def _read(self, node: str, place: _Place) -> bool:
        """One connection, from where the last one ended; whether there is no more to come."""
        query = {"node": node, "step": self._step} if self._step else {"node": node}
        place.trouble = "the connection ended"
        try:
            headers = {"last-event-id": place.last} if place.last else {}
            with self._server.attempt(f"{self._path}/output/events", query, headers) as answer:
                if answer.status_code == BUSY:
                    place.trouble = "it starts, or has too many readers"
                    return False
                if answer.status_code != 200:
                    self._events.put(Event(node, "refused", _refusal(answer)))
                    return True
                for last, event in _events(node, _lines(answer)):
                    place.last, place.heard_s = last, monotonic_s()
                    self._events.put(event)
                    if event.kind == "end":
                        return True
        except Exception as error:  # whatever it is, it may be over in a moment
            place.trouble = str(error) or type(error).__name__
        return False


def is_success(status: str) -> bool:
    """Whether a status is the good end; a step that was skipped is none that failed."""
    return status in ("Success", "Skipped")


def say(text: str) -> None:
    """Tell something that is no output."""
    typer.echo(text, err=True)


def _begun(known: dict[str, Any]) -> list[str]:
    return [one["node"] for one in known["nodes"] if one["status"] != WAITING]


def _lines(answer: Any) -> Iterator[str]:
    """The lines as the standard of events has them; httpx would end lines inside of texts as well."""
    rest = b""
    for part in answer.iter_raw():
        *lines, rest = (rest + part).split(b"\n")
        yield from (line.decode() for line in lines)


def _events(node: str, lines: Iterable[str]) -> Iterator[tuple[str, Event]]:
    """The events with their ids."""
    told: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            told[name] = value
        elif "event" in told:
            yield told["id"], Event(node, told["event"], msgspec.json.decode(told["data"], type=dict[str, Any]))
            told = {}


def _refusal(answer: Any) -> dict[str, Any]:
    body = answer.read()
    try:
        return {**msgspec.json.decode(body, type=dict[str, Any]), "http": answer.status_code}
    except msgspec.DecodeError:
        return {"error": "Error", "message": f"HTTP {answer.status_code}", "http": answer.status_code}
