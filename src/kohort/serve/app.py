"""The live page as a web application: pages, feeds of what is new, and the few things to do."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kohort.errors import InputError
from kohort.evidence.store import Store
from kohort.report.templates.rendering import environment as report_environment
from kohort.serve.changes import Cursor
from kohort.serve.gate import App, Gate
from kohort.serve.hub import Hub, shown
from kohort.serve.trying import Trying

MOST_BYTES = 8 * 2**20
"""The most bytes of a picture."""

MOST_FEEDS = 48
"""The most feeds at once, of all clients."""

_BODY_SECONDS = 30.0
_SILENCE = 15.0  # seconds after which a feed shows that it is there
_AFTER_ERROR = 2.0  # seconds


class LivePage:
    """The application.

    Args:
        store: The store, which stays open.
        place: Of the store; a file that comes there in its place is opened instead.
        host: Where the server listens.
        token: What clients must know; None asks for nothing.
        interval: The least seconds between two updates.
    """

    is_ending: Callable[[], bool] = staticmethod(lambda: False)
    """Tells feeds that the server ends, and waits for them."""

    def __init__(
        self, store: Store, place: str, host: str, token: str | None, interval: float = 0.5
    ) -> None:
        self._hub, self._trying = Hub(store, place, interval), Trying()
        self._interval, self._feeds, self._shown = interval, 0, shown(place)
        self._pages = jinja2.Environment(
            loader=jinja2.PackageLoader("kohort.serve"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        routes = [
            Route("/", self._page_of_all),
            Route("/study", self._page_of_one),
            Route("/report", self._report),
            Route("/feed", self._feed_of_all),
            Route("/feed/study", self._feed_of_one),
            Route("/live.js", _script),
            Route("/live.css", _style),
            Route("/stop", self._stop, methods=["POST"]),
            Route("/try", self._try, methods=["POST"]),
        ]
        self._app = Starlette(routes=routes, exception_handlers={InputError: _told})
        self._gate = Gate(self._app, host, token)

    @property
    def app(self) -> App:
        """What a server runs."""
        return self._gate

    def close(self) -> None:
        """Close what the application opened: a store that came to the place of the given one."""
        self._hub.close()

    def _html(self, template: str, **values: Any) -> Response:
        page = self._pages.get_template(template).render(csrf=self._gate.csrf, **values)
        return Response(page, media_type="text/html")

    async def _page_of_all(self, _: Request) -> Response:
        return self._html("studies.html.j2", place=self._shown)

    async def _page_of_one(self, request: Request) -> Response:
        return self._html("study.html.j2", name=_name(request))

    async def _report(self, request: Request) -> Response:
        text = await self._hub.report(_name(request))
        # As the report itself says: its script by its digest, and nothing else.
        script = report_environment().globals["script_hash"]
        policy = (
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src '{script}'; base-uri 'none'; frame-ancestors 'none'"
        )
        headers = {"content-security-policy": policy}
        return Response(text, media_type="text/html", headers=headers)

    async def _stop(self, request: Request) -> Response:
        return JSONResponse({"asked": await self._hub.ask_to_end(_name(request))})

    async def _try(self, request: Request) -> Response:
        content = await _body(request)
        if content is None:
            told = f"a picture of at most {MOST_BYTES // 2**20} MB is taken"
            return JSONResponse({"error": told}, 413)
        follower = await self._hub.follower(_name(request))
        answers = await run_in_threadpool(self._trying.answers, follower, content)
        return JSONResponse({"answers": answers})

    async def _feed_of_all(self, _: Request) -> Response:
        async def news(known: str | None) -> tuple[Any, str]:
            rows = await self._hub.rows()
            cursor = json.dumps(rows)
            return (None if cursor == known else {"studies": rows}), cursor

        return self._feed(news, None, 4 * self._interval, shows_cursor=False)

    async def _feed_of_one(self, request: Request) -> Response:
        name, csrf = _name(request), self._gate.csrf

        async def news(known: str | None) -> tuple[Any, str]:
            follower = await self._hub.follower(name)
            message, cursor = await run_in_threadpool(follower.told, Cursor.of(known or ""))
            if message is not None and message["all"]:
                message["csrf"] = csrf
            return message, str(cursor)

        return self._feed(news, request.headers.get("last-event-id"), self._interval)

    def _feed(
        self,
        news: Callable[[str | None], Awaitable[tuple[Any, str]]],
        known: str | None,
        interval: float,
        *,
        shows_cursor: bool = True,
    ) -> Response:
        if self._feeds >= MOST_FEEDS:
            told = f"{MOST_FEEDS} pages are open: close some"
            return JSONResponse({"error": told}, 503, {"retry-after": "5"})
        stream = _events(news, known, interval, self.is_ending, shows_cursor=shows_cursor)
        return StreamingResponse(self._counted(stream), media_type="text/event-stream")

    async def _counted(self, stream: AsyncIterator[str]) -> AsyncIterator[str]:
        self._feeds += 1
        try:
            async for part in stream:
                yield part
        finally:
            self._feeds -= 1


async def _events(
    news: Callable[[str | None], Awaitable[tuple[Any, str]]],
    known: str | None,
    interval: float,
    is_ending: Callable[[], bool],
    *,
    shows_cursor: bool,
) -> AsyncIterator[str]:
    """Server-sent events: what is new since the cursor, and now and then a sign of life."""
    yield "retry: 1000\n\n"
    silent, error = 0.0, ""
    while not is_ending():
        pause = interval
        try:
            message, known = await news(known)
            if error and message is None:
                message = {"again": True}
            error = ""
        except InputError as raised:
            # The study may come again: with another run, or when its server is back.
            pause, message = max(interval, _AFTER_ERROR), None
            if str(raised) != error:
                error = str(raised)
                message = {"error": error}
        if message is not None:
            cursor = f"id: {known}\n" if shows_cursor and not error else ""
            yield f"{cursor}data: {json.dumps(message)}\n\n"
            silent = 0.0
        elif silent >= _SILENCE:
            yield ": here\n\n"
            silent = 0.0
        silent += pause
        await asyncio.sleep(pause)


def _name(request: Request) -> str:
    """The name of the study that a request is about; "" where it gives none."""
    return request.query_params.get("name", "")


async def _body(request: Request) -> bytes | None:
    """The body of a request; None where it is too large."""
    given = request.headers.get("content-length", "0")
    if not given.isdecimal() or int(given) > MOST_BYTES:
        return None
    content = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > MOST_BYTES:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(content)


async def _told(_: Request, error: Exception) -> Response:
    """An error in the user's input, or in the store, in its line."""
    return JSONResponse({"error": str(error)}, 400)


async def _script(_: Request) -> Response:
    return Response(_text("live.js"), media_type="text/javascript")


async def _style(_: Request) -> Response:
    """The style of the report, and what the live page has beside."""
    of_report = resources.files("kohort.report.templates").joinpath("style.html.j2")
    text = of_report.read_text("utf-8").replace("<style>", "").replace("</style>", "")
    return Response(text + _text("live.css"), media_type="text/css")


def _text(name: str) -> str:
    return resources.files("kohort.serve").joinpath("templates", name).read_text("utf-8")
