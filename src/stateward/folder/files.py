"""Reading a folder: one YAML file a resource, its kind and key from where it lies (D57)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stateward.folder.resources import ASSOCIATION_MEMBERS, CALENDAR_TYPE, DOCUMENT_MEMBERS, Kind, Wanted

SETTINGS_FILE = "stateward.yaml"
PLACES: dict[str, Kind] = {"documents": "document", "calendars": "calendar", "associations": "association"}
SUFFIXES = (".yaml", ".yml", ".json")
CALENDAR_SUFFIX = ".ics"
CALENDAR_STATE = "X-CALENDAR-TYPE"
MOST_BYTES = 1024 * 1024
MOST_FILES = 5_000
OWN = ("Tags", "was")
DOCUMENT_OWN = ("Name", "DocumentType", "DocumentFormat", "Content", "default", *DOCUMENT_MEMBERS, *OWN)


class FolderProblem(Exception):
    """A folder that cannot be read: the file, what is wrong, and what would be right."""


class _Loader(yaml.SafeLoader):
    """YAML without aliases, so that a small file cannot become a large one, and without dates."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            where = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not read", where)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def folder_name(folder: Path) -> str:
    """The name that the folder's resources are marked with: `folder:` in stateward.yaml, else the folder's own."""
    path = folder / SETTINGS_FILE
    name = folder.resolve().name
    if path.exists():
        settings = _mapping(path, folder)
        _refuse_others(settings, ("folder",), SETTINGS_FILE)
        name = str(settings.get("folder") or name)
    if not name or len(name) > 128:
        raise FolderProblem(f"{SETTINGS_FILE}: folder {name!r}: use a name of 1 to 128 characters")
    return name


def read(folder: Path) -> list[Wanted]:
    """Everything that a folder wants, by key. Raises FolderProblem for the first file that cannot be used."""
    if not folder.is_dir():
        raise FolderProblem(f"{folder}: there is no such folder")
    found: dict[str, Wanted] = {}
    for path in _files(folder):
        wanted = _wanted(path, folder)
        if wanted.key in found:
            raise FolderProblem(f"{path.relative_to(folder)}: another file has the key {wanted.key} too")
        found[wanted.key] = wanted
    _refuse_same_names(found)
    return [found[key] for key in sorted(found)]


def _files(folder: Path) -> Iterator[Path]:
    _refuse_misplaced(folder)
    count = 0
    for place, kind in PLACES.items():
        for path in sorted((folder / place).rglob("*")):
            if path.is_dir() or path.name.startswith("."):
                continue
            if path.suffix not in SUFFIXES and not (kind == "calendar" and path.suffix == CALENDAR_SUFFIX):
                continue  # a README, a script that a document was made from
            count += 1
            if count > MOST_FILES:
                raise FolderProblem(f"{folder}: more than {MOST_FILES} files")
            yield path


