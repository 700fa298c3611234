"""PutParameter, DeleteParameter(s), LabelParameterVersion, UnlabelParameterVersion (spec 6.3, D41)."""

from __future__ import annotations

from stateward.access.arns import user_arn
from stateward.access.call import Answer, Call, Request, refuse_members
from stateward.access.principals import Scope
from stateward.clock import monotonic_s
from stateward.parameters import labels, lookup, names, revision, store, values
from stateward.parameters.facts import ParameterChanged
from stateward.parameters.revision import Revision
from stateward.parameters.store import VersionRow
from stateward.parameters.vault import Vault
from stateward.settings import store as settings
from stateward.settings.rules import PARAMETER_TIER
from stateward.storage import Snapshot, Transaction
from stateward.tags import rules as tag_rules
from stateward.tags import store as tags
from stateward.wire.errors import AwsError

TAG_TYPE = "Parameter"
VERSIONS_PER_PARAMETER = 100
NOT_BUILT = ("Policies",)


async def exists(tx: Snapshot, scope: Scope, name: str) -> bool:
    """Whether there is such a parameter to carry tags."""
    return await store.exists(tx, scope, name)


class ParameterOperations:
    """The operations that change parameters; `matches` tells whether a value matches an AllowedPattern."""

    def __init__(self, vault: Vault, matches: values.Matches) -> None:
        self._vault = vault
        self._matches = matches

    async def put_parameter(self, call: Call, request: Request) -> Answer:
        """Create a parameter, or with Overwrite add a version to it."""
        refuse_members(request, NOT_BUILT)
        name = names.to_create(request["Name"], call.scope)
        overwrite = bool(request.get("Overwrite"))
        self._check(call, request, overwrite)

        async def work(tx: Transaction) -> Answer:
            newest = await store.lock(tx, call.scope, name)
            if newest is not None and not overwrite:
                raise AwsError(
                    "ParameterAlreadyExists",
                    "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
                    "true.",
                )
            current = None if newest is None else await store.numbered(tx, call.scope, name, newest)
            default_tier = await settings.value_of(tx, call.scope, PARAMETER_TIER)
            revised = revision.revise(current, request, default_tier)
            if revised.allowed_pattern is not None:
                given = (revised.allowed_pattern, revised.value, revised.parameter_type)
                values.check_match(*given, self._matches, monotonic_s)
            await (_make_room(tx, call, name) if current is None else _drop_oldest(tx, call.scope, current))
            row = self._row(call, name, 1 if current is None else current.version + 1, revised, tx.now)
            await store.add_version(tx, call.scope, row)
            await tags.put_tags(tx, call.scope, TAG_TYPE, name, request.get("Tags", ()))
            same = current is not None and self._vault.holds(call.scope, current, revised.parameter_type, revised.value)
            tx.record(ParameterChanged(call.scope, name, row.version, value_changed=not same))
            return Answer({"Version": row.version, "Tier": row.tier})

        return await call.write_once(work)

    async def delete_parameter(self, call: Call, request: Request) -> Answer:
        """Forget a parameter with all its versions; what refers to it fails at its next run (D40)."""
        name = names.canonical(request["Name"])

        async def work(tx: Transaction) -> None:
            if not await _delete(tx, call.scope, name):
                raise lookup.not_found(name)

        await call.write(work)
        return Answer({})

    async def delete_parameters(self, call: Call, request: Request) -> Answer:
        """Forget several parameters; names that are none are listed, and are no error."""
        given = list(dict.fromkeys(request["Names"]))

        async def work(tx: Transaction) -> Answer:
            deleted = [text for text in given if await _delete_if_there(tx, call.scope, text)]
            return Answer(
                {"DeletedParameters": deleted, "InvalidParameters": [text for text in given if text not in deleted]}
            )

        return await call.write_once(work)

    async def label_parameter_version(self, call: Call, request: Request) -> Answer:
        """Attach labels to a version (the newest unless told), moving them from where they were."""
        name = names.canonical(request["Name"])
        valid, invalid = labels.sort_out(request["Labels"])

        async def work(tx: Transaction) -> Answer:
            version = await _locked_version(tx, call.scope, name, request.get("ParameterVersion"))
            attached = (await store.labels(tx, call.scope, name)).get(version, [])
            labels.check_count(attached, valid)
            await store.put_labels(tx, call.scope, name, version, valid)
            return Answer({"InvalidLabels": invalid, "ParameterVersion": version})

        return await call.write(work)

    async def unlabel_parameter_version(self, call: Call, request: Request) -> Answer:
        """Remove labels from a version; those that it does not carry are listed."""
        name = names.canonical(request["Name"])
        given = list(dict.fromkeys(request["Labels"]))

        async def work(tx: Transaction) -> Answer:
            version = await _locked_version(tx, call.scope, name, request["ParameterVersion"])
            attached = (await store.labels(tx, call.scope, name)).get(version, [])
            removed = [label for label in given if label in attached]
            await store.remove_labels(tx, call.scope, name, version, removed)
            return Answer(
                {"RemovedLabels": removed, "InvalidLabels": [label for label in given if label not in attached]}
            )

        return await call.write_once(work)

    def _check(self, call: Call, request: Request, overwrite: bool) -> None:
        """What can be said of a PutParameter without knowing what is there."""
        values.check(request["Value"])
        values.check_data_type(request.get("DataType") or "text")
        if request.get("AllowedPattern"):
            values.check_pattern(request["AllowedPattern"], self._matches)
        given = request.get("Tags", ())
        if given and overwrite:
            raise AwsError(
                "ValidationException",
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
                "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
                "RemoveTagsFromResource.",
            )
        problem = tag_rules.problem_with(given, call.quotas.tags)
        if problem is not None:
            raise AwsError("ValidationException", problem)

    def _row(self, call: Call, name: str, version: int, revised: Revision, now_ms: int) -> VersionRow:
        return VersionRow(
            name=name,
            version=version,
            parameter_type=revised.parameter_type,
            key_id=revised.key_id,
            description=revised.description,
            allowed_pattern=revised.allowed_pattern,
            tier=revised.tier,
            data_type="text",
            modified_ms=now_ms,
            modified_by=user_arn(call.principal),
            value=self._vault.stored(call.scope, name, version, revised.parameter_type, revised.value),
        )


