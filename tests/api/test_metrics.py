"""`GET /metrics`: what an operator watches a fleet by."""

import urllib.request

from association_calls import create


def metrics(server):
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_the_state_of_the_fleet(server, ssm, nodes, document):
    held = nodes.one(holds=True)
    nodes.one(online=False)
    create(ssm, document())
    (job,) = held.wait_for_jobs()
    held.wait_for_stored(1)
    found = metrics(server)
    assert found['stateward_nodes{status="Online"}'] == "1.0"
    assert found['stateward_nodes{status="ConnectionLost"}'] == "1.0"
    assert found['stateward_invocations{status="InProgress"}'] == "1.0"
    assert found['stateward_invocations{status="Pending"}'] == "1.0"
    assert found["stateward_executions_unfinished"] == "1.0"
    assert found["stateward_channels"] == "1.0"
    assert found["stateward_schedule_late_seconds"] == "0.0"
    assert 'operation="CreateAssociation"' in "".join(found)
    job.finish()
    assert metrics(server)['stateward_invocations{status="InProgress"}'] == "0.0"
