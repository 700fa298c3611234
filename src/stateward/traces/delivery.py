"""Bringing traces to a collector: in order, again after a failure, and never in the way of anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import httpx
import msgspec
import structlog

from stateward import ids
from stateward.access.principals import Scope
from stateward.associations import exporting, store_export
from stateward.associations import store as associations
from stateward.associations.facts import ExecutionChanged
from stateward.clock import Clock
from stateward.events import patience
from stateward.storage import Database, Transaction
from stateward.traces import spans, store
from stateward.traces.spans import Span
from stateward.traces.store import DueRow

PATH = "/v1/traces"
AT_ONCE = 50
ANSWER_S = 15.0
LOOK_AGAIN_S = 5.0
log = structlog.get_logger("stateward.traces")

Pause = Callable[[float], Awaitable[None]]


class NotTaken(Exception):
    """The collector was not reached, or said no; the text shows no secret."""


class Traces:
    """Notes every execution that ends, and sends it to `endpoint` (OTLP over HTTP, JSON).

    What waits stands in the database; after 24 hours of failures it is given up. After a crash the newest may come
    twice, with the same ids.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        endpoint: str,
        headers: Mapping[str, str],
        version: str,
        *,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._db = db
        self._clock = clock
        self._url = endpoint.rstrip("/") + ("" if endpoint.rstrip("/").endswith(PATH) else PATH)
        self._version = version
        self._http = httpx.AsyncClient(timeout=ANSWER_S, headers={"user-agent": "stateward", **headers})
        self._pause = pause
        self._woken = asyncio.Event()
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    async def note(self, tx: Transaction, facts: list[ExecutionChanged]) -> None:
        """A reaction: executions that have closed in this transaction are due."""
        ended = [fact.after for fact in facts if fact.after.phase == "closed" and not _was_closed(fact)]
        if ended:
            wall_ms = self._clock.wall()
            await store.add(tx, [DueRow(row.execution_id, row.association_id, row.number, wall_ms) for row in ended])
            tx.after_commit(self._woken.set)

    def start(self) -> None:
        """Send for ever."""
        self._task = asyncio.create_task(self._run(), name="traces")

    async def stop(self) -> None:
        """End at once: what was not taken waits for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._http.aclose()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                if not await self.carry():
                    await self._rest()
            except NotTaken as failure:
                await self._wait_after(str(failure))
            except Exception:
                log.exception("sending traces stopped and is tried again")
                await self._pause(patience.LONGEST_PAUSE_S)

    async def carry(self) -> bool:
        """Send what has waited longest; whether there was anything. Raises NotTaken."""
        async with self._db.reading() as tx:
            due = await store.oldest(tx, AT_ONCE)
        for row in due:
            await self._send(row)

            async def work(tx: Transaction, execution_id: str = row.execution_id) -> None:
                await store.remove(tx, execution_id)

            await self._db.write(work)
            if self._failures:
                log.info("the collector takes traces again")
            self._failures = 0
        return bool(due)

    async def _send(self, due: DueRow) -> None:
        """One execution; its root span last, so that a trace that is seen whole is whole."""
        async with self._db.reading() as tx:
            execution = await store_export.execution(tx, due.association_id, due.number)
            row = await associations.execution(tx, due.association_id, due.number)
        if execution is None or row is None:
            return  # aged out
        scope = Scope(row.account_id, row.region)
        if execution.command_id is not None:
            async for targets in exporting.target_pages(self._db, execution.command_id):
                await self._post([spans.of_target(one, execution) for one in targets], scope)
            async for steps in exporting.step_pages(self._db, execution.command_id):
                await self._post([spans.of_step(one, execution) for one in steps], scope)
        await self._post([spans.of_execution(execution)], scope)

    async def _post(self, found: Sequence[Span], scope: Scope) -> None:
        resource = {
            "service.name": "stateward",
            "service.version": self._version,
            "cloud.account.id": scope.account_id,
            "cloud.region": scope.region,
        }
        body = msgspec.json.encode(spans.request(found, resource))
        try:
            answer = await self._http.post(self._url, content=body, headers={"content-type": "application/json"})
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NotTaken(f"not reached ({type(error).__name__})") from error
        if not 200 <= answer.status_code < 300:
            raise NotTaken(f"answered with HTTP status {answer.status_code}")

    async def _wait_after(self, reason: str) -> None:
        self._failures += 1
        limit_ms = self._clock.wall() - patience.GIVEN_UP_AFTER_MS

        async def work(tx: Transaction) -> int:
            return await store.remove_before(tx, limit_ms)

        given_up = await self._db.write(work)
        if given_up:
            log.error("traces were given up after 24 hours", executions=given_up)
        pause_s = patience.pause_s(self._failures)
        log.warning("traces were not taken", reason=reason, tries=self._failures, retry_s=pause_s)
        await self._pause(ids.jitter(0.8 * pause_s, pause_s))

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), LOOK_AGAIN_S)


def headers_of(text: str) -> dict[str, str]:
    """`OTEL_EXPORTER_OTLP_HEADERS`, `name=value,name=value` with values in URL encoding. Raises ValueError."""
    return dict(_header(part) for part in _parts(text))


def _parts(text: str) -> Iterator[str]:
    return (part.strip() for part in text.split(",") if part.strip())


def _header(part: str) -> tuple[str, str]:
    from urllib.parse import unquote

    name, equals, value = part.partition("=")
    if not equals or not name.strip():
        raise ValueError("OTEL_EXPORTER_OTLP_HEADERS: write name=value, several by commas")
    return name.strip(), unquote(value.strip())


def _was_closed(fact: ExecutionChanged) -> bool:
    return fact.before is not None and fact.before.phase == "closed"
