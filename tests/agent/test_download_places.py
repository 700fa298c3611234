"""Where downloaded content may be put, and what archives may hold."""

import io
import os
import tarfile

import pytest

from stateward.agent.downloads import placing, s3_address, unpacking
from stateward.agent.downloads.fetching import Budget, Fetched, options_of
from stateward.agent.plugins.step import StepFailed


def archive(path, *entries):
    """A .tar.gz of (name, content or TarInfo members)."""
    with tarfile.open(path, "w:gz") as file:
        for name, content, members in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for member, value in members.items():
                setattr(info, member, value)
            file.addfile(info, io.BytesIO(content))
    return path


def file(name, content=b"content", **members):
    return name, content, members


def link(name, target, kind=tarfile.SYMTYPE):
    return name, b"", {"type": kind, "linkname": target}


def unpack(tmp_path, *entries, wanted=(), budget=None):
    source = archive(tmp_path / "archive.tar.gz", *entries)
    return unpacking.unpack(source, tmp_path / "content", wanted, budget or Budget(10_000, 100))


def listing(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        pytest.param(file("top/../../escaped"), "leaves its folder", id="parent"),
        pytest.param(file("/top/absolute"), "leaves its folder", id="absolute"),
        pytest.param(file("top/" + "d/" * 200 + "deep"), "leaves its folder", id="too deep"),
        pytest.param(link("top/out", "../escaped"), "leads out of its folder", id="link up"),
        pytest.param(link("top/out", "/etc/passwd"), "leads out of its folder", id="link to an absolute path"),
        pytest.param(link("top/a/out", "../b/../../x"), "leads out of its folder", id="link up behind a name"),
        pytest.param(link("top/hard", "/etc/passwd", tarfile.LNKTYPE), "neither file, folder nor link", id="hard link"),
        pytest.param(("top/null", b"", {"type": tarfile.CHRTYPE}), "neither file, folder nor link", id="device"),
        pytest.param(("top/pipe", b"", {"type": tarfile.FIFOTYPE}), "neither file, folder nor link", id="pipe"),
    ],
)
def test_an_entry_that_leaves_its_folder_is_refused(tmp_path, entry, told):
    with pytest.raises(StepFailed, match=told):
        unpack(tmp_path, file("top/good"), entry)
    assert not (tmp_path / "escaped").exists()


def test_nothing_is_written_through_a_link_of_the_archive(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(StepFailed, match="is a link and a folder"):
        unpack(tmp_path, file("top/sub/x"), link("top/way", "sub"), file("top/way/y"))
    assert listing(outside) == []


def test_a_second_entry_of_a_name_is_refused(tmp_path):
    with pytest.raises(FileExistsError):
        unpack(tmp_path, link("top/x", "other"), file("top/x"))


def test_modes_say_only_whether_a_file_runs(tmp_path):
    unpack(tmp_path, file("top/run", mode=0o4777), file("top/read", mode=0o666))
    modes = [os.stat(tmp_path / "content" / name).st_mode & 0o7777 for name in ("run", "read")]
    assert modes == [0o755, 0o644]


def test_only_what_is_wanted_is_unpacked(tmp_path):
    entries = (file("top/a"), file("top/sub/b"), file("top/sub/c"), file("top/subway"))
    assert unpack(tmp_path, *entries, wanted=("sub",)) == ""
    assert listing(tmp_path / "content") == ["b", "c"]


def test_one_file_can_be_wanted(tmp_path):
    assert unpack(tmp_path, file("top/a"), file("top/sub/b"), wanted=("sub", "b")) == "b"
    assert listing(tmp_path / "content") == ["b"]


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(StepFailed, match="sub/x is not in the repository"):
        unpack(tmp_path, file("top/sub/b"), wanted=("sub", "x"))


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        pytest.param([file("top/big", b"x" * 20_000)], "larger than 10000 bytes", id="one large file"),
        pytest.param([file("top/bomb", bytes(10_000_000))], "larger than", id="a bomb"),
    ],
)
def test_an_archive_has_limits(tmp_path, entries, told):
    with pytest.raises(StepFailed, match=told):
        unpack(tmp_path, *entries)


def test_an_archive_has_no_end_of_files(tmp_path):
    with pytest.raises(StepFailed, match="more than 100 files"):
        unpack(tmp_path, *(file(f"top/{n}", b"") for n in range(101)), budget=Budget(10**6, 100))


def test_what_is_skipped_counts_too(tmp_path):
    with pytest.raises(StepFailed, match="larger than this node's limit"):
        unpack(tmp_path, file("top/bomb", bytes(10_000_000)), file("top/x"), wanted=("x",))


def test_a_large_header_is_never_read(tmp_path):
    with pytest.raises(StepFailed, match="header that is too large"):
        unpack(tmp_path, ("top/x", b"", {"pax_headers": {"comment": "x" * 2_000_000}}), budget=Budget(10**9, 100))


