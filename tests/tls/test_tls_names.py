import pytest

from stateward.tls import names
from stateward.tls.names import LOOPBACK


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("SSM.Example.com.", "ssm.example.com", id="case and the root's dot do not count"),
        pytest.param("*.example.com", "*.example.com", id="a wildcard"),
        pytest.param("10.0.0.5", "10.0.0.5", id="an address"),
        pytest.param("[fd00:0::5]", "fd00::5", id="IPv6 in brackets"),
        pytest.param("server", "server", id="one label"),
        pytest.param("my_host", "my_host", id="an underscore, as machines have it"),
        pytest.param("bücher.example", "xn--bcher-kva.example", id="a name in other letters"),
    ],
)
def test_names_are_read(text, read):
    assert names.parse([text]).texts == (read,)


@pytest.mark.parametrize(
    "text",
    ["", "a b", "https://host", "host:8443", "10.0.0.300", "-a.test", "*", "*.com", "a.*.test", "a..test", "x" * 64],
)
def test_what_is_no_name_is_refused_with_its_text(text):
    with pytest.raises(ValueError) as caught:
        names.parse([text])
    assert str(caught.value) == (f"{text!r} is neither a host name nor an address: write it as nodes do, without port")


def test_names_are_sorted_and_stand_once():
    found = names.parse(["b.test", "10.0.0.5", "a.test", "B.test", "9.0.0.1"])
    assert found.texts == ("a.test", "b.test", "9.0.0.1", "10.0.0.5")
    assert (found + names.parse(["c.test", "a.test"])).texts == ("a.test", "b.test", "c.test", "9.0.0.1", "10.0.0.5")


def test_what_the_machine_calls_itself_may_be_anything():
    assert names.known(["good", "bad name", "", "10.0.0.5"]) == LOOPBACK + names.parse(["good", "10.0.0.5"])
