"""Reading from a server, by operations that AWS has too, what a folder is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from stateward.folder.resources import (
    DOCUMENT_MEMBERS,
    FOLDER_TAG,
    Association,
    Document,
    Found,
    Wanted,
    plain,
    same_content,
)

PAGE = 50


class Api(Protocol):
    """A server, as `cli.server.Server` is one."""

    def call(self, operation: str, **members: Any) -> Any:
        """One operation, by its name in snake case."""

    def pages(self, operation: str, member: str, **members: Any) -> list[Any]:
        """Everything that a listing has."""


def read(api: Api, wanted: Sequence[Wanted], folder: str) -> Found:
    """All that the plan of a folder depends on: what carries its tag, and what its files may mean."""
    listed = associations_of(api)
    named = {one.members["Name"]: one for one in wanted if one.kind != "association"}
    documents: dict[str, Document] = {}
    for identifier in documents_of(api):
        name, tags = identifier["Name"], tags_in(identifier.get("Tags", ()))
        if name in named or tags.get(FOLDER_TAG) == folder:
            documents[name] = document(api, name, tags, named.get(name))
    by_document = {one.members["Name"] for one in wanted if one.kind == "association"}
    names = {one.members["AssociationName"] for one in wanted if "AssociationName" in one.members}
    associations: dict[str, Association] = {}
    for element in listed:
        tags = tags_of(api, element["AssociationId"])
        mine = tags.get(FOLDER_TAG)
        may_be = element.get("AssociationName") in names or element["Name"] in by_document
        if mine == folder or (mine is None and may_be and "InstanceId" not in element):
            associations[element["AssociationId"]] = association(api, element["AssociationId"], tags)
    users = _users(listed)
    waiting = _waiting(api, listed, associations, set(named))
    return Found(associations, documents, users, _types(api, wanted, associations, documents), waiting)


def documents_of(api: Api) -> list[dict[str, Any]]:
    """The account's own documents, as listed."""
    return api.pages(
        "list_documents", "DocumentIdentifiers", Filters=[{"Key": "Owner", "Values": ["Self"]}], MaxResults=PAGE
    )


def associations_of(api: Api) -> list[dict[str, Any]]:
    """Every association, as listed."""
    return api.pages("list_associations", "Associations", MaxResults=PAGE)


def association(api: Api, association_id: str, tags: dict[str, str]) -> Association:
    """One association's definition."""
    found = api.call("describe_association", AssociationId=association_id)["AssociationDescription"]
    return Association(association_id, int(found["AssociationVersion"]), plain(found), tags)


def document(api: Api, name: str, tags: dict[str, str], wanted: Wanted | None) -> Document:
    """One document, with the contents that a comparison needs: all of them where neither newest nor default fits."""
    found = api.call("describe_document", Name=name)["Document"]
    default, latest = found["DefaultVersion"], found["LatestVersion"]
    contents = {version: content(api, name, version) for version in dict.fromkeys((default, latest))}
    if wanted is not None and not any(
        same_content(wanted.kind, text, wanted.members["Content"]) for text in contents.values()
    ):
        for version in api.pages("list_document_versions", "DocumentVersions", Name=name, MaxResults=PAGE):
            number = version["DocumentVersion"]
            contents.setdefault(number, content(api, name, number))
    return Document(
        name=name,
        document_type=found["DocumentType"],
        document_format=found["DocumentFormat"],
        schema_version=found.get("SchemaVersion", ""),
        default_version=default,
        latest_version=latest,
        contents=contents,
        tags=tags,
        members={member: found[member] for member in DOCUMENT_MEMBERS if found.get(member)},
    )


def content(api: Api, name: str, version: str) -> str:
    """The text of one version of a document."""
    return str(api.call("get_document", Name=name, DocumentVersion=version)["Content"])


def tags_of(api: Api, association_id: str) -> dict[str, str]:
    """The tags of an association."""
    found = api.call("list_tags_for_resource", ResourceType="Association", ResourceId=association_id)
    return tags_in(found["TagList"])


def tags_in(tags: Iterable[dict[str, str]]) -> dict[str, str]:
    """The API's list of tags as key → value."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def matching_nodes(api: Api, members: dict[str, Any]) -> int | None:
    """How many nodes the targets of a definition name now; None where that cannot be asked."""
    filters = []
    for target in members.get("Targets", ()):
        key, values = target["Key"], target["Values"]
        if key == "InstanceIds":
            if values != ["*"]:
                filters.append({"Key": "InstanceIds", "Values": values})
        elif key.startswith("tag:") or key == "tag-key":
            filters.append({"Key": key, "Values": values})
        else:
            return None
    if not members.get("Targets"):
        return None
    return len(api.pages("describe_instance_information", "InstanceInformationList", Filters=filters, MaxResults=PAGE))


def _users(listed: Iterable[dict[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    users: dict[str, list[tuple[str, str]]] = {}
    for element in listed:
        name = element.get("AssociationName") or element["AssociationId"]
        users.setdefault(element["Name"], []).append((name, element.get("DocumentVersion", "$DEFAULT")))
    return users


def _waiting(
    api: Api, listed: Iterable[dict[str, Any]], known: dict[str, Association], documents: set[str]
) -> frozenset[str]:
    """Of the associations behind these documents, those that a new default version does not start."""
    found = set()
    for element in listed:
        association_id = element["AssociationId"]
        if element["Name"] in documents and "InstanceId" not in element:
            one = known.get(association_id) or association(api, association_id, {})
            if one.members.get("ApplyOnlyAtCronInterval"):
                found.add(element.get("AssociationName") or association_id)
    return frozenset(found)


def _types(
    api: Api, wanted: Sequence[Wanted], associations: dict[str, Association], documents: dict[str, Document]
) -> dict[str, str]:
    """Document → its type, where an association may change from one document to another."""
    own = {one.members["Name"]: one.members["DocumentType"] for one in wanted if one.kind != "association"}
    used = {found.members["Name"] for found in associations.values()}
    asked = {one.members["Name"] for one in wanted if one.kind == "association"}
    types = {name: found.document_type for name, found in documents.items()} | own
    if not used - asked:
        return types
    for name in (used | asked) - set(types):
        identifiers = api.call("list_documents", Filters=[{"Key": "Name", "Values": [name]}])["DocumentIdentifiers"]
        types |= {found["Name"]: found["DocumentType"] for found in identifiers}
    return types
