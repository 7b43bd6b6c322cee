"""Who may ask for what, over plain HTTP."""

import socket

import pytest

from kohort.evidence.store import open_store
from kohort.serve.gate import POLICY, is_loopback
from tests.serve.serving import make_study, serving

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return str(tmp_path_factory.mktemp("guard") / "kohort.db")


@pytest.fixture(scope="module")
def store(place):
    with open_store(place) as opened:
        make_study(opened)
        yield opened


@pytest.fixture(scope="module")
def live(store, place):
    with serving(store, place) as started:
        yield started


@pytest.fixture(scope="module")
def known(store, place):
    """A server that asks for a token."""
    with serving(store, place, host="0.0.0.0", token=TOKEN) as started:
        yield started


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "127.8.8.8"])
def test_a_name_of_this_machine_is_answered_at_any_port(live, name):
    """Another port is that of a tunnel."""
    assert live.ask("/", Host=f"{name}:9999")[0] == 200
    assert live.ask("/", Host=name)[0] == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "192.168.0.7", "", "[", "127.0.0.1.evil"]
)
def test_another_name_is_refused(live, name):
    """A page of another place whose name was pointed here would read all studies."""
    for path in ("/", "/feed", "/live.js", "/nothing"):
        assert live.ask(path, Host=name)[0] == 400


def test_on_a_network_addresses_and_its_names_are_answered(known):
    for name in ("192.168.0.7", socket.gethostname(), "[fe80::1]:80"):
        assert known.ask("/", Host=name)[0] == 401
    assert known.ask("/", Host="evil.example")[0] == 400


def test_without_the_token_nothing_is_shown(known):
    for path in ("/", "/study?name=width", "/feed", "/feed/study?name=width", "/live.js"):
        for cookie in ("", "kohort-token=wrong", "kohort-token", "a=b; ;;=", "\x80"):
            status, _, content = known.ask(path, Cookie=cookie)
            assert status == 401
            assert "width" not in content
    assert known.ask(f"/?token={TOKEN}x")[0] == 401


def test_the_token_becomes_a_cookie_and_leaves_the_address(known):
    status, headers, _ = known.ask(f"/study?name=a%26b&token={TOKEN}")
    assert (status, headers["location"]) == (303, "/study?name=a%26b")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert known.ask("/", Cookie=cookie.split(";")[0])[0] == 200


def test_the_token_leads_to_no_other_place(known):
    _, headers, _ = known.ask(f"//evil.example/?token={TOKEN}")
    assert headers["location"] == "/evil.example/"


def test_what_changes_something_must_come_from_the_page(store, live):
    kept = store.study("width")
    with kept.claim():
        kept.begin_run({})
        asked = "/stop?name=width"
        assert live.ask(asked)[0] == 405
        assert live.ask(asked, "POST")[0] == 403
        assert live.post(asked, X_Kohort_CSRF="wrong")[0] == 403
        assert live.post(asked, X_Kohort_CSRF="é")[0] == 403
        for origin in ("http://evil.example", "null", "", f"http://localhost:{live.port}"):
            assert live.post(asked, Origin=origin)[0] == 403
        assert live.post(asked, Sec_Fetch_Site="cross-site")[0] == 403
        assert kept.runs()[-1].asked_to_end is None
        assert live.post(asked) == (200, '{"asked":true}')
        assert kept.runs()[-1].asked_to_end is not None


def test_pages_of_other_places_may_link_to_it_and_load_nothing(live):
    elsewhere = {"Sec_Fetch_Site": "cross-site"}
    assert live.ask("/", Sec_Fetch_Mode="navigate", **elsewhere)[0] == 200
    for mode in ("no-cors", "cors", "same-origin"):
        assert live.ask("/feed", Sec_Fetch_Mode=mode, **elsewhere)[0] == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_there_are_no_other_methods(live, method):
    assert live.ask("/", method)[0] == 405


def test_answers_say_what_a_browser_may_do_with_them(live):
    for path in ("/", "/live.js", "/nothing"):
        headers = live.ask(path)[1]
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


@pytest.mark.parametrize(
    ("host", "is_one"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("example.org", False), ("192.168.0.7", False)],
)  # fmt: skip
def test_addresses_of_this_machine_alone_are_known(host, is_one):
    assert is_loopback(host) is is_one
