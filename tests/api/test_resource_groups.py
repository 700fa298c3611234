"""Targets by resource group, from a file that may change while the server runs (D52)."""

import json

import pytest

from association_calls import create, executions, newest_targets, refusal, start_once, statuses
from scripted_nodes import NodePark
from stateward.nodes.groups import ResourceGroups, UnreadableGroups
from waiting import until

SHORT = json.dumps(
    {
        "schemaVersion": "2.2",
        "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
    }
)
WEB = [{"Key": "resource-groups:Name", "Values": ["web"]}]


@pytest.fixture
def groups(tmp_path):
    path = tmp_path / "groups.json"
    path.write_text(json.dumps({"web": {"role": ["web", "proxy"], "env": ["prod"]}}))
    return path


@pytest.fixture
def server(start_server, groups):
    server = start_server(groups=groups)
    server.client().create_document(Name="short", Content=SHORT, DocumentType="Command")
    return server


def wait_for_runs(server, ssm, association_id, count):
    """The file is looked at in real time: ask until the run is there."""

    def there():
        server.settle()
        return len(executions(ssm, association_id)) >= count

    until(there)


def test_a_group_is_its_members(server, ssm, nodes):
    web = nodes.one(tags={"role": "web", "env": "prod"})
    proxy = nodes.one(tags={"role": "proxy", "env": "prod"})
    nodes.one(tags={"role": "web", "env": "test"})
    association_id = create(ssm, "short", Targets=WEB)["AssociationId"]
    server.settle()
    assert set(newest_targets(ssm, association_id)) == {web.node_id, proxy.node_id}


def test_two_groups_are_refused_cre_27(server, ssm):
    targets = [{"Key": "resource-groups:Name", "Values": ["web", "db"]}]
    refused = refusal(ssm.create_association, Name="short", Targets=targets)
    assert refused == ("InvalidTarget", "resource-groups:Name takes exactly one group.")


def test_an_unknown_group_fails_the_run(server, ssm):
    targets = [{"Key": "resource-groups:Name", "Values": ["nobody"]}]
    association_id = create(ssm, "short", Targets=targets)["AssociationId"]
    server.settle()
    assert statuses(ssm, association_id) == [("Failed", "InvalidTarget", None)]


def test_a_node_that_joins_the_group_by_its_tags_runs(server, ssm, nodes):
    node = nodes.one(tags={"role": "web"})
    association_id = create(ssm, "short", Targets=WEB)["AssociationId"]
    server.settle()
    ssm.add_tags_to_resource(
        ResourceType="ManagedInstance", ResourceId=node.node_id, Tags=[{"Key": "env", "Value": "prod"}]
    )
    server.settle()
    assert list(newest_targets(ssm, association_id)) == [node.node_id]


def test_an_edited_group_acts_like_a_tag_change(server, ssm, nodes, groups):
    node = nodes.one(tags={"role": "db"})
    association_id = create(ssm, "short", Targets=WEB)["AssociationId"]
    server.settle()
    groups.write_text(json.dumps({"web": {"role": ["db"]}}))
    wait_for_runs(server, ssm, association_id, 2)
    assert list(newest_targets(ssm, association_id)) == [node.node_id]


def test_a_group_edited_while_nothing_ran_is_noticed_at_the_start(start_server, groups, tmp_path, node_thread):
    folder = tmp_path / "data"
    folder.mkdir()
    server = start_server(data_dir=folder, groups=groups)
    ssm = server.client()
    ssm.create_document(Name="short", Content=SHORT, DocumentType="Command")
    park = NodePark(node_thread, server)
    node = park.one(tags={"role": "db"})
    association_id = create(ssm, "short", Targets=WEB)["AssociationId"]
    server.settle()
    park.close()
    server.stop()
    groups.write_text(json.dumps({"web": {"role": ["db"]}}))
    server.start()
    ssm = server.client()
    wait_for_runs(server, ssm, association_id, 2)
    start_once(ssm, association_id)
    server.settle()
    assert list(newest_targets(ssm, association_id)) == [node.node_id]


def test_a_broken_file_leaves_the_groups_as_they_were(groups):
    read = ResourceGroups(groups)
    before = read.current
    groups.write_text("{")
    assert read.refresh() is False
    assert read.current == before
    groups.write_text('{"db": {"role": ["db"]}}')
    assert read.refresh() is True
    assert read.current == {"db": {"role": ["db"]}}


@pytest.mark.parametrize("text", ["[]", '{"web": ["a"]}', '{"web": {"a": "b"}}'])
def test_a_file_that_is_no_table_of_groups_is_refused_at_the_start(tmp_path, text):
    path = tmp_path / "groups.json"
    path.write_text(text)
    with pytest.raises(UnreadableGroups, match=r'write \{"<group>"'):
        ResourceGroups(path)
