"""sourceType S3: an object, or everything below a key, of AWS or of what speaks S3 (spec 5.5)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import httpx

from stateward.access.signing import SignedRequest, sign_hmac
from stateward.agent.downloads import placing, s3_address, s3_credentials, web
from stateward.agent.downloads.fetching import Budget, Fetched, Order
from stateward.agent.downloads.s3_address import S3Address
from stateward.agent.downloads.s3_credentials import S3Credentials
from stateward.agent.plugins.step import StepFailed
from stateward.clock import Clock

MOST_LISTING_BYTES = 8 * 1024 * 1024
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()
_SPACE = "{*}"


async def fetch(order: Order) -> Fetched:
    """The object of that key; where there is none, or the key ends with a slash, everything below it."""
    setting = order.setting
    address = s3_address.read(order.info.required("path"), setting.sources.s3_endpoint, setting.region)
    async with web.new_http() as http:
        bucket = _Bucket(http, address, await s3_credentials.find(), setting.clock)
        if not address.key.endswith("/"):
            name = placing.parts_of(address.key)[-1]
            try:
                await bucket.download(address.key, order.folder / name, order.budget)
                return Fetched(order.folder, name)
            except web.HttpRefused as error:
                if error.status not in (403, 404):
                    raise
                refused = error
        else:
            refused = web.HttpRefused(f"{address.base}/{address.bucket}/{address.key}", 404, "Not Found")
        content = order.folder / "content"
        content.mkdir()
        if not await bucket.download_below(f"{address.key.rstrip('/')}/", content, order.budget):
            raise refused
    return Fetched(content)


class _Bucket:
    """Signed requests to one bucket; not signed where there are no keys."""

    def __init__(
        self, http: httpx.AsyncClient, address: S3Address, credentials: S3Credentials | None, clock: Clock
    ) -> None:
        self._http = http
        self._address = address
        self._credentials = credentials
        self._clock = clock
        self._base = web.checked_address(address.base, insecure=True)

    async def download(self, key: str, target: Path, budget: Budget) -> None:
        path = self._address.object_path(key)
        url = self._base.copy_with(raw_path=path.encode())
        await web.download(self._http, url, target, budget, headers=self._signed(path, ""), insecure=True)

    async def download_below(self, prefix: str, folder: Path, budget: Budget) -> int:
        """Every object below a prefix; how many there were."""
        count, token = 0, ""
        while True:
            keys, token = await self._list(prefix, token)
            for key in keys:
                relative = key.removeprefix(prefix)
                if not relative or relative.endswith("/"):
                    continue  # what consoles make to show a folder
                target = folder.joinpath(*placing.parts_of(relative))
                target.parent.mkdir(parents=True, exist_ok=True)
                await self.download(key, target, budget)
                count += 1
            if not token:
                return count

    async def _list(self, prefix: str, token: str) -> tuple[list[str], str]:
        pairs = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
        query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(pairs.items()))
        path = f"/{self._address.bucket}"
        url = self._base.copy_with(raw_path=f"{path}?{query}".encode())
        body = await web.read(self._http, url, self._signed(path, query), MOST_LISTING_BYTES)
        return _read_listing(body, web.shown(url))

    def _signed(self, path: str, query: str) -> dict[str, str]:
        headers = {"host": self._base.netloc.decode("ascii"), "x-amz-content-sha256": _EMPTY_HASH}
        keys = self._credentials
        if keys is None:
            return headers
        return headers | sign_hmac(
            SignedRequest("GET", path, query, headers, b""),
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token or None,
            region=self._address.region,
            service="s3",
            now_ms=self._clock.wall(),
        )


def _read_listing(body: bytes, address: str) -> tuple[list[str], str]:
    """Keys, and the token of the next page, empty after the last."""
    try:
        listing = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise StepFailed(f"{address}: the listing cannot be read ({error})") from error
    keys = [key.text or "" for key in listing.iterfind(f"{_SPACE}Contents/{_SPACE}Key")]
    cut = listing.findtext(f"{_SPACE}IsTruncated") == "true"
    return keys, (listing.findtext(f"{_SPACE}NextContinuationToken") or "") if cut else ""
