import base64
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from stateward.access import signing
from stateward.access.signing import SignatureError, SignedRequest

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "official-agent"
SIGV4 = json.loads((RECORDINGS / "vector-sigv4.json").read_text())
RSA = json.loads((RECORDINGS / "vector-rsa-pss-signature.json").read_text())
SECRET = SIGV4["credentials"]["SecretAccessKey"]
NOW_MS = 1795450591000  # 2026-11-23T16:16:31Z


def recorded(request):
    path, _, query = request["path"].partition("?")
    headers = {name.lower(): value for name, value in request["headers"].items()}
    return SignedRequest(request["method"], path, query, headers, request["body"].encode())


def spki(public_key):
    der = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def with_header(request, name, value):
    return replace(request, headers={**request.headers, name: value})


@pytest.fixture(scope="module")
def node_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def ssm_request():
    headers = {
        "host": "localhost:8443",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "AmazonSSM.RequestManagedInstanceRoleToken",
    }
    return SignedRequest("POST", "/", "", headers, b'{"Fingerprint":"x"}')


def hmac_headers(request, **changes):
    credentials = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret", "session_token": None}
    scope = {"region": "eu-central-1", "service": "ssm", "now_ms": NOW_MS}
    return signing.sign_hmac(request, **{**credentials, **scope, **changes})


def signed(request, added):
    request = replace(request, headers={**request.headers, **added})
    return request, signing.parse_authorization(request.headers)


@pytest.mark.parametrize("name", SIGV4["requests"])
def test_recorded_signatures_of_the_agent_verify(name):
    request = recorded(SIGV4["requests"][name])
    authorization = signing.parse_authorization(request.headers)
    assert authorization.credential_id == SIGV4["credentials"]["AccessKeyId"]
    assert signing.verify_hmac(request, authorization, SECRET)
    assert not signing.verify_hmac(request, authorization, SECRET + "x")
    assert not signing.verify_hmac(replace(request, body=request.body + b" "), authorization, SECRET)
    assert not signing.verify_hmac(replace(request, path=request.path + "x"), authorization, SECRET)
    assert not signing.verify_hmac(replace(request, query=request.query + "&x=1"), authorization, SECRET)
    assert not signing.verify_hmac(with_header(request, "host", "other"), authorization, SECRET)


def test_a_recorded_rsa_signature_verifies():
    request = recorded(RSA["request"])
    authorization = signing.parse_authorization(request.headers)
    key = RSA["public_key_spki_base64"]
    assert authorization.credential_id == "mi-ad66ae3a42785ead9"
    assert authorization.signed_headers == signing.RSA_SIGNED_HEADERS
    assert signing.verify_rsa(request, authorization, key)
    assert not signing.verify_rsa(replace(request, body=b"{}"), authorization, key)
    assert not signing.verify_rsa(with_header(request, "x-amz-date", "20261123T161631Z"), authorization, key)


def test_a_recorded_signature_has_one_spelling():
    request = recorded(RSA["request"])
    authorization = signing.parse_authorization(request.headers)
    signature = authorization.signature
    assert signature.endswith("A==")
    for other in (signature[:-3] + "B==", signature[:-2], signature + "====", "", "é", signature[:40]):
        assert not signing.verify_rsa(request, replace(authorization, signature=other), RSA["public_key_spki_base64"])


def test_a_node_signs_as_the_official_agent_does(node_key, ssm_request):
    scope = {"region": "eu-central-1", "service": "ssm", "now_ms": NOW_MS}
    added = signing.sign_rsa(ssm_request, node_id="mi-931037a4338c5757b", private_key=node_key, **scope)
    request, authorization = signed(ssm_request, added)
    assert added.keys() == {"authorization", "x-amz-date", "x-amz-content-sha256"}
    assert authorization.signed_headers == ("content-type", "host", "x-amz-date", "x-amz-target")
    assert authorization.credential_id == "mi-931037a4338c5757b"
    assert len(authorization.signature) == 344
    assert signing.verify_rsa(request, authorization, spki(node_key.public_key()))
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    assert not signing.verify_rsa(request, authorization, spki(stranger))


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("?", "public key must be base64 of a DER SubjectPublicKeyInfo"),
        ("YWJj", "public key must be base64 of a DER SubjectPublicKeyInfo"),
        (spki(ec.generate_private_key(ec.SECP256R1()).public_key()), "must be RSA"),
        (spki(rsa.generate_private_key(65537, 1024).public_key()), "has 1024 bits, must have 2048 to 4096"),
    ],
    ids=["no-base64", "no-der", "elliptic", "short"],
)
def test_other_keys_are_not_taken(key, reason):
    with pytest.raises(ValueError, match=reason):
        signing.node_public_key(key)


