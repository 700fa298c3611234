"""What a node does with its own key, for tests: tokens, and the offer of another key (node protocol 3)."""

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from stateward.access.signing import sign_rsa
from stateward.agent.identity import Identity, NodeKey
from stateward.clock import wall_ms


def asked_for_key(node):
    """What UpdateKeyPair says in the answer to the node's next token request."""
    return node.call(answer_of(node, "RequestManagedInstanceRoleToken", {"Fingerprint": fingerprint_of(node)}))[
        "UpdateKeyPair"
    ]


def fingerprint_of(node):
    return node._client._identity.key.fingerprint


async def answer_of(node, operation, members):
    """An operation that a node signs with its own key."""
    caller, identity = node._client._caller, node._client._identity
    request = caller.json_request(operation, members)
    signed = sign_rsa(
        request,
        node_id=identity.node_id,
        private_key=identity.key.private_key,
        region=identity.registration.region,
        service="ssm",
        now_ms=wall_ms(),
    )
    answer = await caller._http.request(
        "POST", caller._url, headers={**request.headers, **signed}, content=request.body
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def change_key(node):
    """Offer another key, and sign with it from now on, as the official agent does when it is asked."""
    fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = fresh.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    offer = {"NewPublicKey": base64.b64encode(der).decode(), "NewPublicKeyType": "Rsa"}
    node.call(answer_of(node, "UpdateManagedInstancePublicKey", offer))
    own = node._client._identity
    node._client._identity = Identity(own.registration, NodeKey(fresh, own.key.fingerprint))
