"""A database is served with the master key that it was made with, or not at all (design 3)."""

import pytest
from botocore.exceptions import ClientError

from stateward.access.key_proof import AnotherMasterKey

LOST = (
    "{path}: {what}. Without that key the access keys and the SecureStrings in the database cannot be read. Put the "
    "file back from its backup; if it is lost for ever, start once with --new-master-key, which gives both up"
)


@pytest.fixture
def stopped(start_server):
    """A server that has a SecureString, and was stopped."""
    server = start_server()
    server.client().put_parameter(Name="pin", Value="1234", Type="SecureString")
    server.stop()
    return server


def key_file(server):
    return server.config.data_dir / "master.key"


def test_another_key_is_refused_at_the_start(stopped):
    right = key_file(stopped).read_bytes()
    key_file(stopped).write_bytes(bytes(32))
    with pytest.raises(AnotherMasterKey) as caught:
        stopped.start()
    assert str(caught.value) == LOST.format(
        path=key_file(stopped), what="not the master key that the database was made with"
    )
    key_file(stopped).write_bytes(right)
    stopped.start()
    assert stopped.client().get_parameter(Name="pin", WithDecryption=True)["Parameter"]["Value"] == "1234"


def test_a_missing_key_is_not_made_anew(stopped):
    key_file(stopped).unlink()
    with pytest.raises(AnotherMasterKey) as caught:
        stopped.start()
    assert str(caught.value) == LOST.format(path=key_file(stopped), what="the database's key is missing")
    assert not key_file(stopped).exists()


@pytest.mark.parametrize("content", [None, bytes(32)], ids=["missing", "another"])
def test_a_new_key_gives_up_what_the_old_one_sealed(start_server, stopped, content):
    key_file(stopped).unlink()
    if content is not None:
        key_file(stopped).write_bytes(content)
    server = start_server(stopped.config.data_dir, new_master_key=True)
    ssm = server.client()
    with pytest.raises(ClientError) as caught:
        ssm.get_parameter(Name="pin", WithDecryption=True)
    assert caught.value.response["Error"]["Code"] == "InvalidKeyId"
    ssm.put_parameter(Name="pin", Value="5678", Type="SecureString", Overwrite=True)
    server.stop()
    again = start_server(stopped.config.data_dir)
    assert again.client().get_parameter(Name="pin", WithDecryption=True)["Parameter"]["Value"] == "5678"


def test_the_administrator_gets_another_key(start_server, tmp_path):
    made = {"admin_access_key_id": None, "admin_secret_access_key": None}

    async def keys(tx):
        return await tx.column("SELECT access_key_id FROM access_keys")

    first = start_server(tmp_path, **made)
    (old,) = first.reading(keys)
    first.stop()
    key_file(first).unlink()
    second = start_server(tmp_path, new_master_key=True, **made)
    (new,) = second.reading(keys)
    assert new != old
    second.stop()
    third = start_server(tmp_path, new_master_key=True, **made)
    assert third.reading(keys) == [new], "the option changes nothing when the key is right"
