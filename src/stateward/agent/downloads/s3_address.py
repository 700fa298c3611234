"""What an S3 path names, and where that is asked for (spec 5.5; recorded: `https://s3.<region>.amazonaws.com/…`)."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

import msgspec

from stateward.agent.plugins.step import StepFailed

_PATH_STYLE = re.compile(r"s3[.-](?:dualstack\.)?(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?|s3\.amazonaws\.com")
_HOST_STYLE = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3(?:[.-](?:dualstack\.)?(?P<region>[a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?"
)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


class S3Address(msgspec.Struct, frozen=True):
    """An object, or everything below a key that ends with a slash; `base` is scheme and host."""

    base: str
    bucket: str
    key: str
    region: str

    def object_path(self, key: str) -> str:
        """The path of an object, encoded as it is signed and sent."""
        return "/" + quote(f"{self.bucket}/{key}", safe="/-_.~")


def read(path: str, endpoint: str, region: str) -> S3Address:
    """The address that a text names: s3://bucket/key, one of AWS's two forms, or another server's https://host/bucket/key.

    AWS's addresses lead to `endpoint` where one is configured. Raises StepFailed.
    """
    parts = urlsplit(path)
    where = unquote(parts.path).lstrip("/")
    if parts.scheme == "s3":
        return _address(_aws(region, endpoint), parts.netloc, where, region)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise StepFailed(f"sourceInfo.path {path[:200]!r}: use https://s3.<region>.amazonaws.com/<bucket>/<key>")
    if found := _PATH_STYLE.fullmatch(parts.hostname):
        region = found["region"] or "us-east-1"
        bucket, _, key = where.partition("/")
        return _address(_aws(region, endpoint), bucket, key, region)
    if found := _HOST_STYLE.fullmatch(parts.hostname):
        region = found["region"] or "us-east-1"
        return _address(_aws(region, endpoint), found["bucket"], where, region)
    if parts.username is not None:
        raise StepFailed("sourceInfo.path: an address with a password in it is not used")
    bucket, _, key = where.partition("/")
    base = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme == "http" and base != endpoint.rstrip("/"):
        raise StepFailed("sourceInfo.path is not secure: use https, or configure the agent's --s3-endpoint")
    return _address(base, bucket, key, region)


def _aws(region: str, endpoint: str) -> str:
    if endpoint:
        return endpoint.rstrip("/")
    return f"https://s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _address(base: str, bucket: str, key: str, region: str) -> S3Address:
    if not _BUCKET.fullmatch(bucket):
        raise StepFailed(f"sourceInfo.path: {bucket[:80]!r} is not the name of a bucket")
    if not key:
        raise StepFailed("sourceInfo.path: name an object of the bucket, or a folder with a slash at its end")
    return S3Address(base, bucket, key, region)
