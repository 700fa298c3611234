"""Roles (D62): a table over every operation of the model, enforced on the API and below `/_stateward`."""

import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from association_calls import EVERY_NODE, create
from key_holders import Denied, Holder, holder
from stateward.access import permissions, roles
from stateward.access.roles import ADMINISTRATOR, LEAST_ROLE, OPERATOR, READER

ONLY_ADMINISTRATORS_OF_THE_SPEC = {
    "CreateActivation",
    "DeregisterManagedInstance",
    "ModifyDocumentPermission",
    "UpdateServiceSetting",
    "ResetServiceSetting",
}


def error_of(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]


def test_the_table_holds_every_operation_of_the_model_and_no_other(model):
    assert set(LEAST_ROLE) == set(model.operations) - permissions.NODE_ONLY


def test_readers_read_and_nothing_else(model):
    reading = {one for one in LEAST_ROLE if one.startswith(("Describe", "List", "Get"))} - {"GetAccessToken"}
    assert {one for one, role in LEAST_ROLE.items() if role == READER} == reading


def test_what_the_specification_keeps_from_operators_is_kept_from_them():
    assert {one for one, role in LEAST_ROLE.items() if role == ADMINISTRATOR} >= ONLY_ADMINISTRATORS_OF_THE_SPEC


@pytest.mark.parametrize(
    ("role", "needed", "allowed"),
    [
        (READER, READER, True),
        (READER, OPERATOR, False),
        (OPERATOR, READER, True),
        (OPERATOR, ADMINISTRATOR, False),
        (ADMINISTRATOR, ADMINISTRATOR, True),
        ("", READER, False),
        ("Administrator", READER, False),
    ],
)
def test_each_role_may_what_those_before_it_may(role, needed, allowed):
    assert roles.allows(role, needed) is allowed


def test_an_operation_that_the_table_lacks_is_for_administrators():
    assert roles.needed_for("InventWheel", {}) == ADMINISTRATOR


def test_a_reader_reads_and_cannot_write(server, ssm, document):
    name = document()
    reader = holder(server, "reader")
    assert reader.client().list_documents()["DocumentIdentifiers"]
    told = error_of(reader.client().create_association, Name=name, Targets=EVERY_NODE)
    assert told["Code"] == "AccessDeniedException"
    assert told["Message"] == (
        f"{reader.key_id} (role reader) is not authorized to perform: ssm:CreateAssociation; "
        "this needs the role operator or administrator."
    )
    assert ssm.list_associations()["Associations"] == []


def test_a_reader_sees_no_secrets(server, ssm):
    ssm.put_parameter(Name="/app/secret", Value="hidden", Type="SecureString")
    reader, operator = holder(server, "reader").client(), holder(server, "operator").client()
    assert reader.get_parameter(Name="/app/secret")["Parameter"]["Value"] != "hidden"
    for call, members in (
        (reader.get_parameter, {"Name": "/app/secret"}),
        (reader.get_parameters, {"Names": ["/app/secret"]}),
        (reader.get_parameters_by_path, {"Path": "/app"}),
        (reader.get_parameter_history, {"Name": "/app/secret"}),
    ):
        told = error_of(call, WithDecryption=True, **members)
        assert (told["Code"], "with WithDecryption" in told["Message"]) == ("AccessDeniedException", True)
    assert operator.get_parameter(Name="/app/secret", WithDecryption=True)["Parameter"]["Value"] == "hidden"


def test_an_operator_runs_what_it_likes_and_makes_no_keys_and_no_nodes(server, document):
    operator = holder(server, "operator")
    ssm = operator.client()
    create(ssm, document())
    for call, members in (
        (ssm.create_activation, {"IamRole": "role"}),
        (ssm.deregister_managed_instance, {"InstanceId": "mi-0123456789abcdef0"}),
        (
            ssm.update_service_setting,
            {"SettingId": "/ssm/documents/console/public-sharing-permission", "SettingValue": "Disable"},
        ),
        (ssm.modify_document_permission, {"Name": "echo-twice", "PermissionType": "Share"}),
    ):
        told = error_of(call, **members)
        assert told["Code"] == "AccessDeniedException"
        assert told["Message"].endswith("only an administrator may.")
    with pytest.raises(Denied) as caught:
        operator.post("/keys", {"role": "administrator"})
    assert (caught.value.status, caught.value.code) == (403, "AccessDeniedException")
    assert caught.value.message == (
        f"{operator.key_id} (role operator) is not authorized to perform: CreateAccessKey; only an administrator may."
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/clock", b'{"advance": "1h"}'),
        ("POST", "/fleet", b'{"add": 1}'),
        ("POST", "/alarms", b'{"disk-full": "ALARM"}'),
        ("POST", "/nodes/mi-0123456789abcdef0/rotate-key", b"{}"),
        ("GET", "/keys", None),
        ("GET", "/calls", None),
    ],
)
def test_operators_neither_turn_the_clock_nor_change_the_fleet_nor_handle_keys(server, method, path, body):
    operator = holder(server, "operator")
    with pytest.raises(Denied) as caught:
        operator.ask(method, path, body)
    assert (caught.value.status, caught.value.code) == (403, "AccessDeniedException")
    assert "(role operator) is not authorized to perform: " in caught.value.message


