"""PutInventory by administrators and nodes, ListInventoryEntries (spec 6.8, 6.9)."""

import pytest
from inventory_calls import LATER, RACK, WHEN, apps, entries, held, put, unchanged

from refusals import refusal

UNKNOWN = "mi-0123456789abcdef0"


@pytest.fixture
def node(nodes):
    return nodes.one(online=False)


def listing(ssm, node, type_name=RACK, **members):
    answer = ssm.list_inventory_entries(InstanceId=node.node_id, TypeName=type_name, **members)
    del answer["ResponseMetadata"]
    return answer


def test_an_item_comes_back_as_it_was_given(ssm, node):
    rack = {"RackLocation": "Bay B/Row C/Rack D/Shelf E", "Höhe": ""}
    assert set(put(ssm, node.node_id, held(RACK, rack))) == {"ResponseMetadata"}
    assert listing(ssm, node) == {
        "TypeName": RACK,
        "InstanceId": node.node_id,
        "SchemaVersion": "1.0",
        "CaptureTime": WHEN,
        "Entries": [rack],
    }


def test_a_second_upload_replaces_the_first(ssm, node):
    put(ssm, node.node_id, held(RACK, {"a": "1"}), apps("bash"))
    put(ssm, node.node_id, held(RACK, {"b": "2"}, version="1.1", at=LATER))
    assert listing(ssm, node) | {"Entries": [{"b": "2"}], "SchemaVersion": "1.1", "CaptureTime": LATER} == listing(
        ssm, node
    )
    assert entries(ssm, node.node_id, "AWS:Application") == [{"Name": "bash"}], "other types stay"


def test_a_type_that_a_node_never_sent_has_no_entries(ssm, node):
    assert listing(ssm, node, "AWS:Service") == {
        "TypeName": "AWS:Service",
        "InstanceId": node.node_id,
        "Entries": [],
    }


def test_a_hash_alone_says_that_nothing_has_changed(ssm, node):
    put(ssm, node.node_id, held(RACK, {"a": "1"}, ContentHash="h1"))
    put(ssm, node.node_id, unchanged(RACK, "h1"))
    found = listing(ssm, node)
    assert (found["Entries"], found["CaptureTime"]) == ([{"a": "1"}], LATER)
    put(ssm, node.node_id, held(RACK, {"not": "read"}, ContentHash="h1"))
    assert entries(ssm, node.node_id) == [{"a": "1"}]


@pytest.mark.parametrize("stored", [None, {}, {"ContentHash": "h1"}])
def test_another_hash_alone_asks_for_everything(ssm, node, stored):
    if stored is not None:
        put(ssm, node.node_id, held(RACK, {"a": "1"}, **stored))
    items = [apps("bash"), unchanged(RACK, "h2")]
    assert refusal(ssm.put_inventory, InstanceId=node.node_id, Items=items) == (
        "ItemContentMismatchException",
        "Custom:RackInfo is not stored with this ContentHash: send its Content.",
    )
    assert entries(ssm, node.node_id, "AWS:Application") == [], "all or nothing"


def test_a_node_uploads_about_itself(ssm, node):
    """What the official agent sends, attributes that AWS's own list lacks among it."""
    details = {"CPUCores": "2", "CPUModel": "Example CPU", "CPUSpeedMHz": "", "NewAttribute": "x"}
    items = [
        held("AWS:InstanceDetailedInformation", details, ContentHash="g0Or/ugdFkZqECH2kNgsrQ=="),
        held("AWS:BillingInfo", ContentHash="N6YlnMDB2uKZp4Zkid/wvQ=="),
    ]
    answer = node.request("PutInventory", InstanceId=node.node_id, Items=items)
    assert (answer.status_code, answer.json()) == (200, {})
    assert entries(ssm, node.node_id, "AWS:InstanceDetailedInformation") == [details]
    mismatch = node.request("PutInventory", InstanceId=node.node_id, Items=[unchanged("AWS:BillingInfo", "other")])
    assert (mismatch.status_code, mismatch.json()["__type"]) == (400, "ItemContentMismatchException")
    other = node.request("PutInventory", InstanceId=UNKNOWN, Items=items)
    assert other.json()["__type"] == "AccessDeniedException"


