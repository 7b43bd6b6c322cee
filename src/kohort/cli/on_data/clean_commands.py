"""`kohort data clean`: writes the samples that were decided to be kept."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kohort.cli.on_data.check_commands import Source, loaded
from kohort.cli.options import (
    AsJson,
    GroupColumn,
    ImageColor,
    ImageSize,
    Pixels,
    TargetColumn,
    TestPart,
    TimeColumn,
    WeightColumn,
    reading_options,
)
from kohort.errors import DesignError, legible

if TYPE_CHECKING:
    from kohort.data.cleaning.decisions import Decision
    from kohort.data.dataset import Dataset

UNSOUGHT = "doubtful labels were not looked for: kohort data check --decisions FILE lists them"


def clean(
    source: Source,
    out: Annotated[Path, typer.Option(help="The file to write (over), such as clean.h5.")],
    decisions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What was decided, as `data check --decisions` writes it; else exact copies are "
            "left out, and nothing else.",
        ),
    ] = None,
    target: TargetColumn = None,
    group: GroupColumn = None,
    size: ImageSize = None,
    color: ImageColor = Pixels.KEEP,
    test: TestPart = None,
    time: TimeColumn = None,
    sample_weight: WeightColumn = None,
    as_json: AsJson = False,
) -> None:
    """Write data without what was decided to be left out, and tell what that was.

    Nothing in doubt goes unasked: near copies and doubtful labels stay, where no decision says
    otherwise. A study has the same splits on these data and on the raw ones.
    """
    from kohort.cli.outputs import check_is_other, writing
    from kohort.cli.reading import check_reading, check_there

    if out.suffix.lower() not in (".h5", ".hdf5") or out.is_dir():
        raise DesignError("a file that ends in .h5", str(out), "name one with --out")
    check_is_other(out, source)
    options = reading_options(target, group, size, color, test, time, sample_weight)
    check_reading(source, options)  # before Keras and JAX are imported, which takes seconds
    check_there([] if decisions is None else [decisions])
    from kohort.data.cleaning.applying import cleaned
    from kohort.data.cleaning.clean_files import write_clean
    from kohort.evidence.whole_files import written_whole
    from kohort.report.checks.decided_words import decided_words

    data = loaded(source, options)
    decided, told = _decided(data, decisions)
    left = cleaned(data, decided)
    told += decided_words(data, decided, left)
    told += [UNSOUGHT] * (decisions is None and data.classes is not None)
    if out.exists():
        typer.echo(legible(f"{out} is there, and is written over"), err=True)
    with writing(out), written_whole(out) as new:
        write_clean(new, left, told)
    if as_json:
        gone = [d.sample for d in decided if d.decision == "leave out"]
        typer.echo(json.dumps({"out": str(out), "told": told, "left_out": gone}))
        return
    typer.echo("\n".join(told))
    typer.echo(f"data: {legible(str(out))}")


def _decided(data: "Dataset", decisions: Path | None) -> tuple[list["Decision"], list[str]]:
    """What the file says, and whether it lacks rows; without one what is proposed by counting."""
    from kohort.data.cleaning.decisions import read_decisions
    from kohort.report.checks.proposals import proposals
    from kohort.runs.checks.data_check import inspect

    if decisions is None:
        return proposals(data, inspect(data, trains=False)), []
    found, listed = read_decisions(decisions, data)
    if listed is None or len(found) >= listed:
        return found, []
    told = f"{decisions} has {len(found):,} of the {listed:,} rows that were written to it"
    return found, [legible(f"{told}: samples without a row are kept")]
