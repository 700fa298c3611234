"""What every page has: assets, times, signs, settings, colours."""

import re

import pytest
from console_people import Person, signed_in

from stateward.console import times
from stateward.console.assets import TYPES, Assets
from stateward.console.command_lines import aws_line, boto3_line, kebab
from stateward.console.untrusted import ansi, signs

DAY = 86_400_000


def test_client_code_is_at_most_thirty_kilobytes_packed():
    assets = Assets()
    assert sum(len(assets._assets[name].packed) for name in TYPES if name.endswith(".js")) <= 30_000


def test_assets_stay_for_ever_at_the_address_of_their_content(server):
    person = Person(server)
    url = Assets().url("style.css")
    answer = person.get(url)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert person.get(url, **{"if-none-match": answer.headers["etag"]}).status_code == 304
    old = person.get("/console/assets/0000000000000000/style.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert person.get("/console/assets/x/nothing.css").status_code == 404


def test_no_page_has_inline_style_or_script(server):
    person = signed_in(server)
    for path in ("/settings", "/nowhere", "/console/sign-in"):
        text = person.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), path
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), path


def test_choices_are_kept_in_a_cookie(server):
    person = signed_in(server)
    assert "data-theme" not in person.page("/settings")
    assert person.fill_in("/settings", theme="dark", zone="Europe/Berlin").status_code == 303
    text = person.page("/settings")
    assert 'data-theme="dark" data-keys="off"' in text
    assert re.search(r'id="clock">virtual [\d: -]+ CES?T<', text)
    assert "Saved." in text
    assert "Saved." not in person.page("/settings"), "a notice is said once"


@pytest.mark.parametrize("fields", [{"theme": "pink", "zone": "UTC"}, {"theme": "dark", "zone": "../etc/passwd"}])
def test_nonsense_is_no_choice(server, fields):
    assert signed_in(server).fill_in("/settings", **fields).status_code == 400


@pytest.mark.parametrize(
    ("apart_ms", "expected"),
    [
        (0, "now"),
        (41_000, "41 s ago"),
        (-41_000, "in 41 s"),
        (12 * 60_000, "12 min ago"),
        (-17 * 3_600_000, "in 17 h"),
        (DAY, "2027-02-01 03:00 UTC"),
    ],
)
def test_instants_are_near_or_dated(apart_ms, expected):
    at_ms = 1_801_450_800_000
    assert times.ago(at_ms, at_ms + apart_ms) == expected


def test_the_zone_is_always_written():
    berlin, fixed = times.zone_named("Europe/Berlin"), times.zone_named("America/Sao_Paulo")
    assert times.exact(1_801_450_800_000, berlin) == "2027-02-01 04:00:00 CET"
    assert times.exact(1_801_450_800_000, fixed) == "2027-02-01 00:00:00 UTC-03"
    assert times.zone_named("Nowhere/Land") is times.zone_named("../../etc/passwd") is times.zone_named("UTC")


@pytest.mark.parametrize(
    ("ms", "expected"), [(None, ""), (450, "0.5 s"), (41_000, "0:41"), (331_000, "5:31"), (7_390_000, "2:03:10")]
)
def test_durations_are_short(ms, expected):
    assert times.span(ms) == expected


def test_what_cannot_be_seen_is_a_sign():
    assert signs("a\x1b[31mb\x00c\u202ed\u200be\r\nf\tg\x7f\x9b") == "a␛[31mb␀c⟨U+202E⟩d⟨U+200B⟩e\nf\tg␡⟨U+009B⟩"
    assert signs("\ud800") == "\ufffd"


def test_ansi_colours_are_spans_and_the_rest_is_escaped():
    text = "\x1b[1;31mdisk <full>\x1b[0m & \x1b[38;5;200mok\x1b[2K\x1b[39m\x1b]0;title\x07"
    assert str(ansi(text)) == ('<span class="ansi-bold ansi-fg-red">disk &lt;full&gt;</span> &amp; ok␛]0;title␇')


def test_commands_are_ready_to_paste():
    members = {
        "InstanceIds": ["mi-1", "a b"],
        "Targets": [{"Key": "tag:x", "Values": ["it's"]}],
        "WithDecryption": False,
    }
    line = aws_line("SendCommand", members, "http://127.0.0.1:8390", "us-east-1")
    assert line == (
        "aws ssm send-command --instance-ids mi-1 'a b' "
        """--targets '[{"Key": "tag:x", "Values": ["it'"'"'s"]}]' --no-with-decryption """
        "--region us-east-1 --endpoint-url http://127.0.0.1:8390"
    )
    assert boto3_line("SendCommand", {"InstanceIds": ["mi-1"]}, "http://h", "r") == (
        "boto3.client(\"ssm\", region_name='r', endpoint_url='http://h').send_command(InstanceIds=['mi-1'])"
    )
    assert kebab("DescribeInstanceInformation") == "describe-instance-information"
