"""The pages, the feeds and what can be done, over plain HTTP."""

import socket
import time
from pathlib import Path

import pytest

from kohort.evidence.store import open_store
from kohort.serve import app
from tests.serve.serving import make_study, measure, serving

EVIL = '<script>alert("x")</script>&/../é\u2028'


def until(messages, holds):
    """The next message of which something holds."""
    return next((message, cursor) for message, cursor in messages if holds(message))


def test_studies_are_listed_and_the_list_follows_the_store(store, live):
    with live.feed() as messages:
        assert next(messages)[0] == {"studies": []}
        kept, members = make_study(store)
        told, _ = next(messages)
        (row,) = told["studies"]
        assert (row["name"], row["status"], row["finished"]) == ("width", "not begun", 0)
        with kept.claim():
            kept.begin_run({})
            told, _ = until(messages, lambda m: m["studies"][0]["status"] == "running")
            measure(kept, members, [0])
            told, _ = until(messages, lambda m: m["studies"][0]["epochs"])
    assert told["studies"][0]["epochs"] == 6


def test_a_feed_tells_what_is_new_and_goes_on_from_a_cursor(store, live):
    kept, members = make_study(store)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, [0])
        with live.feed("width") as messages:
            first, cursor = next(messages)
            assert first["all"]
            measure(kept, members, [1])
            second, _ = until(messages, lambda m: m.get("cells"))
        assert not second["all"]
        with live.feed("width", cursor) as messages:
            again, _ = until(messages, lambda m: m.get("cells"))
        assert not again["all"]
        assert {cell[1] for cell in again["cells"]} == {1}


def test_after_another_server_a_client_gets_all(store, place):
    kept, members = make_study(store)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, [0])
        with serving(store, place) as live, live.feed("width") as messages:
            first, cursor = next(messages)
            port = live.port
        with serving(store, place, port=port) as live, live.feed("width", cursor) as messages:
            again, _ = next(messages)
    assert again["all"]
    assert again["cells"] == first["cells"]
    assert again["csrf"] != first["csrf"], "what a page must bring is that of the new server"


def test_a_feed_of_no_study_says_so_and_follows_it_when_it_begins(store, live, monkeypatch):
    monkeypatch.setattr(app, "_AFTER_ERROR", 0.05)
    assert live.ask("/study?name=width")[0] == 200
    with live.feed("width") as messages:
        assert "'width'" in next(messages)[0]["error"]
        make_study(store)
        assert until(messages, lambda m: m.get("all"))[0]["variants"] == ["narrow", "wide"]


def test_a_store_that_is_deleted_is_told_and_another_in_its_place_is_followed(
    store, place, live, monkeypatch
):
    monkeypatch.setattr(app, "_AFTER_ERROR", 0.05)
    make_study(store)
    with live.feed() as studies, live.feed("width") as messages:
        assert [row["name"] for row in next(studies)[0]["studies"]] == ["width"]
        assert next(messages)[0]["variants"] == ["narrow", "wide"]
        for file in Path(place).parent.glob(f"{Path(place).name}*"):
            file.unlink()
        for feed in (studies, messages):
            assert "no file there" in until(feed, lambda m: m.get("error"))[0]["error"]
        status, _, told = live.ask("/report?name=width")
        assert (status, "no file there" in told) == (400, True)
        with open_store(place) as other:
            make_study(other, names=("another",))
            make_study(other, name="second")
        assert until(messages, lambda m: m.get("all"))[0]["variants"] == ["another"]
        rows = until(studies, lambda m: len(m.get("studies", [])) == 2)[0]["studies"]
        assert [row["name"] for row in rows] == ["second", "width"]


def test_a_hostile_name_stays_text(store, live):
    make_study(store, names=(EVIL, "b"), name=EVIL)
    with live.feed(EVIL) as messages:
        assert next(messages)[0]["variants"][0] == EVIL
    from urllib.parse import quote

    _, headers, page = live.ask(f"/study?name={quote(EVIL)}")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert headers["content-type"].startswith("text/html")
    status, headers, told = live.ask("/report?name=%3Cscript%3Ealert(1)%3C/script%3E")
    assert status == 400
    assert headers["content-type"] == "application/json"
    assert "expected a study" in told


def test_an_end_is_asked_for_once_and_told(store, live):
    kept, _ = make_study(store)
    assert live.post("/stop?name=width") == (200, '{"asked":false}')
    with kept.claim():
        kept.begin_run({})
        with live.feed("width") as messages:
            assert not next(messages)[0]["head"]["asked"]
            assert live.post("/stop?name=width") == (200, '{"asked":true}')
            told, _ = until(messages, lambda m: m.get("head", {}).get("asked"))
    assert told["events"][-1]["kind"] == "asked"
    status, told = live.post("/stop?name=nobody")
    assert status == 400
    assert "expected a study" in told


def test_pictures_have_a_size(store, live, monkeypatch):
    monkeypatch.setattr(app, "MOST_BYTES", 1000)
    make_study(store)
    assert live.post("/try?name=width", b"x" * 1001)[0] == 413
    chunks = (b"x" * 100 for _ in range(11))
    status, told = live.post("/try?name=width", chunks)
    assert status == 413, "also where nothing tells it at first"
    assert "a picture of at most" in told
    assert live.post("/try?name=width", b"x" * 1000)[0] == 400


@pytest.mark.parametrize(("length", "seconds"), [(500, 0.1), (10**9, 60)], ids=["late", "large"])
def test_a_body_that_never_comes_is_given_up(store, live, monkeypatch, length, seconds):
    """One that is too large at once, and any other after a while."""
    monkeypatch.setattr(app, "_BODY_SECONDS", seconds)
    make_study(store)
    _, _, page = live.ask("/")
    csrf = page.split('name="csrf" content="')[1].split('"')[0]
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as client:
        head = (
            f"POST /try?name=width HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\n"
            f"Origin: {live.url}\r\nX-Kohort-CSRF: {csrf}\r\n"
            f"Content-Length: {length}\r\n\r\nabc"
        )
        client.sendall(head.encode())
        assert b" 413 " in client.recv(1000)


def test_feeds_have_a_number(store, live, monkeypatch):
    monkeypatch.setattr(app, "MOST_FEEDS", 2)
    with live.feed() as one, live.feed() as two:
        next(one), next(two)
        with live.feed() as three:
            assert next(three, None) is None
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with live.feed() as again:
                next(again)
                break
        except StopIteration:  # the server has not noticed yet that they are gone
            time.sleep(0.05)
    else:
        pytest.fail("those that have gone still count")


def test_connections_have_a_number(store, place):
    with serving(store, place, limit_concurrency=3) as live:
        with live.feed() as one, live.feed() as two:
            next(one), next(two)
            assert live.ask("/")[0] == 503
        assert live.ask("/live.css")[0] in (200, 503)


def test_a_long_address_is_refused(live):
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as client:
        client.sendall(b"GET /" + b"a" * 200_000)
        assert b" 400 " in client.recv(1000)


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/live.py", "/templates/live.js", "//", "/%00"]
)
def test_there_is_nothing_else(live, path):
    assert live.ask(path)[0] == 404
