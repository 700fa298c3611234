"""Agent messages and signatures as the protocol's description has them, written apart from the server's own code."""

import base64
import hashlib
import hmac
import json
import struct
import uuid
from datetime import UTC, datetime
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from stateward.clock import wall_ms

HEADER = struct.Struct(">I32sIQqQ16s32sII")
ALGORITHM = "AWS4-HMAC-SHA256"


def encode(kind, message_id, payload):
    """One websocket message (node protocol 5.3)."""
    body = json.dumps(payload).encode()
    halves = uuid.UUID(message_id).bytes
    digest = hashlib.sha256(body).digest()
    head = HEADER.pack(116, kind.encode().ljust(32), 1, wall_ms(), 0, 0, halves[8:] + halves[:8], digest, 0, len(body))
    return head + body


def decode(data):
    """A message in the form of the recordings; every header field that is constant there is checked."""
    length, kind, version, created, sequence, flags, halves, digest, payload_type, size = HEADER.unpack_from(data)
    body = data[HEADER.size :]
    assert (length, version, sequence, flags, payload_type) == (116, 1, 0, 0, 0)
    assert created > 0
    assert size == len(body)
    assert digest == hashlib.sha256(body).digest()
    payload = json.loads(body)
    for member in ("Content", "content"):
        if member in payload:
            payload[member] = json.loads(payload[member])
    message_id = str(uuid.UUID(bytes=halves[8:] + halves[:8]))
    return {"messageType": kind.decode().rstrip(" \0"), "messageId": message_id, "payload": payload}


def now():
    """The wall's time as signatures have it."""
    return datetime.fromtimestamp(wall_ms() / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def string_to_sign(method, path, query, headers, signed, body_hash, scope):
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed)
    canonical = "\n".join([method, quote(path, safe="/-_.~"), query, lines, ";".join(signed), body_hash])
    return "\n".join([ALGORITHM, headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])


def hmac_signature(text, secret, scope):
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def rsa_signature(text, private_key):
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    return base64.b64encode(private_key.sign(text.encode(), pss, hashes.SHA256())).decode()
