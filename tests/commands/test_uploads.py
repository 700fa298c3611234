"""Output goes to S3 when an invocation has closed, by the server's hand (spec 4.10, D39)."""

import logging
from contextlib import contextmanager
from threading import Event

import boto3
import pytest
from moto.server import ThreadedMotoServer
from structlog.testing import capture_logs

from association_calls import create, executions, targets
from command_calls import report, send, statuses, step, told_step
from stateward.commands import store_uploads
from stateward.engine import uploads

A_DAY_MS = 24 * 3_600_000


@pytest.fixture(scope="module")
def s3_url():
    """Something that speaks S3."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """What the server uploads with; nothing of the developer's own."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUPLOADUPLOADUPLO")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-servers-own-secret")


@pytest.fixture
def server(start_server, s3_url):
    return start_server(s3_endpoint=s3_url)


@pytest.fixture
def s3(s3_url, credentials):
    client = boto3.client("s3", endpoint_url=s3_url, region_name="us-east-1")
    yield client
    client.close()


@pytest.fixture
def bucket(s3, request):
    """A bucket of this test's own."""
    name = f"b-{abs(hash(request.node.name))}"
    s3.create_bucket(Bucket=name)
    return name


def objects(s3, bucket):
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode() for one in found}


def upload_states(server):
    """(state, attempts) of each upload."""

    async def read(tx):
        return [
            (await tx.value("SELECT state FROM output_uploads WHERE resource_id = $1", node), attempts)
            for node, attempts in zip(
                await tx.column("SELECT resource_id FROM output_uploads ORDER BY resource_id"),
                await tx.column("SELECT attempts FROM output_uploads ORDER BY resource_id"),
                strict=True,
            )
        ]

    return server.reading(read)


def try_again_now(server, *, first_tried_ms_ago=0):
    """As if the wait were over, and the first try as long ago as said."""

    async def work(tx):
        await tx.execute(
            "UPDATE output_uploads SET next_try_wall_ms = 0, first_try_wall_ms = first_try_wall_ms - $1 "
            "WHERE state = 'waiting'",
            first_tried_ms_ago,
        )
        tx.after_commit(server.thread_server.uploads.wake)

    server.writing(work)
    server.settle()


def test_output_of_a_command_is_uploaded(server, ssm, nodes, document, s3, bucket):
    node = nodes.one(script=lambda job: ("Failed", {"output": "größe\n", "error": "oh no\n"}))
    sent = send(ssm, document(), node, OutputS3BucketName=bucket, OutputS3KeyPrefix="some/prefix")
    server.settle()
    base = f"some/prefix/{sent}/{node.node_id}/awsrunShellScript"
    assert objects(s3, bucket) == {f"{base}/second/stdout": "größe\n", f"{base}/second/stderr": "oh no\n"}
    assert upload_states(server) == [("done", 1)]


def test_output_of_an_association_is_uploaded(server, ssm, nodes, document, s3, bucket):
    node = nodes.one(script=lambda job: ("Success", {"output": "all well\n"}))
    location = {"S3Location": {"OutputS3BucketName": bucket, "OutputS3KeyPrefix": "nightly"}}
    association_id = create(ssm, document(), OutputLocation=location)["AssociationId"]
    server.settle()
    (row,) = targets(ssm, association_id, executions(ssm, association_id)[0]["ExecutionId"])
    command_id = row["OutputSource"]["OutputSourceId"]
    key = f"nightly/{command_id}/{node.node_id}/awsrunShellScript/second/stdout"
    assert objects(s3, bucket) == {key: "all well\n"}


def test_every_node_has_its_folder(server, ssm, nodes, document, s3, bucket):
    several = nodes.add(7, script=lambda job: ("Success", {"output": job.node.node_id}))
    sent = send(ssm, document(), *several, OutputS3BucketName=bucket)
    server.settle()
    assert objects(s3, bucket) == {
        f"{sent}/{node.node_id}/awsrunShellScript/second/stdout": node.node_id for node in several
    }


def test_schema_1_2_has_numbered_steps(server, ssm, nodes, s3, bucket):
    node = nodes.one(script=lambda job: ("Success", {"output": "x"}))
    sent = send(ssm, "AWS-RunShellScript", node, OutputS3BucketName=bucket, Parameters={"commands": ["echo x"]})
    server.settle()
    assert objects(s3, bucket) == {f"{sent}/{node.node_id}/awsrunShellScript/0.awsrunShellScript/stdout": "x"}


