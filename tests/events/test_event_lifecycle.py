"""Events of a live server: what changes send them, what they say, and where they arrive (spec 6.6, EVT-01, EVT-02)."""

import base64
import json
import urllib.error
import urllib.request

import msgspec
import pytest
from webhook_receiver import WebhookReceiver

from association_calls import create, describe, executions, start_once, statuses, tag_node
from live_server import ACCOUNT, Refused
from scripted_nodes import NodePark
from stateward.access import store as access
from stateward.associations import store as associations
from stateward.associations.facts import NodeStatusChanged, OverviewChanged
from stateward.associations.rows import NodeStatusRow
from stateward.commands.facts import OutputGivenUp
from waiting import until

ASSOCIATION = "EC2 State Manager Association State Change"
INSTANCE = "EC2 State Manager Instance Association State Change"
DOCUMENT = "AWS-RunShellScript"
PARAMETERS = {"commands": ["true"]}
SECRET = "whsec_" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture
def nodes_of(node_thread):
    """Makes parks of scripted nodes for given servers."""
    parks = []

    def make(server):
        parks.append(NodePark(node_thread, server))
        return parks[-1]

    yield make
    for park in parks:
        park.close()


def all_events(server, **page):
    """Every event of the outbox, read page by page."""
    found, after = [], 0
    limit = page.get("limit", 1000)
    while True:
        answer = server.http(f"/_stateward/events?after={after}&limit={limit}")
        assert len(answer["events"]) <= limit
        if not answer["events"]:
            assert answer["next"] == after
            return found
        found += answer["events"]
        after = answer["next"]


