"""Runs the live page in this process, until it is ended."""

import secrets
import socket
from collections.abc import Callable

import uvicorn

from kohort.errors import DesignError
from kohort.evidence.store import open_store
from kohort.serve.app import LivePage
from kohort.serve.gate import is_loopback

MOST_CONNECTIONS = 128
"""The most connections at once; more are told to come later."""

LEAST_TOKEN = 16
"""The fewest characters of a token."""


def serve(place: str, host: str, port: int, token: str | None, tell: Callable[[str], None]) -> None:
    """Serve the live page of a store.

    Args:
        place: Of the store.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        token: What clients must know. None makes one where others than this machine reach it.
        tell: Is given the address.

    Raises:
        DesignError: It cannot listen there, or the token is too short.
        StoreError: There is no such store.
    """
    if token is not None and len(token) < LEAST_TOKEN:
        raise DesignError(
            f"a token of at least {LEAST_TOKEN} characters", f"one of {len(token)}", "leave it out"
        )
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    with open_store(place, make=False) as store, _listening(host, port) as listening:
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
        shown = f"[{host}]" if ":" in host else host
        known = "" if token is None else f"?token={token}"
        tell(f"http://{shown}:{listening.getsockname()[1]}/{known}")
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
