"""The short pages of `reference/`: metrics, events, plugins with documents, quotas."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise

from documentation.tables import code, table
from stateward import metrics
from stateward.agent.plugins import table as plugins
from stateward.documents import shipping
from stateward.events import messages
from stateward.quotas import Quotas

SUFFIXES = {"Counter": "_total", "Gauge": "", "Histogram": "", "Info": "_info"}
"""Kind of metric → what Prometheus's client puts behind its name."""


def metrics_page() -> str:
    return f"""
# Every metric

`GET /metrics` serves them in Prometheus's text form: [Logs and metrics](../operations.md#logs-and-metrics). A
histogram has `_bucket`, `_count` and `_sum`.

{table(["Metric", "Kind", "Labels", ""], sorted(declared_metrics()))}
"""


def declared_metrics() -> Iterator[list[str]]:
    """Name, kind, labels and text of each metric, read from where they are declared."""
    for call in (node for node in ast.walk(ast.parse(inspect.getsource(metrics))) if isinstance(node, ast.Call)):
        kind = call.func.id if isinstance(call.func, ast.Name) else ""
        if kind in SUFFIXES:
            name, text, *rest = (ast.literal_eval(argument) for argument in call.args)
            yield [f"`{name}{SUFFIXES[kind]}`", kind.lower(), code(rest[0] if rest else ()), text]


def events_page() -> str:
    sections = "\n\n".join(
        f"## {kind}\n\nSource `{source}`. Members of `detail`: {code(members)}." for kind, source, members in events()
    )
    return f"""
# Every event

Each has the envelope of EventBridge: `version`, `id`, `detail-type`, `source`, `account`, `time`, `region`, `resources`
and `detail`. Who gets them, and when: [Events](../operations.md#events). Every member of `detail` is text, and left out
where there is nothing to say.

{sections}
"""


def events() -> list[tuple[str, str, list[str]]]:
    """Detail type, source and members of each event, read from the functions that make them."""
    found = []
    for function in (node for node in ast.parse(inspect.getsource(messages)).body if isinstance(node, ast.FunctionDef)):
        dictionaries = [node for node in ast.walk(function) if isinstance(node, ast.Dict)]
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "_envelope"]
        if made and isinstance(made[0].args[0], ast.Name):
            kind: str = getattr(messages, made[0].args[0].id)
            members = [str(key.value) for one in dictionaries for key in one.keys if isinstance(key, ast.Constant)]
            own = kind in (messages.OUTPUT_EVENT, messages.CLONE_EVENT)
            found.append((kind, messages.OWN_SOURCE if own else "aws.ssm", members))
    return found


def plugins_page() -> str:
    rows = [[f"`{name}`", _said(name)] for name in sorted(plugins.PLUGINS)]
    documents = sorted([f"`{name}`", kind] for name, kind, _ in shipping.shipped())
    return f"""
# Plugins and documents

## Plugins of Stateward's agent

What the `action` of a step can be. What each does in detail: [What runs, and how](../nodes.md#what-runs-and-how). A
node with the official agent has that one's.

{table(["Plugin", ""], rows)}

## Documents that are there from the start

Owned by Amazon in name, and written anew for Stateward.

{table(["Document", "Type"], documents)}
"""


def _said(name: str) -> str:
    """What the plugin's module says of itself, without its own name and without references."""
    text = (sys.modules[plugins.PLUGINS[name].__module__].__doc__ or "").strip().partition("\n")[0]
    text = text.removeprefix(f"{name}: ")
    return text.rpartition(" (")[0] if text.endswith((").", ")")) and "(" in text else text.rstrip(".")


def quotas_page() -> str:
    said = _docstrings()
    rows = [[f"`{one.name.replace('_', '-')}`", f"{one.default:,}", said[one.name]] for one in fields(Quotas)]
    return f"""
# Quotas

AWS's numbers. `stateward serve --quota NAME=N` [sets others](../operations.md#quotas-and-throttling).

{table(["Name", "At most", ""], rows)}
"""


def _docstrings() -> dict[str, str]:
    """Field → the text below it."""
    (body,) = (one.body for one in ast.parse(inspect.getsource(Quotas)).body if isinstance(one, ast.ClassDef))
    said = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            said[ast.unparse(field.target)] = str(text.value.value).rstrip(".")
    return said