header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
# What a client sends: a raw path and query, percent-encoded once.
segments = st.text(st.sampled_from("abc-_.~%2F%C3%A4:@+"), min_size=1, max_size=8).map(
    lambda text: text.replace("%", "%25")
)
paths = st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts))
queries = st.dictionaries(st.from_regex(r"[a-z%&]{1,4}", fullmatch=True), st.text("ab /+é", max_size=4), max_size=4)


class FixedClockAuth(SigV4Auth):
    """botocore's signer at the test's instant instead of the system clock's."""

    def add_auth(self, request):
        request.context["timestamp"] = datetime.fromtimestamp(NOW_MS / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        string_to_sign = self.string_to_sign(request, canonical)
        self._inject_signature_to_request(request, self.signature(string_to_sign, request))


def signed_by_botocore(method, url, headers, body, token=None):
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    request.headers["X-Amz-Date"] = signing.amz_date(NOW_MS)
    FixedClockAuth(Credentials("AKIAEXAMPLE", "secret", token), "ssm", "eu-central-1").add_auth(request)
    parts = urlsplit(url)
    lower = {name.lower(): str(value) for name, value in request.headers.items()}
    return SignedRequest(method, parts.path, parts.query, {"host": parts.netloc, **lower}, body)


@settings(deadline=None)
@given(st.sampled_from(["GET", "POST"]), paths, queries, header_values, st.binary(max_size=50))
def test_what_botocore_signs_verifies(method, path, query, value, body):
    text = "&".join(f"{quote(name, safe='')}={quote(item, safe='')}" for name, item in query.items())
    url = f"http://localhost:8443{path}" + (f"?{text}" if text else "")
    request = signed_by_botocore(method, url, {"X-Amz-Extra": value}, body)
    authorization = signing.parse_authorization(request.headers)
    assert signing.verify_hmac(request, authorization, "secret")
    assert not signing.verify_hmac(replace(request, body=body + b"."), authorization, "secret")


@pytest.mark.parametrize("token", [None, "session-token"])
def test_botocore_would_sign_the_same(ssm_request, token):
    added = hmac_headers(ssm_request, session_token=token)
    theirs = signed_by_botocore("POST", "http://localhost:8443/", dict(ssm_request.headers), ssm_request.body, token)
    assert added["authorization"] == theirs.headers["authorization"]
    assert added.get("x-amz-security-token") == token


def test_our_own_signature_verifies(ssm_request):
    request, authorization = signed(ssm_request, hmac_headers(ssm_request))
    assert signing.verify_hmac(request, authorization, "secret")
    assert not signing.verify_hmac(request, authorization, "Secret")


def test_the_body_is_hashed_whatever_the_header_claims(ssm_request):
    claimed = with_header(ssm_request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    request, authorization = signed(claimed, hmac_headers(claimed))
    assert signing.verify_hmac(request, authorization, "secret")
    assert not signing.verify_hmac(replace(request, body=b"{}"), authorization, "secret")


GOOD = (
    "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/ssm/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
)


@pytest.mark.parametrize(
    ("header", "code", "message"),
    [
        ("", "MissingAuthenticationTokenException", "Missing Authentication Token"),
        ("Basic YTpi", "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'Basic'."),
        ("AWS4-HMAC-SHA256", "IncompleteSignatureException", "Authorization header requires 'Credential' parameter."),
        (
            GOOD.replace(", Signature=00", ""),
            "IncompleteSignatureException",
            "Authorization header requires 'Signature' parameter.",
        ),
        (
            GOOD.replace("SignedHeaders=host;x-amz-date", "SignedHeaders="),
            "IncompleteSignatureException",
            "Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            GOOD + ", Signature=11",
            "IncompleteSignatureException",
            "Authorization header repeats the 'Signature' parameter.",
        ),
        (
            GOOD.replace("AKIA/", ""),
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            "got '20261123/us-east-1/ssm/aws4_request'",
        ),
        (
            GOOD.replace("aws4_request", "aws5_request"),
            "InvalidSignatureException",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (GOOD + "é", "IncompleteSignatureException", "Authorization header must be ASCII."),
    ],
)
def test_a_malformed_authorization_says_what_is_missing(header, code, message):
    with pytest.raises(SignatureError) as raised:
        signing.parse_authorization({"authorization": header})
    assert (raised.value.code, raised.value.message) == (code, message)


def test_parts_may_be_separated_by_a_bare_comma():
    assert signing.parse_authorization({"authorization": GOOD.replace(", ", ",")}) == signing.parse_authorization(
        {"authorization": GOOD}
    )


@pytest.mark.parametrize("name", ["host", "x-amz-date"])
def test_required_headers_must_be_signed(name):
    authorization = signing.parse_authorization({"authorization": GOOD})
    signing.check_required_signed_headers(authorization, [name])
    with pytest.raises(SignatureError) as raised:
        signing.check_required_signed_headers(authorization, [name, "x-amz-target"])
    assert raised.value.code == "InvalidSignatureException"
    assert raised.value.message == "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."


def test_a_signed_header_must_be_there(ssm_request):
    request, authorization = signed(ssm_request, hmac_headers(ssm_request))
    headers = {name: value for name, value in request.headers.items() if name != "x-amz-target"}
    with pytest.raises(SignatureError, match="lacks the header 'x-amz-target'"):
        signing.verify_hmac(replace(request, headers=headers), authorization, "secret")


MINUTE_MS = 60_000


@pytest.mark.parametrize("late_ms", [0, 15 * MINUTE_MS, -15 * MINUTE_MS])
def test_a_date_within_the_skew_is_accepted(late_ms):
    authorization = signing.parse_authorization({"authorization": GOOD})
    signing.check_date({"x-amz-date": "20261123T161631Z"}, authorization, NOW_MS + late_ms)


@pytest.mark.parametrize(
    ("date", "late_ms", "code", "message"),
    [
        (
            "20261123T161631Z",
            15 * MINUTE_MS + 1000,
            "InvalidSignatureException",
            "Signature expired: 20261123T161631Z is now earlier than 20261123T161632Z (20261123T163132Z - 15 min.)",
        ),
        (
            "20261123T161631Z",
            -15 * MINUTE_MS - 1000,
            "InvalidSignatureException",
            "Signature not yet current: 20261123T161631Z is still later than 20261123T161630Z "
            "(20261123T160130Z + 15 min.)",
        ),
        (
            "20261124T000001Z",
            0,
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'20261123' != '20261124', from '20261124T000001Z'.",
        ),
        (
            "Mon, 23 Nov 2026 16:16:31 GMT",
            0,
            "IncompleteSignatureException",
            "Date must be in ISO-8601 'basic format'. Got 'Mon, 23 Nov 2026 16:16:31 GMT'.",
        ),
        (
            "20261123T251631Z",
            0,
            "IncompleteSignatureException",
            "Date must be in ISO-8601 'basic format'. Got '20261123T251631Z'.",
        ),
        (
            "",
            0,
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ),
    ],
    ids=["expired", "future", "other-day", "http-date", "no-such-hour", "absent"],
)
def test_a_wrong_date_is_refused_with_awss_text(date, late_ms, code, message):
    authorization = signing.parse_authorization({"authorization": GOOD})
    with pytest.raises(SignatureError) as raised:
        signing.check_date({"x-amz-date": date}, authorization, NOW_MS + late_ms)
    assert (raised.value.code, raised.value.message) == (code, message)


def test_signing_loads_nothing_of_the_server():
    code = "import sys, stateward.access.signing; print({'botocore', 'msgspec', 'regex'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
