"""A running node's page hears of output and of the end."""

import pytest
from console_people import BASE, signed_in

from simulated_fleet import Fleet


@pytest.fixture
def running(server, ssm):
    """(command, node) of a command that a node has begun."""
    fleet = Fleet(server)
    node = fleet.add(1)[0]
    fleet.script(delay="10m")
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript", InstanceIds=[node], Parameters={"commands": ["sleep 600"]}
    )
    server.settle()
    return sent["Command"]["CommandId"], node


def test_a_page_of_a_running_node_is_told_until_the_end(server, running):
    command, node = running
    person = signed_in(server)
    text = person.page(f"/commands/{command}/nodes/{node}")
    assert f'data-follow="{BASE}/follow?command={command}&amp;node={node}"' in text
    with person.http.stream("GET", f"{BASE}/follow?command={command}&node={node}") as answer:
        lines = answer.iter_lines()
        assert [next(lines), next(lines)] == ["event: change", 'data: {"topic":"output","revision":1}']
        server.clock(advance="11m")
        assert "event: ended" in list(lines)
    assert "data-follow" not in person.page(f"/commands/{command}/nodes/{node}")


def test_what_does_not_run_is_not_followed(server, running):
    person = signed_in(server)
    assert person.get(f"/follow?command={running[0]}&node=mi-00000000000000099").status_code == 404
    assert person.get("/follow").status_code == 404
