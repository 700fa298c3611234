"""RegisterManagedInstance as a machine sends it, without the agent's client around it."""

import base64
import json
import urllib.error
import urllib.request

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def public_key(bits=2048):
    """Base64 of a fresh RSA key's DER form."""
    der = (
        rsa.generate_private_key(public_exponent=65537, key_size=bits)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


KEY, OTHER_KEY = public_key(), public_key()


def register(server, activation, *, fingerprint="machine-1", key=KEY, **members):
    """(status, answer) of one registration with the answer of CreateActivation; members override."""
    body = {
        "ActivationId": activation["ActivationId"],
        "ActivationCode": activation["ActivationCode"],
        "Fingerprint": fingerprint,
        "PublicKey": key,
        "PublicKeyType": "Rsa",
        **members,
    }
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.RegisterManagedInstance"}
    request = urllib.request.Request(server.url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def registered(server, activation, **how):
    """The id of the node that a registration makes."""
    status, answer = register(server, activation, **how)
    assert status == 200, answer
    return answer["InstanceId"]


def registration_refusal(server, activation, **how):
    """Code and text of a registration that must fail."""
    status, answer = register(server, activation, **how)
    assert status == 400, answer
    assert answer["Message"] == answer["message"]
    return answer["__type"], answer["message"]
