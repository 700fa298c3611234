import pytest

pytest.register_assert_rewrite("raw_channels")

ONE_STEP = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
}


@pytest.fixture
def node(nodes):
    """A node that is known and not connected; tests speak for it."""
    return nodes.one(online=False)


@pytest.fixture
def one_step(document):
    """The name of a document with one step, `only`."""
    return document("one-step", ONE_STEP)


@pytest.fixture
def send(ssm, one_step):
    """Sends that document to nodes; the command's id."""

    def send_to(*receivers, **members):
        ids = [receiver.node_id for receiver in receivers]
        return ssm.send_command(DocumentName=one_step, InstanceIds=ids, **members)["Command"]["CommandId"]

    return send_to


@pytest.fixture
def invocation(ssm):
    """How a command stands on its node (or on one of several): status, details, steps by name."""

    def look(command_id, node=None):
        rows = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
        (row,) = [row for row in rows if node is None or row["InstanceId"] == node.node_id]
        steps = {step["Name"]: (step["Status"], step["ResponseCode"]) for step in row["CommandPlugins"]}
        return row["Status"], row["StatusDetails"], steps

    return look


@pytest.fixture
def change(server):
    """Changes a column of a command's invocations, as if time had passed: `change(command_id, "sends = 0")`."""

    def assign(command_id, assignment):
        async def work(tx):
            assert await tx.execute(f"UPDATE invocations SET {assignment} WHERE command_id = $1", command_id)

        server.writing(work)

    return assign
