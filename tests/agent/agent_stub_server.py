"""A server with just enough of the node protocol to talk to an agent; it verifies every signature."""

import asyncio
import json
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from stateward import ids
from stateward.access import signing
from stateward.access.signing import SignedRequest
from stateward.agent.live_frames import decode_output
from stateward.clock import wall_ms
from stateward.wire import agent_message
from stateward.wire.agent_message import AgentMessage

NODE_ID = "mi-0123456789abcdef0"
SECRET = "s" * 40
MESSAGES = "EC2WindowsMessageDeliveryService."
CODE = "a-code-of-twenty-letters"


class _Server(uvicorn.Server):
    def __init__(self, config):
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self):
        yield


class StubServer:
    def __init__(self):
        self.calls = []
        self.frames = asyncio.Queue()
        self.opened = asyncio.Queue()
        self.public_key = ""
        self.acknowledging = True
        self.refusals = {}
        self.no_channel = False
        self.live_output = 0
        self.region = ""
        self.output = asyncio.Queue()
        self.offered = asyncio.Queue()
        self._news = asyncio.Event()
        self.url = ""
        self._send = None
        self._server = None
        self._task = None
        self._socket = None
        self._port = 0

    async def start(self):
        config = uvicorn.Config(
            self,
            port=self._port,
            lifespan="off",
            log_config=None,
            ws="websockets-sansio",
            ws_max_size=256 * 1024,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._socket = config.bind_socket()
        self._port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await self._server.ready.wait()

    async def stop(self):
        self._server.should_exit = True
        await self.hang_up()
        await self._task
        self._socket.close()

    async def hang_up(self, code=1001):
        send, self._send = self._send, None
        if send is not None:
            await send({"type": "websocket.close", "code": code})

    async def __call__(self, scope, receive, send):
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path, query = scope["path"], scope["query_string"].decode()
        if scope["type"] == "websocket":
            self._check(SignedRequest("GET", path, query, headers, b""), "ssmmessages")
            await self._channel(receive, send)
            return
        body = await _body(receive)
        request = SignedRequest(scope["method"], path, query, headers, body)
        if headers.get("x-amz-target", "").startswith(MESSAGES):
            status, kind, answer = await self._message_call(request, receive)
        elif path == "/":
            status, kind, answer = self._call(request)
        elif self.no_channel:
            status, kind, answer = 503, "text/html", "<html>no websockets here</html>"
        else:
            self._check(request, "ssmmessages")
            self.calls.append("CreateControlChannel")
            offer = f"<LiveOutput>{self.live_output}</LiveOutput>" if self.live_output else ""
            answer = f"<A><TokenValue>channel-token</TokenValue>{offer}</A>"
            status, kind = 201, "application/xml"
        headers = [(b"content-type", kind.encode()), (b"x-stateward-region", self.region.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.encode()})

    def _call(self, request):
        operation = request.headers["x-amz-target"].removeprefix("AmazonSSM.")
        members = json.loads(request.body)
        self.calls.append((operation, members))
        if self.refusals.get(operation):
            status, code = self.refusals[operation].pop(0)
            return status, "application/json", json.dumps({"__type": code, "message": "no"})
        answer = {}
        if operation == "RegisterManagedInstance":
            assert "authorization" not in request.headers
            self.public_key = members["PublicKey"]
            answer = {"InstanceId": NODE_ID}
        elif operation == "RequestManagedInstanceRoleToken":
            authorization = signing.parse_authorization(request.headers)
            assert authorization.credential_id == NODE_ID
            assert signing.verify_rsa(request, authorization, self.public_key)
            answer = {
                "AccessKeyId": "ASIA" + "A" * 16,
                "SecretAccessKey": SECRET,
                "SessionToken": "session",
                "TokenExpirationDate": wall_ms() / 1000 + 3600,
                "UpdateKeyPair": False,
            }
        else:
            self._check(request, "ssm")
        return 200, "application/json", json.dumps(answer)

    async def _message_call(self, request, receive):
        """ec2messages; replies come out of `frames` as those of the channel do."""
        operation = request.headers["x-amz-target"].removeprefix(MESSAGES)
        members = json.loads(request.body)
        self._check(request, "ec2messages")
        if self.refusals.get(operation):
            status, code = self.refusals[operation].pop(0)
            return status, "application/json", json.dumps({"__type": code, "message": "no"})
        answer = {}
        if operation == "GetMessages":
            answer = {"Messages": await self._next_messages(receive)}
        elif operation == "SendReply":
            payload = {"jobId": members["MessageId"], "content": members["Payload"]}
            self.frames.put_nowait((AgentMessage("agent_job_reply", members["ReplyId"], wall_ms(), b""), payload))
        self.calls.append((operation, members))
        self._news.set()
        return 200, "application/json", json.dumps(answer)

    async def _next_messages(self, receive):
        """The next message; whoever hangs up meanwhile gets none."""
        found, gone = asyncio.create_task(self.offered.get()), asyncio.create_task(receive())
        await asyncio.wait((found, gone), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not found.done():
            found.cancel()
            return []
        return [found.result()]

    def offer(self, command_id, content, topic="aws.ssm.sendCommand.us-east-1"):
        """Put a message where the next long poll finds it."""
        message_id = f"aws.ssm.{command_id}.{NODE_ID}"
        payload = content if isinstance(content, str) else json.dumps(content)
        self.offered.put_nowait({"MessageId": message_id, "Topic": topic, "Payload": payload, "CreatedDate": "now"})
        return command_id

    async def called(self, operation, count=1, **members):
        """Wait for so many calls of ec2messages with these members; the last one."""
        while True:
            calls = [call for call in self.calls if call[0] == operation]
            found = [one for _, one in calls if members.items() <= one.items()]
            if len(found) >= count:
                return found[-1]
            self._news.clear()
            await self._news.wait()

    def _check(self, request, service):
        authorization = signing.parse_authorization(request.headers)
        assert authorization.service == service
        assert signing.verify_hmac(request, authorization, SECRET)

    async def _channel(self, receive, send):
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        opening = json.loads((await receive())["text"])
        self._send = send
        self.opened.put_nowait(opening)
        try:
            await self._listen(receive)
        finally:
            if self._send is send:
                self._send = None

    async def _listen(self, receive):
        while (event := await receive())["type"] == "websocket.receive":
            message = agent_message.decode(event["bytes"])
            if message.message_type == "stateward_output":
                self.output.put_nowait(decode_output(message.payload))
                continue
            self.frames.put_nowait((message, json.loads(message.payload)))
            if message.message_type == "agent_job_reply" and self.acknowledging:
                await self.acknowledge(message)

    async def acknowledge(self, reply):
        job_id = json.loads(reply.payload)["jobId"]
        await self.send("agent_job_reply_ack", {"jobId": job_id, "acknowledgedMessageId": reply.message_id})

    async def send(self, kind, payload):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        message = AgentMessage(kind, ids.new_uuid(), wall_ms(), body)
        await self._send({"type": "websocket.send", "bytes": agent_message.encode(message)})
        return message.message_id

    async def send_job(self, document, parameters=None, command_id=None):
        command_id = command_id or ids.new_uuid()
        content = {"Parameters": parameters or {}, "DocumentContent": document, "CommandId": command_id}
        await self.send_raw_job(command_id, "aws.ssm.sendCommand.us-east-1", content)
        return command_id

    async def cancel(self, command_id):
        cancel_id = ids.new_uuid()
        content = {"CancelMessageId": f"aws.ssm.{command_id}.{NODE_ID}"}
        await self.send_raw_job(cancel_id, "aws.ssm.cancelCommand.us-east-1", content)
        return cancel_id

    async def send_raw_job(self, command_id, topic, content):
        job = {"SchemaVersion": 1, "JobId": f"aws.ssm.{command_id}.{NODE_ID}", "Topic": topic}
        await self.send("agent_job", {**job, "Content": json.dumps(content)})

    async def next_frame(self, kind):
        """The next frame of this kind; others are dropped."""
        while True:
            message, payload = await self.frames.get()
            if message.message_type == kind:
                return message, payload

    async def ack(self):
        return (await self.next_frame("agent_job_ack"))[1]["statusCode"]

    async def replies(self, command_id):
        """The contents of the replies to one command, up to the final one; frames of others are dropped."""
        found = []
        while True:
            _, payload = await self.next_frame("agent_job_reply")
            if command_id in payload["jobId"]:
                found.append(json.loads(payload["content"]))
                if found[-1]["documentStatus"] != "InProgress":
                    return found


async def _body(receive):
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            return body


@asynccontextmanager
async def stub_server():
    server = StubServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def shell(*lines, **inputs):
    """A document of one step."""
    return steps(("run", list(lines), inputs))


def steps(*parts):
    """A document of steps (name, lines, more inputs)."""
    return {
        "schemaVersion": "2.2",
        "mainSteps": [
            {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": lines, **more}}
            for name, lines, more in parts
        ],
    }
