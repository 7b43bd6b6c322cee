"""`kohort serve`."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import uvicorn

from kohort.cli import live_commands
from kohort.evidence.store import open_store
from tests.cli.in_process import kohort
from tests.serve.serving import make_study


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")  # which the command sets
    open_store(tmp_path / "kohort.db").close()
    return tmp_path


def refused(folder, *arguments):
    done = kohort("serve", *arguments, cwd=folder)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_without_the_extra_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setattr(live_commands, "find_spec", lambda name: None)
    assert 'install it: pip install "kohort[serve]"' in refused(folder)


def test_what_cannot_be_served_is_told_in_a_line(folder):
    assert "a token of at least 16 characters, got one of 5" in refused(folder, "--token", "short")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = refused(folder, "--port", taken.getsockname()[1])
    assert "choose another: --port N" in line
    assert "to listen on 203.0.113.1" in refused(folder, "--host", "203.0.113.1", "--port", "0")


@pytest.mark.parametrize(
    ("arguments", "asks"),
    [([], False), (["--host", "0.0.0.0"], True), (["--token", "t" * 16], True)],
)
def test_a_token_is_asked_for_where_others_reach_it(folder, monkeypatch, arguments, asks):
    served = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: served.append(server))
    done = kohort("serve", "--port", "0", *arguments, cwd=folder)
    assert done.returncode == 0
    address = urlsplit(done.stdout.strip())
    assert (len(address.query) >= len("token=") + 16) is asks
    (server,) = served
    assert (server.config.app._token is not None) is asks
    assert server.config.limit_concurrency == 128


def test_a_page_may_begin_before_the_first_study_and_names_the_store(folder, monkeypatch):
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: None)
    done = kohort("serve", "--port", "0", "--store", "other.db", cwd=folder)
    assert done.returncode == 0
    assert done.stdout.startswith("http://127.0.0.1:")
    (line,) = done.stderr.splitlines()
    assert line == (
        f"kohort: no study in {folder / 'other.db'} yet; one that begins there appears on the page"
    )
    with open_store(folder / "other.db", make=False) as store:
        make_study(store)
    assert kohort("serve", "--port", "0", "--store", "other.db", cwd=folder).stderr == ""


def test_the_name_of_a_store_moves_no_cursor(folder, monkeypatch):
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: None)
    done = kohort("serve", "--port", "0", "--store", "a\x1b[2J.db", cwd=folder)
    assert done.returncode == 0
    assert "\x1b" not in done.stderr
    assert "[2J.db yet" in done.stderr


@pytest.mark.long
def test_it_serves_until_it_is_ended_with_a_page_open(folder):
    command = [sys.executable, "-m", "kohort", "serve", "--store", "kohort.db", "--port", "0"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        address = urlsplit(process.stdout.readline().strip())
        connection = http.client.HTTPConnection(address.netloc, timeout=20)
        connection.request("GET", "/feed")
        answer = connection.getresponse()
        assert answer.readline() == b"retry: 1000\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        connection.close()
    assert (process.returncode, out) == (0, "")
    assert err.splitlines()[-1] == "kohort: the page has ended"
