"""PutParameter and DeleteParameter(s) over boto3 (spec 6.3, D41)."""

import pytest

from live_server import KEY_ID
from refusals import refusal
from stateward.parameters import store
from stateward.quotas import Quotas

EXISTS = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
NO_TAGS = "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove"


def described(ssm, name):
    (one,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    return one


def test_a_parameter_is_created_and_overwritten(ssm):
    made = ssm.put_parameter(Name="/app/url", Value="http://a", Type="String", Description="where")
    assert (made["Version"], made["Tier"]) == (1, "Standard")
    made = ssm.put_parameter(Name="/app/url", Value="http://b", Overwrite=True)
    assert (made["Version"], made["Tier"]) == (2, "Standard")
    assert ssm.get_parameter(Name="/app/url")["Parameter"]["Value"] == "http://b"
    assert ssm.get_parameter(Name="/app/url:1")["Parameter"]["Value"] == "http://a"


def test_overwrite_creates_what_is_not_there(ssm, put):
    assert put("new", Overwrite=True) == 1


def test_nothing_is_overwritten_by_accident(ssm, put):
    put("one")
    assert refusal(ssm.put_parameter, Name="/one", Value="x", Type="String") == ("ParameterAlreadyExists", EXISTS)
    assert ssm.get_parameter(Name="one")["Parameter"]["Value"] == "a value"


def test_what_is_left_out_keeps_its_value(ssm, put):
    put("one", "123", Description="a number", AllowedPattern=r"\d+", Type="SecureString", KeyId="alias/mine")
    put("one", "456", Type="SecureString", Overwrite=True)
    one = described(ssm, "one")
    kept = {member: one[member] for member in ("Description", "AllowedPattern", "KeyId", "Type", "Tier", "Version")}
    assert kept == {
        "Description": "a number",
        "AllowedPattern": r"\d+",
        "KeyId": "alias/mine",
        "Type": "SecureString",
        "Tier": "Standard",
        "Version": 2,
    }
    assert refusal(ssm.put_parameter, Name="one", Value="abc", Overwrite=True) == (
        "ParameterPatternMismatchException",
        r"Parameter value, cannot be validated against allowedPattern: \d+",
    )


def test_an_empty_text_takes_it_away(ssm, put):
    put("one", Description="text", AllowedPattern="a value")
    put("one", "other", Description="", AllowedPattern="", Overwrite=True)
    assert not {"Description", "AllowedPattern"} & described(ssm, "one").keys()


def test_a_creation_needs_a_type(ssm):
    assert refusal(ssm.put_parameter, Name="one", Value="x", Overwrite=True) == (
        "ValidationException",
        "A parameter type is required when you create a parameter.",
    )


def test_a_type_in_a_hierarchy_stays(ssm, put):
    put("/a/b")
    assert refusal(ssm.put_parameter, Name="/a/b", Value="x", Type="SecureString", Overwrite=True) == (
        "HierarchyTypeMismatchException",
        "/a/b is a String and cannot become a SecureString: the type of a parameter in a hierarchy cannot be changed. "
        "Create a new, unique parameter.",
    )


def test_the_type_of_a_single_name_may_change(ssm, put):
    put("one", Type="SecureString", KeyId="alias/mine")
    put("one", "open", Type="String", Overwrite=True)
    assert "KeyId" not in described(ssm, "one")
    put("one", "shut", Type="SecureString", Overwrite=True)
    assert described(ssm, "one")["KeyId"] == "alias/aws/ssm"
    assert [one["Type"] for one in ssm.get_parameter_history(Name="one")["Parameters"]] == [
        "SecureString",
        "String",
        "SecureString",
    ]


def test_a_key_belongs_to_a_secure_string(ssm):
    assert refusal(ssm.put_parameter, Name="one", Value="x", Type="String", KeyId="alias/mine") == (
        "ValidationException",
        "KeyId is required for SecureString type parameter only.",
    )


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({"Policies": "[{}]"}, "ValidationException", "Policies is not supported by this version of Stateward"),
        ({"DataType": "aws:ec2:image"}, "ValidationException", "DataType aws:ec2:image is not supported by this ver"),
        ({"AllowedPattern": "("}, "InvalidAllowedPatternException", "AllowedPattern (: not a regular expression"),
        ({"Tags": [{"Key": "a", "Value": "b"}], "Overwrite": True}, "ValidationException", NO_TAGS),
        ({"Tags": [{"Key": "aws:a", "Value": "b"}]}, "ValidationException", "The tag key aws:a is not valid"),
        ({"Name": "/ssm/x"}, "ValidationException", 'Parameter name: can\'t be prefixed with "ssm"'),
        ({"Value": "{{ssm:x}}"}, "ValidationException", "Parameter value can't nest another parameter."),
        ({"Value": ""}, "ValidationException", "1 validation error detected: Value '' at 'value'"),
        ({"Value": "x" * 4097}, "ValidationException", "Standard tier parameters support a maximum"),
        ({"Value": "ä" * 2049}, "ValidationException", "Standard tier parameters support a maximum"),
        ({"Type": "Number"}, "ValidationException", "1 validation error detected: Value 'Number' at 'type'"),
    ],
)
def test_what_cannot_be_put(ssm, members, code, text):
    found = refusal(ssm.put_parameter, **{"Name": "/a/b", "Value": "x", "Type": "String", **members})
    assert found[0] == code
    assert found[1].startswith(text)
    assert ssm.describe_parameters()["Parameters"] == []


