"""`kohort data prepare`: images from folders and archives become one file."""

import itertools
import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kohort.cli.options import AsJson, ImageColor, ImageSize, Pixels, spelt_as_options
from kohort.errors import DataError, DesignError, legible

SHOWN_EVERY = 20_000
"""Images between two lines of progress."""


class LayoutName(StrEnum):
    """How a file is laid out: `data.preparing.layouts.write`."""

    BLOG = "blog"
    COMPACT = "compact"


def prepare(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SRC...", help="Folders of class folders, or archives of them."),
    ],
    out: Annotated[Path, typer.Option(help="The file to write, such as data.h5.")],
    layout: Annotated[
        LayoutName,
        typer.Option(help="blog: trainData and testData, the label last; compact: uint8 images."),
    ] = LayoutName.BLOG,
    train: Annotated[
        int | None, typer.Option(min=1, help="So many training images; all where none is given.")
    ] = None,
    test: Annotated[
        int | None, typer.Option(min=1, help="So many test images; a fifth where none is given.")
    ] = None,
    balance: Annotated[
        bool, typer.Option("--balance", help="Equally many images of each class.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    as_json: AsJson = False,
) -> None:
    """Make one file of images: exact copies once, near copies on one side, all of it told."""
    from kohort.cli.study_files import size_of
    from kohort.data.preparing.drawing import draw_apart
    from kohort.data.preparing.layouts import write
    from kohort.data.preparing.sifting import sift
    from kohort.evidence.whole_files import written_whole

    if out.suffix.lower() not in (".h5", ".hdf5") or out.is_dir():
        raise DesignError("a file that ends in .h5", str(out), "name one with --out")
    missing = next((source for source in sources if not source.exists()), None)
    if missing is not None:
        raise DataError("a folder or an archive", f"{missing}, which is none", "check the spelling")
    shape = None if size is None else size_of(size)
    _check_images(sources)
    with spelt_as_options():
        sifted = sift(sources, shape, color.value, _counting())
    drawn, near = draw_apart(sifted, train=train, test=test, balance=balance, seed=seed)
    told = sifted.told()
    told += [f"near a training image after the draw, left out: {near:,}"] * (near > 0)
    left = len(sifted.images) - near - len(drawn.train) - len(drawn.test)
    told += [f"left out, as fewer were asked for: {left:,}"] * (left > 0)
    told.append(f"train: {len(drawn.train):,}; test: {len(drawn.test):,}")
    provenance = {
        "sources": [source.name for source in sources],
        "seed": seed,
        "balance": balance,
        "told": told,
    }
    try:
        with written_whole(out) as new:
            write(new, sifted, drawn, layout.value, provenance)
    except (OSError, RuntimeError) as error:  # h5py raises either where the disk is full
        raise DesignError(
            f"to write {out}", f"'{getattr(error, 'strerror', None) or error}'", "make room there"
        ) from error
    if as_json:
        typer.echo(json.dumps({"out": str(out), "told": told, "unreadable": sifted.unreadable}))
        return
    typer.echo("\n".join(map(legible, told)))
    typer.echo(f"data: {legible(str(out))}")


def _check_images(sources: list[Path]) -> None:
    """Refuse files that other commands read as they are."""
    from kohort.data.load import of_known_kind

    for source in sources:
        if (kind := of_known_kind(source)) is not None:
            raise DataError(
                "folders of class folders, or archives of them",
                f"{source}, {kind}",
                f"it needs no preparing: kohort data check {source} looks at it, and kohort run "
                "--data takes it",
            )


def _counting() -> Callable[[], None]:
    """A function that is called for each image, and tells now and then how many there were."""
    counted = itertools.count(1)

    def seen() -> None:
        number = next(counted)
        if number % SHOWN_EVERY == 0:
            typer.echo(f"read {number:,} images", err=True)

    return seen
