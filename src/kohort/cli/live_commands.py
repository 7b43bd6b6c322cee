"""The command that shows studies in a browser: `serve`."""

import os
from importlib.util import find_spec
from typing import Annotated

import typer

from kohort.cli.ending import note
from kohort.cli.options import STORE, StorePlace
from kohort.errors import DesignError


def serve(
    store: StorePlace = STORE,
    host: Annotated[
        str,
        typer.Option(help="The address to listen on; others than this machine's need a token."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for a free one.")] = 7007,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="KOHORT_TOKEN",
            help="What a browser must know; default: none on loopback, else one that is made and "
            "shown.",
        ),
    ] = None,
) -> None:
    """Show the studies of a store in a browser, live while they train.

    It may begin before the first study: a store that is not there yet is made, and the page waits.
    Ctrl-C ends it; the studies go on.
    """
    if missing := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        raise DesignError(
            f"{' and '.join(missing)}, which serve the page",
            "none installed",
            'install it: pip install "kohort[serve]"',
        )
    from kohort.evidence.store import check_place

    check_place(store)  # before Keras and JAX are imported, which takes seconds
    # Pictures are shown to models here, and a GPU may be full of members that train.
    os.environ["JAX_PLATFORMS"] = "cpu"
    from kohort.serve.server import serve as serve_page

    try:
        serve_page(store, host, port, token, typer.echo, note)
    except KeyboardInterrupt:
        note("the page has ended")
