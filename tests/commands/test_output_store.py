"""Live output in the database: the rows hold what the window says (D58)."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from database_bench import NOW_MS, Bench
from stateward.commands import output_reading, output_window, store_output
from stateward.commands.output_window import Kept, Piece, take
from stateward.commands.store_output import StreamKey

KEY = StreamKey("command", "mi-1", "run", "stdout")
LIMIT = 40_000
SIZES = "SELECT size FROM output_rows ORDER BY first_byte"
TEXT = random.Random(58).randbytes(400_000)


class Stream:
    """One stream in a database of its own."""

    def __init__(self, folder, limit=LIMIT):
        self._folder, self._limit = folder, limit
        self.kept = None

    async def add(self, db, *pieces):
        async def work(tx):
            before = await store_output.stream(tx, KEY)
            taken = take(before or Kept(), pieces, self._limit)
            await store_output.put(tx, KEY, before or Kept(), taken)
            return taken.kept

        self.kept = await db.write(work)

    async def look(self, db):
        """What a reader gets of it all, and the sizes of the rows."""
        async with db.reading() as tx:
            view = await output_reading.view(tx, KEY)
            parts, offset, left_out = [], 0, 0
            while view is not None:
                window = await output_reading.read(tx, view, offset, 10_000)
                parts.append(window.data)
                left_out += window.left_out
                if window.next == offset:
                    break
                offset = window.next
            whole = b"" if view is None else await output_reading.whole(tx, view)
            return b"".join(parts), left_out, whole, await tx.column(SIZES)


def stored(folder, *batches, limit=LIMIT):
    async def work():
        bench = Bench(folder / "db")
        stream = Stream(folder, limit)
        try:
            for batch in batches:
                await stream.add(bench.db, *batch)
            return *(await stream.look(bench.db)), stream.kept
        finally:
            await bench.db.close()

    return asyncio.run(work())


def cut(text, sizes):
    """The text in pieces of these sizes, then the rest in pieces of 30,000."""
    at, sizes = 0, list(sizes)
    while at < len(text):
        size = sizes.pop(0) if sizes else 30_000
        yield Piece(at, text[at : at + size])
        at += size


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 200_000), st.lists(st.integers(1, 9_000), max_size=15), st.integers(1, 4))
def test_a_reader_gets_both_ends_of_any_stream(tmp_path_factory, length, sizes, together):
    pieces = list(cut(TEXT[:length], sizes))
    batches = [pieces[at : at + together] for at in range(0, len(pieces), together)]
    found, left_out, whole, rows, _ = stored(tmp_path_factory.mktemp("output"), *batches)
    text = TEXT[:length]
    middle = max(0, length - 2 * LIMIT)
    assert left_out == middle
    assert found == (text if not middle else text[:LIMIT] + text[-LIMIT:])
    assert whole == (text if not middle else text[:LIMIT] + output_reading.notice(middle) + text[-LIMIT:])
    assert sum(rows) <= 2 * LIMIT + output_window.ROW_BYTES


def test_a_slow_stream_does_not_make_a_row_a_line(tmp_path):
    lines = [Piece(at * 80, bytes(80)) for at in range(500)]
    found, _, _, rows, _ = stored(tmp_path, *[[line] for line in lines])
    assert len(found) == 40_000
    assert len(rows) <= 10
    assert min(rows[:-1]) >= store_output.SHORT_ROW_BYTES


def test_a_fast_stream_has_rows_of_64_kib(tmp_path):
    pieces = [Piece(at * 32_768, TEXT[:32_768]) for at in range(8)]
    assert stored(tmp_path, pieces, limit=512 * 1024)[3] == [65_536] * 4


def test_gaps_cannot_make_rows_without_bound(tmp_path):
    pieces = [Piece(at * 2, b"x") for at in range(1_000)]
    found, left_out, _, rows, kept = stored(tmp_path, pieces)
    assert (found, left_out, rows) == (b"xx", 1_997, [1, 1])
    assert kept == Kept(1, 1_998, 1_999)


def test_old_streams_are_forgotten_in_slices(tmp_path):
    async def work():
        bench = Bench(tmp_path / "db")
        try:
            await Stream(tmp_path, 400_000).add(bench.db, Piece(0, TEXT))
            limits = [3, 3, 3, 3]

            async def forget(tx):
                return await store_output.forget_old(tx, NOW_MS + 1, limits.pop())

            return [await bench.db.write(forget) for _ in list(limits)]
        finally:
            await bench.db.close()

    assert asyncio.run(work()) == [3, 3, 2, 0]
