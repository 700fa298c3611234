"""A database in a file, used from one event loop."""

import msgspec

from stateward.clock import VirtualClock
from stateward.storage import Database

PUT = "INSERT INTO server_values (name, value) VALUES ($1, $2)"
ALL = "SELECT name, value FROM server_values ORDER BY name"
NOW_MS = 1_700_000_000_000


class Value(msgspec.Struct, frozen=True):
    name: str
    value: str


class Bench:
    """A database in a file, used from one event loop."""

    def __init__(self, path, **options):
        self.db = Database(path, VirtualClock(NOW_MS), **{"durable": False, **options})

    async def put(self, *names, fail=None):
        """Store values in one piece of work, which then raises `fail`."""

        async def work(tx):
            for name in names:
                await tx.execute(PUT, name, "v")
            if fail is not None:
                raise fail
            return names

        return await self.db.write(work)

    async def names(self):
        async with self.db.reading() as tx:
            return [row.name for row in await tx.rows(Value, ALL)]

    @property
    def commits(self):
        """Counts commits from now on."""
        seen = []
        self.on_commit(lambda: seen.append(True))
        return seen

    def on_commit(self, action):
        self.db._writer.set_commit_hook(lambda: bool(action()))

    def refuse_commits(self):
        self.db._writer.set_commit_hook(lambda: True)

    def allow_commits(self):
        self.db._writer.set_commit_hook(None)
