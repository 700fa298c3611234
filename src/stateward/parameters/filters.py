"""Which parameters DescribeParameters and GetParametersByPath mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from stateward.parameters import names, store, tiers
from stateward.parameters.store import MetadataRow, Range
from stateward.wire.errors import AwsError

DESCRIBE_KEYS = ("Path", "Name", "Type", "KeyId", "Tier", "DataType")
BY_PATH_KEYS = ("Type", "KeyId", "Label")
OPTIONS = {"Path": ("Recursive", "OneLevel"), "Name": ("BeginsWith", "Equals", "Contains"), "Label": ("Equals",)}
OTHER_OPTIONS = ("BeginsWith", "Equals")
KNOWN_VALUES = {
    "Type": ("String", "StringList", "SecureString"),
    "Tier": (tiers.STANDARD, tiers.ADVANCED, tiers.INTELLIGENT),
}


class Filter(msgspec.Struct, frozen=True):
    """One condition; its values are alternatives. A tag filter without values asks for the key alone."""

    key: str
    option: str
    values: tuple[str, ...]


def of_description(request: Mapping[str, Any]) -> list[Filter]:
    """Both forms of DescribeParameters' filters as one.

    Raises ValidationException, InvalidFilterKey, InvalidFilterOption or InvalidFilterValue.
    """
    new, old = request.get("ParameterFilters"), request.get("Filters")
    if new and old:
        raise AwsError("ValidationException", "You can use either Filters or ParameterFilters in a single request.")
    if old:
        return [
            Filter(item["Key"], "BeginsWith" if item["Key"] == "Name" else "Equals", tuple(item["Values"]))
            for item in old
        ]
    return _checked(new or (), DESCRIBE_KEYS, tags=True)


def of_path(request: Mapping[str, Any]) -> list[Filter]:
    """GetParametersByPath's filters; raises as `of_description`."""
    return _checked(request.get("ParameterFilters") or (), BY_PATH_KEYS, tags=False)


def labels_of(filters: Sequence[Filter]) -> tuple[str, ...] | None:
    """The labels that are asked for; None when no filter is about labels."""
    return next((one.values for one in filters if one.key == "Label"), None)


def narrowed(filters: Sequence[Filter]) -> Range:
    """A range of paths outside which nothing can match."""
    for one in filters:
        if one.key == "Name" and one.option == "Equals":
            paths = [_rooted(value) for value in one.values]
            return Range(min(paths), max(paths))
        if one.key == "Name" and one.option == "BeginsWith" and len(one.values) == 1:
            return store.below(_rooted(one.values[0]))
        if one.key == "Path" and len(one.values) == 1:
            return store.below(one.values[0].rstrip("/") + "/")
    return Range()


def matches(row: MetadataRow, tags: Mapping[str, str], filters: Sequence[Filter]) -> bool:
    """Whether the newest version of a parameter passes every filter; labels are looked at elsewhere."""
    return all(_passes(row, tags, one) for one in filters)


def _checked(items: Sequence[Mapping[str, Any]], keys: Sequence[str], *, tags: bool) -> list[Filter]:
    found: list[Filter] = []
    for item in items:
        key, values = item["Key"], tuple(item.get("Values") or ())
        option = item.get("Option", "OneLevel" if key == "Path" else "Equals")
        if key not in keys and not (tags and key.startswith("tag:")):
            valid = ", ".join([*keys, "tag:<key>"] if tags else keys)
            raise AwsError(
                "InvalidFilterKey",
                f"The following filter key is not valid: {key}. Valid filter keys include: [{valid}].",
            )
        if any(one.key == key for one in found):
            raise AwsError(
                "InvalidFilterKey",
                f"The following filter is duplicated in the request: {key}. A request can contain only one occurrence "
                "of a specific filter.",
            )
        options = OPTIONS.get(key, OTHER_OPTIONS)
        if option not in options:
            raise AwsError(
                "InvalidFilterOption",
                f"The following filter option is not valid: {option}. Valid options include: [{', '.join(options)}].",
            )
        _check_values(key, option, values)
        found.append(Filter(key, option, values))
    return found


def _check_values(key: str, option: str, values: Sequence[str]) -> None:
    if not values and not key.startswith("tag:"):
        raise AwsError("InvalidFilterValue", f"The following filter values are missing : null for filter key {key}.")
    known = KNOWN_VALUES.get(key, ())
    for value in values:
        if known and option == "Equals" and value not in known:
            raise AwsError(
                "InvalidFilterValue",
                f"The following filter value is not valid: {value}. Valid values include: [{', '.join(known)}].",
            )
        if key == "Path":
            names.hierarchy(value)


def _passes(row: MetadataRow, tags: Mapping[str, str], one: Filter) -> bool:
    match one.key:
        case "Label":
            return True
        case "Path":
            return any(_stands_under(row.name, value, one.option) for value in one.values)
        case "Name":
            path = names.path_of(row.name)
            if one.option == "Contains":
                return any(value in path for value in one.values)
            return _any(one.option, path, [_rooted(value) for value in one.values])
        case "Type":
            return _any(one.option, row.parameter_type, one.values)
        case "Tier":
            return _any(one.option, row.tier, one.values)
        case "DataType":
            return _any(one.option, row.data_type, one.values)
        case "KeyId":
            return row.key_id is not None and _any(one.option, row.key_id, one.values)
        case _:
            value = tags.get(one.key.removeprefix("tag:"))
            return value is not None and (not one.values or _any(one.option, value, one.values))


def _any(option: str, text: str, values: Sequence[str]) -> bool:
    compare: Callable[[str, str], bool] = str.startswith if option == "BeginsWith" else str.__eq__
    return any(compare(text, value) for value in values)


def _stands_under(name: str, path: str, option: str) -> bool:
    top = path.rstrip("/") or "/"
    if option == "OneLevel":
        return names.parent_of(name) == top
    return top == "/" or names.path_of(name).startswith(f"{top}/")


def _rooted(value: str) -> str:
    """A name as callers write it in a filter, with exactly one slash before it."""
    return "/" + value.strip(" ").lstrip("/")
