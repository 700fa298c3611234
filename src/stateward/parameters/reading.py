"""GetParameter(s), GetParametersByPath, GetParameterHistory, DescribeParameters (spec 6.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from stateward.access.call import Answer, Call, Page, Request
from stateward.parameters import descriptions, filters, lookup, names, store
from stateward.parameters.filters import Filter
from stateward.parameters.names import Reference
from stateward.parameters.operations import TAG_TYPE
from stateward.parameters.store import MetadataRow, VersionRow
from stateward.parameters.vault import Vault
from stateward.storage import Snapshot
from stateward.tags import store as tags
from stateward.wire.errors import AwsError

PAGE_BY_PATH = 10
ROWS_PER_LOOK = 300
NOT_THERE = ("ParameterNotFound", "ParameterVersionNotFound")
Row = TypeVar("Row", bound=MetadataRow)
Position = tuple[str, int]
"""The path and version of the row before."""


class ParameterReading:
    """The operations that show parameters."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def get_parameter(self, call: Call, request: Request) -> Answer:
        """One parameter by name or ARN, with `:version` or `:label`."""
        wanted = names.reference(request["Name"], call.scope)
        async with call.reading() as tx:
            row = await lookup.find(tx, call.scope, wanted)
        return Answer({"Parameter": self._parameter(call, request, row, wanted)})

    async def get_parameters(self, call: Call, request: Request) -> Answer:
        """Up to ten parameters by name; those that are not there are listed, and are no error."""
        wanted = {text: names.reference(text, call.scope) for text in request["Names"]}
        found: dict[str, VersionRow] = {}
        async with call.reading() as tx:
            for text, one in wanted.items():
                try:
                    found[text] = await lookup.find(tx, call.scope, one)
                except AwsError as error:
                    if error.code not in NOT_THERE:
                        raise
        by_name = sorted(found, key=lambda text: (wanted[text].name, wanted[text].selector))
        return Answer(
            {
                "Parameters": [self._parameter(call, request, found[text], wanted[text]) for text in by_name],
                "InvalidParameters": [text for text in wanted if text not in found],
            }
        )

    async def get_parameters_by_path(self, call: Call, request: Request) -> Answer:
        """The parameters under a path; a Label filter gives the versions that carry the label."""
        top = names.hierarchy(request["Path"])
        within = store.below(top.rstrip("/") + "/", None if request.get("Recursive") else top)
        wanted = filters.of_path(request)
        labels = filters.labels_of(wanted)
        page = call.page(request, PAGE_BY_PATH)

        async def following(tx: Snapshot, after: Position, limit: int) -> list[VersionRow]:
            if labels is not None:
                return await store.labelled_under(tx, call.scope, after, within, limit, labels)
            return await store.under(tx, call.scope, after[0], within, limit)

        rows = await _filled(call, page, following, lambda row: filters.matches(row, {}, wanted))
        return page.answer("Parameters", rows, lambda row: self._parameter(call, request, row), _position)

    async def get_parameter_history(self, call: Call, request: Request) -> Answer:
        """Every version that is kept, oldest first, with its labels."""
        wanted = names.reference(request["Name"], call.scope)
        if wanted.selector:
            raise AwsError("ValidationException", f"{request['Name']}: a history has no version or label selector.")
        page = call.page(request)
        after = 0 if page.key is None else int(page.key[0])
        async with call.reading() as tx:
            rows = await store.history(tx, call.scope, wanted.name, after, page.size + 1)
            labels = await store.labels(tx, call.scope, wanted.name)
            if not rows and not await store.exists(tx, call.scope, wanted.name):
                raise lookup.not_found(wanted.name)

        def past_version(row: VersionRow) -> dict[str, Any]:
            return descriptions.past_version(row, self._value(call, request, row), labels.get(row.version, ()))

        return page.answer("Parameters", rows, past_version, lambda row: (row.version,))

    async def describe_parameters(self, call: Call, request: Request) -> Answer:
        """What is known of the newest versions, without their values; nothing is shared between accounts."""
        wanted = filters.of_description(request)
        within = filters.narrowed(wanted)
        page = call.page(request)
        async with call.reading() as tx:
            tagged = await _tags(tx, call, wanted)

        async def following(tx: Snapshot, after: Position, limit: int) -> list[MetadataRow]:
            return await store.metadata(tx, call.scope, after[0], within, limit)

        def keep(row: MetadataRow) -> bool:
            return filters.matches(row, tagged.get(row.name, {}), wanted)

        rows = [] if request.get("Shared") else await _filled(call, page, following, keep)
        return page.answer("Parameters", rows, lambda row: descriptions.metadata(call.scope, row), _position)

    def _parameter(
        self, call: Call, request: Request, row: VersionRow, wanted: Reference | None = None
    ) -> dict[str, Any]:
        return descriptions.parameter(call.scope, row, self._value(call, request, row), wanted)

    def _value(self, call: Call, request: Request, row: VersionRow) -> str:
        return self._vault.shown(call.scope, row, decrypt=bool(request.get("WithDecryption")))


async def _filled(
    call: Call,
    page: Page,
    following: Callable[[Snapshot, Position, int], Awaitable[list[Row]]],
    keep: Callable[[Row], bool],
) -> list[Row]:
    """The rows of a page that are kept, and one more where there is one; filters never make a page shorter.

    A rare match can be thousands of rows away: each look is a snapshot of its own, with room for others between.
    """
    found: list[Row] = []
    after: Position = ("", 0) if page.key is None else (str(page.key[0]), int(page.key[1]))
    limit = page.size + 1
    while True:
        async with call.reading() as tx:
            rows = await following(tx, after, limit)
        found += filter(keep, rows)
        if len(rows) < limit or len(found) > page.size:
            return found
        after = _position(rows[-1])
        limit = ROWS_PER_LOOK
        await asyncio.sleep(0)


def _position(row: MetadataRow) -> Position:
    return names.path_of(row.name), row.version


async def _tags(tx: Snapshot, call: Call, wanted: Sequence[Filter]) -> dict[str, dict[str, str]]:
    if not any(one.key.startswith("tag:") for one in wanted):
        return {}
    return await tags.tags_of_type(tx, call.scope, TAG_TYPE)
