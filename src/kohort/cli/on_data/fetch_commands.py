"""`kohort data fetch`: downloads data sets that others publish, by name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from kohort.cli.ending import end
from kohort.errors import legible


class PublishedName(StrEnum):
    """What can be fetched: `data.fetching.published.PUBLISHED`."""

    NOTMNIST = "notmnist"
    NOTMNIST_LARGE = "notmnist-large"


def fetch(
    name: Annotated[
        PublishedName,
        typer.Argument(
            metavar="NAME",
            help="notmnist: 18,724 letters, 8 MB; notmnist-large: some 529,000, 247 MB.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The folder, or the file, to write to.", show_default="here")
    ] = Path(),
    url: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Another place that has the same file."),
    ] = None,
) -> None:
    """Download a data set by its name, and check its size and checksum.

    Where it was fetched into the working directory, its name is a source for other commands.
    A download that was cut goes on where it ended, as does the same command.
    """
    from kohort.data.fetching.downloading import fetch as fetched
    from kohort.data.fetching.published import PUBLISHED, place_of

    file = PUBLISHED[name.value]
    if url is not None:
        file = replace(file, addresses=(url,))
    path = place_of(file, out)
    try:
        with _shown(file.file_name, file.size) as seen:
            is_new = fetched(file, path, seen)
    except KeyboardInterrupt:
        end("interrupted; what has come is kept: the same command goes on", 130)
    told = "fetched" if is_new else "was there"
    typer.echo(f"{told}: {file.size:,} bytes with the MD5 {file.md5}, as expected")
    typer.echo(f"data: {legible(str(path))}")


@contextmanager
def _shown(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, or a line; gives the function that is told how many bytes are there."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        # Where nothing comes, nothing but the error is told.
        first = cache(lambda: typer.echo(f"fetching {name}, {size:,} bytes", err=True))
        yield lambda _: first()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=size)
        yield lambda have: bar.update(task, completed=have)
