"""The recorded agent's side of its exchanges, said again to a live server with keys and ids of its own."""

import base64
import hashlib
import json
import re
import uuid
from contextlib import ExitStack, suppress
from xml.etree import ElementTree

import httpx
import recorded_frames
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from recordings import JOB_ID, NODE_ID, load

WAIT_S = 20


class Player:
    """One node. What it is told in answer to a recorded request is compared by the test."""

    def __init__(self, url):
        self.url = httpx.URL(url)
        self.node_id = ""
        self.fingerprint = str(uuid.uuid4())
        self.credentials = None
        self.token = ""
        self.key = _KEY
        self._http = httpx.Client(timeout=WAIT_S)
        self._socket = None
        self._open = ExitStack()
        self._waiting = []
        self._ids = {}

    def close(self):
        self.disconnect()
        self._http.close()

    def start(self, activation):
        """Everything from registration to an open channel, as recorded."""
        self.register(activation)
        self.request_token()
        for name in ("ping-startup", "ping-full"):
            assert self.say(load(name)["request"]).status_code == 200
        self.connect()
        return self

    def register(self, activation, request=None):
        members = {"ActivationId": activation["ActivationId"], "ActivationCode": activation["ActivationCode"]}
        answer = self.say(request or load("register-ok")["request"], **members)
        if answer.status_code == 200:
            self.node_id = answer.json()["InstanceId"]
        return answer

    def request_token(self):
        answer = self.say(load("role-token")["request"])
        self.credentials = answer.json()
        return answer

    def create_channel(self):
        answer = self.say(load("mgs-create-channel")["request"])
        self.token = ElementTree.fromstring(answer.text).findtext("TokenValue")
        return answer

    def open_socket(self):
        recorded = load("mgs-websocket-open")
        path, headers, _ = self._prepared(recorded["request"], None)
        address = str(self.url.copy_with(scheme="ws", raw_path=path.encode()))
        own = ("host", "connection", "sec-websocket-key", "sec-websocket-version", "upgrade")
        extra = {name: value for name, value in headers.items() if name not in own}
        opening = connect(address, additional_headers=extra, compression=None, open_timeout=WAIT_S)
        self._socket = self._open.enter_context(opening)
        frame = {**recorded["first_text_frame"], "RequestId": str(uuid.uuid4()), "TokenValue": self.token}
        self._socket.send(json.dumps(frame))
        return self._socket.response

    def connect(self):
        self.create_channel()
        self.open_socket()

    def disconnect(self):
        self._open.close()
        self._socket = None
        self._waiting = []

    def ping(self):
        """Send the agent's keep-alive ping; an event that is set when its pong comes."""
        return self._socket.ping("keepalive")

    def wait_for_close(self):
        """The code with which the server closes the socket."""
        while True:
            try:
                self._socket.recv(timeout=WAIT_S)
            except ConnectionClosed as closed:
                return closed.rcvd.code

    @property
    def waiting(self):
        """Frames that have come and that nobody asked for."""
        with suppress(TimeoutError):
            while self._socket is not None:
                self._waiting.append(recorded_frames.decode(self._socket.recv(timeout=0)))
        return self._waiting

    def say(self, request, **members):
        """Send a recorded request; `members` replace those of its body."""
        body = None
        if "body" in request:
            own = {"Fingerprint": self.fingerprint, "PublicKey": _public_key(self.key), "RequestId": str(uuid.uuid4())}
            told = {**self.rebound(request["body"]), **members}
            told = {name: own[name] if name in own and name not in members else told[name] for name in told}
            body = json.dumps(told, separators=(",", ":")).encode()
        path, headers, chunked = self._prepared(request, body)
        content = iter([body]) if chunked else body
        return self._http.request(request["method"], self.url.join(path), headers=headers, content=content)

    def bind(self, theirs, mine):
        """From now on `mine` stands for a recorded id."""
        self._ids[theirs] = mine

    def job(self, recorded):
        """The next job from the server, whose ids from now on stand for the recorded ones; its payload."""
        frame = self._next("agent_job")
        mine, theirs = JOB_ID.fullmatch(frame["payload"]["JobId"]), JOB_ID.fullmatch(recorded["payload"]["JobId"])
        assert mine[2] == self.node_id
        self._ids[theirs[1]] = mine[1]
        self._ids[recorded["messageId"]] = frame["messageId"]
        return frame["payload"]

    def send(self, recorded, *, again=False):
        """Send a recorded frame; `again`: with the MessageId that it had before."""
        if not again or recorded["messageId"] not in self._ids:
            self._ids[recorded["messageId"]] = str(uuid.uuid4())
        payload = self.rebound(recorded["payload"])
        if "content" in payload:
            payload["content"] = json.dumps(payload["content"])
        message_id = self._ids[recorded["messageId"]]
        self._socket.send(recorded_frames.encode(recorded["messageType"], message_id, payload))

    def reply(self, recorded, *, again=False):
        """Send a recorded reply and wait until the server has stored it."""
        self.send(recorded, again=again)
        ack = self._next("agent_job_reply_ack")["payload"]
        expected = {"jobId": recorded["payload"]["jobId"], "acknowledgedMessageId": recorded["messageId"]}
        assert ack == self.rebound(expected)

    def acknowledge(self, recorded):
        """Acknowledge a job as taken."""
        payload = recorded["payload"]
        ack = {
            "jobId": payload["JobId"],
            "acknowledgedMessageId": recorded["messageId"],
            "createdDate": "",
            "statusCode": "200",
            "errorMessage": "Successful",
        }
        self.send({"messageType": "agent_job_ack", "messageId": str(uuid.uuid4()), "payload": ack})

    def barrier(self):
        """Wait until the server has dealt with everything that was sent."""
        job_id = f"aws.ssm.{uuid.uuid4()}.{self.node_id}"
        payload = {"schemaVersion": 1, "jobId": job_id, "content": {}, "topic": "aws.ssm.cancelCommand"}
        self.reply({"messageType": "agent_job_reply", "messageId": str(uuid.uuid4()), "payload": payload})

    def rebound(self, value):
        """A recorded value with this player's ids."""
        text = json.dumps(value)
        for theirs, mine in self._ids.items():
            text = text.replace(theirs, mine)
        return json.loads(NODE_ID.sub(self.node_id, text)) if self.node_id else value

    def _next(self, kind):
        for position, frame in enumerate(self._waiting):
            if frame["messageType"] == kind:
                return self._waiting.pop(position)
        while True:
            frame = recorded_frames.decode(self._socket.recv(timeout=WAIT_S))
            if frame["messageType"] == kind:
                return frame
            self._waiting.append(frame)

    def _prepared(self, request, body):
        """(path with query, headers by lower-case name, whether the body goes in chunks), signed as recorded."""
        headers = {name.lower(): value for name, value in request["headers"].items()}
        path = NODE_ID.sub(self.node_id, request["path"])
        headers["host"] = f"{self.url.host}:{self.url.port}"
        headers["x-amz-date"] = recorded_frames.now()
        chunked = headers.pop("transfer-encoding", None) == "chunked"
        if "content-length" in headers:
            headers["content-length"] = str(len(body))
        authorization = headers.pop("authorization", None)
        if authorization is None:
            del headers["x-amz-date"]
        else:
            headers["authorization"] = self._signed(request["method"], path, headers, body or b"", authorization)
        return path, headers, chunked

    def _signed(self, method, path, headers, body, recorded):
        credential, scope = re.search(r"Credential=([^/]+)/\d{8}/([^,]+)", recorded).groups()
        signed = re.search(r"SignedHeaders=([^,]+)", recorded)[1].split(";")
        scope = f"{headers['x-amz-date'][:8]}/{scope}"
        digest = hashlib.sha256(body).hexdigest()
        by_node_key = credential.startswith("mi-")
        if by_node_key:
            headers["x-amz-content-sha256"] = digest
        else:
            headers["x-amz-security-token"] = self.credentials["SessionToken"]
        plain, _, query = path.partition("?")
        text = recorded_frames.string_to_sign(method, plain, query, headers, signed, digest, scope)
        if by_node_key:
            name, signature = self.node_id, recorded_frames.rsa_signature(text, self.key)
        else:
            name = self.credentials["AccessKeyId"]
            signature = recorded_frames.hmac_signature(text, self.credentials["SecretAccessKey"], scope)
        return f"{recorded_frames.ALGORITHM} Credential={name}/{scope}, SignedHeaders={';'.join(signed)}, " + (
            f"Signature={signature}"
        )


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _public_key(key):
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, spki)).decode()


_KEY = new_key()