def told(events, kind):
    return [event["detail"]["status"] for event in events if event["detail-type"] == kind]


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def metric(server, name, **labels):
    request = urllib.request.Request(f"{server.url}/metrics")
    with urllib.request.urlopen(request, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = [
        line
        for line in lines
        if line.startswith(name) and all(f'{key}="{value}' in line for key, value in labels.items())
    ]
    assert len(found) == 1, found
    return float(found[0].rpartition(" ")[2])


def test_an_association_tells_of_each_status_evt_01(server, ssm, nodes):
    nodes.one()
    made = create(ssm, DOCUMENT, Parameters=PARAMETERS, ScheduleExpression="rate(1 hour)", AssociationName="nightly")
    server.settle()
    server.clock(advance="1h")
    rows = all_events(server)
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    events = [row["event"] for row in rows]
    assert {event["detail-type"] for event in events} == {ASSOCIATION}  # no sink is configured
    assert told(events, ASSOCIATION) == ["Pending", "Success", "Pending", "Success"]
    assert len({event["id"] for event in events}) == 4
    described = describe(ssm, made["AssociationId"])
    last = events[-1]
    assert {**last, "id": "", "time": "", "detail": {}} == {
        "version": "0",
        "id": "",
        "detail-type": ASSOCIATION,
        "source": "aws.ssm",
        "account": ACCOUNT,
        "time": "",
        "region": "us-east-1",
        "resources": ["arn:aws:ssm:us-east-1::document/AWS-RunShellScript"],
        "detail": {},
    }
    assert last["detail"] == {
        "association-id": made["AssociationId"],
        "document-name": DOCUMENT,
        "association-version": "1",
        "document-version": "Optional.empty",
        "targets": '[{"key":"InstanceIds","values":["*"]}]',
        "creation-date": iso(described["Date"]),
        "last-successful-execution-date": iso(described["LastSuccessfulExecutionDate"]),
        "last-execution-date": iso(described["LastExecutionDate"]),
        "last-updated-date": iso(described["LastUpdateAssociationDate"]),
        "status": "Success",
        "association-status-aggregated-count": '{"Success":1}',
        "schedule-expression": "rate(1 hour)",
        "association-cwe-version": "1.0",
    }
    assert events[0]["detail"]["association-status-aggregated-count"] == "{}"
    assert "last-execution-date" not in events[0]["detail"]


def iso(instant):
    """A boto3 date as the event writes it."""
    text = instant.isoformat(timespec="milliseconds" if instant.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def test_the_time_is_domain_time_evt_01(server, ssm, nodes):
    nodes.one()
    made = create(ssm, DOCUMENT, Parameters=PARAMETERS)
    server.settle()
    now = server.clock(advance="400d")["now"]
    start_once(ssm, made["AssociationId"])
    server.settle()
    assert all_events(server)[-1]["event"]["time"] == now[:19] + "Z"


def test_a_node_tells_of_each_status_evt_02(start_server, nodes_of, tmp_path):
    path = tmp_path / "events.jsonl"
    server = start_server(event_file=path)
    ssm = server.client()
    node = nodes_of(server).one(script=lambda job: "Failed")
    made = create(ssm, DOCUMENT, Parameters=PARAMETERS, Targets=[{"Key": "instanceids", "Values": [node.node_id]}])
    server.settle()
    until(lambda: "Failed" in told(lines_of(path), ASSOCIATION))
    events = lines_of(path)
    assert told(events, ASSOCIATION) == ["Pending", "Failed"]
    assert told(events, INSTANCE) == ["Pending", "InProgress", "Failed"]
    last = [event for event in events if event["detail-type"] == INSTANCE][-1]
    assert last["resources"] == [
        f"arn:aws:ssm:us-east-1:{ACCOUNT}:managed-instance/{node.node_id}",
        "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
    ]
    described = describe(ssm, made["AssociationId"])
    assert last["detail"] == {
        "association-id": made["AssociationId"],
        "instance-id": node.node_id,
        "document-name": DOCUMENT,
        "document-version": "1",
        "targets": f'[{{"key":"instanceids","values":["{node.node_id}"]}}]',
        "creation-date": iso(described["Date"]),
        "last-execution-date": iso(described["LastExecutionDate"]),
        "status": "Failed",
        "detailed-status": "Failed",
        "error-code": "",
        "execution-summary": "",
        "output-url": "",
        "instance-association-cwe-version": "1",
    }
    assert [row["event"] for row in all_events(server)] == events


def test_one_transaction_tells_where_a_status_came_to_evt_01_evt_02(start_server, nodes_of, tmp_path):
    server = start_server(event_file=tmp_path / "events.jsonl")
    made = create(server.client(), DOCUMENT, Parameters=PARAMETERS)
    server.settle()
    before = all_events(server)
    node = NodeStatusRow(made["AssociationId"], "mi-0123456789abcdef0", 1, "Failed", "Failed", None, None)

    def stands(status, detail):
        return msgspec.structs.replace(node, status=status, detailed_status=detail)

    async def to_and_fro(tx):
        row = await associations.lock(tx, made["AssociationId"])
        pending = msgspec.structs.replace(row, overview_status="Pending")
        tx.record(OverviewChanged(row, pending))
        tx.record(OverviewChanged(pending, row))
        tx.record(NodeStatusChanged(stands("Failed", "Failed"), stands("Failed", "Undeliverable")))
        tx.record(NodeStatusChanged(stands("Failed", "Undeliverable"), None))

    async def two_steps(tx):
        tx.record(NodeStatusChanged(None, stands("Pending", "Pending")))
        tx.record(NodeStatusChanged(stands("Pending", "Pending"), stands("Success", "Success")))

    async def another_detail(tx):
        tx.record(NodeStatusChanged(stands("Failed", "Failed"), stands("Failed", "Undeliverable")))

    server.writing(to_and_fro)
    server.writing(another_detail)
    assert all_events(server) == before
    server.writing(two_steps)
    assert told([row["event"] for row in all_events(server)[len(before) :]], INSTANCE) == ["Success"]


def test_what_does_not_change_a_status_tells_nothing_evt_01(server, ssm, nodes):
    node = nodes.one(tags={"env": "prod"})
    made = create(ssm, DOCUMENT, Parameters=PARAMETERS, Targets=[{"Key": "tag:env", "Values": ["prod"]}])
    server.settle()
    before = all_events(server)
    tag_node(ssm, node.node_id, env="test")  # the node leaves: Success stays
    server.settle()
    ssm.delete_association(AssociationId=made["AssociationId"])
    assert all_events(server) == before


def test_a_refused_call_tells_nothing_evt_01(server, ssm):
    with pytest.raises(ssm.exceptions.InvalidDocument):
        create(ssm, "unknown-document")
    assert all_events(server) == []


def test_output_that_was_given_up_is_an_event(server, ssm, nodes):
    node = nodes.one()
    sent = ssm.send_command(DocumentName=DOCUMENT, InstanceIds=[node.node_id], Parameters=PARAMETERS)["Command"]

    async def give_up(tx):
        tx.record(OutputGivenUp(sent["CommandId"], node.node_id))

    server.writing(give_up)
    (row,) = all_events(server)
    event = row["event"]
    assert (event["source"], event["detail-type"]) == ("stateward", "Stateward Output Upload Failed")
    assert event["resources"] == [f"arn:aws:ssm:us-east-1:{ACCOUNT}:managed-instance/{node.node_id}"]
    assert event["detail"] == {
        "command-id": sent["CommandId"],
        "instance-id": node.node_id,
        "document-name": DOCUMENT,
    }


def test_a_webhook_gets_signed_events_in_order_evt_01_evt_02(start_server, nodes_of):
    with WebhookReceiver() as receiver:
        server = start_server(event_webhooks=(receiver.url,), event_webhook_secret=SECRET)
        ssm = server.client()
        nodes_of(server).add(3)
        create(ssm, DOCUMENT, Parameters=PARAMETERS)
        server.settle()
        expected = [row["event"]["id"] for row in all_events(server)]
        receiver.wait_for(lambda it: len(it.deliveries) >= len(expected))
        assert [delivery.id for delivery in receiver.deliveries] == expected
        assert [delivery.event["id"] for delivery in receiver.deliveries] == expected
        assert all(delivery.is_signed_with(SECRET) for delivery in receiver.deliveries)
        assert told([delivery.event for delivery in receiver.deliveries], INSTANCE).count("Success") == 3
        sink = receiver.url.split("/")[2]
        until(lambda: metric(server, "stateward_events_behind", sink=f"webhook:{sink}#") == 0)
        delivered = metric(server, "stateward_events_total", sink=f"webhook:{sink}#", outcome="delivered")
        assert delivered == len(expected)
        assert metric(server, "stateward_events_total", sink=f"webhook:{sink}#", outcome="given_up") == 0


def test_sinks_go_on_after_a_restart_evt_01(start_server):
    with WebhookReceiver() as receiver:
        server = start_server(event_webhooks=(receiver.url,))
        create(server.client(), DOCUMENT, Parameters=PARAMETERS)
        server.settle()
        receiver.wait_for(lambda it: told([one.event for one in it.deliveries], ASSOCIATION) == ["Pending", "Success"])
        server.stop()
        server.start()
        create(server.client(), DOCUMENT, Parameters=PARAMETERS)
        server.settle()
        expected = [row["event"]["id"] for row in all_events(server)]
        assert len(expected) == 4
        receiver.wait_for(lambda it: len(it.deliveries) >= 4)
        assert [delivery.id for delivery in receiver.deliveries] == expected


def test_a_made_secret_lies_beside_the_master_key(start_server, capsys):
    with WebhookReceiver() as receiver:
        server = start_server(event_webhooks=(receiver.url,))
        path = server.config.data_dir / "webhook.secret"
        secret = path.read_text().strip()
        assert secret.startswith("whsec_")
        assert path.stat().st_mode & 0o777 == 0o600
        create(server.client(), DOCUMENT, Parameters=PARAMETERS)
        receiver.wait_for(lambda it: it.deliveries)
        assert receiver.deliveries[0].is_signed_with(secret)
        server.stop()
        server.start()
        assert path.read_text().strip() == secret
    shown = capsys.readouterr()
    for hidden in (secret, "a-secret-token"):
        assert hidden not in shown.out + shown.err
        assert hidden not in repr(server.config)


def test_dead_sinks_delay_no_execution_and_no_other_sink(start_server, nodes_of, tmp_path, capsys):
    path = tmp_path / "events.jsonl"
    with WebhookReceiver(hangs=True) as hanging, WebhookReceiver(*[503] * 100) as failing:
        server = start_server(event_webhooks=(hanging.url, failing.url), event_file=path)
        ssm = server.client()
        nodes_of(server).add(2)
        made = create(ssm, DOCUMENT, Parameters=PARAMETERS, ScheduleExpression="rate(1 hour)")
        hanging.wait_for(lambda it: it.deliveries)
        failing.wait_for(lambda it: it.deliveries)
        server.clock(advance="1d")
        assert len(executions(ssm, made["AssociationId"])) == 25
        assert {row[0] for row in statuses(ssm, made["AssociationId"])} == {"Success"}
        expected = [row["event"] for row in all_events(server)]
        assert told(expected, ASSOCIATION) == ["Pending", "Success"] * 25
        until(lambda: lines_of(path) == expected)
        assert (len(hanging.deliveries), hanging.accepted[1:]) == (1, [])
        host = failing.url.split("/")[2]
        assert metric(server, "stateward_events_behind", sink=f"webhook:{host}#") == len(expected)
        assert metric(server, "stateward_events_total", sink=f"webhook:{host}#", outcome="failed") >= 1
        until(lambda: metric(server, "stateward_events_behind", sink="file:") == 0)  # noted after the lines are there
    assert "a-secret-token" not in capsys.readouterr().out


def test_standard_output_gets_the_events(start_server, capfd):
    server = start_server(event_stdout=True)
    create(server.client(), DOCUMENT, Parameters=PARAMETERS)
    server.settle()
    expected = [row["event"] for row in all_events(server)]
    until(lambda: metric(server, "stateward_events_behind", sink="stdout") == 0)
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    assert [json.loads(line) for line in lines] == expected


def test_the_outbox_is_read_in_pages(server, ssm):
    for _ in range(3):
        create(ssm, DOCUMENT, Parameters=PARAMETERS)
    server.settle()
    assert all_events(server, limit=1) == all_events(server)
    assert len(all_events(server)) == 6
    assert server.http("/_stateward/events?after=1000") == {"events": [], "next": 1000}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("after=-1", "write a whole number from 0 to"),
        ("after=x", "write a whole number from 0 to"),
        ("after=9999999999999999999", "write a whole number from 0 to"),
        ("limit=0", "write a whole number from 1 to 1000"),
        ("limit=1001", "write a whole number from 1 to 1000"),
        ("limit=%D9%A1", "write a whole number from 1 to 1000"),
    ],
)
def test_a_bad_page_is_refused(server, query, text):
    with pytest.raises(Refused, match=text) as caught:
        server.http(f"/_stateward/events?{query}")
    assert caught.value.status == 400


