"""Runs the live page in this process, until it is ended."""

import secrets
import socket
from collections.abc import Callable
from contextlib import closing

import uvicorn

from kohort.errors import DesignError
from kohort.evidence.store import durable_location, open_store
from kohort.serve.app import LivePage
from kohort.serve.gate import is_loopback
from kohort.serve.hub import shown

MOST_CONNECTIONS = 128
"""The most connections at once; more are told to come later."""

LEAST_TOKEN = 16
"""The fewest characters of a token."""


def serve(
    place: str,
    host: str,
    port: int,
    token: str | None,
    tell: Callable[[str], None],
    note: Callable[[str], None],
) -> None:
    """Serve the live page of a store, which is made where there is none yet.

    Args:
        place: Of the store.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        token: What clients must know. None makes one where others than this machine reach it.
        tell: Is given the address.
        note: Is given a line where the store has no study yet.

    Raises:
        DesignError: It cannot listen there, or the token is too short.
        StoreError: There can be no store at this place.
    """
    if token is not None and len(token) < LEAST_TOKEN:
        raise DesignError(
            f"a token of at least {LEAST_TOKEN} characters", f"one of {len(token)}", "leave it out"
        )
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    with _listening(host, port) as listening, open_store(place) as store:
        page = LivePage(store, place, host, token)
        config = uvicorn.Config(
            page.app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=3,
        )
        server = uvicorn.Server(config)
        page.is_ending = lambda: server.should_exit
        address = f"[{host}]" if ":" in host else host
        known = "" if token is None else f"?token={token}"
        tell(f"http://{address}:{listening.getsockname()[1]}/{known}")
        if not store.studies():
            # In full: a study that is run in another folder keeps itself in another store.
            whole = shown(durable_location(place) or place)
            note(f"no study in {whole} yet; one that begins there appears on the page")
        with closing(page):
            server.run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise DesignError(
            f"to listen on {host}, port {port}",
            f"'{error.strerror or error}'",
            "choose another: --port N, or --port 0 for a free one",
        ) from error