def test_tiers_over_the_wire(ssm, put):
    large = {"Name": "one", "Value": "x" * 5000, "Type": "String"}
    assert ssm.put_parameter(**large, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert ssm.put_parameter(Name="one", Value="x", Overwrite=True)["Tier"] == "Advanced"
    code, text = refusal(ssm.put_parameter, Name="one", Value="x", Tier="Standard", Overwrite=True)
    assert code == "ValidationException"
    assert text.startswith("This parameter uses the advanced-parameter tier.")


def test_the_default_tier_is_a_setting(ssm, put):
    setting = {"SettingId": "/ssm/parameter-store/default-parameter-tier"}
    ssm.update_service_setting(**setting, SettingValue="Intelligent-Tiering")
    assert ssm.put_parameter(Name="large", Value="x" * 5000, Type="String")["Tier"] == "Advanced"
    assert ssm.put_parameter(Name="small", Value="x", Type="String")["Tier"] == "Standard"
    assert ssm.put_parameter(Name="forced", Value="x", Type="String", Tier="Advanced")["Tier"] == "Advanced"


def test_tags_at_a_creation_and_later(ssm, put):
    on = {"ResourceType": "Parameter", "ResourceId": "/a/b"}
    assert refusal(ssm.list_tags_for_resource, **on) == ("InvalidResourceId", "Parameter /a/b does not exist.")
    put("/a/b", Tags=[{"Key": "team", "Value": "x"}])
    ssm.add_tags_to_resource(**on, Tags=[{"Key": "env", "Value": "prod"}])
    tags = ssm.list_tags_for_resource(**on)["TagList"]
    assert tags == [{"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "x"}]
    put("/a/b", Overwrite=True)
    ssm.remove_tags_from_resource(**on, TagKeys=["env"])
    assert ssm.list_tags_for_resource(**on)["TagList"] == tags[1:]
    ssm.delete_parameter(Name="/a/b")
    put("/a/b")
    assert ssm.list_tags_for_resource(**on)["TagList"] == []


def test_who_changed_it_and_when(ssm, put, server):
    server.clock(advance="1h")
    now_s = server.thread_server.clock.now() / 1000
    put("one")
    one = described(ssm, "one")
    assert one["LastModifiedUser"] == f"arn:aws:iam::123456789012:user/{KEY_ID}"
    assert one["LastModifiedDate"].timestamp() == now_s
    assert ssm.get_parameter(Name="one")["Parameter"]["LastModifiedDate"].timestamp() == now_s


def test_a_hundred_versions_are_kept(ssm, put, server, scope):
    put("one", "1")
    for number in range(2, 101):
        server.writing(lambda tx, number=number: _add(tx, scope, number))
    ssm.label_parameter_version(Name="one", ParameterVersion=1, Labels=["first"])
    code, text = refusal(ssm.put_parameter, Name="one", Value="101", Overwrite=True)
    assert code == "ParameterMaxVersionLimitExceeded"
    assert text.startswith(
        "You attempted to create a new version of one by calling the PutParameter API with the overwrite flag. "
        "Version 1, the oldest version, can't be deleted because it has a label associated with it."
    )
    ssm.label_parameter_version(Name="one", ParameterVersion=2, Labels=["first"])
    ssm.unlabel_parameter_version(Name="one", ParameterVersion=2, Labels=["first"])
    assert put("one", "101", Overwrite=True) == 101
    assert refusal(ssm.get_parameter, Name="one:1")[0] == "ParameterVersionNotFound"
    assert ssm.get_parameter(Name="one:2")["Parameter"]["Version"] == 2


async def _add(tx, scope, number):
    first = await store.numbered(tx, scope, "one", 1)
    await store.add_version(tx, scope, type(first)(**{**_fields(first), "version": number}))


def _fields(row):
    return {name: getattr(row, name) for name in row.__struct_fields__}


def test_there_are_only_so_many_parameters(start_server):
    ssm = start_server(quotas=Quotas(parameters=2)).client()
    for name in ("one", "two"):
        ssm.put_parameter(Name=name, Value="x", Type="String")
    assert refusal(ssm.put_parameter, Name="three", Value="x", Type="String") == (
        "ParameterLimitExceeded",
        "You can have at most 2 parameters. Delete one or more parameters and try again.",
    )
    assert ssm.put_parameter(Name="two", Value="y", Overwrite=True)["Version"] == 2
    ssm.delete_parameter(Name="one")
    ssm.put_parameter(Name="three", Value="x", Type="String")


def test_a_deleted_parameter_is_gone_with_its_past(ssm, put):
    put("/a/b")
    put("/a/b", Overwrite=True)
    ssm.label_parameter_version(Name="/a/b", Labels=["prod"])
    assert set(ssm.delete_parameter(Name="/a/b")) == {"ResponseMetadata"}
    assert refusal(ssm.delete_parameter, Name="/a/b") == ("ParameterNotFound", "Parameter /a/b not found.")
    assert refusal(ssm.get_parameter_history, Name="/a/b") == ("ParameterNotFound", "Parameter /a/b not found.")
    assert put("/a/b") == 1
    assert refusal(ssm.get_parameter, Name="/a/b:prod")[0] == "ParameterVersionNotFound"


def test_several_are_deleted_at_once(ssm, put):
    put("one")
    put("/a/b")
    answer = ssm.delete_parameters(Names=["/a/b", "two", "/one", "a b"])
    assert answer["DeletedParameters"] == ["/a/b", "/one"]
    assert answer["InvalidParameters"] == ["two", "a b"]
    assert ssm.describe_parameters()["Parameters"] == []


def test_regions_do_not_see_each_other(server, put, ssm):
    put("one")
    assert refusal(server.client(region="eu-elsewhere-1").get_parameter, Name="one")[0] == "ParameterNotFound"
