"""How a command finds its server: AWS's own configuration, or else the server of this machine (console 6)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import typer

from stateward.config import ADDRESS_FILE, DEFAULT_REGION, Address, data_home

FAILED, NOT_FOUND, NOT_ALLOWED, NOT_REACHABLE, TOO_LATE, USAGE, INTERRUPTED = 1, 3, 4, 5, 6, 64, 130
DIFFERENT = 2
TIMEOUT_S = 30.0
SILENT_S = 60.0
"""A stream of output says something every 15 seconds."""
NOT_FOUND_CODES = (
    "AssociationDoesNotExist",
    "AssociationExecutionDoesNotExist",
    "InvalidActivationId",
    "InvalidCommandId",
    "InvalidInstanceId",
    "InvalidResourceId",
    "InvocationDoesNotExist",
    "NotFound",
    "ParameterNotFound",
)
NOT_ALLOWED_CODES = (
    "AccessDeniedException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "ExpiredTokenException",
    "MissingAuthenticationTokenException",
)


class Where(msgspec.Struct, frozen=True):
    """What the options say; empty: look for it."""

    endpoint: str = ""
    region: str = ""
    profile: str = ""
    ca_bundle: str = ""
    data_dir: Path | None = None
    aws: bool = False


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say what is wrong on standard error, and end with a code of console 6."""
    typer.echo(f"stateward: {message}", err=True)
    raise typer.Exit(code)


