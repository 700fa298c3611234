"""GetInventorySchema, DeleteInventory, DescribeInventoryDeletions over boto3 (spec 6.9)."""

import pytest
from inventory_calls import RACK, apps, entries, held, put

from refusals import refusal
from stateward.wire.protocol import parse_instant

TOKEN = "6961492a-8163-44ec-aa1e-923364dd0850"


@pytest.fixture
def rack(ssm, nodes):
    """Three nodes with a custom type in two versions; their ids."""
    fleet = [node.node_id for node in nodes.add(3, online=False)]
    put(ssm, fleet[0], held(RACK, {"Bay": "A"}))
    put(ssm, fleet[1], held(RACK, {"Bay": "B", "Row": "C"}, version="1.1"), apps("bash"))
    put(ssm, fleet[2], held(RACK, {"Bay": "C"}, version="1.1"))
    return fleet


def schemas(ssm, **members):
    return {one["TypeName"]: one for one in ssm.get_inventory_schema(**members)["Schemas"]}


def names(schema):
    return [one["Name"] for one in schema["Attributes"]]


def kinds(schema):
    return {one["DataType"] for one in schema["Attributes"]}


def summary(total, left, *items):
    return {
        "TotalCount": total,
        "RemainingCount": left,
        "SummaryItems": [
            {"Version": version, "Count": count, "RemainingCount": rest} for version, count, rest in items
        ],
    }


# Schemas


def test_the_types_of_aws_are_there(ssm):
    found = schemas(ssm)
    assert list(found) == sorted(found)
    assert {"AWS:Application", "AWS:InstanceInformation", "AWS:WindowsUpdate", "AWS:ComplianceItem"} <= set(found)
    component = found["AWS:AWSComponent"]
    assert component["Version"] == "1.0"
    assert names(component) == [
        "Name",
        "ApplicationType",
        "Publisher",
        "Version",
        "InstalledTime",
        "Architecture",
        "URL",
    ]
    assert kinds(component) == {"STRING"}
    assert found["AWS:Application"]["Version"] == "1.1"
    assert {"DataType": "NUMBER", "Name": "CPUs"} in found["AWS:InstanceDetailedInformation"]["Attributes"]


def test_custom_types_are_what_was_uploaded(ssm, rack):
    assert schemas(ssm, TypeName="Custom") == {
        RACK: {
            "TypeName": RACK,
            "Version": "1.1",
            "Attributes": [{"Name": "Bay", "DataType": "STRING"}, {"Name": "Row", "DataType": "STRING"}],
        }
    }
    assert set(schemas(ssm, TypeName=RACK)) == {RACK}
    assert RACK not in schemas(ssm, TypeName="AWS")
    assert RACK in schemas(ssm)


def test_only_what_can_be_counted(ssm, rack):
    found = schemas(ssm, Aggregator=True)
    assert set(found) == {
        "AWS:Application",
        "AWS:InstanceInformation",
        "AWS:Service",
        "AWS:WindowsRole",
        RACK,
    }
    assert names(found["AWS:InstanceInformation"]) == ["PlatformName", "PlatformType", "PlatformVersion"]
    assert found["AWS:InstanceInformation"]["DisplayName"] == "Platform"


def test_sub_types_of_a_type(ssm):
    found = schemas(ssm, TypeName="AWS:ComplianceItem", SubType=True)
    assert set(found) == {"AWS:ComplianceItem.Association", "AWS:ComplianceItem.Patch"}
    assert "DocumentName" in names(found["AWS:ComplianceItem.Association"])
    assert schemas(ssm, TypeName="AWS:Network", SubType=True) == {}


def test_a_type_that_does_not_exist(server, ssm):
    assert refusal(ssm.get_inventory_schema, TypeName="Custom:Nothing") == (
        "InvalidTypeNameException",
        "Inventory type Custom:Nothing does not exist: GetInventorySchema lists those that do.",
    )
    code, _ = refusal(server.client(parameter_validation=False).get_inventory_schema, MaxResults=49)
    assert code == "ValidationException"


def test_schemas_by_pages(ssm, nodes):
    for node, first in zip(nodes.add(2, online=False), (0, 10), strict=True):
        put(ssm, node.node_id, *(held(f"Custom:T{number:02}", {"a": "1"}) for number in range(first, first + 10)))
    everything = schemas(ssm, MaxResults=200)
    assert len(everything) == 35
    assert schemas(ssm) == everything, "fifty by default"


# Deletion


