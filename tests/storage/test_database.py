"""The one door to the state: writes in batches, each whole or not at all; reads of one snapshot."""

import asyncio

import apsw
import pytest
from structlog.testing import capture_logs

from database_bench import ALL, NOW_MS, PUT, Bench, Value

each_durability = pytest.mark.parametrize("durable", [True, False], ids=["durable", "fast"])


# Writes


def test_a_write_answers_what_its_work_answers(run):
    async def work(bench):
        assert await bench.put("a", "b") == ("a", "b")
        assert await bench.names() == ["a", "b"]

    run(work)


def test_what_is_written_outlives_the_process(run, tmp_path):
    run(lambda bench: bench.put("a"), durable=True)
    assert run(lambda bench: bench.names()) == ["a"]


@each_durability
def test_work_that_raises_takes_nothing_with_it(run, durable):
    async def work(bench):
        outcomes = await asyncio.gather(
            bench.put("a"), bench.put("b", "c", fail=KeyError("no")), bench.put("d"), return_exceptions=True
        )
        assert outcomes[0] == ("a",)
        assert isinstance(outcomes[1], KeyError)
        assert outcomes[2] == ("d",)
        assert await bench.names() == ["a", "d"]

    run(work, durable=durable)


def test_a_broken_constraint_takes_nothing_with_it(run):
    async def work(bench):
        await bench.put("a")
        with pytest.raises(apsw.ConstraintError):
            await bench.put("b", "a")
        await bench.put("c")
        assert await bench.names() == ["a", "c"]

    run(work)


@each_durability
def test_writes_at_the_same_time_share_a_commit(run, durable):
    async def work(bench):
        commits = bench.commits
        await asyncio.gather(*(bench.put(f"{n:02}") for n in range(20)))
        assert len(commits) == 1
        assert len(await bench.names()) == 20

    run(work, durable=durable)


def test_what_arrives_during_a_commit_is_the_next_batch(run):
    async def work(bench):
        loop = asyncio.get_running_loop()
        commits, later = [], []

        def start():
            if not later:
                later.append(asyncio.ensure_future(bench.put("b")))

        def committing():
            commits.append(True)
            loop.call_soon_threadsafe(start)

        bench.on_commit(committing)

        await bench.put("a")
        await later[0]
        assert len(commits) == 2
        assert await bench.names() == ["a", "b"]

    run(work, durable=True)


