"""`kohort data fetch`: what it tells, and with which code it ends."""

import tarfile

import numpy as np
import pytest
from PIL import Image

from kohort import load
from kohort.cli.on_data.fetch_commands import PublishedName
from kohort.data.fetching import downloading
from kohort.data.fetching.published import PUBLISHED
from kohort.errors import DataError
from tests.cli.in_process import kohort
from tests.data.fetching.server import CONTENT, published, refuses, sends, serving
from tests.doors.refusals import held

HALF = len(CONTENT) // 2
LINE = "fetching letters.tar.gz, 1,000,003 bytes\n"


@pytest.fixture(autouse=True)
def _letters(monkeypatch):
    monkeypatch.setattr(downloading, "PAUSES", (0.0,))
    monkeypatch.setitem(PUBLISHED, "notmnist", published("http://127.0.0.1:9/letters.tar.gz"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def fetched(folder, *options, answers=()):
    with serving(*(answers or [sends()])) as server:
        return kohort("data", "fetch", "notmnist", "--url", server.address, *options, cwd=folder)


def test_all_names_are_offered():
    assert [name.value for name in PublishedName] == list(PUBLISHED)


def test_the_real_ones_are_told_apart():
    large = PUBLISHED["notmnist-large"]
    assert (large.file_name, large.size) == ("notMNIST_large.tar.gz", 247_336_696)
    assert all(address.endswith(large.file_name) for address in large.addresses)


def test_the_file_and_what_was_checked_are_told(tmp_path):
    done = fetched(tmp_path)
    assert done.returncode == 0, done.stderr
    md5 = PUBLISHED["notmnist"].md5
    assert done.stdout.splitlines() == [
        f"fetched: 1,000,003 bytes with the MD5 {md5}, as expected", "data: letters.tar.gz",
    ]  # fmt: skip
    assert done.stderr == LINE
    assert (tmp_path / "letters.tar.gz").read_bytes() == CONTENT


def test_again_it_fetches_nothing(tmp_path):
    fetched(tmp_path)
    done = fetched(tmp_path, answers=(refuses(500),))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("was there: 1,000,003 bytes")
    assert done.stderr == ""


def test_it_goes_where_it_is_told_to(tmp_path):
    (tmp_path / "kept").mkdir()
    assert fetched(tmp_path, "--out", "kept").stdout.endswith("data: kept/letters.tar.gz\n")
    assert fetched(tmp_path, "--out", "small.tgz").stdout.endswith("data: small.tgz\n")
    assert len(list(tmp_path.rglob("*.*"))) == 2


def test_the_same_command_goes_on(tmp_path):
    done = fetched(tmp_path, answers=(sends(cut=HALF), refuses(404)))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 2
    assert "500,001 bytes are kept, and the same command goes on from there\n" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letters.tar.gz.part"]
    assert fetched(tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["letters.tar.gz"]


def test_an_interrupt_keeps_what_came(tmp_path, monkeypatch):
    def interrupted(request, first):
        sends(cut=HALF)(request, first)

    with pytest.MonkeyPatch.context() as patch:

        def stop(*_):
            raise KeyboardInterrupt

        patch.setattr(downloading.time, "sleep", stop)
        done = fetched(tmp_path, answers=(interrupted, refuses(503)))
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == LINE + (
        "kohort: interrupted; what has come is kept: the same command goes on\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["letters.tar.gz.part"]


BAD = {
    "another name": (["mnist"], "'mnist' is not one of"),
    "no name": ([], "Missing argument 'NAME'"),
    "no address": (["notmnist", "--url", "letters"], "an address that begins with http"),
    "no folder": (["notmnist", "--out", "none/x.tar.gz"], "a folder that is there, got none"),
    "another file there": (["notmnist", "--out", "there.txt"], "got another file at there.txt"),
    "nobody listens": (["notmnist"], "Connection refused"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses_in_a_line_and_leaves_nothing(case, tmp_path):
    arguments, told = BAD[case]
    (tmp_path / "there.txt").write_text("mine")
    before = held(tmp_path)
    done = kohort("data", "fetch", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line
    assert held(tmp_path) == before


def test_what_was_fetched_is_a_source_by_its_name(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "letters" / "AB"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"letters\.tar\.gz in .* none there; fetch it: kohort data"
    ):
        load("notmnist")
    (tmp_path / "letters.tar.gz.part").write_bytes(b"")
    with pytest.raises(DataError, match=r"a part of it .* fetch the rest: kohort data fetch notmn"):
        load("notmnist")
    with tarfile.open(tmp_path / "letters.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "letters", "letters")
    assert load("notmnist").fingerprint == load("letters.tar.gz").fingerprint
    for command in (["info", "notmnist"], ["prepare", "notmnist", "--out", "data.h5"]):
        done = kohort("data", *command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert len(load("data.h5").x_train) == 32
    # What is called so itself comes first.
    (tmp_path / "letters").rename(tmp_path / "notmnist")
    assert load("notmnist").name == "notmnist"


@pytest.mark.parametrize("command", ["info", "check", "prepare"])
def test_the_command_to_fetch_it_is_told_where_it_is_not_there(command, tmp_path):
    options = ["--out", "data.h5"] if command == "prepare" else []
    done = kohort("data", command, "notmnist", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("fetch it: kohort data fetch notmnist\n")
    assert held(tmp_path) == {}
