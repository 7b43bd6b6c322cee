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
) -> None:
    """Tell the class of images, and the probability that the model gives to it."""
    from kohort.cli.prediction import predict_images

    for image, answer in zip(images, predict_images(model, images), strict=True):
        typer.echo(f"{legible(str(image))}: {answer.label} ({100 * answer.probability:.1f} %)")
