"""What the tests of one process share, so that a server for each of them costs some hundredths of a second (D59)."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Protocol

from stateward import ids
from stateward.app import Server
from stateward.config import Config
from stateward.testing.background import BackgroundServer, LoopThread
from stateward.wire.model import ServiceModel


class Running(Protocol):
    """What a program may forget to stop."""

    def stop(self) -> None: ...


class Workshop:
    """The thread of the servers, the parsed service model, a migrated database to copy, and boto3's model files.

    `access_key_id` and `secret_access_key` are the administrator's of every server in this process, `running` what is
    to be stopped if nobody else does.
    """

    def __init__(self) -> None:
        self.access_key_id = ids.access_key_id("AKIA")
        self.secret_access_key = ids.secret_access_key()
        self.running: list[Running] = []
        self.model = ServiceModel.load()
        self.thread = LoopThread("stateward-servers")
        self._folder = Path(tempfile.mkdtemp(prefix="stateward-tests-"))
        self._template = self._folder / "template"
        self._template.mkdir()
        self.thread.run(self._migrate())
        self._loader = _load_boto3()

    def start_server(self, **settings: Any) -> BackgroundServer:
        """A running server with a fresh database of its own; `settings` are those of a Config."""
        folder = Path(tempfile.mkdtemp(prefix="server-", dir=self._folder))
        shutil.copytree(self._template, folder, dirs_exist_ok=True)
        server = BackgroundServer(self.thread, self._config(folder, **settings), self.model)
        server.start()
        return server

    def session(self) -> Any:
        """A botocore session for which the model files have been read already."""
        import botocore.session

        session = botocore.session.Session()
        session.register_component("data_loader", self._loader)
        return session

    def close(self) -> None:
        """Stop what still runs, wait until it has, and take away what it wrote."""
        try:
            for one in list(self.running):
                one.stop()
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
