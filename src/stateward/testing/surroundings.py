"""What a test's process is told, so that every AWS client in it, and in its children, finds the server (D59)."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
# They would lead clients elsewhere, or to the credentials of a real account.
TAKEN_AWAY = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)


def variables(url: str, region: str, access_key_id: str, secret_access_key: str) -> dict[str, str]:
    """The environment variables for clients of a server."""
    return {
        "AWS_ENDPOINT_URL_SSM": url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        **{name: _without_proxy(os.environ.get(name, "")) for name in ("NO_PROXY", "no_proxy")},
    }


def write_profiles(path: Path, values: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """A file instead of the user's own with these profiles, all alike; the variables that lead to it."""
    file = configparser.RawConfigParser()
    for name in names:
        file[f"profile {name}"] = {
            "region": values["AWS_REGION"],
            "aws_access_key_id": values["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": values["AWS_SECRET_ACCESS_KEY"],
        }
    with path.open("w", encoding="utf-8") as text:
        file.write(text)
    return {"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@contextmanager
def surroundings(values: Mapping[str, str], session: Any) -> Iterator[None]:
    """These variables are set, and boto3's default session is a new one (`session` is botocore's); then as before."""
    import boto3

    before = {name: os.environ.get(name) for name in (*values, *TAKEN_AWAY)}
    default_session = boto3.DEFAULT_SESSION
    for name in TAKEN_AWAY:
        os.environ.pop(name, None)
    os.environ.update(values)
    boto3.setup_default_session(botocore_session=session)
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = default_session
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _without_proxy(hosts: str) -> str:
    return ",".join(filter(None, (hosts, LOOPBACK)))
