"""The built-in agent and the server, with nothing between them that a test has made up."""

import asyncio
import dataclasses
import json
import os

import hostile_web
import pytest
from agent_stub_server import shell

from stateward.agent.main import register, run_agent
from waiting import until


class Node:
    """An agent in the nodes' loop."""

    def __init__(self, thread, server, state_dir):
        activation = server.client().create_activation(IamRole="stateward")
        ids = (activation["ActivationId"], activation["ActivationCode"])
        self._thread = thread
        self.node_id = thread.run(register(state_dir, server.url, *ids))
        thread.run(self._start(state_dir))

    async def _start(self, state_dir):
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(run_agent(state_dir, stop=self._stop))

    async def _end(self):
        self._stop.set()
        await self._task

    def end(self):
        self._thread.run(self._end())


@pytest.fixture
def node(server, node_thread, tmp_path, ssm):
    node = Node(node_thread, server, tmp_path / "agent")
    until(lambda: ssm.describe_instance_information()["InstanceInformationList"][:1])
    yield node
    node.end()


def command(ssm, node, **members):
    """The end of a command's only step on the node."""
    sent = ssm.send_command(InstanceIds=[node.node_id], **members)["Command"]["CommandId"]

    def ended():
        (found,) = ssm.list_command_invocations(CommandId=sent, Details=True)["CommandInvocations"] or [None]
        return found if found and found["Status"] not in ("Pending", "InProgress", "Delayed") else None

    return until(ended)["CommandPlugins"]


def make(ssm, name, document):
    ssm.create_document(Name=name, Content=json.dumps(document), DocumentType="Command")


def test_a_document_of_the_server_runs_inside_of_another(ssm, node):
    make(ssm, "inner-document", {**shell("echo {{ word }}"), "parameters": {"word": {"type": "String"}}})
    inner = {"documentType": "SSMDocument", "documentPath": "inner-document", "documentParameters": {"word": "hello"}}
    step = {"action": "aws:runDocument", "name": "outside", "inputs": inner}
    make(ssm, "outer-document", {"schemaVersion": "2.2", "mainSteps": [step]})
    (plugin,) = command(ssm, node, DocumentName="outer-document")
    assert (plugin["Status"], plugin["Output"]) == ("Success", "hello\n")


def test_the_shipped_document_fetches_and_runs_another(ssm, node):
    make(ssm, "inner-document", shell("echo fetched"))
    given = {"sourceType": ["SSMDocument"], "sourceInfo": [json.dumps({"name": "inner-document"})]}
    plugins = command(ssm, node, DocumentName="AWS-RunDocument", Parameters=given)
    assert {one["Name"]: one["Status"] for one in plugins} == {"downloadContent": "Success", "runDocument": "Success"}
    assert "fetched" in [one["Output"].strip() for one in plugins]


def test_inventory_arrives_at_the_server(ssm, server, node):
    created = ssm.create_association(
        Name="AWS-GatherSoftwareInventory", Targets=[{"Key": "InstanceIds", "Values": [node.node_id]}]
    )["AssociationDescription"]
    server.settle()

    def status():
        found = ssm.describe_association(AssociationId=created["AssociationId"])["AssociationDescription"]["Overview"]
        return found["Status"] if found["Status"] not in ("Pending", "InProgress") else None

    assert until(status) == "Success"
    (details,) = ssm.list_inventory_entries(InstanceId=node.node_id, TypeName="AWS:InstanceDetailedInformation")[
        "Entries"
    ]
    assert int(details["CPUs"]) >= 1


def test_results_of_an_absent_server_are_handed_in_when_it_is_back(server, ssm, node, tmp_path):
    begun, fifo = tmp_path / "begun", tmp_path / "fifo"
    for path in (begun, fifo):
        os.mkfifo(path)
    make(ssm, "slow-document", shell(f"echo > {begun}; cat {fifo}"))
    sent = ssm.send_command(InstanceIds=[node.node_id], DocumentName="slow-document")["Command"]["CommandId"]
    begun.read_text()
    server.stop()
    server.config = dataclasses.replace(server.config, port=int(server.url.rpartition(":")[2]))
    fifo.write_text("done\n")
    server.start()
    client = server.client()

    def ended():
        found = client.get_command_invocation(CommandId=sent, InstanceId=node.node_id)
        return found if found["Status"] == "Success" else None

    assert until(ended)["StandardOutputContent"] == "done\n"


def test_a_secret_of_a_document_comes_from_the_parameter_store(ssm, node):
    ssm.put_parameter(Name="web-password", Type="SecureString", Value=hostile_web.PASSWORD)
    with hostile_web.web_server() as web:
        web.answers["/x"] = hostile_web.basic(b"content")
        info = {
            "url": f"{web.url}/x",
            "allowInsecureDownload": "true",
            "authMethod": "Basic",
            "username": hostile_web.NAME,
            "password": "{{ ssm-secure:web-password }}",
        }
        inputs = {"sourceType": "HTTP", "sourceInfo": info}
        step = {"action": "aws:downloadContent", "name": "fetch", "inputs": inputs}
        make(ssm, "fetching-document", {"schemaVersion": "2.2", "mainSteps": [step]})
        (plugin,) = command(ssm, node, DocumentName="fetching-document")
    assert plugin["Status"] == "Success", plugin["Output"]
