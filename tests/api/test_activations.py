"""Activations and registrations with them (spec 6.1, 7.1; NOD-01, NOD-02, NOD-03, NOD-08, D17, D19, D32)."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from refusals import refusal
from registration_calls import KEY, OTHER_KEY, public_key, registered, registration_refusal
from stateward.wire.protocol import parse_instant

UNKNOWN_ID = "01234567-89ab-cdef-0123-456789abcdef"
NOT_VALID = ("InvalidActivation", "The activation ID or the activation code is not valid.")
EXPIRY = ("InvalidParameters", "ExpirationDate must lie in the future, and at most 30 days ahead.")


def now(server):
    return datetime.fromtimestamp(parse_instant(server.clock()["now"]) / 1000, UTC)


def activations(ssm, **filters):
    asked = {"Filters": [{"FilterKey": key, "FilterValues": values} for key, values in filters.items()]}
    return ssm.describe_activations(**(asked if filters else {}))["ActivationList"]


def node_ids(ssm):
    return [one["InstanceId"] for one in ssm.describe_instance_information()["InstanceInformationList"]]


def test_an_activation_lasts_a_day_for_one_node_nod_01(server, ssm):
    made = ssm.create_activation(IamRole="role")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["ActivationId"])
    assert re.fullmatch(r"[A-Z2-7]{20}", made["ActivationCode"])
    (shown,) = activations(ssm)
    assert shown.pop("CreatedDate") == now(server)
    assert shown.pop("ExpirationDate") == now(server) + timedelta(days=1)
    assert shown == {
        "ActivationId": made["ActivationId"],
        "IamRole": "role",
        "RegistrationLimit": 1,
        "RegistrationsCount": 0,
        "Expired": False,
        "Tags": [],
    }


def test_what_was_given_comes_back(ssm):
    given = {
        "Description": "Branch offices",
        "DefaultInstanceName": "branch",
        "IamRole": "service-role/Branch",
        "RegistrationLimit": 1000,
        "Tags": [{"Key": "site", "Value": "Köln"}],
    }
    ssm.create_activation(**given)
    (shown,) = activations(ssm)
    assert {member: shown[member] for member in given} == given


@pytest.mark.parametrize(
    ("days", "accepted"),
    [
        pytest.param(timedelta(seconds=1), True, id="a second"),
        pytest.param(timedelta(days=30), True, id="30 days"),
        pytest.param(timedelta(days=30, seconds=1), False, id="more than 30 days"),
        pytest.param(timedelta(0), False, id="now"),
        pytest.param(timedelta(days=-1), False, id="yesterday"),
    ],
)
def test_expiry_lies_within_thirty_days_nod_01(server, ssm, days, accepted):
    expires = now(server) + days
    if accepted:
        ssm.create_activation(IamRole="role", ExpirationDate=expires)
        assert abs(activations(ssm)[0]["ExpirationDate"] - expires) < timedelta(milliseconds=2)
    else:
        assert refusal(ssm.create_activation, IamRole="role", ExpirationDate=expires) == EXPIRY
        assert activations(ssm) == []


@pytest.mark.parametrize(
    "role",
    [
        pytest.param("no such role", id="blanks"),
        pytest.param("arn:aws:iam::123456789012:role/Branch", id="an ARN"),
        pytest.param("", id="empty"),
        pytest.param("rôle", id="not ASCII"),
    ],
)
def test_a_role_that_cannot_exist_is_refused_nod_08(ssm, role):
    assert refusal(ssm.create_activation, IamRole=role) == (
        "ValidationException",
        f"Not existing role: arn:aws:iam::123456789012:role/{role}",
    )


def test_only_named_roles_exist_when_roles_are_named_d19(start_server):
    ssm = start_server(iam_roles=("Branch", "service-role/Edge")).client()
    ssm.create_activation(IamRole="service-role/Edge")
    assert refusal(ssm.create_activation, IamRole="role") == (
        "ValidationException",
        "Not existing role: arn:aws:iam::123456789012:role/role",
    )
    assert [one["IamRole"] for one in activations(ssm)] == ["service-role/Edge"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param(
            {"RegistrationLimit": 0},
            "1 validation error detected: Value '0' at 'registrationLimit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
            id="limit 0",
        ),
        pytest.param(
            {"RegistrationLimit": 1001},
            "1 validation error detected: Value '1001' at 'registrationLimit' failed to satisfy constraint: "
            "Member must have value less than or equal to 1000",
            id="limit 1001",
        ),
        pytest.param(
            {"IamRole": "r" * 65},
            f"1 validation error detected: Value '{'r' * 65}' at 'iamRole' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
            id="long role",
        ),
        pytest.param(
            {"Tags": [{"Key": "aws:a", "Value": "b"}]},
            "The tag key aws:a is not valid: keys beginning with aws: are reserved.",
            id="reserved tag",
        ),
        pytest.param(
            {"RegistrationMetadata": [{"Key": "a", "Value": "b"}]},
            "RegistrationMetadata is not supported by this version of Stateward",
            id="D66 RegistrationMetadata",
        ),
    ],
)
def test_members_out_of_their_limits_are_refused(server, members, message):
    ssm = server.client(parameter_validation=False)
    assert refusal(ssm.create_activation, **{"IamRole": "role", **members}) == ("ValidationException", message)


def test_a_retry_makes_no_second_activation_d32(ssm):
    ssm.meta.events.register("before-send.ssm.CreateActivation", _same_invocation)
    first = ssm.create_activation(IamRole="role")
    second = ssm.create_activation(IamRole="role")
    assert (first["ActivationId"], first["ActivationCode"]) == (second["ActivationId"], second["ActivationCode"])
    other = ssm.create_activation(IamRole="other")
    assert other["ActivationId"] != first["ActivationId"]
    assert sorted(one["IamRole"] for one in activations(ssm)) == ["other", "role"]


def _same_invocation(request, **_):
    request.headers["amz-sdk-invocation-id"] = "5a1f9f5e-0000-4000-8000-000000000001"


@pytest.fixture
def three(server, ssm):
    """Three activations, a second apart; their ids."""
    made = []
    for name, role in (("north", "role"), ("south", "role"), ("north", "edge")):
        made.append(ssm.create_activation(IamRole=role, DefaultInstanceName=name)["ActivationId"])
        server.clock(advance="1s")
    return made


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({}, [0, 1, 2], id="none"),
        pytest.param({"IamRole": ["role"]}, [0, 1], id="role"),
        pytest.param({"DefaultInstanceName": ["north"]}, [0, 2], id="name"),
        pytest.param({"DefaultInstanceName": ["north", "south"]}, [0, 1, 2], id="two names"),
        pytest.param({"DefaultInstanceName": ["north"], "IamRole": ["edge"]}, [2], id="both"),
        pytest.param({"IamRole": ["ro"]}, [], id="no prefix match"),
    ],
)
def test_filters_narrow_the_list(ssm, three, filters, expected):
    assert [one["ActivationId"] for one in activations(ssm, **filters)] == [three[index] for index in expected]


def test_ids_filter_the_list(ssm, three):
    found = activations(ssm, ActivationIds=[three[2], UNKNOWN_ID])
    assert [one["ActivationId"] for one in found] == [three[2]]


def test_a_filter_needs_a_key(ssm):
    assert refusal(ssm.describe_activations, Filters=[{"FilterValues": ["a"]}]) == (
        "InvalidFilter",
        "FilterKey is missing: use ActivationIds, DefaultInstanceName, IamRole",
    )
    code, message = refusal(ssm.describe_activations, Filters=[{"FilterKey": "Colour", "FilterValues": ["a"]}])
    assert code == "ValidationException"
    assert message.endswith("Member must satisfy enum value set: [ActivationIds, DefaultInstanceName, IamRole]")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_walk_over_every_activation_once(ssm, three, size):
    pages = ssm.get_paginator("describe_activations").paginate(PaginationConfig={"PageSize": size})
    found = [[one["ActivationId"] for one in page["ActivationList"]] for page in pages]
    assert [one for page in found for one in page] == three
    assert max(len(page) for page in found) == size


def test_activations_made_between_pages_come_last(ssm, three):
    first = ssm.describe_activations(MaxResults=2)
    late = ssm.create_activation(IamRole="role")["ActivationId"]
    rest = ssm.describe_activations(NextToken=first["NextToken"])["ActivationList"]
    assert [one["ActivationId"] for one in rest] == [three[2], late]


def test_a_garbled_token_is_refused(ssm):
    assert refusal(ssm.describe_activations, NextToken="garbled") == (
        "InvalidNextToken",
        "The specified token is not valid.",
    )


def test_registration_makes_a_node_nod_02(server, ssm):
    made = ssm.create_activation(
        IamRole="role", DefaultInstanceName="branch", Tags=[{"Key": "site", "Value": "north"}], RegistrationLimit=2
    )
    node_id = registered(server, made)
    assert re.fullmatch(r"mi-[0-9a-f]{17}", node_id)
    (node,) = ssm.describe_instance_information()["InstanceInformationList"]
    assert node == {
        "InstanceId": node_id,
        "PingStatus": "ConnectionLost",
        "ActivationId": made["ActivationId"],
        "IamRole": "role",
        "RegistrationDate": now(server),
        "ResourceType": "ManagedInstance",
        "Name": "branch",
    }
    tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node_id)["TagList"]
    assert tags == [{"Key": "site", "Value": "north"}]
    assert activations(ssm)[0]["RegistrationsCount"] == 1


def test_the_limit_is_kept_nod_03(server, ssm):
    made = ssm.create_activation(IamRole="role", RegistrationLimit=2)
    registered(server, made, fingerprint="machine-1")
    registered(server, made, fingerprint="machine-2")
    assert registration_refusal(server, made, fingerprint="machine-3") == (
        "RegistrationLimitExceeded",
        f"Activation {made['ActivationId']} was made for 2 node(s) and all are registered.",
    )
    assert len(node_ids(ssm)) == activations(ssm)[0]["RegistrationsCount"] == 2


def test_an_expired_activation_registers_nobody_nod_03(server, ssm):
    made = ssm.create_activation(IamRole="role", RegistrationLimit=5)
    server.clock(advance="23h")
    registered(server, made)
    server.clock(advance="1h")
    assert registration_refusal(server, made, fingerprint="late") == ("ActivationExpired", "")
    assert activations(ssm)[0]["Expired"] is True
    assert len(node_ids(ssm)) == 1


def test_the_same_machine_gets_the_same_id_again(server, ssm):
    made = ssm.create_activation(IamRole="role")
    first = registered(server, made, fingerprint="machine-1", key=KEY)
    assert registered(server, made, fingerprint="machine-1", key=KEY) == first
    assert node_ids(ssm) == [first]
    assert activations(ssm)[0]["RegistrationsCount"] == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"fingerprint": "machine-2"}, id="other fingerprint"),
        pytest.param({"key": OTHER_KEY}, id="other key"),
    ],
)
def test_another_machine_gets_another_id(server, ssm, other):
    made = ssm.create_activation(IamRole="role", RegistrationLimit=2)
    first = registered(server, made)
    assert registered(server, made, **other) != first
    assert len(node_ids(ssm)) == 2


def test_a_deregistered_machine_gets_a_new_id(server, ssm):
    made = ssm.create_activation(IamRole="role", RegistrationLimit=2)
    first = registered(server, made)
    ssm.deregister_managed_instance(InstanceId=first)
    second = registered(server, made)
    assert second != first
    assert node_ids(ssm) == [second]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"ActivationCode": "A" * 20}, id="wrong code"),
        pytest.param({"ActivationId": UNKNOWN_ID}, id="unknown id"),
    ],
)
def test_every_wrong_pair_has_one_text(server, ssm, wrong):
    made = ssm.create_activation(IamRole="role")
    assert registration_refusal(server, made, **wrong) == NOT_VALID
    assert node_ids(ssm) == []


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param(
            {"ActivationId": None},
            "1 validation error detected: Value null at 'activationId' failed to satisfy constraint: "
            "Member must not be null",
            id="no activation",
        ),
        pytest.param(
            {"PublicKeyType": "Ed25519"},
            "1 validation error detected: Value 'Ed25519' at 'publicKeyType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Rsa]",
            id="other kind of key",
        ),
    ],
)
def test_a_registration_without_its_members_is_refused(server, ssm, members, message):
    made = ssm.create_activation(IamRole="role")
    assert registration_refusal(server, made, **members) == ("ValidationException", message)


@pytest.mark.parametrize(
    "key",
    [pytest.param("A" * 400, id="no key"), pytest.param(public_key(1024), id="too short"), pytest.param("ä" * 400)],
)
def test_a_bad_public_key_is_refused(server, ssm, key):
    made = ssm.create_activation(IamRole="role")
    code, message = registration_refusal(server, made, key=key)
    assert code == "ValidationException"
    assert "ublicKey" in message
    assert node_ids(ssm) == []


def test_a_deleted_activation_registers_nobody_but_its_nodes_stay(server, ssm):
    made = ssm.create_activation(IamRole="role", RegistrationLimit=2)
    node_id = registered(server, made)
    assert set(ssm.delete_activation(ActivationId=made["ActivationId"])) == {"ResponseMetadata"}
    assert activations(ssm) == []
    assert registration_refusal(server, made, fingerprint="late") == NOT_VALID
    assert node_ids(ssm) == [node_id]


def test_an_unknown_activation_cannot_be_deleted(ssm):
    made = ssm.create_activation(IamRole="role")["ActivationId"]
    ssm.delete_activation(ActivationId=made)
    for one in (made, UNKNOWN_ID):
        assert refusal(ssm.delete_activation, ActivationId=one) == (
            "InvalidActivationId",
            f"Activation {one} does not exist.",
        )


def test_activations_and_their_nodes_belong_to_a_region_d17(server, ssm):
    elsewhere = server.client(region="eu-west-1")
    made = elsewhere.create_activation(IamRole="role")
    node_id = registered(server, made)
    assert (node_ids(elsewhere), node_ids(ssm), activations(ssm)) == ([node_id], [], [])
    assert refusal(ssm.delete_activation, ActivationId=made["ActivationId"])[0] == "InvalidActivationId"
    assert refusal(ssm.deregister_managed_instance, InstanceId=node_id)[0] == "InvalidInstanceId"
    assert len(activations(elsewhere)) == 1
