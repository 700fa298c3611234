"""Events as lines while they happen: the pages of the outbox, one after the other."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any

import msgspec
import typer

from stateward.cli import tables
from stateward.cli.names import Names
from stateward.cli.presentation import Look
from stateward.cli.runs import counted, since_of
from stateward.cli.server import FAILED, NOT_FOUND, NOT_REACHABLE, Server, exit_code_of, fail
from stateward.clock import monotonic_s

PATH = "/_stateward/events"
LOOK_S, GIVE_UP_S = 0.5, 60.0
PAGE = 500
PREFIXES = ("EC2 State Manager ", "Stateward ")


class Events:
    """The events of a server from now on, of one association if it is named."""

    def __init__(self, server: Server, look: Look, subject: str) -> None:
        self._server = server
        self._look = look
        self._subject = {"subject": subject} if subject else {}
        self._names: dict[str, str] = {}

    def follow(self, since: str) -> None:
        """Print each event as it comes, for ever. A server that is away for a moment is asked again."""
        after = self._beginning(since)
        heard_s = monotonic_s()
        pause = threading.Event()
        while True:
            try:
                events = self._page({"after": str(after), "limit": str(PAGE)})
                heard_s = monotonic_s()
            except OSError as error:
                if monotonic_s() - heard_s > GIVE_UP_S:
                    fail(f"{self._server.endpoint} cannot be reached any more: {error}", NOT_REACHABLE)
                events = []
            for one in events:
                self._print(one["event"])
                after = one["sequence"]
            if len(events) < PAGE:
                pause.wait(LOOK_S)

    def _beginning(self, since: str) -> int:
        """The number after which to begin: of the newest event, or the one before the oldest that is wanted."""
        found = since_of(self._server, since)
        if found is not None:
            instant = found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            first = self._page({"since": instant, "limit": "1"})
            if first:
                return int(first[0]["sequence"]) - 1
        newest = self._page({"before": str(10**15), "limit": "1"}, subject=False)
        return int(newest[0]["sequence"]) if newest else 0

    def _page(self, query: dict[str, str], *, subject: bool = True) -> list[dict[str, Any]]:
        import httpx

        asked = {**query, **(self._subject if subject else {})}
        try:
            with self._server.attempt(PATH, asked, {}) as answer:
                body = answer.read()
        except httpx.HTTPError as error:
            raise OSError(str(error) or type(error).__name__) from error
        if answer.status_code >= 500:
            raise OSError(f"HTTP {answer.status_code}")
        try:
            told: dict[str, Any] = msgspec.json.decode(body)
        except msgspec.DecodeError:
            fail("AWS sends its events to EventBridge: there are none to follow here", FAILED)
        if answer.status_code != 200:
            code = NOT_FOUND if answer.status_code == 404 else exit_code_of(told["error"])
            fail(f"{told['error']}: {told['message']}", code)
        found: list[dict[str, Any]] = told["events"]
        return found

    def _print(self, event: dict[str, Any]) -> None:
        if self._look.is_plain:
            typer.echo(json.dumps(event, ensure_ascii=False))
            return
        detail = event.get("detail") or {}
        status = str(detail.get("status") or "")
        parts = [
            self._time(event["time"]),
            self._called(detail),
            str(detail.get("instance-id") or ""),
            self._look.painted(self._look.cell("status", status), status) if status else _kind(event),
            counted(json.loads(detail.get("association-status-aggregated-count") or "{}")),
        ]
        if self._look.is_terminal:
            typer.echo("  ".join(part if "\x1b" in part else tables.safe(part) for part in parts if part))
        else:
            typer.echo("\t".join(parts))

    def _time(self, text: str) -> str:
        found = datetime.fromisoformat(text)
        if not self._look.is_terminal:
            return tables.machine_instant(found)
        return found.astimezone(UTC if self._look.utc else None).strftime("%H:%M:%S")

    def _called(self, detail: dict[str, Any]) -> str:
        """The association's name; its document where it has none, its id where it is gone."""
        association_id = str(detail.get("association-id") or "")
        if association_id and association_id not in self._names:
            known = {one.id: one.name for one in Names(self._server).associations}
            self._names |= {association_id: association_id, **known}
        return self._names.get(association_id, "")


def _kind(event: dict[str, Any]) -> str:
    kind = str(event.get("detail-type") or "")
    for prefix in PREFIXES:
        kind = kind.removeprefix(prefix)
    return kind
