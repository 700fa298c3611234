"""Signature Version 4 and the node's RSA variant of it, both ways (spec 0.1, node protocol 2.3 and 3.2).

The node agent signs with this module too, so it knows only the standard library and `cryptography`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_to_bytes

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SCHEME = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
SKEW_MS = 15 * 60 * 1000
RSA_KEY_BITS = range(2048, 4097)

RSA_SIGNED_HEADERS = ("content-type", "host", "x-amz-date", "x-amz-target")
# Proxies and HTTP stacks change these on the way, so a signature over them would not last.
_NEVER_SIGNED = frozenset({"authorization", "connection", "expect", "transfer-encoding", "user-agent"})
_UNRESERVED = "-_.~"
_AMZ_DATE = "%Y%m%dT%H%M%SZ"
_AMZ_DATE_FORM = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it is on the wire: raw path and query, header names in lower case, the whole body.

    Header values that are not ASCII are decoded as UTF-8 with `surrogateescape`; repeated headers joined by commas.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Authorization:
    """A parsed `Authorization` header; `credential_id` is an access key id, or the node id of the RSA scheme."""

    credential_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    scheme: str = SCHEME

    @property
    def credential_scope(self) -> str:
        """The part of the credential behind the id."""
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


class SignatureError(Exception):
    """Why a signature cannot be accepted: AWS's `code` and `message`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def parse_authorization(headers: Mapping[str, str]) -> Authorization:
    """The parts of the `Authorization` header; signatures in the query string are not taken.

    SignatureError MissingAuthenticationTokenException without the header, IncompleteSignatureException when it is
    not in SigV4's form. An RSA signature is base64 and may contain `/`, `+` and `=` (node protocol 3.2).
    """
    header = headers.get("authorization", "").strip()
    if not header:
        raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")
    scheme, _, rest = header.partition(" ")
    if not header.isascii():
        raise _incomplete("Authorization header must be ASCII.")
    if scheme != SCHEME:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{scheme[:64]}'.")
    parameters = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        if name in parameters:
            raise _incomplete(f"Authorization header repeats the '{name[:64]}' parameter.")
        parameters[name] = value
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not parameters.get(name):
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    return _authorization(parameters["Credential"], parameters["SignedHeaders"], parameters["Signature"])


def string_to_sign(request: SignedRequest, authorization: Authorization) -> str:
    """SigV4's string to sign; the body's hash is always computed here, whatever x-amz-content-sha256 says.

    SignatureError InvalidSignatureException when a signed header is not in the request.
    """
    canonical = canonical_request(request, authorization)
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    date = request.headers.get("x-amz-date", "")
    return f"{SCHEME}\n{date}\n{authorization.credential_scope}\n{digest}"