def test_a_dry_run_only_counts(ssm, rack):
    answer = ssm.delete_inventory(TypeName=RACK, DryRun=True)
    del answer["ResponseMetadata"]
    assert answer == {
        "TypeName": RACK,
        "DeletionSummary": summary(3, 3, ("1.0", 1, 1), ("1.1", 2, 2)),
    }
    assert entries(ssm, rack[0]) == [{"Bay": "A"}]
    assert ssm.describe_inventory_deletions()["InventoryDeletions"] == []


def test_deleted_data_is_gone_and_the_type_stays(server, ssm, rack):
    answer = ssm.delete_inventory(TypeName=RACK)
    done = summary(3, 0, ("1.0", 1, 0), ("1.1", 2, 0))
    assert (answer["TypeName"], answer["DeletionSummary"]) == (RACK, done)
    assert entries(ssm, rack[1]) == []
    assert entries(ssm, rack[1], "AWS:Application") == [{"Name": "bash"}]
    assert set(schemas(ssm, TypeName="Custom")) == {RACK}
    (told,) = ssm.describe_inventory_deletions(DeletionId=answer["DeletionId"])["InventoryDeletions"]
    now = parse_instant(server.clock()["now"]) / 1000
    for member in ("DeletionStartTime", "LastStatusUpdateTime"):
        assert told.pop(member).timestamp() == now
    assert told == {
        "DeletionId": answer["DeletionId"],
        "TypeName": RACK,
        "LastStatus": "Complete",
        "LastStatusMessage": "Deletion completed successfully.",
        "DeletionSummary": done,
    }


def test_a_deleted_type_can_be_made_again(ssm, rack):
    ssm.delete_inventory(TypeName=RACK, SchemaDeleteOption="DeleteSchema")
    assert refusal(ssm.list_inventory_entries, InstanceId=rack[0], TypeName=RACK)[0] == "InvalidTypeNameException"
    assert schemas(ssm, TypeName="Custom") == {}
    put(ssm, rack[0], held(RACK, {"New": "1"}))
    assert names(schemas(ssm)[RACK]) == ["New"]


def test_a_disabled_type_ignores_its_version_and_those_before(ssm, rack):
    ssm.delete_inventory(TypeName=RACK, SchemaDeleteOption="DisableSchema")
    for version in ("1.1", "1.0"):
        put(ssm, rack[0], held(RACK, {"Bay": "old"}, version=version))
    assert entries(ssm, rack[0]) == []
    assert schemas(ssm, TypeName="Custom") == {}
    put(ssm, rack[0], held(RACK, {"Bay": "new"}, version="1.10"))
    assert entries(ssm, rack[0]) == [{"Bay": "new"}]
    assert schemas(ssm, TypeName="Custom")[RACK]["Version"] == "1.10"
    put(ssm, rack[1], held(RACK, {"Bay": "old"}))
    assert entries(ssm, rack[1]) == []


def test_the_same_client_token_deletes_once(ssm, rack):
    first = ssm.delete_inventory(TypeName=RACK, SchemaDeleteOption="DeleteSchema", ClientToken=TOKEN)
    put(ssm, rack[0], held(RACK, {"New": "1"}))
    again = ssm.delete_inventory(TypeName=RACK, SchemaDeleteOption="DeleteSchema", ClientToken=TOKEN)
    for answer in (first, again):
        del answer["ResponseMetadata"]
    assert again == first
    assert entries(ssm, rack[0]) == [{"New": "1"}]
    assert refusal(ssm.delete_inventory, TypeName=RACK, ClientToken=TOKEN) == (
        "InvalidDeleteInventoryParametersException",
        f"ClientToken {TOKEN} was used for another deletion.",
    )


def test_deletions_newest_first_by_pages(server, ssm, rack):
    made = []
    for _ in range(3):
        made.insert(0, ssm.delete_inventory(TypeName=RACK)["DeletionId"])
        server.clock(advance="1m")
    first = ssm.describe_inventory_deletions(MaxResults=2)
    second = ssm.describe_inventory_deletions(MaxResults=2, NextToken=first["NextToken"])
    assert [one["DeletionId"] for one in first["InventoryDeletions"] + second["InventoryDeletions"]] == made
    assert "NextToken" not in second


def test_deletions_that_are_refused(ssm):
    assert refusal(ssm.delete_inventory, TypeName="AWS:Application") == (
        "InvalidTypeNameException",
        "AWS:Application can not be deleted: only custom types can.",
    )
    assert refusal(ssm.delete_inventory, TypeName="Custom:Nothing") == (
        "InvalidTypeNameException",
        "Inventory type Custom:Nothing does not exist.",
    )
    assert refusal(ssm.describe_inventory_deletions, DeletionId=TOKEN) == (
        "InvalidDeletionIdException",
        f"Deletion {TOKEN} does not exist.",
    )
