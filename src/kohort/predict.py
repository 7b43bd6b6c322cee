"""Predict the class of image files with a saved model."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from kohort.data.images import UNREADABLE, grey, opened
from kohort.errors import DataError, ModelError
from kohort.member import CLASS_NAMES_ENTRY
from kohort.report.held_out import class_probabilities


class Answer(NamedTuple):
    """The class of an image, and the probability that the model gives to it."""

    label: str
    probability: float


def predict_images(model: Path, images: Sequence[Path]) -> list[Answer]:
    """Classify image files with a model that `Member.save` wrote.

    Images are read as grey and resized to the model's size. A class without a name in the file is
    told by its number.

    Args:
        model: A `.keras` file whose model takes uint8 images `[sample, height, width]`.
        images: Image files.

    Raises:
        ModelError: The file is no such model.
        DataError: A file is no image.
    """
    loaded = _load(model)
    shape = loaded.input_shape
    if len(shape) != 3 or None in shape[1:]:
        raise ModelError(
            "a model of grey images [sample, height, width]",
            f"{model}, which takes {shape}",
            "use the winner.keras of a study on images",
        )
    pixels = np.stack([_read(image, shape[1:]) for image in images])
    names = _class_names(model)
    scores = class_probabilities(np.asarray(loaded.predict(pixels, verbose=0)))
    best = scores.argmax(axis=1)
    return [
        Answer(names[k] if k < len(names) else str(k), float(row[k]))
        for k, row in zip(best, scores, strict=True)
    ]


def _load(path: Path) -> keras.Model:
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, OSError, zipfile.BadZipFile, KeyError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            "a .keras file with a Keras model", f"{path} ({reason})", "check the path"
        ) from error


def _class_names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        if CLASS_NAMES_ENTRY not in archive.namelist():
            return []
        names: list[str] = json.loads(archive.read(CLASS_NAMES_ENTRY))["class_names"]
    return names


def _read(path: Path, size: tuple[int, int]) -> np.ndarray:
    try:
        with opened(path) as image:
            resized = Image.fromarray(grey(image)).resize(size[::-1], Image.Resampling.LANCZOS)
            return np.asarray(resized)
    except UNREADABLE as error:
        raise DataError("an image file", f"{path} ({error})", "check that it is whole") from error
