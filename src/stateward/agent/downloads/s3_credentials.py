"""The keys that S3 is asked with: of the environment, of the container, or of the instance; else none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

METADATA_URL = "http://169.254.169.254"
CONTAINER_URL = "http://169.254.170.2"
_ROLE_PATH = "/latest/meta-data/iam/security-credentials/"
_TIMEOUT_S = 1.0


class S3Credentials(msgspec.Struct, frozen=True):
    """Keys of AWS, or of a server that speaks S3; they never are the node's own, which only its server knows."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


async def find(environment: Mapping[str, str] = os.environ) -> S3Credentials | None:
    """The first that there are; None: requests are not signed, which public objects do not need."""
    key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key_id and secret:
        return S3Credentials(key_id, secret, environment.get("AWS_SESSION_TOKEN", ""))
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as http:
        try:
            return await _of_container(http, environment) or await _of_instance(http, environment)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, UnicodeDecodeError):
            return None


async def _of_container(http: httpx.AsyncClient, environment: Mapping[str, str]) -> S3Credentials | None:
    address = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if path := environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        address = CONTAINER_URL + path
    if not address:
        return None
    token = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    return _read(await http.get(address, headers={"authorization": token} if token else {}))


async def _of_instance(http: httpx.AsyncClient, environment: Mapping[str, str]) -> S3Credentials | None:
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    base = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", METADATA_URL).rstrip("/")
    asked = await http.put(f"{base}/latest/api/token", headers={"x-aws-ec2-metadata-token-ttl-seconds": "300"})
    if asked.status_code != 200:
        return None
    headers = {"x-aws-ec2-metadata-token": asked.text}
    roles = await http.get(base + _ROLE_PATH, headers=headers)
    if roles.status_code != 200 or not roles.text.strip():
        return None
    return _read(await http.get(base + _ROLE_PATH + roles.text.split()[0], headers=headers))


def _read(answer: httpx.Response) -> S3Credentials | None:
    if answer.status_code != 200:
        return None
    found = msgspec.json.decode(answer.content, type=dict[str, Any])
    key_id, secret = found.get("AccessKeyId"), found.get("SecretAccessKey")
    if not isinstance(key_id, str) or not isinstance(secret, str):
        return None
    return S3Credentials(key_id, secret, str(found.get("Token") or ""))
