"""Commands on a saved model: `predict`."""

from pathlib import Path
from typing import Annotated

import typer

from kohort.errors import legible


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL.keras", help="A model that a study saved.")
    ],
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, white on black.")
    ],
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="FACTOR",
            help="What a pixel was multiplied with, such as 1/255, where a study was given floats.",
        ),
    ] = None,
    offset: Annotated[float, typer.Option(help="What was added after that, such as -0.5.")] = 0.0,
) -> None:
    """Tell the class of images, and the probability that the model gives to it."""
    from kohort.cli.prediction import pixel_scale, predict_images

    answers = predict_images(model, images, pixel_scale(scale, offset))
    for image, answer in zip(images, answers, strict=True):
        typer.echo(f"{legible(str(image))}: {answer.label} ({100 * answer.probability:.1f} %)")