def test_addresses_in_answers_lead_to_the_output(server, ssm, nodes, document, s3, s3_url, bucket):
    node = nodes.one(script=lambda job: ("Success", {"output": "x"}))
    told = ssm.send_command(
        DocumentName=document(),
        InstanceIds=[node.node_id],
        OutputS3BucketName=bucket,
        OutputS3KeyPrefix="p",
        OutputS3Region="eu-central-1",
    )["Command"]
    assert [told[f"OutputS3{name}"] for name in ("BucketName", "KeyPrefix", "Region")] == [bucket, "p", "eu-central-1"]
    sent = told["CommandId"]
    server.settle()
    folder = f"p/{sent}/{node.node_id}/awsrunShellScript"
    shown = step(ssm, sent, node)
    assert shown["StandardOutputUrl"] == f"{s3_url}/{bucket}/{folder}/second/stdout"
    assert shown["StandardErrorUrl"] == f"{s3_url}/{bucket}/{folder}/second/stderr"
    assert s3.get_object(Bucket=bucket, Key=shown["StandardOutputUrl"].split(f"/{bucket}/")[1])["Body"].read() == b"x"
    (row,) = ssm.list_command_invocations(CommandId=sent, Details=True)["CommandInvocations"]
    assert row["StandardOutputUrl"] == ""  # two plugins: each has its own
    plugin = row["CommandPlugins"][1]
    assert (plugin["OutputS3BucketName"], plugin["OutputS3KeyPrefix"]) == (bucket, folder)
    assert plugin["OutputS3Region"] == "eu-central-1"
    assert plugin["StandardOutputUrl"] == shown["StandardOutputUrl"]


def test_an_invocation_with_one_plugin_has_its_address(server, ssm, nodes, s3_url, bucket):
    node = nodes.one(script=lambda job: ("Success", {"output": "x"}))
    sent = send(ssm, "AWS-RunShellScript", node, OutputS3BucketName=bucket, Parameters={"commands": ["true"]})
    server.settle()
    (row,) = ssm.list_command_invocations(CommandId=sent)["CommandInvocations"]
    folder = f"{sent}/{node.node_id}/awsrunShellScript/0.awsrunShellScript"
    assert row["StandardOutputUrl"] == f"{s3_url}/{bucket}/{folder}/stdout"
    assert row["StandardErrorUrl"] == f"{s3_url}/{bucket}/{folder}/stderr"


def test_without_a_bucket_nothing_is_uploaded(server, ssm, nodes, document):
    node = nodes.one(script=lambda job: ("Success", {"output": "x"}))
    sent = send(ssm, document(), node, OutputS3KeyPrefix="p")
    create(ssm, "echo-twice")
    server.settle()
    assert upload_states(server) == []
    assert step(ssm, sent, node)["StandardOutputUrl"] == ""


def test_what_no_node_has_seen_has_no_output(server, ssm, nodes, document, bucket):
    node = nodes.one(online=False)
    sent = send(ssm, document(), node, OutputS3BucketName=bucket)
    ssm.cancel_command(CommandId=sent)
    server.settle()
    assert statuses(ssm, sent) == {node.node_id: ("Cancelled", "Cancelled")}
    assert upload_states(server) == []


def test_nodes_are_told_of_no_bucket(server, ssm, nodes, document, bucket, monkeypatch):
    told = []
    node = nodes.one()
    plain = node._take
    node._take = lambda message: told.append(bytes(message.payload)) or plain(message)
    send(ssm, document(), node, OutputS3BucketName=bucket)
    server.settle()
    assert told
    assert not any(bucket.encode() in payload for payload in told)


def test_a_step_that_comes_late_is_uploaded_too(server, ssm, nodes, document, s3, bucket):
    node = nodes.one(holds=True)
    sent = send(ssm, document(), node, OutputS3BucketName=bucket)
    (job,) = node.wait_for_jobs()
    server.clock(advance="4h", wait_for_nodes="0s")
    assert statuses(ssm, sent) == {node.node_id: ("TimedOut", "DeliveryTimedOut")}
    assert objects(s3, bucket) == {}
    job.report_step("first", output="late")
    server.settle()
    assert objects(s3, bucket) == {f"{sent}/{node.node_id}/awsrunShellScript/first/stdout": "late"}


def test_a_plugin_that_a_node_invents_moves_nothing(server, ssm, nodes, document, s3, bucket):
    node = nodes.one(holds=True)
    sent = send(ssm, document(), node, OutputS3BucketName=bucket, OutputS3KeyPrefix="p")
    node.wait_for_jobs()
    steps = {name: told_step(name="../../x", standardOutput=name) for name in ("first", "second")}
    report(node, sent, "Success", steps, {"Success": 2})
    node.wait_for_stored(2)
    server.settle()
    base = f"p/{sent}/{node.node_id}/awsrunShellScript"
    assert objects(s3, bucket) == {f"{base}/first/stdout": "first", f"{base}/second/stdout": "second"}