def test_what_is_no_archive_is_said(tmp_path):
    (tmp_path / "archive.tar.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(StepFailed, match="the archive cannot be read"):
        unpacking.unpack(tmp_path / "archive.tar.gz", tmp_path / "content", (), Budget(10_000, 100))


# The destination


def fetched(tmp_path, **files):
    folder = tmp_path / "fetched"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(None, "work/name", id="none"),
        pytest.param("other", "work/other", id="a file name"),
        pytest.param("folder/", "work/folder/name", id="a folder"),
        pytest.param("there", "work/there/name", id="a folder that exists"),
        pytest.param("/abs/x", "/abs/x", id="an absolute file"),
        pytest.param("/abs/", "/abs/name", id="an absolute folder"),
    ],
)
def test_one_file_gets_its_place(tmp_path, given, expected):
    work = tmp_path / "work"
    (work / "there").mkdir(parents=True)
    folder, name = placing.destination_of(given, work, Fetched(tmp_path, "name"))
    assert folder / name == tmp_path / expected


@pytest.mark.parametrize("given", ["../x", "a/../../x", ["x"], "a\0b"])
def test_a_destination_outside_of_the_folder_is_refused(tmp_path, given):
    with pytest.raises(StepFailed, match="destinationPath"):
        placing.destination_of(given, tmp_path, Fetched(tmp_path, "name"))


def test_a_link_at_the_destination_is_replaced_and_not_followed(tmp_path):
    victim, target = tmp_path / "victim", tmp_path / "target"
    victim.write_text("untouched")
    target.mkdir()
    (target / "x").symlink_to(victim)
    placing.place(Fetched(fetched(tmp_path, x="new"), "x"), target, "x")
    assert victim.read_text() == "untouched"
    assert (target / "x").read_text() == "new"
    assert not (target / "x").is_symlink()


def test_a_linked_folder_at_the_destination_is_not_entered(tmp_path):
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (target / "sub").symlink_to(outside)
    source = fetched(tmp_path)
    (source / "sub").mkdir()
    (source / "sub" / "x").write_text("new")
    with pytest.raises(StepFailed, match="sub at the destination is a file or a link"):
        placing.place(Fetched(source), target, "")
    assert listing(outside) == []


def test_a_folder_is_merged_into_what_is_there(tmp_path):
    target = tmp_path / "target"
    (target / "sub").mkdir(parents=True)
    (target / "sub" / "old").write_text("old")
    source = fetched(tmp_path, a="a")
    (source / "sub").mkdir()
    (source / "sub" / "new").write_text("new")
    (source / "link").symlink_to("sub/new")
    placing.place(Fetched(source), target, "")
    assert listing(target) == ["a", "link", "sub/new", "sub/old"]
    assert (target / "link").read_text() == "new"


@pytest.mark.parametrize(
    ("path", "base", "bucket", "key", "region"),
    [
        ("https://s3.eu-west-1.amazonaws.com/box/a/b", "https://s3.eu-west-1.amazonaws.com", "box", "a/b", "eu-west-1"),
        ("https://s3-eu-west-1.amazonaws.com/box/a", "https://s3.eu-west-1.amazonaws.com", "box", "a", "eu-west-1"),
        ("https://s3.amazonaws.com/box/a", "https://s3.us-east-1.amazonaws.com", "box", "a", "us-east-1"),
        ("https://box.s3.eu-west-1.amazonaws.com/a", "https://s3.eu-west-1.amazonaws.com", "box", "a", "eu-west-1"),
        ("https://box.s3.amazonaws.com/a%20b", "https://s3.us-east-1.amazonaws.com", "box", "a b", "us-east-1"),
        ("s3://box/a/", "https://s3.local-1.amazonaws.com", "box", "a/", "local-1"),
        ("https://minio.test:9000/box/a", "https://minio.test:9000", "box", "a", "local-1"),
    ],
)
def test_paths_of_s3(path, base, bucket, key, region):
    assert s3_address.read(path, "", "local-1") == s3_address.S3Address(base, bucket, key, region)


def test_addresses_of_aws_lead_to_the_configured_endpoint():
    found = s3_address.read("https://box.s3.eu-west-1.amazonaws.com/a", "http://s3.test:9000/", "x")
    assert (found.base, found.bucket, found.region) == ("http://s3.test:9000", "box", "eu-west-1")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("ftp://x/y", "use https://s3"),
        ("http://evil.test/box/key", "is not secure"),
        ("https://s3.amazonaws.com/box", "name an object"),
        ("https://s3.amazonaws.com/../x", "not the name of a bucket"),
        ("https://user:pw@minio.test/box/key", "password in it"),
    ],
)
def test_paths_that_are_none_of_s3(path, told):
    with pytest.raises(StepFailed, match=told):
        s3_address.read(path, "", "us-east-1")


@pytest.mark.parametrize("text", ["main", "branch:", "tag:x", "--upload-pack=x"])
def test_options_of_a_repository_have_a_form(text):
    with pytest.raises(StepFailed, match="use branch:<name> or commitID:<id>"):
        options_of(text)
