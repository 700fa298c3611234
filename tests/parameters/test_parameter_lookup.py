"""What other rooms get: resolved references, and word of changed values (D40)."""

import pytest

from stateward.parameters import lookup
from stateward.parameters.facts import ParameterChanged
from stateward.parameters.lookup import Resolved


@pytest.fixture
def announced(server, scope, monkeypatch):
    """The facts of this test's Region in order."""
    facts = []

    async def note(tx, found):
        facts.extend((one.name, one.version, one.value_changed) for one in found if one.scope == scope)

    monkeypatch.setitem(server.thread_server.db._reactions, ParameterChanged, [note])
    return facts


def test_references_are_resolved(server, scope, put, ssm):
    put("one", "first")
    put("one", "second", Overwrite=True)
    put("/a/b", "x,y", Type="StringList")
    ssm.label_parameter_version(Name="one", ParameterVersion=1, Labels=["stable"])
    wanted = ["one", "one:1", "/one:stable", "/a/b", "one"]
    assert server.reading(lambda tx: lookup.resolve(tx, scope, wanted)) == {
        "one": Resolved("one", False, 2, "String", "second"),
        "one:1": Resolved("one", True, 1, "String", "first"),
        "/one:stable": Resolved("one", False, 1, "String", "first"),
        "/a/b": Resolved("/a/b", False, 1, "StringList", "x,y"),
    }


def test_what_cannot_be_resolved_says_why(server, scope, put):
    put("secret", "hidden", Type="SecureString")
    put("one")
    problems = {
        "nobody": "Parameter nobody not found.",
        "one:3": "Systems Manager could not find version 3 of one. Verify the version and try again.",
        "one:prod": "Systems Manager could not find label prod of one. Verify the label and try again.",
        "one:": "one:: write name, name:version or name:label.",
        "secret": "Parameter secret is a SecureString, which can not be used here: use a String or StringList.",
    }
    found = server.reading(lambda tx: lookup.resolve(tx, scope, list(problems)))
    assert {text: one.problem for text, one in found.items()} == problems
    assert {one.value for one in found.values()} == {""}


def test_every_new_version_is_announced(announced, put, ssm):
    put("one", "a")
    put("one", "a", Overwrite=True, Description="the same value")
    put("one", "b", Overwrite=True)
    put("one", "b", Type="SecureString", Overwrite=True)
    put("one", "b", Type="SecureString", Overwrite=True)
    put("one", "c", Type="SecureString", Overwrite=True)
    assert announced == [
        ("one", 1, True),
        ("one", 2, False),
        ("one", 3, True),
        ("one", 4, True),
        ("one", 5, False),
        ("one", 6, True),
    ]


def test_labels_and_deletions_are_not_announced(announced, put, ssm):
    put("one")
    put("one", "other", Overwrite=True)
    announced.clear()
    ssm.label_parameter_version(Name="one", ParameterVersion=1, Labels=["prod"])
    ssm.label_parameter_version(Name="one", ParameterVersion=2, Labels=["prod"])
    ssm.unlabel_parameter_version(Name="one", ParameterVersion=2, Labels=["prod"])
    ssm.delete_parameter(Name="one")
    assert announced == []
    put("one", "other")
    assert announced == [("one", 1, True)], "what stands there again may end a failure"
