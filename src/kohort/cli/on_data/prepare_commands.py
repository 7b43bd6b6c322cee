"""`kohort data prepare`: images from folders and archives become one file."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kohort.cli.options import AsJson, ImageColor, ImageSize, Pixels, size_of, spelt_as_options
from kohort.errors import DataError, DesignError, in_brackets, legible

if TYPE_CHECKING:
    from kohort.data.preparing.drawing import Drawn
    from kohort.data.preparing.part_file import PartFile


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
        int | None,
        typer.Option(
            min=1, help="So many test images; a fifth, or the test folders, where none is given."
        ),
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
    from importlib.metadata import version

    from kohort.cli.on_data.stages import Stages
    from kohort.data.fetching.published import source_path
    from kohort.data.preparing.drawing_apart import draw_apart
    from kohort.data.preparing.layouts import write
    from kohort.data.preparing.part_file import kept_beside
    from kohort.data.preparing.sifting import sift
    from kohort.evidence.whole_files import written_whole

    if out.suffix.lower() not in (".h5", ".hdf5") or out.is_dir():
        raise DesignError("a file that ends in .h5", str(out), "name one with --out")
    sources = [source_path(source) for source in sources]
    missing = next((source for source in sources if not source.exists()), None)
    if missing is not None:
        received = f"{missing}: no such file or folder"
        raise DataError("a folder or an archive", received, "check the path")
    shape = None if size is None else size_of(size)
    _check_images(sources)
    settings = {"kohort": version("kohort"), "size": size, "color": color.value}
    with kept_beside(out, settings) as part_file, _told_at(part_file), Stages() as stages:
        begin = stages.begin
        with spelt_as_options():
            sifted = sift(sources, shape, color.value, begin, part_file)
        asked = {"train": train, "test": test, "balance": balance, "seed": seed}
        drawn, rows = draw_apart(sifted, begin=begin, part_file=part_file, **asked)
        left_out = {why: [sifted.files[row] for row in some] for why, some in rows.items()}
        told = [*sifted.told(), *_told_of_draw(drawn, left_out)]
        provenance = {
            "sources": [source.name for source in sources],
            "seed": seed,
            "balance": balance,
            "shape": sifted.images.shape[1:],
            "told": told,
        }
        with written_whole(out) as new:
            part_file.note(new)
            write(new, sifted, drawn, layout.value, provenance, begin(f"writing {out.name}"))
    if as_json:
        sizes = {"train": len(drawn.train), "test": len(drawn.test)}
        typer.echo(json.dumps({"out": str(out), **sifted.as_json(), **left_out, **sizes}))
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
                f"it needs no preparing: kohort data check {shlex.quote(str(source))} looks at it, "
                "and kohort run --data takes it",
            )


def _told_of_draw(drawn: "Drawn", left_out: dict[str, list[str]]) -> list[str]:
    from kohort.data.preparing.drawing_apart import LEFT_OUT
    from kohort.data.preparing.sifting import SHOWN

    how = ", as large a part of each class, or nearly" if drawn.by_class else ""
    return [
        *[
            f"{LEFT_OUT[why]}: {len(f):,}{in_brackets(f, SHOWN)}"
            for why, f in left_out.items()
            if f
        ],
        f"train: {len(drawn.train):,}; test: {len(drawn.test):,}" + how,
    ]


@contextmanager
def _told_at(part_file: "PartFile") -> Iterator[None]:
    """Tell what an earlier run has kept, and, where this one is interrupted, what it keeps."""
    if part_file.files:
        told = f"an earlier run has read {part_file.files:,} files; it goes on there"
        typer.echo(legible(f"{part_file.path}: {told}"), err=True)
    try:
        yield
    except KeyboardInterrupt:
        part_file.keep()
        if part_file.files:
            typer.echo(legible(part_file.kept), err=True)
        raise
