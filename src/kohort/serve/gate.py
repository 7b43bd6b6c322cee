"""Who may ask the live page for what: hosts, the token, and where a request comes from."""

import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "kohort-token"
CSRF = "x-kohort-csrf"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: nothing from another place, and no script or style in its text."""

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Gate:
    """Lets through what the page itself asks for.

    The name in the Host header must be one of this server: a page of another place, whose name was
    pointed here, has its name there. A token is asked for where there is one. What changes
    something must come from a page of this server, and bring the text that it was given.

    Args:
        app: What answers.
        host: Where the server listens.
        token: What a client must know; None asks for nothing.
    """

    def __init__(self, app: App, host: str, token: str | None) -> None:
        self._app, self._token = app, token
        self._is_open = not is_loopback(host)
        self._names = {"localhost", *({host.lower(), socket.gethostname().lower()})}
        self.csrf = secrets.token_urlsafe(24)
        """What a request that changes something must bring."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refused(scope, headers) or self._unknown(scope, headers)
        answer: App = refused or self._app
        await answer(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        if not self._is_our_name(headers.get("host", "")):
            return PlainTextResponse("This name is not one of this server's.", 400)
        site = headers.get("sec-fetch-site", "none")
        navigates = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        if site not in ("same-origin", "none") and not navigates:
            return PlainTextResponse("Asked by a page of another place.", 403)
        if scope["method"] in ("GET", "HEAD"):
            return None
        if scope["method"] != "POST":
            return PlainTextResponse("GET or POST.", 405)
        origin, host = headers.get("origin", ""), headers.get("host", "")
        is_ours = origin in (f"http://{host}", f"https://{host}")
        if not is_ours or not secrets.compare_digest(_bytes(headers.get(CSRF)), _bytes(self.csrf)):
            return PlainTextResponse("Not asked by a page of this server: load it again.", 403)
        return None

    def _is_our_name(self, given: str) -> bool:
        """Whether a Host header names this server, at whatever port it was forwarded from."""
        name = given.lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        # Nobody can point an address to another place.
        return self._is_open or address.is_loopback

    def _unknown(self, scope: Scope, headers: Headers) -> Response | None:
        """What is answered to who does not know the token; None to who does."""
        if self._token is None:
            return None
        token = _bytes(self._token)
        asked = parse_qsl(scope["query_string"].decode("latin-1"))
        given = dict(asked).get("token")
        if given is not None and secrets.compare_digest(_bytes(given), token):
            rest = urlencode([(name, value) for name, value in asked if name != "token"])
            place = scope["path"] + (f"?{rest}" if rest else "")
            known = RedirectResponse("/" + place.lstrip("/\\"), 303)
            known.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
            return known
        if secrets.compare_digest(_bytes(_cookie(headers)), token):
            return None
        return PlainTextResponse("Open the address with ?token=... that kohort serve printed.", 401)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogatepass")


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _with_headers(send: Send) -> Send:
    """Send answers with what keeps a browser from doing more with them than is meant."""

    async def sends(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("content-security-policy", POLICY)
        await send(message)

    return sends
