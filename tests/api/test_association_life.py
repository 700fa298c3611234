"""An association from its creation to its history, over boto3 (CRE, ONC, EXE, EXT, LIF)."""


def executions(ssm, association_id, **filters):
    return ssm.describe_association_executions(AssociationId=association_id, **filters)["AssociationExecutions"]


def create(ssm, name, **members):
    members.setdefault("Targets", [{"Key": "InstanceIds", "Values": ["*"]}])
    return ssm.create_association(Name=name, **members)["AssociationDescription"]


def test_creation_runs_at_once_cre_37(server, ssm, nodes, document):
    node = nodes.one()
    association = create(ssm, document())
    server.settle()
    (execution,) = executions(ssm, association["AssociationId"])
    assert execution["Status"] == execution["DetailedStatus"] == "Success"
    assert execution["ResourceCountByStatus"] == "{Success=1}"
    assert len(node.jobs) == 1
