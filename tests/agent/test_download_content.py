"""aws:downloadContent from real servers that are not to be trusted."""

import asyncio
import hashlib
import json
import subprocess

import boto3
import hostile_web
import pytest
from agent_bench import ScriptedServer, steps_of
from moto.server import ThreadedMotoServer
from test_download_places import archive, file, link

from stateward.agent.downloads import web as downloads
from stateward.agent.plugins.step import StepFailed
from stateward.agent.sources import Sources

BODY = b"#!/bin/sh\necho fetched\n"


@pytest.fixture
def web():
    with hostile_web.web_server() as server:
        yield server


@pytest.fixture
def get(bench, tmp_path, monkeypatch):
    """Runs one aws:downloadContent step, then a step that lists what is there; the first step, and the listing."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def get(kind, info, destination=None, server=None, timeout=30, **sources):
        inputs = {"sourceType": kind, "sourceInfo": info, "timeoutSeconds": timeout}
        if destination is not None:
            inputs["destinationPath"] = destination
        content = {
            "schemaVersion": "2.2",
            "mainSteps": [
                {"action": "aws:downloadContent", "name": "fetch", "inputs": inputs},
                {
                    "action": "aws:runShellScript",
                    "name": "list",
                    "inputs": {
                        "runCommand": ["find . -mindepth 1 ! -type d | sort", "[ -x run.sh ] && ./run.sh || true"]
                    },
                },
            ],
        }

        async def work():
            table = bench(server=server or ScriptedServer(), sources=Sources(**sources))
            try:
                return steps_of(await table.run(content))
            finally:
                table.drains.close()

        steps = asyncio.run(work())
        return steps["fetch"], steps["list"]["standardOutput"].split()

    return get


def verdict(step):
    return step["status"], step["code"], step["standardError"]


def refused(step, told):
    assert step["status"] == "Failed"
    assert step["code"] == 1
    assert told in step["standardError"]


# HTTP


def http(web, path, **members):
    return {"url": web.url + path, "allowInsecureDownload": "true", **members}


def test_a_file_is_fetched_and_can_be_run(get, web):
    web.answers["/files/run.sh"] = hostile_web.content(BODY)
    step, listed = get("HTTP", http(web, "/files/run.sh?token=secret"))
    assert verdict(step) == ("Success", 0, "")
    assert step["standardOutput"].rsplit("/", 3)[1:] == ["command-1", "work", "run.sh"]
    assert step["standardOutput"].startswith("Content downloaded to /")
    assert listed == ["./run.sh", "fetched"]


def test_source_info_can_be_text(get, web):
    web.answers["/x"] = hostile_web.content(BODY)
    step, listed = get("HTTP", json.dumps(http(web, "/x")), "sub/")
    assert (step["status"], listed) == ("Success", ["./sub/x"])


def test_plain_http_has_to_be_allowed(get, web):
    step, _ = get("HTTP", {"url": f"{web.url}/x"})
    refused(step, "is not secure: use https, or allowInsecureDownload")
    assert web.requests == []


@pytest.mark.parametrize(("method", "answer"), [("Basic", hostile_web.basic), ("Digest", hostile_web.digest)])
def test_authentication_with_a_stored_password(get, web, method, answer):
    web.answers["/x"] = answer(BODY)
    server = ScriptedServer()
    server.secrets["web-password"] = hostile_web.PASSWORD
    info = http(web, "/x", authMethod=method, username=hostile_web.NAME, password="{{ ssm-secure:web-password }}")
    step, listed = get("HTTP", info, server=server)
    assert verdict(step) == ("Success", 0, "")
    assert listed == ["./x"]


def test_a_wrong_password_fails_the_step(get, web):
    web.answers["/x"] = hostile_web.digest(BODY)
    info = http(web, "/x", authMethod="Digest", username=hostile_web.NAME, password="wrong")
    refused(get("HTTP", info)[0], "/x: HTTP 403")


def test_a_secret_that_is_not_there_fails_the_step(get, web):
    info = http(web, "/x", authMethod="Basic", username="u", password="{{ssm-secure:none}}")
    refused(get("HTTP", info)[0], "ParameterNotFound: parameter none is not there")


def test_credentials_are_not_told_to_another_host(get, web):
    with hostile_web.web_server() as other:
        web.answers["/x"] = hostile_web.redirect(f"{other.url}/y")
        other.answers["/y"] = hostile_web.content(BODY)
        step, _ = get("HTTP", http(web, "/x", authMethod="Basic", username="u", password="hidden-value"))
        assert step["status"] == "Success"
        assert "authorization" in web.requests[0][1]
        assert [headers.get("authorization") for _, headers in other.requests] == [None]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("file:///etc/passwd", "use https://host/path"),
        ("/x", "more than 5 redirects"),
        ("ftp://127.0.0.1/x", "use https://host/path"),
    ],
)
def test_redirects_lead_to_the_web_and_have_an_end(get, web, target, told):
    web.answers["/x"] = hostile_web.redirect(target)
    refused(get("HTTP", http(web, "/x"))[0], told)


def test_a_redirect_does_not_leave_https():
    with pytest.raises(StepFailed, match="is not secure"):
        downloads.checked_address("http://127.0.0.1/x", insecure=False)


@pytest.mark.parametrize("path", ["/%2e%2e", "/..%2f..%2fescaped", "/a%2fb", "/%00"])
def test_a_name_in_an_address_stays_a_name(get, web, path, tmp_path):
    for known in (path, "/", "/.."):
        web.answers[known] = hostile_web.content(BODY)
    step, _ = get("HTTP", http(web, path))
    assert step["status"] == "Failed"
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param(hostile_web.endless, "larger than 100000 bytes", id="endless"),
        pytest.param(
            hostile_web.content(b"", **{"Content-Length": "10000000"}), "larger than the 100000 bytes", id="said"
        ),
        pytest.param(lambda handler: handler.reply(500, {}, b""), "HTTP 500", id="an error"),
        pytest.param(
            hostile_web.content(b"short", **{"Content-Length": "50000", "Connection": "close"}),
            "no answer",
            id="cut off",
        ),
    ],
)
def test_answers_that_are_not_the_file(get, web, answer, told):
    def and_close(handler):
        answer(handler)
        handler.close_connection = True

    web.answers["/x"] = and_close
    step, listed = get("HTTP", http(web, "/x"), most_bytes=100_000)
    refused(step, told)
    assert listed == []


def test_a_checksum_is_compared(get, web):
    web.answers["/x"] = hostile_web.content(BODY)
    right = hashlib.sha256(BODY).hexdigest()
    assert get("HTTP", http(web, "/x", checksum=f"sha256:{right}"))[0]["status"] == "Success"


def test_content_with_another_checksum_is_not_placed(get, web):
    web.answers["/x"] = hostile_web.content(BODY)
    step, listed = get("HTTP", http(web, "/x", checksum="0" * 64))
    refused(step, "not the expected 0000")
    assert listed == []


def test_a_download_ends_with_its_time_out(get, web):
    web.answers["/x"] = hostile_web.silent
    step, _ = get("HTTP", http(web, "/x"), timeout=1)
    assert (step["status"], step["code"]) == ("TimedOut", 137)


def test_a_download_can_be_cancelled(bench, web):
    web.answers["/x"] = hostile_web.silent

    async def work():
        table = bench()
        inputs = {"sourceType": "HTTP", "sourceInfo": http(web, "/x")}
        step = {"action": "aws:downloadContent", "name": "fetch", "inputs": inputs}
        table.start({"schemaVersion": "2.2", "mainSteps": [step]})
        await table.begun()
        table.intake.cancel("command-1")
        await table.intake.idle()
        return steps_of(table.replies())["fetch"]

    step = asyncio.run(work())
    assert (step["status"], step["code"]) == ("Cancelled", 137)


@pytest.mark.parametrize(
    ("kind", "info", "told"),
    [
        ("FTP", {}, "invalid input: Unsupported source type 'FTP', use GitHub, Git, HTTP, S3, SSMDocument"),
        (["HTTP"], {}, "invalid input: Unsupported source type"),
        ("HTTP", {}, "sourceInfo.url is missing"),
        ("HTTP", "[]", "sourceInfo must be an object"),
        ("HTTP", "{", "sourceInfo: not valid JSON"),
        ("HTTP", {"url": 5}, "sourceInfo.url must be text"),
        ("HTTP", {"url": "https://x.test/", "authMethod": "NTLM"}, "use None, Basic, Digest"),
        ("HTTP", {"url": "x", "checksum": "md5:1"}, "use sha256:"),
    ],
)
def test_inputs_that_cannot_be_used(get, kind, info, told):
    refused(get(kind, info)[0], told)


# GitHub


def github(web, tmp_path, *entries, ref="/main"):
    path = archive(tmp_path / "github.tar.gz", *entries)
    web.answers["/repos/owner/repo/tarball" + ref] = hostile_web.redirect(f"{web.url}/archive?token=x")
    web.answers["/archive"] = hostile_web.content(path.read_bytes())
    return {"owner": "owner", "repository": "repo", "getOptions": "branch:main"}


def test_a_folder_of_a_repository(get, web, tmp_path):
    info = github(web, tmp_path, file("top/a"), file("top/scripts/run.sh", BODY, mode=0o755), file("top/scripts/b"))
    step, listed = get("GitHub", {**info, "path": "scripts"}, github_url=web.url)
    assert verdict(step) == ("Success", 0, "")
    assert listed == ["./b", "./run.sh", "fetched"]


def test_one_file_of_a_repository_by_its_commit(get, web, tmp_path):
    info = github(web, tmp_path, file("top/a"), file("top/scripts/run.sh", BODY, mode=0o755), ref="/4a5b6c7d")
    info |= {"path": "/scripts/run.sh", "getOptions": "commitID:4a5b6c7d", "tokenInfo": "{{ssm-secure:github}}"}
    server = ScriptedServer()
    server.secrets["github"] = "the-token"
    step, listed = get("GitHub", info, "run.sh", server=server, github_url=web.url)
    assert verdict(step) == ("Success", 0, "")
    assert listed == ["./run.sh", "fetched"]
    assert web.requests[0][1]["authorization"] == "Bearer the-token"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        pytest.param(file("top/../../../escaped"), "leaves its folder", id="parent"),
        pytest.param(link("top/out", "/etc"), "leads out of its folder", id="link"),
    ],
)
def test_a_hostile_repository_places_nothing(get, web, tmp_path, entry, told):
    info = github(web, tmp_path, file("top/good"), entry)
    step, listed = get("GitHub", info, github_url=web.url)
    refused(step, told)
    assert listed == []
    assert not list(tmp_path.rglob("escaped"))


def test_a_repository_that_is_not_there(get, web):
    info = {"owner": "owner", "repository": "none", "getOptions": "branch:main"}
    refused(get("GitHub", info, github_url=web.url)[0], "owner/none has no main, or tokenInfo gives no access to it")


@pytest.mark.parametrize("owner", ["..", "a/b", "a b", ""])
def test_names_of_github_have_a_form(get, web, owner):
    refused(get("GitHub", {"owner": owner, "repository": "x"}, github_url=web.url)[0], "sourceInfo.owner")
    assert web.requests == []


# Git


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "origin"

    def git(*arguments):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": "/dev/null"}
        who = ("-c", "user.name=n", "-c", "user.email=e@test", "-c", "init.defaultBranch=main")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    folder.mkdir()
    git("init", "--quiet")
    (folder / "run.sh").write_bytes(BODY)
    (folder / "run.sh").chmod(0o755)
    (folder / "inner").symlink_to("run.sh")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    return folder, git


def test_a_branch_is_checked_out_without_its_history(get, repository):
    folder, git = repository
    git("checkout", "--quiet", "-b", "release")
    step, listed = get("Git", {"repository": f"file://{folder}", "getOptions": "branch:release"})
    assert verdict(step) == ("Success", 0, "")
    assert listed == ["./inner", "./run.sh", "fetched"]


def test_a_commit_is_checked_out(get, repository):
    folder, git = repository
    first = git("rev-parse", "HEAD")
    (folder / "later").write_text("x")
    git("add", ".")
    git("commit", "--quiet", "-m", "second")
    step, listed = get("Git", {"repository": f"file://{folder}", "getOptions": f"commitID:{first}"})
    assert verdict(step) == ("Success", 0, "")
    assert "./later" not in listed


def test_a_link_out_of_a_repository_places_nothing(get, repository):
    folder, git = repository
    (folder / "out").symlink_to("/etc")
    git("add", ".")
    git("commit", "--quiet", "-m", "hostile")
    step, listed = get("Git", {"repository": f"file://{folder}"})
    refused(step, "the link 'out' in the content leads out of its folder")
    assert listed == []


def test_a_large_repository_is_refused_before_it_is_checked_out(get, repository):
    folder, git = repository
    (folder / "zeros").write_bytes(bytes(3_000_000))
    git("add", ".")
    git("commit", "--quiet", "-m", "bomb")
    step, listed = get("Git", {"repository": f"file://{folder}"}, most_bytes=1_000_000)
    refused(step, "larger than 1000000 bytes")
    assert listed == []


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"repository": "--upload-pack=touch x"}, "no address of a repository"),
        ({"repository": "ext::sh -c touch% x"}, "use https://, ssh:// or git@host:path"),
        ({"repository": "http://127.0.0.1/x"}, "is not secure"),
        ({"repository": "-o@host:x"}, "no address of a repository"),
        ({"repository": "https://x.test/y", "getOptions": "branch:--upload-pack=x"}, "is no branch of git"),
        ({"repository": "https://x.test/y", "getOptions": "commitID:HEAD~1"}, "is no commit of git"),
    ],
)
def test_no_word_of_a_document_becomes_an_option_of_git(get, members, told):
    refused(get("Git", members)[0], told)


def test_a_repository_that_is_not_there_says_what_git_says(get, tmp_path):
    refused(get("Git", {"repository": f"file://{tmp_path}/none"})[0], "does not")


# S3


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(moto, monkeypatch, get):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("s3", endpoint_url=moto, region_name="us-east-1")
    client.create_bucket(Bucket="box")
    yield lambda key, body=BODY: client.put_object(Bucket="box", Key=key, Body=body)
    for found in client.list_objects_v2(Bucket="box").get("Contents", ()):
        client.delete_object(Bucket="box", Key=found["Key"])


def test_an_object_is_fetched(get, bucket, moto):
    bucket("scripts/run.sh")
    path = "https://s3.us-east-1.amazonaws.com/box/scripts/run.sh"
    step, listed = get("S3", {"path": path}, s3_endpoint=moto)
    assert verdict(step) == ("Success", 0, "")
    assert listed == ["./run.sh", "fetched"]


@pytest.mark.parametrize("end", ["", "/"])
def test_everything_below_a_key_is_fetched(get, bucket, moto, end):
    for key in ("scripts/a", "scripts/sub/b c", "scripts/sub/", "scripts-not"):
        bucket(key)
    step, _ = get("S3", {"path": f"s3://box/scripts{end}"}, "into/", s3_endpoint=moto)
    assert verdict(step) == ("Success", 0, "")


def test_many_pages_of_objects(get, bucket, moto, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(8):
        bucket(f"many/{number}")
    step, listed = get("S3", {"path": "s3://box/many/"}, s3_endpoint=moto)
    assert verdict(step) == ("Success", 0, "")
    assert len(listed) == 8


@pytest.mark.parametrize("key", ["bad/../../escaped", "bad/..", "bad//etc/../x"])
def test_keys_that_leave_their_folder_are_refused(get, bucket, moto, key, tmp_path):
    bucket(key)
    step, listed = get("S3", {"path": "s3://box/bad/"}, s3_endpoint=moto)
    refused(step, "leaves its folder")
    assert listed == []


def test_objects_have_a_limit_together(get, bucket, moto):
    for number in range(5):
        bucket(f"many/{number}", bytes(300))
    refused(get("S3", {"path": "s3://box/many/"}, s3_endpoint=moto, most_bytes=1_000)[0], "bytes")


def test_what_is_not_in_the_bucket_is_said(get, bucket, moto):
    refused(get("S3", {"path": "s3://box/none"}, s3_endpoint=moto)[0], "/box/none: HTTP 404")


def test_instance_credentials_sign_when_there_are_no_others(get, web, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", web.url)
    roles = "/latest/meta-data/iam/security-credentials/"
    keys = {"AccessKeyId": "of-the-role", "SecretAccessKey": "s", "Token": "t"}
    web.answers["/latest/api/token"] = hostile_web.content(b"metadata-token")
    web.answers[roles] = hostile_web.content(b"role\n")
    web.answers[f"{roles}role"] = hostile_web.content(json.dumps(keys).encode())
    web.answers["/box/x"] = hostile_web.content(BODY)
    step, _ = get("S3", {"path": "s3://box/x"}, s3_endpoint=web.url)
    assert verdict(step) == ("Success", 0, "")
    sent = web.requests[-1][1]
    assert "Credential=of-the-role/" in sent["authorization"]
    assert sent["x-amz-security-token"] == "t"


def test_a_public_object_needs_no_credentials(get, web):
    web.answers["/box/x"] = hostile_web.content(BODY)
    step, _ = get("S3", {"path": "s3://box/x"}, s3_endpoint=web.url)
    assert verdict(step) == ("Success", 0, "")
    assert "authorization" not in web.requests[-1][1]


# SSMDocument


def test_a_document_becomes_a_file_as_recorded(get):
    server = ScriptedServer()
    server.hold("lab-multi", {"schemaVersion": "2.2"})
    step, listed = get("SSMDocument", {"name": "lab-multi:3"}, server=server)
    assert verdict(step) == ("Success", 0, "")
    assert listed == ["./lab-multi.json"]
    assert server.asked == [("lab-multi", "3")]


def test_a_download_that_a_kill_cut_off_is_reported_and_not_repeated(bench, web):
    web.answers["/x"] = hostile_web.silent
    step = {"action": "aws:downloadContent", "name": "fetch", "inputs": {"sourceType": "HTTP"}}
    step["inputs"]["sourceInfo"] = http(web, "/x")

    async def until_killed():
        table = bench()
        table.start({"schemaVersion": "2.2", "mainSteps": [step]})
        await asyncio.to_thread(web.asked.wait, 30)

    async def after_the_kill():
        table = bench()
        table.intake.take_up()
        await table.intake.idle()
        return steps_of(table.replies())["fetch"]

    asyncio.run(until_killed())
    found = asyncio.run(after_the_kill())
    assert (found["status"], found["code"]) == ("Failed", -1)
    assert found["standardError"] == "the agent was restarted while this step ran"
    assert len(web.requests) == 1
