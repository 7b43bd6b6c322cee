"""The arguments and options that several commands take."""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from kohort.errors import DataError, InputError

StudyPlace = Annotated[
    str,
    typer.Argument(
        metavar="STUDY.py[::NAME]", help="A Python file, and what it calls its study: `study`."
    ),
]
DataSource = Annotated[
    str | None,
    typer.Option(
        metavar="SRC",
        help="Data for the study: letters, notmnist, a table, a file of arrays, a folder, an "
        "archive.",
    ),
]
TargetColumn = Annotated[
    str | None, typer.Option("--target", metavar="COLUMN", help="What to predict, in a table.")
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COLUMN",
        help="What belongs together in a table, such as a patient; it is never split.",
    ),
]
TimeColumn = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="COLUMN",
        help="When each row of a table came to be: the test set is the latest rows.",
    ),
]
WeightColumn = Annotated[
    str | None,
    typer.Option(
        "--sample-weight",
        metavar="COLUMN",
        help="How much each row of a table counts in the loss; it is no input.",
    ),
]
ImageSize = Annotated[
    str | None,
    typer.Option("--size", metavar="HxW", help="Resize images to this height and width: 28x28."),
]


class Pixels(StrEnum):
    """What to make of images: `kohort.load(color=...)`."""

    KEEP = "keep"
    GREY = "grey"
    RGB = "rgb"


ImageColor = Annotated[
    Pixels, typer.Option("--color", help="Make images grey or red, green and blue.")
]
TestPart = Annotated[
    float | None,
    typer.Option(
        "--test",
        metavar="PART",
        help="Part of the samples to hold out, where SRC has no test set; a fifth of tables "
        "and images where none is given.",
    ),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Train this many epochs instead.")]
Memory = Annotated[
    str | None, typer.Option(help="What training may take on the device, such as 2GB.")
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Forget what the store has of it; begin anew.")
]


class ExecutorName(StrEnum):
    """Where members train: `Study.run(executor=...)`."""

    LOCAL = "local"
    RAY = "ray"


Where = Annotated[
    ExecutorName, typer.Option(help="ray trains on a Ray cluster, local in this process.")
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="The head of the Ray cluster; default: RAY_ADDRESS, else Ray is started here.",
    ),
]


Shared = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="A folder or URL that all nodes of the Ray cluster reach: large arrays are kept there "
        "for them, and not sent.",
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        help="GPUs of the Ray cluster for each block of members: 0.25 lets four blocks share one.",
    ),
]


class KeepName(StrEnum):
    """What stays in the store: `Study.run(keep=...)`."""

    WINNERS = "winners"
    FINAL = "final"
    ALL = "all"


KeepWay = Annotated[
    KeepName | None,
    typer.Option(
        "--keep",
        help="What stays when it has ended: the weights of winners, those of all members (final), "
        "or also what more epochs go on from (all). Default: as before, at first final.",
    ),
]
StorePlace = Annotated[
    str,
    typer.Option(
        metavar="STORE",
        envvar="KOHORT_STORE",
        help="Where studies are kept: a file, or postgresql://USER@HOST/DATABASE.",
    ),
]
StudyName = Annotated[str, typer.Argument(metavar="NAME", help="What the study is called.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Replicates = Annotated[
    int | None, typer.Option(min=1, help="Run this many replicates (or folds) instead.")
]
UntilDecided = Annotated[
    bool,
    typer.Option(
        "--until-decided",
        help="Race: train replicates in looks, of variants that are not decided, up to 20 or N.",
    ),
]


STORE = "kohort.db"
MOST_PIXELS = 2**16
"""No image that is read has a side so long."""


def shown_command(verb: str, place: str, options: Mapping[str, object], *flags: str) -> str:
    """The command that runs it again, as a shell takes it.

    Args:
        verb: What it does, such as `data check`.
        place: What it does it to.
        options: By name; those that are None are left out.
        *flags: Options without a value.
    """
    given = [
        (f"--{name.replace('_', '-')}", str(value))
        for name, value in options.items()
        if value is not None
    ]
    return shlex.join(["kohort", *verb.split(), place, *chain.from_iterable(given), *flags])


def report_folder(place: str, source: str | None) -> Path:
    """Where a command writes to, if not told: FILE[-NAME][-DATA]-report.

    The data have their part in it, so that one file may be run on several tables.

    Args:
        place: `FILE.py`, or `FILE.py::NAME`.
        source: What `--data` names; None without.
    """
    file, _, name = place.partition("::")
    parts = [Path(file).stem, name]
    if source is not None:
        stem = Path(source).absolute().stem.removesuffix(".tar")
        parts.append(re.sub(r"[^\w.-]+", "-", stem).strip("-."))
    return Path("-".join([*dict.fromkeys(filter(None, parts)), "report"]))


def reading_options(
    target: str | None,
    group: str | None,
    size: str | None,
    color: Pixels,
    test: float | None,
    time: str | None,
    sample_weight: str | None,
) -> dict[str, str | float | None]:
    """How data are read, by the names of the options; None for what was not given."""
    shown = None if color is Pixels.KEEP else color.value
    of_table = {"target": target, "group": group}
    of_rows = {"test": test, "time": time, "sample_weight": sample_weight}
    return {**of_table, "size": size, "color": shown, **of_rows}


def size_of(text: str) -> tuple[int, int]:
    """The height and width that an option gives, "28x28".

    Raises:
        DataError: It gives none.
    """
    height, times, width = text.lower().partition("x")
    sides = [int(side) if side.isdecimal() else 0 for side in (height, width)]
    if not times or not all(0 < side < MOST_PIXELS for side in sides):
        raise DataError("--size as HEIGHTxWIDTH", repr(text), "give --size 28x28, say")
    return sides[0], sides[1]


_ARGUMENT = re.compile(
    r"\b(target|group|size|color|test|time|sample_weight)=(\([^)]*\)|[\w.]+|\"[^\"]*\"|'[^']*')?"
)


@contextmanager
def spelt_as_options() -> Iterator[None]:
    """Let errors in the block name options of a command, and not arguments of `kohort.load`."""
    try:
        yield
    except InputError as error:
        parts = (error.expected, error.received, error.mend)
        raise type(error)(*(_ARGUMENT.sub(_option, part) for part in parts)) from error


def _option(match: re.Match[str]) -> str:
    """An argument as an option: `size=(28, 28)` is `--size 28x28`, `time='day'` `--time day`."""
    name, value = match[1].replace("_", "-"), match[2] or ""
    if value.startswith("("):
        value = "x".join(part.strip() for part in value.strip("()").split(","))
    value = value.strip("\"'")
    return f"--{name} {shlex.quote(value)}" if value else f"--{name}"
