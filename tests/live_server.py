"""A Stateward server in a background thread, for tests that talk to it as its users do."""

import base64
import json
import urllib.error
import urllib.request

import boto3
import httpx
from botocore.config import Config as BotoConfig

from stateward.config import Config
from stateward.testing.background import BackgroundServer
from stateward.wire.model import ServiceModel

KEY_ID = "AKIATESTTESTTESTTEST"
SECRET = "a-secret-that-no-log-may-show-0123456789"
ACCOUNT = "123456789012"
REGION = "us-east-1"


def client_of(url, key_id=KEY_ID, secret=SECRET, region=REGION, *, token=None, service="ssm", attempts=1, **settings):
    """A boto3 client of the server at an address, the administrator's if nobody else is named."""
    settings = {"connect_timeout": 5, "read_timeout": 60, **settings}
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=BotoConfig(retries={"total_max_attempts": attempts, "mode": "standard"}, **settings),
    )


class LiveServer(BackgroundServer):
    """One Server object on a free loopback port."""

    def __init__(self, thread, data_dir, model=None, **settings):
        defaults = {
            "clock": "virtual",
            "durable": False,
            "admin_access_key_id": KEY_ID,
            "admin_secret_access_key": SECRET,
        }
        config = Config(data_dir=data_dir, port=0, **{**defaults, **settings})
        super().__init__(thread, config, model or ServiceModel.load(), is_quiet=False)
        self.start()

    @property
    def thread_server(self):
        """The Server object, which lives in the thread."""
        return self.server

    def client(self, *who, **how):
        """A client as `client_of` makes it."""
        return client_of(self.url, *who, **how)

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

    def text(self, path, **headers):
        """The answer to a GET by the administrator, whose body is no JSON; httpx's response."""
        answer = httpx.get(self.url + path, auth=(KEY_ID, SECRET), headers=headers, timeout=120)
        if answer.status_code != 200:
            raise Refused(answer.status_code, answer.text)
        return answer

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


class Refused(Exception):
    """An answer of /_stateward with an error status."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
