import asyncio

from agent_bench import steps_of
from agent_stub_server import shell, steps

from stateward.agent.intake import ACCEPTED, DUPLICATE, FULL, STOPPING
from stateward.agent.journal import REMEMBERED_MS
from stateward.clock import wall_ms

WAITS = "sleep 300"


def test_a_command_is_taken_once(bench, tmp_path):
    mark = tmp_path / "mark"

    async def work():
        table = bench()
        await table.run(shell(f"echo run >> {mark}"))
        answers = [table.intake.offer(table.job(shell(f"echo run >> {mark}")))]
        again = bench()
        again.intake.take_up()
        answers.append(again.intake.offer(again.job(shell(f"echo run >> {mark}"))))
        await again.intake.idle()
        return answers

    assert asyncio.run(work()) == [DUPLICATE, DUPLICATE]
    assert mark.read_text() == "run\n"


def test_five_run_five_wait_and_the_rest_is_refused(bench):
    async def work():
        table = bench()
        for n in range(10):
            table.start(shell(WAITS), command_id=f"c{n}")
        full = table.intake.offer(table.job(shell(WAITS), command_id="c10"))
        await table.begun(5)
        waiting = sum(entry.running is None for entry in table.journal.unfinished())
        for n in range(10):
            table.intake.cancel(f"c{n}")
        await table.intake.idle()
        room = table.intake.offer(table.job(shell("true"), command_id="c10"))
        return full, waiting, room, [table.replies(f"c{n}")[-1]["documentStatus"] for n in range(10)]

    full, waiting, room, statuses = asyncio.run(work())
    assert full is FULL
    assert waiting == 5
    assert room is ACCEPTED
    assert statuses == ["Cancelled"] * 10


def test_a_command_cancelled_in_the_queue_never_begins(bench, tmp_path):
    mark = tmp_path / "mark"

    async def work():
        table = bench()
        for n in range(5):
            table.start(shell(WAITS), command_id=f"c{n}")
        table.start(shell(f"touch {mark}"), command_id="late")
        table.intake.cancel("late")
        await table.journal.until(lambda entries: all(entry.command_id != "late" for entry in entries))
        for n in range(5):
            table.intake.cancel(f"c{n}")
        await table.intake.idle()
        return table.replies("late")

    replies = asyncio.run(work())
    assert replies[-1]["documentStatus"] == "Cancelled"
    assert [(step["status"], step["code"]) for step in steps_of(replies).values()] == [("Cancelled", 1)]
    assert not mark.exists()


def test_a_document_that_cannot_be_read_is_refused(bench):
    async def work():
        table = bench()
        bad = table.job({"schemaVersion": "9.9", "mainSteps": []})
        empty = table.job({"schemaVersion": "2.2", "mainSteps": []})
        no_json = table.job({})
        return [
            table.intake.offer(bad),
            table.intake.offer(empty),
            table.intake.offer(type(no_json)(no_json.job_id, no_json.command_id, "not json")),
        ]

    answers = asyncio.run(work())
    assert [answer.status_code for answer in answers] == ["51408", "51406", "51408"]
    assert all(answer.reason for answer in answers)


def test_a_parameter_outside_its_pattern_is_refused(bench):
    document = {**shell("echo {{ p }}"), "parameters": {"p": {"type": "String", "allowedPattern": "[a-z]+"}}}

    async def work():
        table = bench()
        return table.intake.offer(table.job(document, {"p": "A"})), table.intake.offer(table.job(document, {"p": "a"}))

    refused, taken = asyncio.run(work())
    assert refused.status_code == "51408"
    assert '"p"' in refused.reason
    assert taken is ACCEPTED


def test_stopping_ends_steps_and_leaves_the_rest_for_the_next_start(bench, tmp_path):
    marks = tmp_path / "marks"
    document = steps(
        ("slow", ["echo begun", WAITS], {}),
        ("skipped", [f"echo skipped >> {marks}"], {}),
        ("finally", [f"echo finally >> {marks}"], {"finallyStep": True}),
    )

    async def until_the_stop():
        table = bench()
        table.start(document)
        await table.begun()
        await table.intake.stop()
        return table.intake.offer(table.job(shell("true"), command_id="new")), table.replies()

    answer, replies = asyncio.run(until_the_stop())
    assert answer is STOPPING
    assert [reply["documentStatus"] for reply in replies] == ["InProgress", "InProgress"]
    slow = steps_of(replies)["slow"]
    assert (slow["status"], slow["code"]) == ("Failed", -1)
    assert slow["standardError"] == "the agent was restarted while this step ran"
    assert not marks.exists()

    async def after_the_start():
        table = bench()
        table.intake.take_up()
        await table.intake.idle()
        return table.replies()

    replies = asyncio.run(after_the_start())
    assert replies[-1]["documentStatus"] == "Failed"
    assert replies[-1]["additionalInfo"]["runtimeStatusCounts"] == {"Failed": 1, "Skipped": 1, "Success": 1}
    assert marks.read_text() == "finally\n"


def test_a_command_that_waited_runs_after_the_restart(bench, tmp_path):
    mark = tmp_path / "mark"

    async def work():
        table = bench()
        assert table.intake.offer(table.job(shell(f"echo run >> {mark}"))) is ACCEPTED
        again = bench()
        again.intake.take_up()
        await again.intake.idle()
        return again.replies()[-1]["documentStatus"]

    assert asyncio.run(work()) == "Success"
    assert mark.read_text() == "run\n"


def test_ended_commands_are_remembered_for_more_than_a_day(bench):
    async def work():
        table = bench()
        await table.run(shell("echo secret-parameter"))
        table.journal.forget_old(wall_ms() + 24 * 3600 * 1000)
        known = table.journal.knows("command-1")
        kept = "".join(path.read_text() for path in (table.folder / "commands").iterdir())
        table.journal.forget_old(wall_ms() + REMEMBERED_MS + 1000)
        return known, kept, table.journal.knows("command-1"), list((table.folder / "commands").iterdir())

    known, kept, still_known, files = asyncio.run(work())
    assert known
    assert "secret-parameter" not in kept
    assert not still_known
    assert files == []


def test_a_torn_journal_entry_still_says_that_its_command_was_taken(bench):
    async def work():
        table = bench()
        table.start(shell(WAITS))
        await table.begun()
        await table.intake.stop()
        (table.folder / "commands" / "command-1.json").write_text("{")
        again = bench()
        again.intake.take_up()
        return again.intake.offer(again.job(shell("true")))

    assert asyncio.run(work()) is DUPLICATE
