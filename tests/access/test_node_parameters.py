"""What a node may read of Parameter Store: what its unfinished work refers to, and what it is shown by option (D55)."""

import json

import pytest

from scripted_nodes import NodePark

SECRET_VALUE = "a-secret-of-the-store"


def steps(*lines, **parameters):
    return json.dumps(
        {
            "schemaVersion": "2.2",
            "parameters": {name: {"type": "String", "default": value} for name, value in parameters.items()},
            "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": list(lines)}}],
        }
    )


@pytest.fixture
def ssm(ssm):
    for name in ("colour", "/app/size", "other"):
        ssm.put_parameter(Name=name, Value=f"value of {name}", Type="String")
    ssm.put_parameter(Name="pin", Value=SECRET_VALUE, Type="SecureString")
    return ssm


@pytest.fixture
def send(ssm):
    """Sends a node a command whose document has these lines; the names of documents are counted."""

    def to(node, *lines, given=None, **parameters):
        name = (
            f"document-{len(ssm.list_documents(Filters=[{'Key': 'Owner', 'Values': ['Self']}])['DocumentIdentifiers'])}"
        )
        ssm.create_document(Name=name, DocumentType="Command", Content=steps(*lines, **parameters))
        members = {"Parameters": given} if given else {}
        return ssm.send_command(DocumentName=name, InstanceIds=[node.node_id], **members)["Command"]["CommandId"]

    return to


def ask(node, name, **members):
    """The value of one parameter, or code and text of the refusal."""
    told = node.request("GetParameter", Name=name, **members).json()
    return told["Parameter"]["Value"] if "Parameter" in told else (told["__type"], told["message"])


def denied(node, operation="GetParameter"):
    text = f"{node.node_id} is not authorized to perform: ssm:{operation} on another resource"
    return ("AccessDeniedException", text)


def test_what_unfinished_work_refers_to(nodes, send):
    node, other = nodes.add(2, holds=True)
    assert ask(node, "colour") == denied(node)
    send(node, "echo {{ssm:colour}} {{word}}", word="{{ssm:/app/size}}")
    (job,) = node.wait_for_jobs()
    assert ask(node, "colour") == "value of colour"
    assert ask(node, "colour:1") == "value of colour"
    assert ask(node, "/app/size") == "value of /app/size"
    assert ask(node, "other") == denied(node)
    assert ask(node, "nothing") == denied(node), "nobody learns which names exist"
    assert ask(other, "colour") == denied(other), "it is another node's work"
    job.finish()
    assert ask(node, "colour") == denied(node), "the work is done"


def test_what_the_caller_s_parameters_refer_to(nodes, send):
    node = nodes.one(holds=True)
    send(node, "echo {{word}}", word="none", given={"word": ["{{ssm:colour:1}}"]})
    node.wait_for_jobs()
    assert ask(node, "colour") == "value of colour"
    assert ask(node, "other") == denied(node)


def test_several_at_once_are_all_or_nothing(nodes, send):
    node = nodes.one(holds=True)
    send(node, "echo {{ssm:colour}} {{ssm:/app/size}}")
    node.wait_for_jobs()
    told = node.request("GetParameters", Names=["colour", "/app/size"], WithDecryption=False).json()
    assert [one["Name"] for one in told["Parameters"]] == ["/app/size", "colour"]
    told = node.request("GetParameters", Names=["colour", "other"]).json()
    assert (told["__type"], told["message"]) == denied(node, "GetParameters")


def test_a_secret_that_the_work_refers_to(nodes, send):
    node = nodes.one(holds=True)
    assert ask(node, "pin", WithDecryption=True) == denied(node)
    send(node, "echo '{{ssm-secure:pin}}'")
    node.wait_for_jobs()
    assert ask(node, "pin", WithDecryption=True) == SECRET_VALUE


def test_an_association_s_run(ssm, nodes, send):
    node = nodes.one(holds=True)
    ssm.create_document(Name="uses-colour", DocumentType="Command", Content=steps("echo {{ssm:colour}}"))
    ssm.create_association(Name="uses-colour", Targets=[{"Key": "InstanceIds", "Values": [node.node_id]}])
    node.wait_for_jobs()
    assert ask(node, "colour") == "value of colour"


def test_an_arn_and_a_name_that_is_none(nodes, send):
    node = nodes.one(holds=True)
    send(node, "echo {{ssm:colour}}")
    node.wait_for_jobs()
    assert ask(node, "arn:aws:ssm:us-east-1:123456789012:parameter/colour") == "value of colour"
    assert ask(node, "arn:aws:ssm:us-east-1:999999999999:parameter/colour")[0] != "value of colour"
    assert ask(node, "no name!")[0] == "ValidationException"


@pytest.mark.parametrize("paths", [("/app",), ("/shared/", "/app/")])
def test_paths_that_every_node_may_read(start_server, node_thread, paths):
    server = start_server(node_parameters=paths)
    ssm = server.client()
    for name in ("/app/size", "/app/deep/er", "/application", "alone"):
        ssm.put_parameter(Name=name, Value=name, Type="String")
    ssm.put_parameter(Name="/app/pin", Value=SECRET_VALUE, Type="SecureString")
    park = NodePark(node_thread, server)
    node = park.one(online=False)
    assert ask(node, "/app/size") == "/app/size"
    assert ask(node, "/app/deep/er") == "/app/deep/er"
    assert ask(node, "/app/pin", WithDecryption=True) == SECRET_VALUE
    assert ask(node, "/app/none")[0] == "ParameterNotFound"
    assert ask(node, "/application") == denied(node)
    assert ask(node, "alone") == denied(node)
    park.close()


def test_every_parameter_may_be_shown(start_server, node_thread):
    server = start_server(node_parameters=("/",))
    server.client().put_parameter(Name="alone", Value="of its own", Type="String")
    park = NodePark(node_thread, server)
    assert ask(park.one(online=False), "alone") == "of its own"
    park.close()