@contextmanager
def failing_upload(server, ssm, nodes, document):
    """A command whose bucket is not there (yet); yields its id, its node and what the log says."""
    node = nodes.one(script=lambda job: ("Success", {"output": "x"}))
    with capture_logs() as entries:
        sent = send(ssm, document(), node, OutputS3BucketName="not-there-yet")
        server.settle()
        yield sent, node, entries


def test_a_failed_upload_delays_nothing_and_is_tried_again(server, ssm, nodes, document, s3):
    with failing_upload(server, ssm, nodes, document) as (sent, node, entries):
        assert statuses(ssm, sent) == {node.node_id: ("Success", "Success")}
        assert upload_states(server) == [("waiting", 1)]
        (entry,) = [one for one in entries if "output" in one["event"]]
        assert (entry["log_level"], entry["command"], entry["node"]) == ("warning", sent, node.node_id)
        assert (entry["bucket"], "NoSuchBucket" in entry["problem"]) == ("not-there-yet", True)
        assert "the-servers-own-secret" not in str(entries)
        server.clock(advance="30d")  # the wait is one of wall time
        assert upload_states(server) == [("waiting", 1)]
        try_again_now(server)
        assert upload_states(server) == [("waiting", 2)]
    s3.create_bucket(Bucket="not-there-yet")
    try_again_now(server)
    assert upload_states(server) == [("done", 3)]
    assert list(objects(s3, "not-there-yet").values()) == ["x"]
    s3.delete_objects(
        Bucket="not-there-yet", Delete={"Objects": [{"Key": key} for key in objects(s3, "not-there-yet")]}
    )
    s3.delete_bucket(Bucket="not-there-yet")


def test_after_a_day_an_upload_is_given_up(server, ssm, nodes, document):
    with failing_upload(server, ssm, nodes, document) as (sent, node, entries):
        try_again_now(server, first_tried_ms_ago=A_DAY_MS - 60_000)
        assert upload_states(server) == [("waiting", 2)]
        try_again_now(server, first_tried_ms_ago=60_000)
        assert upload_states(server) == [("given_up", 3)]
    last = [one for one in entries if "given up" in one["event"]]
    assert [(one["log_level"], one["command"], one["node"]) for one in last] == [("warning", sent, node.node_id)]


def test_a_restart_takes_uploads_up_again(start_server, s3_url, nodes, tmp_path, ssm, document, s3, bucket, server):
    node = nodes.one(script=lambda job: ("Success", {"output": "x"}))
    server.thread_server.uploads._put = _no_network
    sent = send(ssm, document(), node, OutputS3BucketName=bucket)
    server.settle()
    assert upload_states(server) == [("waiting", 1)]
    server.stop()
    server.start()

    async def over(tx):
        await tx.execute("UPDATE output_uploads SET next_try_wall_ms = 0")
        tx.after_commit(server.thread_server.uploads.wake)

    server.writing(over)
    server.settle()
    assert list(objects(s3, bucket)) == [f"{sent}/{node.node_id}/awsrunShellScript/second/stdout"]


def test_output_that_comes_during_an_upload_is_not_lost(server):
    """The end of an upload counts for what it took, not for what has come since."""

    async def work(tx):
        await tx.execute(
            "INSERT INTO output_uploads VALUES ('c', 'n', 'a', 'r', 'bucket', '', NULL, 1, 'waiting', 0, NULL, 0, NULL)"
        )
        (taken,) = await store_uploads.claim(tx, 1_000, 2_000, 10)
        assert await store_uploads.claim(tx, 1_999, 3_000, 10) == []
        await tx.execute("UPDATE output_uploads SET attempts = 0, next_try_wall_ms = 0")
        await store_uploads.end(tx, taken, "done", 1_500)
        await store_uploads.try_again(tx, taken, 9_000)
        assert await store_uploads.next_try(tx) == 0
        await tx.execute("DELETE FROM output_uploads")

    server.writing(work)


def test_a_slow_bucket_holds_up_no_other_work(server, ssm, nodes, document, bucket):
    """Uploads are no part of the engine's passes: with all of them stuck, a command runs to its end."""
    go_on = Event()
    server.thread_server.uploads._put = lambda *_: go_on.wait(20)
    node = nodes.one(script=lambda job: ("Success", {"output": "x"}))
    try:
        name = document()
        for _ in range(uploads.AT_ONCE + 1):
            send(ssm, name, node, OutputS3BucketName=bucket)
        sent = send(ssm, name, node)
        node.wait_for_jobs(uploads.AT_ONCE + 2)
        node.wait_for_stored(4 * (uploads.AT_ONCE + 2))  # accepted, two steps, the end
        assert statuses(ssm, sent) == {node.node_id: ("Success", "Success")}
    finally:
        go_on.set()


def _no_network(*_):
    raise OSError("no network")