def test_a_removed_node_has_no_inventory(ssm, node):
    put(ssm, node.node_id, held(RACK, {"a": "1"}))
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    gone = ("InvalidInstanceId", f"Managed node {node.node_id} does not exist.")
    assert refusal(ssm.list_inventory_entries, InstanceId=node.node_id, TypeName=RACK) == gone
    assert refusal(ssm.put_inventory, InstanceId=node.node_id, Items=[held(RACK)]) == gone
    deletion = ssm.delete_inventory(TypeName=RACK, DryRun=True)
    assert deletion["DeletionSummary"]["TotalCount"] == 0


REFUSALS = [
    pytest.param(
        [held("AWS:Applications")],
        (
            "InvalidTypeNameException",
            "Inventory type AWS:Applications does not exist: GetInventorySchema lists those that do.",
        ),
        id="unknown type",
    ),
    pytest.param(
        [held("Custom:")],
        ("InvalidTypeNameException", "A custom type needs a name: Custom:<name>"),
        id="custom without a name",
    ),
    pytest.param(
        [held("AWS:InstanceInformation")],
        ("InvalidTypeNameException", "AWS:InstanceInformation is made by the server and can not be uploaded."),
        id="derived type",
    ),
    pytest.param(
        [held("AWS:ComplianceItem")],
        ("InvalidTypeNameException", "AWS:ComplianceItem can not be uploaded: use PutComplianceItems"),
        id="compliance",
    ),
    pytest.param(
        [held("AWS:Application", version="2.0")],
        (
            "UnsupportedInventorySchemaVersionException",
            "AWS:Application has no schema version 2.0: use one of 1.0, 1.1",
        ),
        id="schema version",
    ),
    pytest.param(
        [held(RACK, Context={"a": "b"})],
        ("UnsupportedInventoryItemContextException", "Custom:RackInfo takes no Context."),
        id="context",
    ),
    pytest.param(
        [{"TypeName": RACK, "SchemaVersion": "1.0", "CaptureTime": WHEN}],
        ("InvalidItemContentException", "Custom:RackInfo has neither Content nor ContentHash."),
        id="nothing",
    ),
    pytest.param(
        [held(RACK), held(RACK)], ("InvalidItemContentException", "Custom:RackInfo is given twice."), id="twice"
    ),
    pytest.param(
        [held(RACK, *({f"k{number}": "v"} for number in range(51)))],
        ("InvalidItemContentException", "Custom:RackInfo would have 51 attributes, 50 are allowed."),
        id="attributes",
    ),
    pytest.param(
        [held(RACK, *({"k": "x" * 4096} for _ in range(256)))],
        ("ItemSizeLimitExceededException", "Custom:RackInfo has 1050881 bytes, 1048576 are allowed."),
        id="large item",
    ),
]


@pytest.mark.parametrize(("items", "expected"), REFUSALS)
def test_uploads_that_are_refused(ssm, node, items, expected):
    assert refusal(ssm.put_inventory, InstanceId=node.node_id, Items=items) == expected


def test_constraints_are_the_model_s(server, ssm, node):
    code, text = refusal(ssm.put_inventory, InstanceId=node.node_id, Items=[held(RACK, at="2026-11-23")])
    assert code == "ValidationException"
    assert "at 'items.1.member.captureTime' failed to satisfy constraint" in text
    many = [held(RACK)] * 31
    code, text = refusal(server.client(parameter_validation=False).put_inventory, InstanceId=node.node_id, Items=many)
    assert code == "ValidationException"
    assert "Member must have length less than or equal to 30" in text


