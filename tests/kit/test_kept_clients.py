"""Clients that code keeps, from one test to the next or from before the first, reach the server of each test (D59)."""

import functools
import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import ClientError, ProfileNotFound

from stateward.testing import StateManager


@functools.cache
def client():
    return boto3.client("ssm")


@pytest.fixture(autouse=True, scope="module")
def fresh():
    client.cache_clear()


@pytest.mark.parametrize("number", range(3))
def test_a_client_that_is_kept_works_in_every_test(state_manager, number):
    assert client().describe_instance_information()["InstanceInformationList"] == []
    state_manager.fleet.add(number + 1)
    assert len(client().describe_instance_information()["InstanceInformationList"]) == number + 1


def test_the_address_stays_the_same():
    urls = []
    for _ in range(2):
        with StateManager() as state_manager:
            urls.append(state_manager.url)
    assert urls[0] == urls[1]


def test_two_at_a_time_have_an_address_each():
    with StateManager() as first, StateManager() as second:
        second.fleet.add(1)
        assert first.url != second.url
        assert first.fleet.nodes == []


def test_between_tests_a_kept_client_is_told_that_nobody_is_there():
    with StateManager():
        kept = boto3.client("ssm")
        assert kept.list_associations()["Associations"] == []
    with pytest.raises(ClientError, match="used outside of a test that has the fixture state_manager"):
        kept.list_associations()


def test_a_profile_that_the_code_names_is_one_of_the_kit():
    with StateManager(profiles=["prod"], region="eu-west-1") as state_manager:
        state_manager.fleet.add(2)
        session = boto3.Session(profile_name="prod")
        assert session.region_name == "eu-west-1"
        assert len(session.client("ssm").describe_instance_information()["InstanceInformationList"]) == 2


def test_no_profile_of_the_users_own_is_there(monkeypatch, tmp_path):
    own = tmp_path / "config"
    own.write_text("[profile prod]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(own))
    with StateManager(), pytest.raises(ProfileNotFound):
        # Making a session asks for the profile only where AWS_DATA_PATH is not set, which importing the AWS CLI does.
        boto3.Session(profile_name="prod").get_credentials()


PROJECT = {
    "conftest.py": "from stateward.testing import prepare\n\nprepare(region='eu-west-1')\n",
    "jobs.py": "import boto3\n\nssm = boto3.client('ssm')\n",
    "test_jobs.py": """
from jobs import ssm
import pytest

@pytest.fixture
def state_manager_settings():
    return {"region": "eu-west-1"}

@pytest.mark.parametrize("number", range(2))
def test_kept(state_manager, number):
    state_manager.fleet.add(number + 1)
    assert len(ssm.describe_instance_information()["InstanceInformationList"]) == number + 1
""",
}


def test_a_client_that_is_made_at_import_works_once_the_kit_is_prepared(tmp_path):
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", "-p", "no:anyio", "-W", "error"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "2 passed" in ran.stdout, ran.stdout