def test_readers_read_clock_fleet_and_events(server):
    reader = holder(server, "reader")
    assert "now" in str(reader.get("/clock"))
    assert reader.get("/fleet")["nodes"] == []
    assert reader.get("/events") == {"events": [], "next": 0}


def test_every_route_asks_for_the_role_that_the_documentation_names(server):
    """Whatever is routed is documented with its least role, and refuses the role below it."""
    page = (Path(__file__).parents[2] / "docs" / "extensions.md").read_text(encoding="utf-8")
    documented = {}
    for row in re.findall(r"^\| `(GET|POST) /_stateward(/[^`?]+)[^`]*` \| (\w+) \|", page, re.MULTILINE):
        documented[row[0], row[1]] = row[2]
    routed = {
        (method, route.path.removeprefix("/_stateward"))
        for route in server.thread_server._routes.routes
        if route.path.startswith("/_stateward/")
        for method in route.methods - {"HEAD"}
    }
    assert set(documented) == routed
    below = {"operator": holder(server, "reader"), "administrator": holder(server, "operator")}
    for (method, path), role in documented.items():
        if role in below:
            with pytest.raises(Denied) as caught:
                below[role].ask(method, re.sub(r"{\w+}", "x", path), b"{}" if method == "POST" else None)
            assert (caught.value.status, caught.value.code) == (403, "AccessDeniedException"), path


# Keys


def test_a_key_of_every_role_is_made_listed_and_revoked_on_a_running_server(server):
    chief = Holder(server)
    made = {role: holder(server, role) for role in ("reader", "operator", "administrator")}
    listed = {key["access_key"]: key for key in chief.get("/keys")["keys"]}
    assert {role: listed[one.key_id]["role"] for role, one in made.items()} == {role: role for role in made}
    assert not any(one.secret in str(listed) for one in made.values())
    reader = made["reader"]
    assert listed[reader.key_id]["last_used"] is None
    reader.client().list_documents()
    (seen,) = [key for key in chief.get("/keys")["keys"] if key["access_key"] == reader.key_id]
    assert seen["last_used"] >= seen["created"]
    chief.post(f"/keys/{reader.key_id}/revoke")
    assert error_of(reader.client().list_documents)["Code"] == "UnrecognizedClientException"
    with pytest.raises(Denied) as caught:
        chief.post(f"/keys/{reader.key_id}/revoke")
    assert caught.value.status == 404


def test_the_last_use_is_written_once_a_minute_at_most(server):
    reader = holder(server, "reader")
    written = []

    async def noted(tx):
        return await tx.value("SELECT last_used_ms FROM access_keys WHERE access_key_id = $1", reader.key_id)

    for _ in range(5):
        reader.client().list_documents()
        written.append(server.reading(noted))
    assert len(set(written)) == 1


def test_the_server_s_last_administrator_stays(server):
    chief = Holder(server)
    with pytest.raises(Denied, match="last administrator's key") as caught:
        chief.post(f"/keys/{chief.key_id}/revoke")
    assert caught.value.status == 409
    holder(server, "administrator").post(f"/keys/{chief.key_id}/revoke")
    with pytest.raises(Denied):
        chief.get("/keys")


def test_another_account_s_administrator_looks_after_the_keys_of_that_account_only(server):
    other = holder(server, "administrator", account="210987654321")
    mine = Holder(server)
    assert [key["access_key"] for key in other.get("/keys")["keys"]] == [other.key_id]
    assert {key["account"] for key in mine.get("/keys")["keys"]} == {"123456789012", "210987654321"}
    assert other.post("/keys", {"role": "reader"})["account"] == "210987654321"
    for path, body, status in (
        ("/keys", {"role": "administrator", "account": "123456789012"}, 403),
        (f"/keys/{mine.key_id}/revoke", {}, 404),
    ):
        with pytest.raises(Denied) as caught:
            other.post(path, body)
        assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"role": "root"}, "a role is reader, operator or administrator"),
        ({"role": "reader", "account": "12"}, "an account id has twelve digits"),
        ({}, "CreateAccessKey takes role, account"),
        ({"role": "reader", "colour": "red"}, "CreateAccessKey takes role, account"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_with_what_would_be_right(server, body, text):
    with pytest.raises(Denied) as caught:
        Holder(server).post("/keys", body)
    assert (caught.value.status, caught.value.code) == (400, "ValidationException")
    assert text in caught.value.message


def test_a_repeated_request_for_a_key_makes_one(server):
    chief = Holder(server)
    first, second = (
        chief.post("/keys", {"role": "reader"}, **{"amz-sdk-invocation-id": "once-and-again"}) for _ in range(2)
    )
    assert first == second
    assert len(chief.get("/keys")["keys"]) == 2