def test_a_node_has_at_most_five_mebibytes(ssm, node):
    large = [{"k": "x" * 4000}] * 250
    for number in range(5):
        put(ssm, node.node_id, held(f"Custom:T{number}", *large))
    code, text = refusal(ssm.put_inventory, InstanceId=node.node_id, Items=[held("Custom:T5", *large)])
    assert code == "TotalSizeLimitExceededException"
    assert text.endswith("bytes of inventory, 5242880 are allowed.")
    put(ssm, node.node_id, held("Custom:T4", {"k": "small"}))
    put(ssm, node.node_id, held("Custom:T5", *large))


def test_there_are_at_most_twenty_custom_types(ssm, nodes):
    one, two = nodes.add(2, online=False)
    put(ssm, one.node_id, *(held(f"Custom:T{number:02}") for number in range(20)))
    put(ssm, two.node_id, held("Custom:T00"))
    assert refusal(ssm.put_inventory, InstanceId=two.node_id, Items=[held("Custom:T20")]) == (
        "CustomSchemaCountLimitExceededException",
        "There are 20 custom types already: delete one with DeleteInventory.",
    )
    ssm.delete_inventory(TypeName="Custom:T07", SchemaDeleteOption="DeleteSchema")
    put(ssm, two.node_id, held("Custom:T20"))


# ListInventoryEntries


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("Name", "Equal", "bash", "zsh")], ["bash"]),
        ([("AWS:Application.Name", "Equal", "bash")], ["bash"]),
        ([("Name", "NotEqual", "bash")], ["curl", "dash"]),
        ([("Name", "BeginWith", "c")], ["curl"]),
        ([("Version", "LessThan", "5.10")], ["bash", "dash"]),
        ([("Version", "GreaterThan", "5.2"), ("Name", "NotEqual", "bash")], ["curl"]),
        ([("Publisher", "Equal", "none")], []),
    ],
)
def test_entries_are_filtered(ssm, node, filters, expected):
    put(ssm, node.node_id, apps("curl 7.88", "bash 5.9", "dash 0.5.12"))
    assert sorted(one["Name"] for one in entries(ssm, node.node_id, "AWS:Application", *filters)) == expected


def test_entries_that_are_refused(ssm, node):
    def refused(type_name="AWS:Application", **members):
        return refusal(ssm.list_inventory_entries, InstanceId=node.node_id, TypeName=type_name, **members)

    code, text = refused(Filters=[{"Key": "Nme", "Values": ["x"]}])
    assert (code, text[:43]) == ("InvalidFilter", "AWS:Application has no attribute Nme: use o")
    assert refused(Filters=[{"Key": "Name", "Values": ["x"], "Type": "Exists"}]) == (
        "InvalidFilter",
        "AWS:Application.Name: Exists works in the groups of aggregators only",
    )
    assert refused("Custom:Nothing")[0] == "InvalidTypeNameException"
    assert refused("AWS:ComplianceItem") == (
        "InvalidTypeNameException",
        "AWS:ComplianceItem is not kept in the inventory: use ListComplianceItems",
    )


def paged(ssm, node, token=None):
    more = {} if token is None else {"NextToken": token}
    answer = ssm.list_inventory_entries(InstanceId=node.node_id, TypeName="AWS:Application", MaxResults=2, **more)
    return [one["Name"] for one in answer["Entries"]], answer.get("NextToken")


def test_entries_by_pages(ssm, node):
    put(ssm, node.node_id, apps("c", "a", "a", "b", "d"))
    first, token = paged(ssm, node)
    second, token = paged(ssm, node, token)
    assert (first, second, paged(ssm, node, token)) == (["c", "a"], ["a", "b"], (["d"], None))


def test_pages_follow_an_entry_that_a_new_upload_moved(ssm, node):
    put(ssm, node.node_id, apps("a", "b", "c", "d"))
    _, token = paged(ssm, node)
    put(ssm, node.node_id, apps("0", "a", "b", "c", "d"))
    assert paged(ssm, node, token) == (["c", "d"], None)
    put(ssm, node.node_id, apps("a", "c", "d"))
    assert paged(ssm, node, token) == (["c", "d"], None)
