"""Writing objects to S3, or to what speaks like it, with the server's own credentials (D39)."""

from __future__ import annotations

import threading
from typing import Any

from stateward.commands.output_location import OutputFile

CONNECT_S = 5
READ_S = 20


class S3:
    """Clients by region, made when first needed: until then boto3 is not loaded. Used from threads.

    Credentials come from where AWS's programs look for them (environment, profile, instance role).
    """

    def __init__(self, endpoint: str | None, region: str) -> None:
        self._endpoint = endpoint
        self._region = region
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def put(self, bucket: str, region: str | None, file: OutputFile) -> None:
        """Write one object. Raises what boto3 raises."""
        self._client(region or self._region).put_object(
            Bucket=bucket,
            Key=file.key,
            Body=file.body,
            ContentType="text/plain; charset=utf-8",
            ACL="bucket-owner-full-control",
        )

    def _client(self, region: str) -> Any:
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._connected(region)
            return self._clients[region]

    def _connected(self, region: str) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"total_max_attempts": 1},  # what failed is tried again by the engine
            s3={"addressing_style": "path" if self._endpoint else "auto"},
            request_checksum_calculation="when_required",  # not everything that speaks S3 knows the newer ones
            response_checksum_validation="when_required",
        )
        session = boto3.session.Session()  # one of our own: the shared default is not safe in threads
        return session.client("s3", region_name=region, endpoint_url=self._endpoint, config=config)
