import asyncio

import pytest

from database_bench import Bench


@pytest.fixture
def run(tmp_path):
    """Runs `work(bench)` in a loop with a fresh database; `durable=True` commits in a thread."""

    def go(work, **options):
        async def inside():
            bench = Bench(tmp_path / "db", **options)
            try:
                return await work(bench)
            finally:
                await bench.db.close()

        return asyncio.run(inside())

    return go
