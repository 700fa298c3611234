"""People with access keys of any role, and what they are answered below `/_stateward`."""

import base64
import json
import urllib.error
import urllib.request

from live_server import KEY_ID, SECRET


class Holder:
    """The holder of one access key."""

    def __init__(self, server, key_id=KEY_ID, secret=SECRET):
        self._server = server
        self.key_id = key_id
        self.secret = secret

    def client(self, **settings):
        return self._server.client(self.key_id, self.secret, **settings)

    def get(self, path):
        """The answer's JSON. Raises Denied for any status but 200."""
        return self.ask("GET", path)

    def post(self, path, body=None, **headers):
        return self.ask("POST", path, json.dumps({} if body is None else body).encode(), headers)

    def ask(self, method, path, data=None, headers=None):
        with self.open(method, path, data, headers or {}) as answer:
            return json.load(answer)

    def open(self, method, path, data=None, headers=None, timeout=30):
        """The open answer, for what streams."""
        basic = base64.b64encode(f"{self.key_id}:{self.secret}".encode()).decode()
        told = {"authorization": f"Basic {basic}", "content-type": "application/json", **(headers or {})}
        request = urllib.request.Request(f"{self._server.url}/_stateward{path}", data, told, method=method)
        try:
            return urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            if error.code < 400:  # not modified
                return error
            raise Denied(error.code, json.load(error)) from None


class Denied(Exception):
    """An answer with an error status."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body['error']}: {body['message']}")
        self.status = status
        self.code = body["error"]
        self.message = body["message"]


def holder(server, role, **members):
    """Somebody whom the server's administrator gave a key."""
    made = Holder(server).post("/keys", {"role": role, **members})
    return Holder(server, made["access_key"], made["secret_access_key"])
