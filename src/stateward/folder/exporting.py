"""Writing a folder from what a server has (D57b)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from stateward.folder import remote
from stateward.folder.files import CALENDAR_SUFFIX, SETTINGS_FILE
from stateward.folder.remote import Api
from stateward.folder.resources import (
    ASSOCIATION_MEMBERS,
    CALENDAR_TYPE,
    DOCUMENT_MEMBERS,
    FOLDER_TAG,
    KEY_TAG,
    own_tags,
    parsed,
)

LEFT_OUT_FILE = "LEFT-OUT.md"
SCHEMA_LINE = "# yaml-language-server: $schema={}.schemas/{}.json\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


class Export:
    """What a server has as files: path → text, and what no file can hold, with the reason."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.files: dict[str, str] = {}
        self.left_out: list[str] = []

    def add(self, place: str, name: str, suffix: str, text: str) -> None:
        """One file, under another name where two would have the same."""
        base = _file_name(name)
        path, number = f"{place}/{base}{suffix}", 2
        while any(known.rsplit(".", 1)[0] == path.rsplit(".", 1)[0] for known in self.files):
            path, number = f"{place}/{base}-{number}{suffix}", number + 1
        self.files[path] = text


def export(api: Api, folder: str) -> Export:
    """Every document, calendar and association of the account, in the form that `apply` reads.

    `folder` is the name for a folder of its own; where all that is marked belongs to one folder, it is that one again.
    """
    identifiers = remote.documents_of(api)
    elements = [(element, remote.tags_of(api, element["AssociationId"])) for element in remote.associations_of(api)]
    marks = {remote.tags_in(identifier.get("Tags", ())).get(FOLDER_TAG) for identifier in identifiers}
    marks = (marks | {tags.get(FOLDER_TAG) for _, tags in elements}) - {None}
    made = Export(str(marks.pop()) if len(marks) == 1 else folder)
    for identifier in identifiers:
        _add_document(made, api, identifier)
    for element, tags in elements:
        _add_association(made, api, element, tags)
    return made


def write(made: Export, folder: Path, schemas: dict[str, str]) -> list[str]:
    """Write the files, none of which may be there already; the paths. Raises FileExistsError before the first."""
    files = dict(made.files)
    for name, text in schemas.items():
        files[f".schemas/{name}.json"] = text
    if made.left_out:
        files[LEFT_OUT_FILE] = "# Left out\n\n" + "".join(f"* {line}\n" for line in made.left_out)
    for path in files:
        if (folder / path).exists():
            raise FileExistsError(f"{folder / path} is there already: export into an empty folder")
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if not (folder / SETTINGS_FILE).exists():
        (folder / SETTINGS_FILE).write_text(_dump({"folder": made.folder}), encoding="utf-8")
    return sorted(files)


def _add_document(made: Export, api: Api, identifier: dict[str, Any]) -> None:
    name, kind = identifier["Name"], identifier["DocumentType"]
    tags = remote.tags_in(identifier.get("Tags", ()))
    found = remote.document(api, name, tags, None)
    text = found.contents[found.default_version]
    members: dict[str, Any] = {} if kind in ("Command", CALENDAR_TYPE) else {"DocumentType": kind}
    place = "calendars" if kind == CALENDAR_TYPE else "documents"
    file_name = _key_in(tags, made.folder, place) or name
    if file_name.rsplit("/", 1)[-1] != name:
        members = {"Name": name, **members}
    people = own_tags(tags)
    if people:
        members["Tags"] = people
    members |= {member: found.members[member] for member in DOCUMENT_MEMBERS if member in found.members}
    members.pop("VersionName", None)  # a name belongs to one version, and cannot be given again
    if kind == CALENDAR_TYPE:
        if not members:
            made.add(place, file_name, CALENDAR_SUFFIX, text)
        else:
            made.add(place, file_name, ".yaml", _headed("calendar", file_name, {**members, "Content": text}))
        return
    content = parsed(text)
    if found.document_format == "JSON":
        members["DocumentFormat"] = "JSON"
    elif found.document_format == "TEXT":
        members["DocumentFormat"] = "TEXT"
    made.add(place, file_name, ".yaml", _headed("document", file_name, {**members, "Content": content}))


def _add_association(made: Export, api: Api, element: dict[str, Any], tags: dict[str, str]) -> None:
    association_id = element["AssociationId"]
    if "InstanceId" in element:
        made.left_out.append(
            f"association {association_id} of {element['Name']}: made for one instance ({element['InstanceId']}), "
            "which the API cannot make again under a name; give it Targets instead"
        )
        return
    members = remote.association(api, association_id, tags).members
    parameters = members.get("Parameters", {})
    if parameters.get("AssociationId") == [association_id]:
        parameters = {name: value for name, value in parameters.items() if name != "AssociationId"}
        members = {**members, "Parameters": parameters}
    ordered = {name: members[name] for name in ASSOCIATION_MEMBERS if members.get(name) not in (None, {}, [])}
    people = own_tags(tags)
    if people:
        ordered["Tags"] = people
    name = _key_in(tags, made.folder, "associations") or members.get("AssociationName")
    name = name or f"{members['Name'].rsplit('/', 1)[-1]}-{association_id[:8]}"
    made.add("associations", name, ".yaml", _headed("association", name, ordered))


def _key_in(tags: dict[str, str], folder: str, place: str) -> str:
    """The path that a resource of this folder had before, without its place."""
    key = tags.get(KEY_TAG, "")
    parts = key.split("/")
    safe = len(parts) > 1 and parts[0] == place and all(_file_name(part) == part for part in parts[1:])
    return "/".join(parts[1:]) if tags.get(FOLDER_TAG) == folder and safe else ""


def _headed(kind: str, name: str, members: dict[str, Any]) -> str:
    up = "../" * (name.count("/") + 1)
    return SCHEMA_LINE.format(up, kind) + _dump(members)


def _dump(members: dict[str, Any]) -> str:
    return yaml.dump(members, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _file_name(name: str) -> str:
    """A name that every file system takes; a name of ours may come from anybody, so no dots lead it anywhere."""
    parts: Iterable[str] = (re.sub(r"[^\w.-]+", "-", part).strip("-.") or "x" for part in name.split("/"))
    return "/".join(part[:120] for part in parts)
