"""Executions as traces: one trace each, a span a target and step, kept until the collector has them."""

import http.server
import json
import threading

import pytest

from association_calls import create, executions
from stateward.config import Config, ConfigurationError
from stateward.traces.delivery import headers_of
from waiting import until


class Collector:
    """Takes OTLP over HTTP, or says no."""

    def __init__(self):
        self.requests = []
        self.headers = []
        self.status = 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if outer.status == 200:
                    outer.requests.append((self.path, json.loads(body)))
                outer.headers.append(dict(self.headers))
                self.send_response(outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def spans(self):
        return [
            span
            for _, request in list(self.requests)
            for resource in request["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def roots(self):
        return [span for span in self.spans if not span["parentSpanId"]]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def server(start_server, collector):
    return start_server(otlp_endpoint=collector.url, otlp_headers="x-api-key=a%20secret")


def attributes(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def test_an_execution_is_a_trace(server, ssm, fleet, document, collector):
    fleet.add(3)
    fleet.script(status="Failed", exit_code=7, error="disk full", nodes=1)
    association_id = create(ssm, document(), AssociationName="nightly")["AssociationId"]
    server.clock(advance="1m")
    until(collector.roots)
    (row,) = executions(ssm, association_id)
    trace = row["ExecutionId"].replace("-", "")
    assert {span["traceId"] for span in collector.spans} == {trace}
    (root,) = collector.roots()
    assert root["name"] == "association nightly"
    assert root["status"] == {"code": 2, "message": "Failed"}
    assert root["startTimeUnixNano"] == f"{round(row['CreatedTime'].timestamp() * 1000)}000000"
    assert attributes(root)["stateward.targets.failed"] == "1"
    targets = [span for span in collector.spans if span["parentSpanId"] == root["spanId"]]
    assert len(targets) == 3
    steps = [span for span in collector.spans if span["parentSpanId"] in {one["spanId"] for one in targets}]
    assert len(steps) >= 3
    (failed,) = [span for span in steps if span["status"]["code"] == 2]
    assert attributes(failed)["process.exit.code"] == "7"
    assert len({span["spanId"] for span in collector.spans}) == len(collector.spans)


def test_the_collector_hears_who_speaks(server, ssm, document, collector):
    create(ssm, document())
    server.clock(advance="1m")
    until(collector.roots)
    path, request = collector.requests[0]
    assert path == "/v1/traces"
    resource = attributes(request["resourceSpans"][0]["resource"])
    assert resource["service.name"] == "stateward"
    assert resource["cloud.region"] == "us-east-1"
    assert collector.headers[0]["x-api-key"] == "a secret"


def test_what_was_not_taken_comes_after_a_restart(server, ssm, document, collector):
    collector.status = 503
    create(ssm, document())
    server.clock(advance="1m")
    until(lambda: collector.headers)
    server.stop()
    collector.status = 200
    server.start()
    until(collector.roots)


def test_without_a_collector_nothing_waits(start_server):
    server = start_server()
    create(server.client(), "AWS-RunShellScript", Parameters={"commands": ["true"]})
    server.settle()

    async def count(tx):
        return await tx.value("SELECT COUNT(*) FROM traces_due")

    assert server.reading(count) == 0


def test_headers_are_read_as_the_standard_says():
    assert headers_of("a=b, c=d%2Ce ,") == {"a": "b", "c": "d,e"}
    with pytest.raises(ValueError, match="write name=value"):
        headers_of("secret")


def test_an_address_must_be_one(tmp_path):
    with pytest.raises(ConfigurationError, match="--otlp-endpoint"):
        Config(data_dir=tmp_path, otlp_endpoint="collector:4318")
