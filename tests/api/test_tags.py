"""AddTagsToResource, RemoveTagsFromResource and ListTagsForResource over boto3 (spec 6.2, 6.8; TAG-01, TAG-02)."""

import pytest

from refusals import refusal

UNKNOWN_ASSOCIATION = "01234567-89ab-cdef-0123-456789abcdef"
UNKNOWN_NODE = "mi-0123456789abcdef0"
TYPES = ["Association", "Document", "ManagedInstance", "Parameter"]


@pytest.fixture
def resource(ssm, nodes, document):
    """Makes a resource of a type and answers its id."""

    def make(resource_type):
        if resource_type == "ManagedInstance":
            return nodes.one(online=False).node_id
        if resource_type == "Parameter":
            ssm.put_parameter(Name="/a/parameter", Value="x", Type="String")
            return "/a/parameter"
        name = document()
        if resource_type == "Document":
            return name
        made = ssm.create_association(Name=name, Targets=[{"Key": "tag:nobody", "Values": ["here"]}])
        return made["AssociationDescription"]["AssociationId"]

    return make


def tagged(**tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def many(count, first=0):
    return [{"Key": f"key-{number:03}", "Value": "v"} for number in range(first, first + count)]


def tags_of(ssm, resource_type, resource_id):
    return ssm.list_tags_for_resource(ResourceType=resource_type, ResourceId=resource_id)["TagList"]


@pytest.mark.parametrize("resource_type", TYPES)
def test_tags_are_added_overwritten_and_removed_tag_01(ssm, resource, resource_type):
    on = {"ResourceType": resource_type, "ResourceId": resource(resource_type)}
    assert tags_of(ssm, *on.values()) == []
    assert set(ssm.add_tags_to_resource(**on, Tags=tagged(b="1", a="ä", c=""))) == {"ResponseMetadata"}
    assert tags_of(ssm, *on.values()) == tagged(a="ä", b="1", c="")
    ssm.add_tags_to_resource(**on, Tags=tagged(b="2"))
    assert tags_of(ssm, *on.values()) == tagged(a="ä", b="2", c="")
    answer = ssm.remove_tags_from_resource(**on, TagKeys=["a", "c", "never-there"])
    assert set(answer) == {"ResponseMetadata"}
    assert tags_of(ssm, *on.values()) == tagged(b="2")


def test_tag_keys_differ_by_case_tag_01(ssm, resource):
    name = resource("Document")
    ssm.add_tags_to_resource(ResourceType="Document", ResourceId=name, Tags=tagged(team="a", Team="b"))
    ssm.remove_tags_from_resource(ResourceType="Document", ResourceId=name, TagKeys=["TEAM", "Team"])
    assert tags_of(ssm, "Document", name) == tagged(team="a")


def test_resources_of_two_types_do_not_share_tags_tag_01(ssm, resource, document):
    association = resource("Association")
    document(association)
    ssm.add_tags_to_resource(ResourceType="Association", ResourceId=association, Tags=tagged(a="1"))
    assert tags_of(ssm, "Document", association) == []


CALLS = [
    pytest.param("add_tags_to_resource", {"Tags": [{"Key": "a", "Value": "b"}]}, id="add"),
    pytest.param("remove_tags_from_resource", {"TagKeys": ["a"]}, id="remove"),
    pytest.param("list_tags_for_resource", {}, id="list"),
]


@pytest.mark.parametrize(
    ("resource_type", "resource_id"),
    [
        ("Association", UNKNOWN_ASSOCIATION),
        ("Association", "no-id"),
        ("Document", "no-document"),
        ("Parameter", "/no/parameter"),
        ("Document", "AWS-RunShellScript"),
        ("ManagedInstance", UNKNOWN_NODE),
        ("ManagedInstance", "i-0123456789abcdef0"),
    ],
)
@pytest.mark.parametrize(("operation", "members"), CALLS)
def test_an_unknown_resource_is_refused_tag_02(ssm, operation, members, resource_type, resource_id):
    assert refusal(getattr(ssm, operation), ResourceType=resource_type, ResourceId=resource_id, **members) == (
        "InvalidResourceId",
        f"{resource_type} {resource_id} does not exist.",
    )


@pytest.mark.parametrize(("operation", "members"), CALLS)
def test_resources_of_another_region_are_unknown_d17(server, ssm, document, operation, members):
    name = document(Tags=tagged(a="1"))
    elsewhere = server.client(region="eu-west-1")
    call = getattr(elsewhere, operation)
    assert refusal(call, ResourceType="Document", ResourceId=name, **members)[0] == "InvalidResourceId"
    assert tags_of(ssm, "Document", name) == tagged(a="1")


@pytest.mark.parametrize(("operation", "members"), CALLS)
def test_other_types_of_resources_are_refused(ssm, operation, members):
    call = getattr(ssm, operation)
    assert refusal(call, ResourceType="PatchBaseline", ResourceId="name", **members) == (
        "ValidationException",
        "Tags of resource type PatchBaseline are not supported by this version of Stateward",
    )
    code, message = refusal(call, ResourceType="Bucket", ResourceId="name", **members)
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value 'Bucket' at 'resourceType' failed to satisfy")


def test_fifty_tags_are_allowed_and_no_more(ssm, resource):
    name = resource("Document")
    on = {"ResourceType": "Document", "ResourceId": name}
    ssm.add_tags_to_resource(**on, Tags=many(50))
    ssm.add_tags_to_resource(**on, Tags=many(50))
    assert refusal(ssm.add_tags_to_resource, **on, Tags=tagged(one="more")) == (
        "TooManyTagsError",
        f"Document {name} would have 51 tags; 50 are allowed.",
    )
    assert tags_of(ssm, "Document", name) == many(50)


def test_more_than_fifty_at_once_are_refused(ssm, resource):
    name = resource("Document")
    assert refusal(ssm.add_tags_to_resource, ResourceType="Document", ResourceId=name, Tags=many(51)) == (
        "TooManyTagsError",
        "A resource can have 50 tags, 51 were given.",
    )
    assert tags_of(ssm, "Document", name) == []


PATTERN = r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        pytest.param(
            {"Key": "aws:mine", "Value": "b"},
            "The tag key aws:mine is not valid: keys beginning with aws: are reserved.",
            id="reserved",
        ),
        pytest.param(
            {"Key": "AWS:mine", "Value": "b"},
            "The tag key AWS:mine is not valid: keys beginning with aws: are reserved.",
            id="reserved in capitals",
        ),
        pytest.param(
            {"Key": "a" * 129, "Value": "b"},
            f"1 validation error detected: Value '{'a' * 129}' at 'tags.1.member.key' failed to satisfy constraint: "
            "Member must have length less than or equal to 128",
            id="long key",
        ),
        pytest.param(
            {"Key": "a", "Value": "b" * 257},
            f"1 validation error detected: Value '{'b' * 257}' at 'tags.1.member.value' failed to satisfy constraint: "
            "Member must have length less than or equal to 256",
            id="long value",
        ),
        pytest.param(
            {"Key": "a!", "Value": "b"},
            f"1 validation error detected: Value 'a!' at 'tags.1.member.key' failed to satisfy constraint: {PATTERN}",
            id="sign",
        ),
        pytest.param(
            {"Key": "", "Value": "b"},
            "1 validation error detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
            id="empty key",
        ),
    ],
)
def test_a_tag_that_cannot_be_is_refused(server, resource, tag, message):
    ssm = server.client(parameter_validation=False)
    name = resource("Document")
    assert refusal(ssm.add_tags_to_resource, ResourceType="Document", ResourceId=name, Tags=[tag]) == (
        "ValidationException",
        message,
    )
    assert tags_of(ssm, "Document", name) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("k" * 128, "v" * 256, id="longest"),
        pytest.param("größe/Straße:1=+-@._", "日本 語", id="letters of all languages"),
    ],
)
def test_tags_up_to_the_limits_are_kept(ssm, resource, key, value):
    name = resource("Document")
    ssm.add_tags_to_resource(ResourceType="Document", ResourceId=name, Tags=[{"Key": key, "Value": value}])
    assert tags_of(ssm, "Document", name) == [{"Key": key, "Value": value}]


def test_a_new_tag_makes_a_node_a_target(server, ssm, nodes, document):
    node = nodes.one()
    ssm.create_association(Name=document(), Targets=[{"Key": "tag:team", "Values": ["red"]}])
    server.settle()
    assert node.jobs == []
    on = {"ResourceType": "ManagedInstance", "ResourceId": node.node_id}
    ssm.add_tags_to_resource(**on, Tags=tagged(team="blue"))
    server.settle()
    assert node.jobs == []
    ssm.add_tags_to_resource(**on, Tags=tagged(team="red"))
    server.settle()
    assert len(node.jobs) == 1