class Server:
    """A server and the key to talk to it with. What goes wrong ends the program with a sentence and its exit code."""

    def __init__(self, where: Where) -> None:
        from botocore.exceptions import BotoCoreError

        folder = where.data_dir or data_home("stateward")
        try:
            session = _aws_session(where)
            # botocore itself reads AWS_DEFAULT_REGION only.
            region = where.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
            settings: dict[str, Any] = {"verify": where.ca_bundle} if where.ca_bundle else {}
            endpoint = where.endpoint or _configured(session, region, aws=where.aws)
            if not endpoint:
                endpoint, region = _local(folder, region)
            region = region or Address.load(folder).region or DEFAULT_REGION
            if session.get_credentials() is None:
                settings |= _local_key(folder, endpoint)
            if not where.ca_bundle and not os.environ.get("AWS_CA_BUNDLE"):
                settings |= _local_ca(folder, endpoint)
            self.ssm: Any = session.create_client("ssm", endpoint_url=endpoint, region_name=region, **settings)
            self._key = session.get_credentials() if "aws_access_key_id" not in settings else None
        except BotoCoreError as error:
            fail(str(error), USAGE)
        self.endpoint: str = endpoint.rstrip("/")
        self.region: str = region
        verify = settings.get("verify") or os.environ.get("AWS_CA_BUNDLE") or None
        self.ca_file = None if verify is None else str(verify)
        self._access = settings.get("aws_access_key_id", ""), settings.get("aws_secret_access_key", ""), None
        if self._key is not None:
            frozen = self._key.get_frozen_credentials()
            self._access = frozen.access_key, frozen.secret_key, frozen.token

    def announce(self, *, quiet: bool = False) -> None:
        """Before a write: where it goes (console 6)."""
        if quiet:
            return
        typer.echo(f"→ {self.endpoint} · {self.region} · key {self._access[0] or 'none'}", err=True)

    def call(self, operation: str, **members: Any) -> Any:
        """One operation of the API, by its name in snake case."""
        import botocore.exceptions as failures

        try:
            return getattr(self.ssm, operation)(**members)
        except failures.ClientError as error:
            told = error.response["Error"]
            fail(f"{told['Code']}: {told['Message']}", exit_code_of(told["Code"]))
        except (failures.NoCredentialsError, failures.PartialCredentialsError) as error:
            fail(f"{error}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, see `stateward credentials`", NOT_ALLOWED)
        except failures.ParamValidationError as error:
            fail(" ".join(str(error).split()), USAGE)
        except (failures.HTTPClientError, failures.ConnectionError) as error:
            fail(f"{self.endpoint} cannot be reached: {error}", NOT_REACHABLE)
        except failures.BotoCoreError as error:
            fail(str(error), USAGE)

    def pages(self, operation: str, member: str, **members: Any) -> list[Any]:
        """Everything that a listing has."""
        return self.some(operation, member, None, **members)

    def some(self, operation: str, member: str, limit: int | None, **members: Any) -> list[Any]:
        """The first entries of a listing, at most `limit`; 0 and None: all."""
        found: list[Any] = []
        token: dict[str, str] = {}
        while True:
            answer = self.call(operation, **members, **token)
            found += answer[member]
            if limit and len(found) >= limit:
                return found[:limit]
            if not answer.get("NextToken"):
                return found
            token = {"NextToken": answer["NextToken"]}

    def now_ms(self) -> int:
        """The server's time: its clock may be a virtual one."""
        from datetime import datetime

        from stateward.clock import wall_ms

        clock = self.own("/_stateward/clock")
        return int(datetime.fromisoformat(clock["now"]).timestamp() * 1000) if clock else wall_ms()

    def own(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        *,
        patient: bool = False,
    ) -> Any:
        """A route of Stateward's own below `/_stateward`; None where the server has no such route (AWS)."""
        with self._asked(path, body, query, patient=patient) as answer:
            return self._answered(answer)

    @contextmanager
    def stream(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[Any]:
        """An answer of such a route that is read while it comes, as httpx has it; None where there is no such route."""
        with self._asked(path, None, query, patient=True) as answer:
            yield answer if answer.status_code == 200 else self._answered(answer)

    @contextmanager
    def attempt(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Iterator[Any]:
        """The same for those who try again by themselves, whatever its status is. Raises httpx.HTTPError, OSError."""
        asked, signed = self._signed("GET", path, query)
        with self._open("GET", asked, {**headers, **signed}, read_s=SILENT_S) as answer:
            yield answer

    def public(self, path: str) -> bytes | None:
        """A file that the server hands out to anybody; None where it has none."""
        with self._http("GET", path, {}, b"") as answer:
            return bytes(answer.read()) if answer.status_code == 200 else None

    def _answered(self, answer: Any) -> Any:
        try:
            told = msgspec.json.decode(answer.read())
        except msgspec.DecodeError:
            return None
        if answer.status_code == 200:
            return told
        if not isinstance(told, dict) or "error" not in told:
            return None
        code = NOT_FOUND if answer.status_code == 404 else exit_code_of(told["error"])
        fail(f"{told['error']}: {told['message']}", code)

    def _asked(
        self, path: str, body: dict[str, Any] | None, query: Mapping[str, str] | None, *, patient: bool = False
    ) -> AbstractContextManager[Any]:
        """A signed request; `patient`: the answer may take as long as it likes."""
        content = b"" if body is None else msgspec.json.encode(body)
        method = "GET" if body is None else "POST"
        asked, headers = self._signed(method, path, query or {}, content)
        return self._http(method, asked, headers, content, patient=patient)

    def _signed(
        self, method: str, path: str, query: Mapping[str, str], content: bytes = b""
    ) -> tuple[str, dict[str, str]]:
        """The path with its query, and the headers."""
        from stateward.access.signing import SignedRequest, sign_hmac
        from stateward.clock import wall_ms

        headers = {"host": urlsplit(self.endpoint).netloc}
        if method == "POST":
            headers["content-type"] = "application/json"
        asked = urlencode(query, quote_via=quote)
        access_key_id, secret, token = self._access
        signed = sign_hmac(
            SignedRequest(method, path, asked, headers, content),
            access_key_id=access_key_id,
            secret_access_key=secret,
            session_token=token,
            region=self.region,
            service="stateward",
            now_ms=wall_ms(),
        )
        return f"{path}?{asked}" if asked else path, {**headers, **signed}

    @contextmanager
    def _http(
        self, method: str, path: str, headers: dict[str, str], content: bytes, *, patient: bool = False
    ) -> Iterator[Any]:
        import ssl

        import httpx

        try:
            with self._open(method, path, headers, content, read_s=None if patient else TIMEOUT_S) as answer:
                yield answer
        except (httpx.HTTPError, ssl.SSLError, ConnectionError) as error:
            fail(f"{self.endpoint} cannot be reached: {error}", NOT_REACHABLE)

    @contextmanager
    def _open(
        self, method: str, path: str, headers: dict[str, str], content: bytes = b"", *, read_s: float | None
    ) -> Iterator[Any]:
        import ssl

        import httpx

        trusted = ssl.create_default_context(cafile=self.ca_file)
        with (
            httpx.Client(verify=trusted, timeout=httpx.Timeout(TIMEOUT_S, read=read_s)) as http,
            http.stream(method, f"{self.endpoint}{path}", headers=headers, content=content) as answer,
        ):
            yield answer


def exit_code_of(code: str) -> int:
    """The exit code for an error of the API."""
    if code in NOT_FOUND_CODES:
        return NOT_FOUND
    return NOT_ALLOWED if code in NOT_ALLOWED_CODES else FAILED


def is_named(where: Where) -> bool:
    """Whether the options, or AWS's configuration, name a server; a data directory that is given stands before both."""
    if where.data_dir is not None:
        return False
    return bool(where.endpoint or _configured(_aws_session(where), where.region, aws=where.aws))


def _aws_session(where: Where) -> Any:
    """AWS's configuration on this machine. botocore's clients are boto3's, and are there sooner."""
    from botocore.session import Session

    return Session(profile=where.profile or None)


def _configured(session: Any, region: str | None, *, aws: bool) -> str:
    """The endpoint that AWS's configuration names, empty when it would be AWS itself and that was not asked for."""
    found = str(session.create_client("ssm", region_name=region or DEFAULT_REGION).meta.endpoint_url)
    host = urlsplit(found).hostname or ""
    return "" if not aws and host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")) else found


def _local(folder: Path, region: str | None) -> tuple[str, str]:
    if not (folder / ADDRESS_FILE).exists():
        fail(
            "which server? Give --endpoint-url, set AWS_ENDPOINT_URL_SSM, or run this where the server's data are "
            f"({folder} has none; --data-dir names another)",
            NOT_REACHABLE,
        )
    known = Address.load(folder)
    return known.endpoint, region or known.region


def _local_key(folder: Path, endpoint: str) -> dict[str, str]:
    """The administrator's key in the data directory, if that is this server's and can be read."""
    from stateward.cli import credentials
    from stateward.cli.loop import run_loop

    known = Address.load(folder)
    if not (folder / ADDRESS_FILE).exists() or endpoint not in (known.endpoint, known.tls_endpoint):
        return {}
    try:
        key = run_loop(credentials.Keys(folder).administrator(known.account_id))
    except credentials.NoCredentials as error:
        fail(str(error), NOT_ALLOWED)
    return {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}


def _local_ca(folder: Path, endpoint: str) -> dict[str, str]:
    from stateward.tls.authority import ca_path

    path = ca_path(folder)
    mine = endpoint == Address.load(folder).tls_endpoint
    return {"verify": str(path)} if mine and os.access(path, os.R_OK) else {}
