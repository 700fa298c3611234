"""Where downloaded content comes from, and how much of it a node takes."""

from __future__ import annotations

import msgspec

GITHUB_URL = "https://api.github.com"
MOST_BYTES = 1024**3
MOST_FILES = 50_000


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """`s3_endpoint` stands for AWS's own S3 when it is set; the limits hold for one step."""

    github_url: str = GITHUB_URL
    s3_endpoint: str = ""
    most_bytes: int = MOST_BYTES
    most_files: int = MOST_FILES
