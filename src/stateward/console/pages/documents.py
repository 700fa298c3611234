"""Documents: rendered and as source, their versions, who uses them."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from stateward.console import difference
from stateward.console.visit import Page, Visit
from stateward.documents.problems import InvalidDocumentContent
from stateward.documents.schema import read
from stateward.wire.errors import AwsError, validation_error

MOST = 50
LATEST = "$LATEST"
OWNERS = (("Self", "This account's"), ("Amazon", "Shipped"), ("All", "All"))
FORMATS = ("YAML", "JSON")
TYPES = ("Command", "Policy", "Automation", "ChangeCalendar", "Session", "Package")


class ShownStep(msgspec.Struct, frozen=True):
    """One step for people: what it runs as text, and its other inputs."""

    name: str
    action: str
    script: str
    inputs: dict[str, Any]
    conditions: list[str]


async def listing(visit: Visit) -> Response:
    owner, words = visit.query("owner", "Self"), visit.query("q")
    filters = [{"Key": "Owner", "Values": [owner if owner in dict(OWNERS) else "Self"]}]
    if words:
        filters.append({"Key": "SearchKeyword", "Values": [words]})
    found = await visit.ask(
        "ListDocuments", Filters=filters, MaxResults=min(visit.size, MOST), NextToken=visit.query("page") or None
    )
    return visit.page(
        "documents.html",
        "Documents",
        documents=found["DocumentIdentifiers"],
        next_page=found.get("NextToken"),
        owners=OWNERS,
        owner=owner,
    )


async def one(visit: Visit) -> Response:
    """A document: steps, source, versions, uses, or the difference of two versions."""
    name = visit.path("name")
    tab, version = visit.query("tab", "steps"), visit.query("version") or None
    described = (await visit.ask("DescribeDocument", Name=name, DocumentVersion=version))["Document"]
    document = await visit.ask("GetDocument", Name=name, DocumentVersion=version)
    context: dict[str, Any] = {"tab": tab, "described": described, "document": document}
    if tab == "versions":
        found = await visit.ask("ListDocumentVersions", Name=name, MaxResults=MOST)
        context["versions"] = found["DocumentVersions"]
        context["compared"] = await _compared(visit, name)
    elif tab == "used":
        context["used"] = await users_of(visit, name)
    else:
        context["steps"] = steps_of(document["Content"], document["DocumentFormat"])
    return visit.page("document.html", name, **context)


async def users_of(visit: Visit, name: str) -> list[dict[str, Any]]:
    """The associations that run a document."""
    by_name = {"key": "Name", "value": name}
    found = await visit.ask("ListAssociations", AssociationFilterList=[by_name], MaxResults=MOST)
    associations: list[dict[str, Any]] = found["Associations"]
    return associations


async def _compared(visit: Visit, name: str) -> tuple[str, str, list[difference.Line]] | None:
    """`?diff=3..5`: both versions and what changed between them."""
    before, dots, after = visit.query("diff").partition("..")
    if not dots:
        before, after = visit.query("before"), visit.query("after")
    if not before or not after:
        return None
    texts = [
        (await visit.ask("GetDocument", Name=name, DocumentVersion=version, DocumentFormat="YAML"))["Content"]
        for version in (before, after)
    ]
    return before, after, difference.lines(*texts)


def steps_of(content: str, form: str) -> list[ShownStep]:
    """The steps of a document of any schema; none for what is no such document."""
    try:
        value = read(content, form)
    except InvalidDocumentContent:
        return []
    if not isinstance(value, dict):
        return []
    steps = value.get("mainSteps")
    if isinstance(steps, list):
        return [_step(step.get("name", ""), step) for step in steps if isinstance(step, dict)]
    plugins = value.get("runtimeConfig")
    if isinstance(plugins, dict):
        return [_step(name, {"action": name, "inputs": plugin}) for name, plugin in plugins.items()]
    return []


def _step(name: object, step: dict[str, Any]) -> ShownStep:
    inputs = step.get("inputs")
    rest = dict(inputs) if isinstance(inputs, dict) else {}
    script = rest.pop("runCommand", "")
    text = "\n".join(map(str, script)) if isinstance(script, list) else str(script)
    return ShownStep(str(name), str(step.get("action", "")), text, rest, list(_conditions(step)))


def _conditions(step: dict[str, Any]) -> list[str]:
    found = []
    precondition = step.get("precondition")
    if isinstance(precondition, dict):
        for operator, operands in precondition.items():
            words = " = " if operator == "StringEquals" else f" {operator} "
            found.append("only where " + words.join(map(str, operands if isinstance(operands, list) else [operands])))
    for member in ("onFailure", "onSuccess", "timeoutSeconds", "isEnd", "nextStep"):
        if member in step:
            found.append(f"{member}: {step[member]}")
    return found


async def new(visit: Visit, problem: AwsError | None = None) -> Response:
    """The form for a new document, or for a new version of one."""
    name = visit.path("name") if "name" in visit.request.path_params else ""
    content, form, kind = visit.field("content"), visit.field("format"), visit.field("type", "Command")
    if name and not problem:
        document = await visit.ask("GetDocument", Name=name, DocumentVersion=LATEST)
        content, form, kind = document["Content"], document["DocumentFormat"], document["DocumentType"]
    return visit.page(
        "document_edit.html",
        f"New version of {name}" if name else "New document",
        name=name,
        given_name=visit.field("name"),
        content=content,
        form=form or "YAML",
        kind=kind,
        formats=FORMATS,
        types=TYPES,
        make_default=bool(visit.field("default")) if problem else True,
        problem=problem,
    )


async def create(visit: Visit) -> Response:
    name = visit.field("name").strip()
    try:
        await visit.ask(
            "CreateDocument",
            Name=name,
            Content=visit.field("content"),
            DocumentType=visit.field("type"),
            DocumentFormat=visit.field("format"),
        )
    except AwsError as error:
        return await new(visit, error)
    return visit.see(visit.url("documents", name), f"{name} is created.")


async def update(visit: Visit) -> Response:
    name = visit.path("name")
    try:
        made = await visit.ask(
            "UpdateDocument",
            Name=name,
            Content=visit.field("content"),
            DocumentVersion=LATEST,
            DocumentFormat=visit.field("format"),
        )
    except AwsError as error:
        return await new(visit, error)
    version = made["DocumentDescription"]["DocumentVersion"]
    if visit.field("default"):
        return visit.see(visit.url("documents", name, "default", version=version), f"Version {version} is there.")
    return visit.see(visit.url("documents", name, tab="versions"), f"Version {version} is there.")


async def default_preview(visit: Visit) -> Response:
    """What moving the default version starts."""
    name, version = visit.path("name"), visit.query("version")
    described = (await visit.ask("DescribeDocument", Name=name, DocumentVersion=version))["Document"]
    following = [one for one in await users_of(visit, name) if one.get("DocumentVersion") in (None, "$DEFAULT")]
    command = visit.command("UpdateDocumentDefaultVersion", Name=name, DocumentVersion=version)
    return visit.page(
        "document_default.html",
        f"Make version {described['DocumentVersion']} the default of {name}",
        name=name,
        version=version,
        current=described["DefaultVersion"],
        following=following,
        command=command,
    )


async def move_default(visit: Visit) -> Response:
    name, version = visit.path("name"), visit.field("version")
    await visit.ask("UpdateDocumentDefaultVersion", Name=name, DocumentVersion=version)
    return visit.see(visit.url("documents", name), f"Version {version} is the default.")


async def delete_preview(visit: Visit) -> Response:
    """Who runs it; the name has to be typed."""
    name = visit.path("name")
    await visit.ask("DescribeDocument", Name=name)
    command = visit.command("DeleteDocument", Name=name)
    used = await users_of(visit, name)
    return visit.page("document_delete.html", f"Delete {name}", name=name, used=used, command=command)


async def delete(visit: Visit) -> Response:
    name = visit.path("name")
    if visit.field("name").strip() != name:
        raise validation_error(f"Type {name} to delete this document.")
    await visit.ask("DeleteDocument", Name=name)
    return visit.see(visit.url("documents"), f"{name} is deleted.")


PAGES = (
    Page("/documents", listing),
    Page("/documents/new", new, create),
    Page("/documents/{name}", one),
    Page("/documents/{name}/edit", new, update),
    Page("/documents/{name}/default", default_preview, move_default),
    Page("/documents/{name}/delete", delete_preview, delete),
)