def test_the_outbox_is_for_administrators(server):
    request = urllib.request.Request(server.url + "/_stateward/events")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert json.load(caught.value)["error"] == "MissingAuthenticationTokenException"


def test_another_host_is_refused(server):
    request = urllib.request.Request(server.url + "/_stateward/events", headers={"host": "example.com"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 403
    assert json.load(caught.value)["error"] == "AccessDeniedException"


def test_an_account_sees_its_own_events(server, ssm):
    create(ssm, DOCUMENT, Parameters=PARAMETERS)
    server.settle()
    secret = "another-secret-that-no-log-may-show-01234"

    async def add_key(tx):
        sealed = server.thread_server.master.seal("access-key", secret.encode())
        await access.put_access_key(tx, "AKIAOTHEROTHEROTHER0", "999999999999", "administrator", sealed, 0)

    server.writing(add_key)
    create(server.client("AKIAOTHEROTHEROTHER0", secret), DOCUMENT, Parameters=PARAMETERS)
    server.settle()
    assert [row["sequence"] for row in all_events(server)] == [1, 2]
    basic = base64.b64encode(f"AKIAOTHEROTHEROTHER0:{secret}".encode()).decode()
    request = urllib.request.Request(server.url + "/_stateward/events", headers={"authorization": f"Basic {basic}"})
    with urllib.request.urlopen(request) as answer:
        body = json.load(answer)
    assert {row["event"]["account"] for row in body["events"]} == {"999999999999"}
    assert ([row["sequence"] for row in body["events"]], body["next"]) == ([3, 4], 4)


def test_open_mode_shows_every_account(start_server):
    server = start_server(auth="open")
    create(server.client(key_id="999999999999"), DOCUMENT, Parameters=PARAMETERS)
    with urllib.request.urlopen(server.url + "/_stateward/events") as answer:
        (row, *_) = json.load(answer)["events"]
    assert row["event"]["account"] == "999999999999"
