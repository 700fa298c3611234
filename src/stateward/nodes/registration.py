"""Turning an activation into a managed node (spec 7.1, node protocol 3.1)."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from stateward import ids
from stateward.access import store as keys
from stateward.access.principals import Scope
from stateward.access.signing import node_public_key
from stateward.nodes import store, store_activations
from stateward.nodes.facts import NodeRemoved
from stateward.storage import Transaction
from stateward.tags import store as tags
from stateward.wire.errors import AwsError

TAG_TYPE = "ManagedInstance"


def code_hash(activation_code: str) -> str:
    """What is stored of an activation code; codes are random, so a plain digest gives nothing away."""
    return hashlib.sha256(activation_code.encode()).hexdigest()


def check_public_key(public_key: str) -> None:
    """Raises ValidationException unless this is base64 of a DER-encoded RSA key of usual size."""
    try:
        node_public_key(public_key)
    except ValueError as error:
        raise AwsError("ValidationException", f"PublicKey: {error}") from error


async def register(
    tx: Transaction, activation_id: str, code: str, fingerprint: str, public_key: str, wall_ms: int
) -> str:
    """Make a node and answer its id; the same machine with the same key gets the same id again.

    Raises InvalidActivation (one text for every wrong pair), ActivationExpired, RegistrationLimitExceeded.
    """
    activation = await store_activations.lock(tx, activation_id)
    expected = code_hash("") if activation is None else activation.code_hash
    if not hmac.compare_digest(expected, code_hash(code)) or activation is None:
        raise AwsError("InvalidActivation", "The activation ID or the activation code is not valid.")
    if activation.expires_ms <= tx.now:
        raise AwsError("ActivationExpired", "")
    known = await store_activations.registered_node(tx, activation_id, fingerprint, public_key)
    if known is not None:
        return known
    if activation.registrations_count >= activation.registration_limit:
        raise AwsError(
            "RegistrationLimitExceeded",
            f"Activation {activation_id} was made for {activation.registration_limit} node(s) and all are registered.",
        )
    scope = Scope(activation.account_id, activation.region)
    node_id = ids.node_id()
    await store_activations.count_registration(tx, activation_id)
    await store.add(tx, scope, node_id, activation_id, activation.default_instance_name, activation.iam_role)
    await keys.add_node_key(tx, node_id, *scope, public_key, fingerprint, wall_ms)
    await tags.put_tags(tx, scope, TAG_TYPE, node_id, msgspec.json.decode(activation.tags))
    return node_id


async def deregister(tx: Transaction, scope: Scope, node_id: str, who: str, wall_ms: int) -> bool:
    """Take a node out: nothing that it signs is believed from now on (spec 4.7). False when there is no such node."""
    if not await store.remove(tx, scope, node_id):
        return False
    await keys.remove_node_key(tx, node_id, wall_ms)
    await tags.remove_all_tags(tx, scope, TAG_TYPE, node_id)
    tx.record(NodeRemoved(scope, node_id, who))
    return True