def _refuse_misplaced(folder: Path) -> None:
    """A file that looks like a resource and lies where none is read would be taken for one that is gone."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or path.is_dir() or path.suffix not in (*SUFFIXES, CALENDAR_SUFFIX) or str(relative) == SETTINGS_FILE:
            continue
        if relative.parts[0] not in PLACES or len(relative.parts) == 1:
            raise FolderProblem(f"{relative}: files lie in {', '.join(f'{place}/' for place in PLACES)}; move it there")
        if path.suffix == CALENDAR_SUFFIX and PLACES[relative.parts[0]] != "calendar":
            raise FolderProblem(f"{relative}: a calendar lies in calendars/; move it there")


def _wanted(path: Path, folder: Path) -> Wanted:
    relative = path.relative_to(folder)
    kind = PLACES[relative.parts[0]]
    key = relative.with_suffix("").as_posix()
    if path.suffix == CALENDAR_SUFFIX:
        return Wanted(kind, key, _document(kind, relative, {"Content": _text(path, folder)}))
    given = _mapping(path, folder)
    if kind == "document" and "schemaVersion" in given:
        given = {"Content": _text(path, folder)}  # the document itself, as it stands
    allowed = (*ASSOCIATION_MEMBERS, *OWN) if kind == "association" else DOCUMENT_OWN
    _refuse_others(given, allowed, str(relative))
    tags = _tags(given.get("Tags"), relative)
    was = given.get("was")
    if was is not None and not (isinstance(was, str) and was.split("/")[0] == relative.parts[0]):
        raise FolderProblem(f"{relative}: was {was!r}: write the old key, such as {relative.parts[0]}/old-name")
    if kind == "association":
        members = {name: given[name] for name in ASSOCIATION_MEMBERS if name in given}
        if not isinstance(members.get("Name"), str):
            raise FolderProblem(f"{relative}: Name is missing: the document that the association runs")
        return Wanted(kind, key, members, tags, was)
    default = given.get("default")
    return Wanted(kind, key, _document(kind, relative, given), tags, was, None if default is None else str(default))


def _document(kind: Kind, relative: Path, given: dict[str, Any]) -> dict[str, Any]:
    """The members of CreateDocument that a file stands for."""
    content = given.get("Content")
    if content is None:
        raise FolderProblem(f"{relative}: Content is missing")
    if kind == "calendar" and CALENDAR_STATE not in str(content):
        raise FolderProblem(
            f"{relative}: add the line {CALENDAR_STATE}:DEFAULT_OPEN behind BEGIN:VCALENDAR if its events are when "
            f"nothing may change, or {CALENDAR_STATE}:DEFAULT_CLOSED if they are when something may"
        )
    members: dict[str, Any] = {"Name": str(given.get("Name") or relative.stem)}
    members["DocumentType"] = CALENDAR_TYPE if kind == "calendar" else given.get("DocumentType", "Command")
    if isinstance(content, str):
        kinds = "TEXT" if kind == "calendar" else "JSON" if content.lstrip().startswith("{") else "YAML"
        members |= {"Content": content, "DocumentFormat": given.get("DocumentFormat", kinds)}
    elif given.get("DocumentFormat", "YAML") == "JSON":
        import json

        members |= {"Content": json.dumps(content, indent=2), "DocumentFormat": "JSON"}
    else:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        members |= {"Content": text, "DocumentFormat": "YAML"}
    return members | {name: given[name] for name in DOCUMENT_MEMBERS if name in given}


def _mapping(path: Path, folder: Path) -> dict[str, Any]:
    relative = path.relative_to(folder)
    try:
        found = yaml.load(_text(path, folder), Loader=_Loader)
    except yaml.YAMLError as error:
        raise FolderProblem(f"{relative}: {_told(error)}") from None
    except RecursionError:
        raise FolderProblem(f"{relative}: nested too deeply") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise FolderProblem(f"{relative}: write members and their values, such as `Name: my-document`")
    return found


def _told(error: yaml.YAMLError) -> str:
    """What the parser found, with line and column instead of a name that means nothing."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}"


def _text(path: Path, folder: Path) -> str:
    relative = path.relative_to(folder)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FolderProblem(f"{relative}: larger than {MOST_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FolderProblem(f"{relative}: not UTF-8 text") from None
    except OSError as error:
        raise FolderProblem(f"{relative}: {error.strerror}") from None


def _tags(given: Any, relative: Path) -> dict[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not all(isinstance(value, str | int | float) for value in given.values()):
        raise FolderProblem(f"{relative}: Tags: write `key: value` lines")
    tags = {str(key): _word(value) for key, value in given.items()}
    for key in tags:
        if key.startswith(("stateward:", "aws:")):
            raise FolderProblem(f"{relative}: Tags: {key} is reserved")
    return tags


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse_others(given: dict[str, Any], allowed: tuple[str, ...], where: str) -> None:
    import difflib

    for name in given:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(allowed)}"
            raise FolderProblem(f"{where}: {name} is not known here; {hint}")


def _refuse_same_names(found: dict[str, Wanted]) -> None:
    documents: dict[str, str] = {}
    renamed: dict[str, str] = {}
    for key, wanted in found.items():
        if wanted.kind != "association":
            other = documents.setdefault(wanted.members["Name"], key)
            if other != key:
                raise FolderProblem(f"{key} and {other} both are the document {wanted.members['Name']}")
        if wanted.was is not None:
            if wanted.was in found:
                raise FolderProblem(f"{key}: was {wanted.was}: that file is still there")
            other = renamed.setdefault(wanted.was, key)
            if other != key:
                raise FolderProblem(f"{key} and {other} both were {wanted.was}")
