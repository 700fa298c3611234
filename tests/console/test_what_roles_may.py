"""What a key's role may do in pages is what it may do in the API (D62)."""

import json

import pytest
from console_people import BASE, INPUT, signed_in
from console_world import STEPS

from key_holders import Holder
from simulated_fleet import Fleet


@pytest.fixture
def association(server, ssm):
    Fleet(server).add(2, tags={"env": "prod"})
    ssm.create_document(Name="restart-service", Content=json.dumps(STEPS), DocumentType="Command")
    made = ssm.create_association(Name="restart-service", Targets=[{"Key": "tag:env", "Values": ["prod"]}])
    server.settle()
    return made["AssociationDescription"]["AssociationId"]


@pytest.fixture
def holder(server):
    """Signs in with a new key of a role."""

    def sign_in(role):
        made = Holder(server).post("/keys", {"role": role})
        return signed_in(server, key_id=made["access_key"], secret=made["secret_access_key"])

    return sign_in


def test_a_reader_sees_buttons_with_the_role_that_may(holder, association):
    text = holder("reader").page(f"/associations/{association}")
    assert 'aria-disabled="true" title="Needs the role operator">Run once' in text
    assert f'href="{BASE}/associations/{association}/edit"' not in text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/associations/run?id={association}", {}),
        ("/associations/{association}/pause", {}),
        ("/associations/{association}/delete", {"name": "{association}"}),
        ("/documents/restart-service/delete", {"name": "restart-service"}),
    ],
)
def test_a_reader_changes_nothing(server, ssm, holder, association, path, fields):
    person = holder("reader")
    filled = {name: value.format(association=association) for name, value in fields.items()}
    answer = person.fill_in(path.format(association=association), **filled)
    assert answer.status_code in (200, 403)
    assert "AccessDeniedException" in answer.text
    assert "operator or administrator" in answer.text
    assert ssm.list_associations()["Associations"][0]["AssociationId"] == association


def test_an_operator_runs_but_makes_no_keys_and_joins_no_nodes(holder, association):
    person = holder("operator")
    assert person.fill_in(f"/associations/{association}/pause").status_code == 303
    assert "Your key may not see the others." in person.page("/keys")
    assert "needs the role administrator" in person.page("/join")
    assert person.fill_in("/settings", target=f"{BASE}/keys", role="administrator").status_code == 200
    assert "AccessDeniedException" in person.fill_in("/settings", target=f"{BASE}/join", limit="1", hours="24").text


def test_a_form_that_is_sent_twice_does_its_work_once(server, ssm, association):
    person = signed_in(server)
    page = f"/associations/run?id={association}"
    text = person.page(page)
    fields = dict(INPUT.findall(text))
    address = f"{BASE}/associations/run"
    before = len(ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"])
    assert [person.send(address, fields).status_code for _ in range(2)] == [303, 303]
    server.settle()
    after = len(ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"])
    assert after == before + 1


def test_another_set_of_nodes_shows_the_preview_again(server, association):
    person = signed_in(server)
    text = person.page(f"/associations/run?id={association}")
    assert "Run on 2 nodes" in text
    Fleet(server).add(1, tags={"env": "prod"})
    fields = dict(INPUT.findall(text))
    answer = person.send(f"{BASE}/associations/run", fields)
    assert "The nodes that match have changed: 3 now." in answer.text
    assert "Run on 3 nodes" in answer.text
