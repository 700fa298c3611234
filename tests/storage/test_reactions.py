"""Facts that a transaction records, and the reactions to them (design 2)."""

from dataclasses import dataclass

import pytest

from database_bench import PUT


@dataclass(frozen=True)
class Opened:
    name: str


@dataclass(frozen=True)
class Closed:
    name: str


class Reactions:
    """Notes in which order reactions ran, and with what."""

    def __init__(self, db):
        self.seen = []
        self._db = db

    def add(self, fact, name, then=()):
        async def reaction(tx, facts):
            self.seen.append((name, [one.name for one in facts]))
            for one in then:
                tx.record(one)

        self._db.react(fact, reaction)


def recording(*facts, fail=None):
    async def work(tx):
        for fact in facts:
            tx.record(fact)
        if fail is not None:
            raise fail

    return work


def test_reactions_get_all_facts_of_a_kind_in_order_of_registration(run):
    async def work(bench):
        reactions = Reactions(bench.db)
        reactions.add(Closed, "closed 1")
        reactions.add(Opened, "opened 1")
        reactions.add(Opened, "opened 2")
        await bench.db.write(recording(Opened("a"), Closed("b"), Opened("c")))
        assert reactions.seen == [("opened 1", ["a", "c"]), ("opened 2", ["a", "c"]), ("closed 1", ["b"])]

    run(work)


def test_facts_of_reactions_go_to_the_end_of_the_queue(run):
    async def work(bench):
        reactions = Reactions(bench.db)
        reactions.add(Opened, "opened", then=[Closed("from opened")])
        reactions.add(Closed, "closed")
        await bench.db.write(recording(Opened("a")))
        assert reactions.seen == [("opened", ["a"]), ("closed", ["from opened"])]
        reactions.seen.clear()
        await bench.db.write(recording(Opened("a"), Closed("b")))
        assert reactions.seen == [("opened", ["a"]), ("closed", ["b", "from opened"])]

    run(work)


def test_reactions_write_in_the_same_transaction(run):
    async def work(bench):
        async def follow(tx, facts):
            await tx.execute(PUT, "reaction", "v")
            if facts[0].name == "bad":
                raise KeyError("reaction")

        bench.db.react(Opened, follow)

        async def cause(tx):
            await tx.execute(PUT, "cause", "v")
            tx.record(Opened("bad"))

        with pytest.raises(KeyError, match="reaction"):
            await bench.db.write(cause)
        assert await bench.names() == []
        await bench.db.write(recording(Opened("good")))
        assert await bench.names() == ["reaction"]

    run(work)


def test_facts_of_work_that_raises_are_nobodys_business(run):
    async def work(bench):
        reactions = Reactions(bench.db)
        reactions.add(Opened, "opened")
        with pytest.raises(KeyError):
            await bench.db.write(recording(Opened("a"), fail=KeyError("no")))
        await bench.db.write(recording())
        assert reactions.seen == []

    run(work)


def test_a_circle_of_reactions_is_a_bug(run):
    async def work(bench):
        reactions = Reactions(bench.db)
        reactions.add(Opened, "opened", then=[Closed("x")])
        reactions.add(Closed, "closed", then=[Opened("x")])
        with pytest.raises(RuntimeError, match=r"reactions to facts go round in a circle: \['Opened'\]"):
            await bench.db.write(recording(Opened("a")))
        await bench.put("b")
        assert await bench.names() == ["b"]

    run(work)
