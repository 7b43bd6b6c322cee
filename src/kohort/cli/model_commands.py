"""Commands on a saved model: `predict`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kohort.cli.ending import note
from kohort.cli.options import AsJson
from kohort.errors import legible


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL.keras", help="A model that a study saved.")
    ],
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...", help="Images; tables, CSV or Parquet, for a model of rows."
        ),
    ],
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="FACTOR",
            help="What a pixel was multiplied with, such as 1/255, where a study was given floats.",
        ),
    ] = None,
    offset: Annotated[float, typer.Option(help="What was added after that, such as -0.5.")] = 0.0,
    invert: Annotated[
        bool, typer.Option("--invert", help="Exchange black and white in the images.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell the class of images or rows, and the probability that the model gives to it.

    Of a model that scores no classes it tells the outputs.
    """
    from kohort.cli.reading import check_model_file, check_there, pixel_scale

    check_model_file(model)  # before Keras and JAX are imported, which takes seconds
    check_there(inputs)
    given = pixel_scale(scale, offset)
    from kohort.cli.prediction import predict_files

    found = predict_files(model, inputs, given, invert=invert)
    if found.notice:
        note(found.notice)
    if as_json:
        typer.echo(json.dumps([answer.as_json() for answer in found.answers]))
        return
    for answer in found.answers:
        sure = "" if answer.probability is None else f" ({100 * answer.probability:.1f} %)"
        typer.echo(f"{legible(answer.sample)}: {answer.label}{sure}")