def canonical_request(request: SignedRequest, authorization: Authorization) -> str:
    """SigV4's canonical request, for people who look for the reason of a mismatch."""
    return "\n".join(
        (
            request.method,
            _canonical_path(request.path, authorization.service),
            _canonical_query(request.query),
            *_canonical_headers(request.headers, authorization.signed_headers),
            "",
            ";".join(authorization.signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def sign_hmac(
    request: SignedRequest,
    *,
    access_key_id: str,
    secret_access_key: str,
    session_token: str | None,
    region: str,
    service: str,
    now_ms: int,
) -> dict[str, str]:
    """The headers to add so that the request is signed with an access key; it must carry `host`."""
    added = {"x-amz-date": amz_date(now_ms)}
    if session_token:
        added["x-amz-security-token"] = session_token
    request = _with_headers(request, added)
    signed = tuple(sorted(request.headers.keys() - _NEVER_SIGNED))
    unsigned = Authorization(access_key_id, added["x-amz-date"][:8], region, service, signed, "")
    signature = _hmac_signature(request, unsigned, secret_access_key)
    return {**added, "authorization": _header(unsigned, signature)}


def sign_rsa(
    request: SignedRequest, *, node_id: str, private_key: rsa.RSAPrivateKey, region: str, service: str, now_ms: int
) -> dict[str, str]:
    """The headers to add so that the request is signed with a node's key (node protocol 3.2).

    The request must carry `content-type`, `host` and `x-amz-target`.
    """
    added = {"x-amz-date": amz_date(now_ms), "x-amz-content-sha256": hashlib.sha256(request.body).hexdigest()}
    request = _with_headers(request, added)
    unsigned = Authorization(node_id, added["x-amz-date"][:8], region, service, RSA_SIGNED_HEADERS, "")
    signature = private_key.sign(string_to_sign(request, unsigned).encode(), _PSS, hashes.SHA256())
    return {**added, "authorization": _header(unsigned, base64.b64encode(signature).decode())}


def verify_hmac(request: SignedRequest, authorization: Authorization, secret_access_key: str) -> bool:
    """Whether the signature was made with this secret; the comparison takes constant time."""
    expected = _hmac_signature(request, authorization, secret_access_key)
    return hmac.compare_digest(expected.encode(), authorization.signature.encode())


def verify_rsa(request: SignedRequest, authorization: Authorization, public_key_der_base64: str) -> bool:
    """Whether the signature was made with the private half of this key; ValueError if the key itself is none."""
    public_key = node_public_key(public_key_der_base64)
    text = string_to_sign(request, authorization).encode()
    try:
        signature = base64.b64decode(authorization.signature.encode(), validate=True)
        public_key.verify(signature, text, _PSS, hashes.SHA256())
    except (binascii.Error, InvalidSignature):
        return False
    # Base64's spare bits would let a recorded signature come again under another spelling.
    return base64.b64encode(signature).decode() == authorization.signature


def node_public_key(public_key_der_base64: str) -> rsa.RSAPublicKey:
    """The key that a node registers: base64 of DER SubjectPublicKeyInfo, RSA of 2048 to 4096 bits; else ValueError."""
    try:
        der = base64.b64decode(public_key_der_base64.encode(), validate=True)
        key = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"public key must be base64 of a DER SubjectPublicKeyInfo: {error}") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError(f"public key is {type(key).__name__}, must be RSA")
    if key.key_size not in RSA_KEY_BITS:
        raise ValueError(f"public key has {key.key_size} bits, must have {RSA_KEY_BITS[0]} to {RSA_KEY_BITS[-1]}")
    return key


def check_required_signed_headers(authorization: Authorization, required: Iterable[str]) -> None:
    """SignatureError InvalidSignatureException unless the signature covers all these headers (lower-case names)."""
    for name in required:
        if name not in authorization.signed_headers:
            raise _invalid(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def check_date(headers: Mapping[str, str], authorization: Authorization, wall_ms: int, skew_ms: int = SKEW_MS) -> None:
    """Whether `x-amz-date` is well formed, of the credential's day and within `skew_ms` of the wall clock.

    SignatureError IncompleteSignatureException for no or a malformed date, else InvalidSignatureException, with AWS's
    texts.
    """
    text = headers.get("x-amz-date", "")
    if not text:
        raise _incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    signed_ms = _parsed_amz_date(text)
    if text[:8] != authorization.date:
        raise _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{authorization.date}' != '{text[:8]}', from '{text}'."
        )
    minutes = skew_ms // 60_000
    now = amz_date(wall_ms)
    if signed_ms < wall_ms - skew_ms:
        earliest = amz_date(wall_ms - skew_ms)
        raise _invalid(f"Signature expired: {text} is now earlier than {earliest} ({now} - {minutes} min.)")
    if signed_ms > wall_ms + skew_ms:
        latest = amz_date(wall_ms + skew_ms)
        raise _invalid(f"Signature not yet current: {text} is still later than {latest} ({now} + {minutes} min.)")


def amz_date(ms: int) -> str:
    """An instant in `x-amz-date`'s form, `20150830T123600Z`."""
    return (_EPOCH + timedelta(milliseconds=ms)).strftime(_AMZ_DATE)


def _authorization(credential: str, signed_headers: str, signature: str) -> Authorization:
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or not all(parts):
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential[:256]}'"
        )
    credential_id, date, region, service, terminator = parts
    if terminator != TERMINATOR:
        raise _invalid(f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator[:64]}'.")
    return Authorization(credential_id, date, region, service, tuple(signed_headers.split(";")), signature)


def _parsed_amz_date(text: str) -> int:
    try:
        # fromisoformat takes many other forms too.
        if not _AMZ_DATE_FORM.fullmatch(text):
            raise ValueError(text)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{text[:64]}'.") from None
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def _canonical_path(path: str, service: str) -> str:
    # S3 signs the path as it is sent; every other service normalises it and encodes it once more.
    if service == "s3" or path in {"", "/"}:
        return path or "/"
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    normalised = "/" + "/".join(segments) + ("/" if segments and path.endswith("/") else "")
    return quote(normalised, safe="/" + _UNRESERVED, errors="surrogateescape")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = (parameter.partition("=") for parameter in query.split("&") if parameter)
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, _, v in pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("utf-8", "surrogateescape")), safe=_UNRESERVED)


def _canonical_headers(headers: Mapping[str, str], signed_headers: tuple[str, ...]) -> list[str]:
    lines = []
    for name in signed_headers:
        value = headers.get(name)
        if value is None:
            raise _invalid(f"The request lacks the header '{name[:64]}' that is named in 'SignedHeaders'.")
        lines.append(f"{name}:{' '.join(value.split())}")
    return lines


def _hmac_signature(request: SignedRequest, authorization: Authorization, secret_access_key: str) -> str:
    key = f"AWS4{secret_access_key}".encode()
    for part in (authorization.date, authorization.region, authorization.service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, string_to_sign(request, authorization).encode(), "sha256").hex()


def _with_headers(request: SignedRequest, added: Mapping[str, str]) -> SignedRequest:
    return SignedRequest(request.method, request.path, request.query, {**request.headers, **added}, request.body)


def _header(authorization: Authorization, signature: str) -> str:
    return (
        f"{SCHEME} Credential={authorization.credential_id}/{authorization.credential_scope}, "
        f"SignedHeaders={';'.join(authorization.signed_headers)}, Signature={signature}"
    )


def _incomplete(message: str) -> SignatureError:
    return SignatureError("IncompleteSignatureException", message)


def _invalid(message: str) -> SignatureError:
    return SignatureError("InvalidSignatureException", message)
