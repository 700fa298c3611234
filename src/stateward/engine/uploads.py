"""Uploading output to S3, apart from the engine's passes: a slow bucket delays nothing else (D39)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from stateward.clock import Clock
from stateward.commands import output_location, output_reading, store, store_output, store_uploads
from stateward.commands.facts import OutputGivenUp
from stateward.commands.output_location import OutputFile
from stateward.commands.store_uploads import UploadRow
from stateward.documents import schema
from stateward.storage import Database, Transaction

AT_ONCE = 4
ROWS_PER_LOOK = 20
LEASE_MS = 5 * 60_000
FIRST_WAIT_MS = 5_000
LONGEST_WAIT_MS = 15 * 60_000
GIVE_UP_MS = 24 * 3_600_000
LOOK_AGAIN_S = 60.0
log = structlog.get_logger("stateward.engine")

Put = Callable[[str, str | None, OutputFile], None]
"""Writes one object, in a thread: (bucket, its region, file). Raises what it likes."""


class Uploads:
    """Uploads what waits. It holds the virtual clock while it tries, not while it waits to try again."""

    def __init__(self, db: Database, clock: Clock, put: Put) -> None:
        self._db = db
        self._clock = clock
        self._put = put
        self._woken = asyncio.Event()
        self._release: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="uploads")

    def wake(self) -> None:
        """Ask for a look at what waits; the clock is held until that has been tried."""
        if self._release is None:
            self._release = self._clock.hold()
        self._woken.set()

    async def note(self, tx: Transaction, facts: list[Any]) -> None:
        """The reaction to output that waits."""
        tx.after_commit(self.wake)

    def start(self) -> None:
        self.wake()
        self._task = asyncio.create_task(self._run(), name="uploads")

    async def stop(self) -> None:
        """End; an upload under way ends by itself and is tried again when its lease is over."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        while True:
            wait_s = LOOK_AGAIN_S
            self._woken.clear()
            release, self._release = self._release, None
            try:
                while await self._round():
                    pass
                wait_s = await self._next_look_s()
            except Exception:
                log.exception("uploading output failed and is tried again", retry_s=wait_s)
            finally:
                if release is not None:
                    release()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait_s)

    async def _round(self) -> bool:
        """Try what is due now; False when nothing was."""
        async with self._db.reading() as tx:
            due_ms = await store_uploads.next_try(tx)
        now_ms = self._clock.wall()
        if due_ms is None or due_ms > now_ms:
            return False

        async def claim(tx: Transaction) -> list[UploadRow]:
            return await store_uploads.claim(tx, now_ms, now_ms + LEASE_MS, ROWS_PER_LOOK)

        claimed = await self._db.write(claim)
        await asyncio.gather(*(self._upload(row) for row in claimed))
        return bool(claimed)

    async def _next_look_s(self) -> float:
        async with self._db.reading() as tx:
            due_ms = await store_uploads.next_try(tx)
        if due_ms is None:
            return LOOK_AGAIN_S
        return min(LOOK_AGAIN_S, max(0, due_ms - self._clock.wall()) / 1000)

    async def _upload(self, row: UploadRow) -> None:
        try:
            for file in await self._files(row):
                await asyncio.get_running_loop().run_in_executor(
                    self._threads, self._put, row.bucket, row.bucket_region, file
                )
        except Exception as error:  # a bucket, a network, a credential: whatever it is may be mended
            await self._failed(row, error)
            return
        await self._end(row, "done")

    async def _files(self, row: UploadRow) -> list[OutputFile]:
        async with self._db.reading() as tx:
            text = await store.text(tx, row.command_id)
            states = await store_output.step_states(tx, row.command_id, row.resource_id)
            views = await output_reading.views(tx, row.command_id, row.resource_id, states)
            printed = [(view.key, await output_reading.whole(tx, view)) for view in views]
        document = schema.parse_command(msgspec.json.decode(text.content))
        actions = {step.name: step.action for step in document.steps}
        return output_location.files(row.prefix, actions, printed)

    async def _failed(self, row: UploadRow, error: Exception) -> None:
        about = {
            "command": row.command_id,
            "node": row.resource_id,
            "bucket": row.bucket,
            "problem": f"{type(error).__name__}: {error}",
        }
        now_ms = self._clock.wall()
        if row.first_try_wall_ms is not None and now_ms - row.first_try_wall_ms >= GIVE_UP_MS:
            log.warning("output could not be uploaded in a day and is given up", **about)
            await self._end(row, "given_up")
            return
        wait_ms = retry_wait_ms(row.attempts)
        if row.attempts == 1:
            log.warning("output could not be uploaded and is tried again for a day", **about)

        async def again(tx: Transaction) -> None:
            await store_uploads.try_again(tx, row, now_ms + wait_ms)

        await self._db.write(again)

    async def _end(self, row: UploadRow, state: str) -> None:
        async def work(tx: Transaction) -> None:
            await store_uploads.end(tx, row, state, self._clock.wall())
            if state == "given_up":
                tx.record(OutputGivenUp(row.command_id, row.resource_id))

        await self._db.write(work)


def retry_wait_ms(attempts: int) -> int:
    """How long to wait after so many attempts: 5 s, doubled each time, at most a quarter of an hour."""
    return min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(attempts - 1, 20))
