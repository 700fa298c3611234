"""The command line against a server that has AWS's API and nothing else."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from association_calls import executions


class OnlyTheApi(BaseHTTPRequestHandler):
    """Hands POST / on to a Stateward server, without the header that AWS does not send; has nothing else."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path != "/":
            self._answer(404, b"<UnknownOperationException/>")
            return
        connection = http.client.HTTPConnection(self.server.behind, timeout=30)
        connection.request("POST", "/", body, dict(self.headers))
        told = connection.getresponse()
        self._answer(told.status, told.read())
        connection.close()

    def do_GET(self):
        self._answer(404, b"<UnknownOperationException/>")

    def log_message(self, *what):
        """Nothing of it is of interest."""

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def aws(cli, server):
    """The command line on the other side of such a server."""
    front = ThreadingHTTPServer(("127.0.0.1", 0), OnlyTheApi)
    front.behind = server.url.removeprefix("http://")
    thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    cli.env["AWS_ENDPOINT_URL_SSM"] = f"http://127.0.0.1:{front.server_address[1]}"
    yield cli
    front.shutdown()
    front.server_close()
    thread.join()


def test_names_and_lists_need_the_api_only(aws, nightly, ssm):
    newest, oldest = [row["ExecutionId"] for row in executions(ssm, nightly)]
    rows = aws.rows("history", "nigh")
    assert [(row["RUN"], row["STATUS"], row["NODES"]) for row in rows] == [
        (newest, "Failed", "8 Success, 2 Failed"),
        (oldest, "Success", "10 Success"),
    ]
    for text in ("nightly-patch/last~1", oldest, oldest[:20], f"nightly-patch/{oldest[:20]}"):
        assert aws.json("executions", "show", text)["ExecutionId"] == oldest
    assert len(aws.rows("executions", "targets", newest, "--status", "Failed")) == 2
    assert aws.rows("associations", "list")[0]["ASSOCIATION"] == "nightly-patch"


def test_run_takes_the_newest_execution_and_says_so(aws, nightly, ssm):
    told = aws("run", "nightly-patch", "-o", "name")
    assert told.stdout.strip() == executions(ssm, nightly)[0]["ExecutionId"]
    assert "AWS does not say which executions it has started" in told.stderr
    assert len(executions(ssm, nightly)) == 3


def test_watching_is_by_the_api(aws, nightly):
    told = aws("executions", "watch", "nightly-patch/last")
    assert told.exit_code == 1
    assert "✕ 2 × Failed   mi-" in told.stderr
    assert aws("executions", "watch", "nightly-patch/last~1").exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["retry", "nightly-patch/last", "--failed"],
            "AWS cannot run an association on some nodes of an execution only",
        ),
        (["run", "nightly-patch", "--node", "simulated-1"], "AWS cannot run an association on some of its nodes"),
        (["executions", "stop", "nightly-patch/last"], "AWS cannot stop an execution of an association"),
        (["executions", "show", "nightly-patch/2"], "this server has no run numbers (AWS)"),
        (["diff", "nightly-patch/last~1", "nightly-patch/last"], "AWS does not compare executions"),
        (["why", "nightly-patch"], "AWS does not say why"),
        (["associations", "pause", "nightly-patch"], "AWS has no pause for an association"),
        (["associations", "next", "nightly-patch"], "AWS does not tell when an association runs next"),
        (["history", "nightly-patch", "--map"], "AWS keeps no map"),
        (["tail"], "AWS sends its events to EventBridge"),
        (["open"], "has no console of Stateward's"),
        (["clock", "show"], "is the real one"),
    ],
)
def test_what_aws_cannot_answer_is_said(aws, nightly, words, told):
    code, sentence = aws.refused(*words)
    assert code == 1
    assert told in sentence