async def _make_room(tx: Transaction, call: Call, name: str) -> None:
    """Open a parameter, if the account may have one more."""
    if await store.count(tx, call.scope) >= call.quotas.parameters:
        raise AwsError(
            "ParameterLimitExceeded",
            f"You can have at most {call.quotas.parameters} parameters. Delete one or more parameters and try again.",
        )
    if not await store.add(tx, call.scope, name):
        raise AwsError("TooManyUpdates", f"{name} is being created by somebody else. Try again.")


async def _drop_oldest(tx: Transaction, scope: Scope, current: VersionRow) -> None:
    """Make room for a version: of the hundred that are kept the oldest goes, unless it has a label."""
    oldest = await store.oldest(tx, scope, current.name)
    if current.version - oldest + 1 < VERSIONS_PER_PARAMETER:
        return
    if oldest in await store.labels(tx, scope, current.name):
        raise AwsError(
            "ParameterMaxVersionLimitExceeded",
            f"You attempted to create a new version of {current.name} by calling the PutParameter API with the "
            f"overwrite flag. Version {oldest}, the oldest version, can't be deleted because it has a label associated "
            "with it. Move the label to another version of the parameter, and try again.",
        )
    await store.delete_version(tx, scope, current.name, oldest)


async def _delete(tx: Transaction, scope: Scope, name: str) -> bool:
    await tags.remove_all_tags(tx, scope, TAG_TYPE, name)
    return await store.delete(tx, scope, name)


async def _delete_if_there(tx: Transaction, scope: Scope, text: str) -> bool:
    try:
        return await _delete(tx, scope, names.canonical(text))
    except AwsError:
        return False


async def _locked_version(tx: Transaction, scope: Scope, name: str, version: int | None) -> int:
    """The version that labels are about, with its parameter locked."""
    newest = await store.lock(tx, scope, name)
    if newest is None:
        raise lookup.not_found(name)
    wanted = newest if version is None else version
    if await store.numbered(tx, scope, name, wanted) is None:
        raise lookup.version_not_found("version", wanted, name)
    return wanted
