"""A Stateward server in a background thread, for tests that talk to it as its users do."""

import asyncio
import base64
import json
import threading
import urllib.error
import urllib.request

import boto3
from botocore.config import Config as BotoConfig

from stateward import serving
from stateward.app import Server
from stateward.config import Config
from stateward.wire.model import ServiceModel

KEY_ID = "AKIATESTTESTTESTTEST"
SECRET = "a-secret-that-no-log-may-show-0123456789"
ACCOUNT = "123456789012"
REGION = "us-east-1"
WAIT_S = 30


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self, name):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._later = []

    def run(self, coroutine, timeout=WAIT_S):
        """What the coroutine answers, from outside the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def later(self, coroutine):
        """Let the coroutine run beside what follows; what it raises is raised by `close`."""
        self._later.append(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    def close(self):
        for future in self._later:
            future.result(WAIT_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WAIT_S)
        self.loop.close()


class LiveServer:
    """One Server object on a free loopback port."""

    def __init__(self, thread, data_dir, model=None, **settings):
        self._thread = thread
        self.model = model or ServiceModel.load()
        defaults = {
            "clock": "virtual",
            "durable": False,
            "admin_access_key_id": KEY_ID,
            "admin_secret_access_key": SECRET,
        }
        self.config = Config(data_dir=data_dir, port=0, **{**defaults, **settings})
        self._stopped = None
        self._task = None
        self.thread_server = None
        self.url = ""
        self.start()

    @property
    def is_running(self):
        return self._task is not None and not self._task.done()

    def start(self):
        self._thread.run(self._start())

    def stop(self):
        if self._task is not None:
            self._thread.run(self._end(self._task))
            self._task = None

    def stop_later(self):
        """Stop beside the next test: most of a stop is waiting for connections to close."""
        if self._task is not None:
            self._thread.later(self._end(self._task))
            self._task = None

    def client(self, key_id=KEY_ID, secret=SECRET, region=REGION, retries=1, **settings):
        return boto3.client(
            "ssm",
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=BotoConfig(retries={"total_max_attempts": retries}, connect_timeout=5, read_timeout=60, **settings),
        )

    def raw(self, operation, members):
        """Call an operation below HTTP as the administrator, without botocore's own checks; the answer's body."""
        from stateward.access.principals import Scope, administrator

        body = members if isinstance(members, bytes) else json.dumps(members).encode()
        principal = administrator(KEY_ID, Scope(ACCOUNT, REGION))
        performer = self.thread_server.performer
        return self._thread.run(performer.perform(principal, operation, body, "test-request")).body

    def clock(self, **turn):
        """Turn the clock, or with nothing ask it: `clock(advance="30m")`."""
        data = json.dumps(turn).encode() if turn else None
        return self.http("/_stateward/clock", data)

    def http(self, path, data=None, content_type="application/json"):
        basic = base64.b64encode(f"{KEY_ID}:{SECRET}".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "content-type": content_type}
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode()) from None

    def settle(self):
        """Wait until everything that is due now has been done."""
        return self.clock(advance="0s")

    def reading(self, work):
        """What `work(tx)` finds in one snapshot of the database."""

        async def read():
            async with self.thread_server.db.reading() as tx:
                return await work(tx)

        return self._thread.run(read())

    def writing(self, work):
        return self._thread.run(self.thread_server.db.write(work))

    async def _start(self):
        sock = serving.bind(self.config.host, self.config.port)
        try:
            self.url = serving.url_of(sock)
            self.thread_server = Server(self.config, self.model)
            await self._serve(sock)
        except BaseException:
            sock.close()
            raise

    async def _serve(self, sock):
        self._stopped = asyncio.Event()
        ready = asyncio.Event()
        self._task = asyncio.create_task(serving.run(self.thread_server, sock, ready.set, self._stopped))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            waiting.cancel()
            task, self._task = self._task, None
            await task

    async def _end(self, task):
        self._stopped.set()
        await task


class Refused(Exception):
    """An answer of /_stateward with an error status."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