def test_a_batch_ends_after_five_milliseconds(run, monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr("stateward.storage.database.monotonic_s", lambda: next(ticks) * 0.004)

    async def work(bench):
        commits = bench.commits
        await asyncio.gather(*(bench.put(str(n)) for n in range(4)))
        assert len(commits) == 2, "two works of four milliseconds each fill a batch"

    run(work)


@each_durability
def test_a_failed_commit_fails_the_whole_batch(run, durable):
    async def work(bench):
        bench.refuse_commits()
        hooks = []

        async def with_hook(tx):
            tx.after_commit(lambda: hooks.append("ran"))

        outcomes = await asyncio.gather(
            bench.put("a"), bench.db.write(with_hook), bench.put("b", fail=KeyError("x")), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [apsw.ConstraintError] * 3
        assert hooks == []
        bench.allow_commits()
        await bench.put("c")
        assert await bench.names() == ["c"]

    run(work, durable=durable)


def test_a_full_disk_fails_what_does_not_fit(run):
    async def work(bench):
        await bench.put("a")
        pages = bench.db._writer.execute("PRAGMA page_count").fetchall()[0][0]
        bench.db._writer.execute(f"PRAGMA max_page_count={pages}")

        async def large(tx):
            await tx.execute(PUT, "large", "x" * 100_000)

        outcomes = await asyncio.gather(bench.db.write(large), bench.put("b"), return_exceptions=True)
        assert isinstance(outcomes[0], apsw.FullError)
        assert outcomes[1] == ("b",) or isinstance(outcomes[1], apsw.Error)
        bench.db._writer.execute("PRAGMA max_page_count=1000000")
        await bench.put("c")
        assert (await bench.names())[-1] == "c"
        assert "large" not in await bench.names()

    run(work)


def test_a_transaction_that_sqlite_rolled_back_fails_for_all(run, monkeypatch):
    """On some errors (disk full, I/O) SQLite gives up the whole transaction and not the statement alone."""
    monkeypatch.setattr("stateward.storage.database.BATCH_S", 60.0)  # on a busy machine too they are of one batch

    async def work(bench):
        async def lost(tx):
            bench.db._writer.execute("ROLLBACK")
            raise apsw.FullError("database or disk is full")

        outcomes = await asyncio.gather(bench.put("a"), bench.db.write(lost), bench.put("b"), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes[:2]] == [apsw.FullError] * 2
        assert outcomes[2] == ("b",)
        assert await bench.names() == ["b"]

    run(work)


def test_a_transaction_that_cannot_begin_fails_and_is_forgotten(run, tmp_path):
    async def work(bench):
        bench.db._writer.set_busy_timeout(0)
        other = apsw.Connection(str(tmp_path / "db"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(apsw.BusyError):
            await bench.put("a")
        other.execute("ROLLBACK")
        other.close()
        await bench.put("b")
        assert await bench.names() == ["b"]

    run(work)


def test_work_must_not_wait(run):
    async def work(bench):
        async def waits(tx):
            await tx.execute(PUT, "a", "v")
            await asyncio.sleep(0)

        with pytest.raises(RuntimeError, match="a write function waited for something outside its transaction"):
            await bench.db.write(waits)
        assert await bench.names() == []

    run(work)


def test_now_is_taken_once(run):
    async def work(bench):
        async def tell(tx):
            return tx.now

        assert await bench.db.write(tell) == NOW_MS
        async with bench.db.reading() as tx:
            assert tx.now == NOW_MS

    run(work)


def test_execute_tells_how_many_rows_changed(run):
    async def work(bench):
        await bench.put("a", "b")

        async def change(tx):
            assert await tx.execute("UPDATE server_values SET value = $1", "w") == 2
            assert await tx.execute("DELETE FROM server_values WHERE name = $1", "z") == 0
            assert await tx.value("SELECT COUNT(*) FROM server_values") == 2
            assert await tx.column("SELECT name FROM server_values ORDER BY name") == ["a", "b"]
            assert await tx.row(Value, ALL + " DESC") == Value("b", "w")
            await tx.execute_many(PUT, [("c", "1"), ("d", "2")])

        await bench.db.write(change)
        assert await bench.names() == ["a", "b", "c", "d"]

    run(work)


def test_who_stops_waiting_does_not_undo_the_work(run):
    async def work(bench):
        asked = asyncio.ensure_future(bench.put("a"))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await bench.put("b")
        assert await bench.names() == ["a", "b"]

    run(work, durable=True)


def test_closing_finishes_what_was_accepted(tmp_path, run):
    async def work():
        bench = Bench(tmp_path / "db", durable=True)
        writes = [asyncio.ensure_future(bench.put(name)) for name in "abc"]
        await asyncio.sleep(0)
        await bench.db.close()
        assert [await write for write in writes] == [("a",), ("b",), ("c",)]

    asyncio.run(work())
    assert run(lambda bench: bench.names()) == ["a", "b", "c"]


# Wake-ups after a commit


@each_durability
def test_after_commit_only_after_the_commit(run, durable):
    async def work(bench):
        seen = []

        async def wake(tx):
            await tx.execute(PUT, "a", "v")
            tx.after_commit(lambda: seen.append(apsw_names(bench)))
            assert seen == []

        async def fails(tx):
            tx.after_commit(lambda: seen.append("never"))
            raise KeyError("no")

        outcomes = await asyncio.gather(bench.db.write(wake), bench.db.write(fails), return_exceptions=True)
        assert isinstance(outcomes[1], KeyError)
        assert seen == [["a"]]

    run(work, durable=durable)


def apsw_names(bench):
    """What another connection sees."""
    return [row[0] for row in bench.db._reader.execute("SELECT name FROM server_values")]


def test_a_failing_hook_harms_nobody(run):
    async def work(bench):
        def breaks():
            raise KeyError("hook")

        async def wake(tx):
            tx.after_commit(breaks)
            tx.after_commit(lambda: seen.append("second hook"))
            return "answered"

        seen = []
        with capture_logs() as logs:
            outcomes = await asyncio.gather(bench.db.write(wake), bench.put("a"))
        assert outcomes == ["answered", ("a",)]
        assert seen == ["second hook"]
        assert [entry["event"] for entry in logs] == ["a hook failed after its commit"]

    run(work)


# Reads


def test_a_read_sees_committed_data_only(run):
    async def work(bench):
        seen = []

        async def look(tx):
            await tx.execute(PUT, "a", "v")
            seen.append(apsw_names(bench))

        await bench.db.write(look)
        assert seen == [[]]
        assert await bench.names() == ["a"]

    run(work)


def test_a_read_is_one_snapshot(run, tmp_path):
    async def work(bench):
        async with bench.db.reading() as tx:
            assert await tx.rows(Value, ALL) == []
            other = apsw.Connection(str(tmp_path / "db"))
            other.execute("INSERT INTO server_values VALUES ('a', 'v')")
            other.close()
            assert await tx.rows(Value, ALL) == []
        assert await bench.names() == ["a"]

    run(work)


def test_a_read_cannot_write(run):
    async def work(bench):
        async with bench.db.reading() as tx:
            with pytest.raises(apsw.ReadOnlyError):
                await tx.column("DELETE FROM server_values")
        assert await bench.names() == []

    run(work)


def test_a_read_block_that_waits_is_a_bug_named_at_its_end(run):
    async def work(bench):
        async def wait():
            async with bench.db.reading():
                await asyncio.sleep(0)

        with pytest.raises(RuntimeError, match="a read block awaited something else"):
            await wait()
        assert await bench.names() == [], "the next read block is fine"

    run(work)


def test_a_read_block_inside_another_is_a_bug(run):
    async def work(bench):
        async with bench.db.reading():
            with pytest.raises(RuntimeError, match="a read block was left open across an await"):
                await bench.names()
        assert await bench.names() == []

    run(work)


def test_a_read_block_that_raises_is_closed(run):
    async def work(bench):
        async def fail():
            async with bench.db.reading():
                raise KeyError("no")

        with pytest.raises(KeyError):
            await fail()
        assert await bench.names() == []

    run(work)
