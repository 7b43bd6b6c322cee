"""Downloads from servers that cut, lie and send other bytes: whole or not at all."""

import socket
import threading

import pytest

from kohort.data.fetching import downloading
from kohort.data.fetching.downloading import fetch
from kohort.data.fetching.published import PUBLISHED
from kohort.errors import DataError, DesignError
from tests.data.fetching.server import (
    CONTENT,
    hangs_up,
    published,
    redirects,
    refuses,
    sends,
    sends_chunks,
    serving,
)

SIZE, HALF = len(CONTENT), len(CONTENT) // 2


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(downloading, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(downloading, "PATIENCE", 1.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "letters.tar.gz"


def names(path):
    return sorted(each.name for each in path.parent.iterdir())


def part_of(path):
    return path.with_name(path.name + ".part")


WELL = {
    "as it should be": ([sends()], [None]),
    "without a length": ([sends(length=False)], [None]),
    "cut once": ([sends(cut=HALF), sends()], [None, HALF]),
    "cut often": (
        [sends(cut=300_000), sends(cut=300_000), sends(cut=300_000), sends()],
        [None, 300_000, 600_000, 900_000],
    ),
    "cut without a length": ([sends(cut=HALF, length=False), sends()], [None, HALF]),
    "cut within a chunk": ([sends_chunks(cut=HALF), sends()], [None, HALF]),
    "cut, and no parts": ([sends(cut=HALF), sends(ranges=False)], [None, HALF]),
    "cut, and then again before it": (
        [sends(cut=HALF), sends(cut=1000, ranges=False), sends()], [None, HALF, HALF],
    ),
    "a part without its range": (
        [sends(cut=HALF), sends(ranges="what?"), sends(ranges=False)], [None, HALF, None],
    ),
    "another part than was asked for": (
        [sends(cut=HALF), sends(ranges=f"bytes {HALF + 9}-/{SIZE}"), sends(ranges=False)],
        [None, HALF, None],
    ),
    "a part of unknown size": (
        [sends(cut=HALF), sends(ranges=f"bytes {HALF}-{SIZE - 1}/*")], [None, HALF],
    ),
    "parts refused": ([sends(cut=HALF), refuses(416), sends(ranges=False)], [None, HALF, None]),
    "busy for a while": ([refuses(503), refuses(429), sends()], [None, None, None]),
    "no answer at first": ([hangs_up, sends()], [None, None]),
    "a part of another file, then the file": (
        [sends(cut=HALF), sends(bytes(SIZE)), sends()], [None, HALF, None],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WELL)
def test_a_server_that_ends_well_gives_the_file(case, path):
    answers, asked = WELL[case]
    seen = []
    with serving(*answers) as server:
        assert fetch(published(server.address), path, seen.append)
    assert server.asked == asked
    assert path.read_bytes() == CONTENT
    assert names(path) == [path.name]
    assert seen[-1] == SIZE


BADLY = {
    "other bytes": (sends(bytes(SIZE)), "another file, of MD5 ", 0),
    "a page of a network that asks for a password": (
        sends(b"<html>Welcome!</html>"), "a file of 21 bytes", 0,
    ),
    "a page without a length": (
        sends(b"<html>Welcome!</html>", length=False, ranges=False), "the connection ended early",
        21,
    ),
    "a longer file": (sends(CONTENT + b"."), f"a file of {SIZE + 1:,} bytes", 0),
    "a longer file without a length": (
        sends(CONTENT + b".", length=False, ranges=False), f"more than {SIZE:,} bytes", 0,
    ),
    "a length that is too short": (sends(length=SIZE - 1), f"a file of {SIZE - 1:,} bytes", 0),
    "a length that is no number": (sends(bytes(SIZE), length="many"), "another file, of MD5", 0),
    "always cut at the same place": (
        sends(cut=HALF, ranges=False), "the connection ended early", HALF,
    ),
    "never an answer": (hangs_up, "Remote end closed connection without response", 0),
    "not there": (refuses(404), "HTTP Error 404: Not Found", 0),
    "not allowed": (refuses(403), "HTTP Error 403: Forbidden", 0),
    "always busy": (refuses(503), "HTTP Error 503: Service Unavailable", 0),
    "no parts wanted, and refused": (refuses(416), "HTTP Error 416", 0),
    "a part unasked": (sends(CONTENT, status=206), "another part than was asked for", 0),
    "nothing, and content with that": (sends(b"", length=False, status=204), "status 204", 0),
    "redirects to itself": (redirects("/letters.tar.gz"), "HTTP Error 302", 0),
    "redirects to a file": (redirects("file:///etc/hostname"), "HTTP Error 302", 0),
}  # fmt: skip


@pytest.mark.parametrize("case", BADLY)
def test_a_server_that_does_not_is_told_and_nothing_is_taken_for_the_file(case, path):
    answer, told, kept = BADLY[case]
    with serving(answer) as server, pytest.raises(DataError) as caught:
        fetch(published(server.address), path)
    message = str(caught.value)
    assert f"expected letters.tar.gz of 1,000,003 bytes, got from {server.address}: " in message
    assert told in message
    assert len(message.splitlines()) == 1
    assert names(path) == [part_of(path).name] * bool(kept)
    if kept:
        assert part_of(path).stat().st_size == kept
        assert f"{kept:,} bytes are kept" in message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_with_the_range(status, path):
    part_of(path).write_bytes(CONTENT[:HALF])
    with serving(sends()) as there, serving(redirects(there.address, status)) as server:
        assert fetch(published(server.address), path)
    assert there.asked == [HALF]
    assert path.read_bytes() == CONTENT


def test_the_next_address_goes_on_where_the_first_one_failed(path):
    with serving(sends(cut=HALF), refuses(500)) as first, serving(sends()) as second:
        assert fetch(published(first.address, second.address), path)
    assert second.asked == [HALF]
    assert path.read_bytes() == CONTENT


def test_the_next_address_is_not_spoiled_by_bytes_of_another_file(path):
    with (
        serving(sends(bytes(SIZE), cut=HALF), refuses(404)) as first,
        serving(sends()) as second,
    ):
        assert fetch(published(first.address, second.address), path)
    assert second.asked == [HALF, None]
    assert path.read_bytes() == CONTENT


def test_all_addresses_that_failed_are_told(path):
    with (
        serving(refuses(404)) as first,
        serving(refuses(403)) as second,
        pytest.raises(DataError) as caught,
    ):
        fetch(published(first.address, second.address), path)
    for told in (f"{first.address}: HTTP Error 404", f"{second.address}: HTTP Error 403"):
        assert told in str(caught.value)
    assert "no network" not in str(caught.value)


def test_another_call_goes_on_where_this_one_ended(path):
    with serving(sends(cut=HALF), refuses(404)) as server, pytest.raises(DataError):
        fetch(published(server.address), path)
    assert part_of(path).read_bytes() == CONTENT[:HALF]
    with serving(sends()) as server:
        assert fetch(published(server.address), path)
    assert server.asked == [HALF]
    assert path.read_bytes() == CONTENT


PARTS = {
    "whole": (CONTENT, []),
    "of the right size, and of another file": (bytes(SIZE), [None]),
    "too long": (CONTENT + b".", [None]),
    "of another file": (bytes(HALF), [HALF, None]),
}


@pytest.mark.parametrize("case", PARTS)
def test_a_part_that_was_left_is_believed_by_its_checksum_alone(case, path):
    content, asked = PARTS[case]
    part_of(path).write_bytes(content)
    with serving(sends()) as server:
        assert fetch(published(server.address), path)
    assert server.asked == asked
    assert path.read_bytes() == CONTENT
    assert names(path) == [path.name]


def test_the_file_that_is_there_is_not_fetched_again(path):
    path.write_bytes(CONTENT)
    with serving(refuses(500)) as server:
        assert not fetch(published(server.address), path)
    assert server.asked == []


@pytest.mark.parametrize("there", ["another file", "a part", "a folder", "a link to nothing"])
def test_what_is_there_is_not_written_over(there, path):
    if there == "a folder":
        path.mkdir()
    elif there == "a link to nothing":
        path.symlink_to(path.with_name("nothing"))
    else:
        path.write_bytes(bytes(SIZE) if there == "another file" else CONTENT[:HALF])
    before = path.lstat()
    with serving(sends()) as server, pytest.raises(DesignError, match="another file at "):
        fetch(published(server.address), path)
    assert server.asked == []
    after = path.lstat()  # a file was read, which may move its time of access
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


def test_without_a_network_it_says_so(path, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DataError) as caught:
        fetch(PUBLISHED["notmnist"], path)
    message = str(caught.value)
    assert "got no network, or no such server: from http://" in message
    assert message.count("Temporary failure in name resolution") == 2
    assert names(path) == []


def test_where_nobody_listens_it_does_not_ask_again(path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/letters.tar.gz"
    with pytest.raises(DataError, match=f"got from {address}: Connection refused; check the net"):
        fetch(published(address), path)


def test_a_server_that_falls_silent_counts_as_cut(path, monkeypatch):
    monkeypatch.setattr(downloading, "PATIENCE", 0.1)
    ended = threading.Event()

    def falls_silent(request, _):
        request.send_response(200)
        request.send_header("Content-Length", str(SIZE))
        request.end_headers()
        request.wfile.write(CONTENT[:HALF])
        request.wfile.flush()
        ended.wait(10)

    with serving(falls_silent, sends()) as server:
        assert fetch(published(server.address), path)
        ended.set()
    assert server.asked == [None, HALF]


@pytest.mark.parametrize(
    "address",
    ["", "letters", "ftp://a.org/x", "file:///etc/hostname", "http://", "http://a.org:port/x",
     "http://[a/x", "http://a.org/a b", "http://a.org/\nx", "http://a.org/é"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address, path):
    with pytest.raises(DesignError, match="an address that begins with http"):
        fetch(published(address), path)


def test_two_downloads_of_one_file_are_refused(path):
    refused = []

    def meanwhile(request, first):
        try:
            fetch(published(server.address), path)
        except DesignError as error:
            refused.append(str(error))
        sends()(request, first)

    with serving(meanwhile) as server:
        assert fetch(published(server.address), path)
    assert [f"expected no other download to {part_of(path)}" in told for told in refused] == [True]
    assert path.read_bytes() == CONTENT


def test_a_full_disk_is_told_and_what_came_is_gone_on_with(path, monkeypatch):
    append = downloading._Download._append

    def full(download, block):
        with downloading._writing(path):
            if part_of(path).exists():
                raise OSError(28, "No space left on device")
            append(download, block)

    monkeypatch.setattr(downloading._Download, "_append", full)
    with serving(sends()) as server, pytest.raises(DesignError, match="'No space left on device'"):
        fetch(published(server.address), path)
    assert names(path) == [part_of(path).name]
    monkeypatch.undo()
    with serving(sends()) as server:
        assert fetch(published(server.address), path)
    assert server.asked[0] > 0


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DesignError, match=r"a folder that is there, got .*; make it first"):
        fetch(published("http://127.0.0.1/x"), tmp_path / "none" / "letters.tar.gz")
