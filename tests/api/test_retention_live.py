"""History past its time goes, the newest stays (spec 4.9, D48)."""

from datetime import timedelta

from association_calls import create, describe, executions, start_once, targets
from scripted_nodes import NodePark

SHORT = (
    '{"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "only", '
    '"inputs": {"runCommand": ["true"]}}]}'
)

HOURLY = {"ScheduleExpression": "rate(12 hours)"}


def test_old_executions_go_and_the_newest_stays_exe_22(server, ssm, nodes, document):
    node = nodes.one()
    association_id = create(ssm, document(), **HOURLY)["AssociationId"]
    server.clock(advance="20d")
    first = executions(ssm, association_id)[-1]
    source = targets(ssm, association_id, first["ExecutionId"])[0]["OutputSource"]["OutputSourceId"]
    server.clock(advance="20d")
    rows = executions(ssm, association_id)
    assert rows[0]["CreatedTime"] - rows[-1]["CreatedTime"] <= timedelta(days=30, hours=25)
    assert len(rows) in (60, 61, 62)
    assert ssm.list_commands(CommandId=source)["Commands"] == []
    assert ssm.list_command_invocations(CommandId=source)["CommandInvocations"] == []
    assert node.jobs


def test_the_newest_and_the_newest_successful_stay_however_old(server, ssm, nodes, document):
    outcomes = iter(["Success", "Failed", "Failed"])
    nodes.one(script=lambda job: next(outcomes))
    association_id = create(ssm, document())["AssociationId"]
    for _ in range(2):
        server.clock(advance="1d")
        start_once(ssm, association_id)
    server.clock(advance="90d")
    rows = executions(ssm, association_id)
    assert [row["Status"] for row in rows] == ["Failed", "Success"]
    assert targets(ssm, association_id, rows[1]["ExecutionId"])
    assert describe(ssm, association_id)["LastSuccessfulExecutionDate"]


def test_commands_go_too(server, ssm, nodes, document):
    node = nodes.one()
    document()
    command_id = ssm.send_command(DocumentName="echo-twice", InstanceIds=[node.node_id])["Command"]["CommandId"]
    server.clock(advance="29d")
    assert ssm.list_commands(CommandId=command_id)["Commands"]
    server.clock(advance="2d")
    assert ssm.list_commands()["Commands"] == []


def test_what_is_known_of_uploads_goes_with_the_command(start_server, node_thread):
    server = start_server(s3_endpoint="http://127.0.0.1:9")
    ssm = server.client()
    park = NodePark(node_thread, server)
    nodes = park.add(3)
    ssm.create_document(Name="short", Content=SHORT, DocumentType="Command")
    ssm.send_command(DocumentName="short", InstanceIds=[node.node_id for node in nodes], OutputS3BucketName="a-bucket")
    server.settle()

    async def uploads(tx):
        return await tx.value("SELECT COUNT(*) FROM output_uploads")

    assert server.reading(uploads) == 3
    server.clock(advance="31d")
    assert server.reading(uploads) == 0
    park.close()


def test_forever_keeps_everything(start_server, nodes):
    server = start_server(retention_days=None)
    ssm = server.client()
    ssm.create_document(Name="short", Content=SHORT, DocumentType="Command")
    association_id = create(ssm, "short", ScheduleExpression="rate(1 day)")["AssociationId"]
    server.clock(advance="60d")
    assert len(executions(ssm, association_id)) == 61


def test_output_may_go_earlier(start_server, node_thread, document):
    server = start_server(output_retention_days=2)
    ssm = server.client()
    park = NodePark(node_thread, server)
    node = park.one(script=lambda job: ("Success", {"output": "words"}))
    ssm.create_document(Name="short", Content=SHORT, DocumentType="Command")
    command_id = ssm.send_command(DocumentName="short", InstanceIds=[node.node_id])["Command"]["CommandId"]
    server.settle()

    def output():
        found = ssm.get_command_invocation(CommandId=command_id, InstanceId=node.node_id)
        return found["Status"], found["StandardOutputContent"]

    assert output() == ("Success", "words")
    server.clock(advance="3d")
    assert output() == ("Success", "")
    park.close()


def test_a_deleted_associations_runs_go_after_their_time(server, ssm, nodes, document):
    nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    ssm.delete_association(AssociationId=association_id)
    server.clock(advance="31d")

    async def left(tx):
        return await tx.value("SELECT COUNT(*) FROM executions"), await tx.value("SELECT COUNT(*) FROM invocations")

    assert server.reading(left) == (0, 0)
