"""What the tests of one process share, so that a server for each of them costs some hundredths of a second (D59)."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from stateward import ids
from stateward.app import Server
from stateward.config import Config
from stateward.testing.background import LoopThread
from stateward.testing.front import Fronts
from stateward.testing.hosted import HostedServer
from stateward.testing.surroundings import surroundings, variables, write_profiles
from stateward.wire.model import ServiceModel


class Running(Protocol):
    """What a program may forget to stop."""

    def stop(self) -> None: ...


class Workshop:
    """The servers' thread and addresses, the parsed service model, a migrated database to copy, boto3's model files.

    `access_key_id` and `secret_access_key` are the administrator's of every server in this process, `running` what is
    to be stopped if nobody else does.
    """

    def __init__(self) -> None:
        self.access_key_id = ids.access_key_id("AKIA")
        self.secret_access_key = ids.secret_access_key()
        self.running: list[Running] = []
        self.model = ServiceModel.load()
        self.thread = LoopThread("stateward-servers")
        self._fronts = Fronts()
        self.url: str = self.thread.run(self._fronts.first()).url
        """Where the server of a test is, unless another runs at the same time."""
        self._folder = Path(tempfile.mkdtemp(prefix="stateward-tests-"))
        self._template = self._folder / "template"
        self._template.mkdir()
        self.thread.run(self._migrate())
        self._loader = _load_boto3()
        self._open = ExitStack()

    def start_server(self, **settings: Any) -> HostedServer:
        """A running server with a fresh database of its own; `settings` are those of a Config."""
        folder = Path(tempfile.mkdtemp(prefix="server-", dir=self._folder))
        shutil.copytree(self._template, folder, dirs_exist_ok=True)
        return HostedServer(self.thread, self._fronts, self._config(folder, **settings), self.model)

    def environment(self, url: str, region: str, profiles: Sequence[str]) -> dict[str, str]:
        """The variables with which AWS clients find a server, and nothing of the user's own account."""
        values = variables(url, region, self.access_key_id, self.secret_access_key)
        number, path = tempfile.mkstemp(prefix="profiles-", dir=self._folder)
        os.close(number)
        return values | write_profiles(Path(path), values, profiles)

    def prepare(self, region: str, profiles: Sequence[str]) -> None:
        """Clients that are made from now on find the first server at a time, also those that code makes at import."""
        environment = self.environment(self.url, region, profiles)
        self._open.enter_context(surroundings(environment, self.session()))

    def session(self) -> Any:
        """A botocore session for which the model files have been read already."""
        import botocore.session

        session = botocore.session.Session()
        session.register_component("data_loader", self._loader)
        return session

    def close(self) -> None:
        """Stop what still runs, wait until it has, and take away what it wrote."""
        self._open.close()
        try:
            for one in list(self.running):
                one.stop()
            self.thread.later(self._fronts.close())
            self.thread.close()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _config(self, folder: Path, **settings: Any) -> Config:
        given = {
            "auth": "open",
            "clock": "virtual",
            "durable": False,
            "drain_s": 0,
            "retention_days": None,
            "simulated_step": "0s",
            "admin_access_key_id": self.access_key_id,
            "admin_secret_access_key": self.secret_access_key,
        }
        return Config(data_dir=folder, port=0, **{**given, **settings})

    async def _migrate(self) -> None:
        server = Server(self._config(self._template), self.model)
        await server.start()
        await server.stop()


def _load_boto3() -> Any:
    """A loader that has read the files for a client of SSM, and boto3 itself: that is what takes long."""
    import boto3
    import botocore.session
    from botocore.loaders import create_loader

    loader = create_loader(os.environ.get("AWS_DATA_PATH"))
    session = botocore.session.Session()
    session.register_component("data_loader", loader)
    boto3.Session(botocore_session=session).client("ssm", region_name="us-east-1")
    return loader


def workshop() -> Workshop:
    """The workshop of this process; a forked child has none of its parent's threads, and makes its own."""
    return _workshop_of(os.getpid())


def close_workshop() -> None:
    """Nothing is left of it, if there was one in this process."""
    if _workshop_of.cache_info().currsize:
        shop = workshop()
        _workshop_of.cache_clear()
        shop.close()


@functools.cache
def _workshop_of(process_id: int) -> Workshop:
    atexit.register(_close_at_exit, process_id)
    return Workshop()


def _close_at_exit(process_id: int) -> None:
    if process_id == os.getpid():
        close_workshop()
