"""Predicts the class of image files with a saved model."""

import json
import reprlib
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from kohort.data.dataset import PixelScale
from kohort.data.readers.images import UNREADABLE, grey, opened
from kohort.data.system import check_room, is_file
from kohort.errors import DataError, DesignError, KohortError, ModelError, reason
from kohort.member import CLASS_NAMES_ENTRY
from kohort.report.held_out import class_probabilities

MOST_PIXELS = 2**26
"""The most pixels of an input; no model of a study has more."""


class Answer(NamedTuple):
    """The class of an image, and the probability that the model gives to it."""

    label: str
    probability: float


def predict_images(
    model: Path, images: Sequence[Path], scale: PixelScale | None = None
) -> list[Answer]:
    """Classify image files with a model that `Member.save` wrote.

    Images are read as grey and resized to the model's size. A class without a name in the file is
    given as its number.

    Args:
        model: A `.keras` file whose model takes images `[sample, height, width]`: uint8, with their
            scaling inside the model, or floats.
        images: Image files.
        scale: How the floats that a model takes are made of pixels; None for a model of uint8.

    Raises:
        ModelError: The file is no such model, or it is not known how its inputs are scaled.
        DataError: A file is no image.
    """
    loaded = _load(model)
    names = _class_names(model)
    shape = _image_shape(loaded, model)
    _check_scale(loaded, scale, model)
    pixels = np.stack([_read(image, shape) for image in images])
    if scale is not None:
        pixels = pixels.astype(np.float32) * np.float32(scale.factor) + np.float32(scale.offset)
    scores = _scores(loaded, pixels, model)
    best = scores.argmax(axis=1)
    return [
        Answer(names[k] if k < len(names) else str(k), float(row[k]))
        for k, row in zip(best, scores, strict=True)
    ]


def pixel_scale(factor: str | None, offset: float) -> PixelScale | None:
    """The scale that the options of `kohort predict` give; None where they give none.

    Args:
        factor: A number, or a fraction such as "1/255".
        offset: A number; without a factor it needs one.

    Raises:
        DesignError: They are no finite numbers, or there is an offset alone.
    """
    if factor is None and not offset:
        return None
    try:
        found = PixelScale(float(Fraction(factor or "")), offset)
    except (ValueError, ZeroDivisionError, OverflowError):
        found = PixelScale(0.0, offset)
    if not found.factor or not np.isfinite([found.factor, offset]).all():
        raise DesignError(
            "--scale as a number or a fraction, such as 1/255, and --offset as a number",
            f"--scale {factor} --offset {offset}",
            "give those that the training images were made with",
        )
    return found


def _load(path: Path) -> keras.Model:
    # Keras would also load other formats, some of which may contain code.
    if not is_file(path) or not zipfile.is_zipfile(path):
        raise ModelError(
            "a .keras file with a Keras model",
            f"{path}, which is none",
            "check the path; save a model in another format anew with model.save('NAME.keras')",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            check_room(sum(entry.file_size for entry in archive.infolist()), str(path))
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except KohortError:
        raise
    except Exception as error:
        raise ModelError(
            "a .keras file with a Keras model, of layers that Keras knows",
            f"{path} ({reason(error)})",
            "use the winner.keras of a study",
        ) from error


def _class_names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            if CLASS_NAMES_ENTRY not in archive.namelist():
                return []
            names = json.loads(archive.read(CLASS_NAMES_ENTRY))["class_names"]
    except Exception as error:
        raise _no_names(path, reason(error)) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _no_names(path, reprlib.repr(names))
    return names


def _no_names(path: Path, received: str) -> ModelError:
    return ModelError(
        f"the names of the classes in {CLASS_NAMES_ENTRY}",
        f"{path} ({received})",
        "save the model again, as a study does",
    )


def _image_shape(model: keras.Model, path: Path) -> tuple[int, int]:
    """Height and width of the images that a model takes; raises an error for other models."""
    # A model that was never built has no shapes; one with several inputs has a list of them.
    inputs, outputs = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    takes_images = isinstance(inputs, tuple) and len(inputs) == 3 and None not in inputs[1:]
    if not takes_images or not isinstance(outputs, tuple) or len(outputs) != 2:
        raise ModelError(
            "a model of grey images [sample, height, width], with a score for each class",
            f"{path}, which takes {inputs} and gives {outputs}",
            "use the winner.keras of a study on images",
        )
    assert inputs is not None
    sides: tuple[int, int] = inputs[1:]
    if prod(sides) > MOST_PIXELS:
        raise ModelError(
            f"a model of images of at most {MOST_PIXELS:,} pixels",
            f"{path}, which takes {sides}",
            "use the winner.keras of a study on images",
        )
    return sides


def _check_scale(model: keras.Model, scale: PixelScale | None, path: Path) -> None:
    """Refuse to guess how the inputs of a model were made of pixels.

    A study scales pixels that it stores as uint8, and puts that into the model. Where the data
    were floats, whoever made them had scaled them, and nobody but they knows how.
    """
    (dtype,) = {str(tensor.dtype) for tensor in model.inputs}
    if dtype == "uint8" and scale is not None:
        raise ModelError(
            "a model that takes floats, for --scale",
            f"{path}, which takes pixels and scales them itself",
            "leave --scale and --offset out",
        )
    if dtype != "uint8" and scale is None:
        raise ModelError(
            "to know how the training images were scaled",
            f"{path}, whose inputs were {dtype} numbers and not pixels from 0 to 255",
            "say it: --scale 1/255 where pixels were divided by 255 (and --offset -0.5 where a "
            "half was taken off), --scale 1 where they were left as they are",
        )


def _scores(model: keras.Model, pixels: np.ndarray, path: Path) -> np.ndarray:
    """Probabilities `[image, class]` for images `[image, height, width]`."""
    try:
        scores = class_probabilities(np.asarray(model.predict(pixels, verbose=0)))
    except Exception as error:
        raise ModelError(
            "a model that takes images", f"{path} ({reason(error)})", "train it on such images"
        ) from error
    if not np.isfinite(scores).all():
        raise ModelError(
            "a model that gives probabilities",
            f"{path}, whose scores are NaN or infinite",
            "train it anew",
        )
    return scores


def _read(path: Path, size: tuple[int, int]) -> np.ndarray:
    """The grey pixels of an image file, resized, uint8 `[height, width]`."""
    try:
        if path.exists() and not path.is_file():
            raise OSError("no file that could be read from start to end")
        with opened(path) as image:
            resized = Image.fromarray(grey(image)).resize(size[::-1], Image.Resampling.LANCZOS)
            return np.asarray(resized)
    except UNREADABLE as error:
        raise DataError(
            "an image file", f"{path} ({reason(error)})", "check that it is whole"
        ) from error
