"""Predicts with a saved model, for image files and for rows of tables."""

import zipfile
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import keras
import numpy as np

from kohort.cli.reading import check_model_file, check_rows
from kohort.data.checking import PixelScale
from kohort.data.readers.new_rows import number_rows, raw_rows
from kohort.data.readers.pictures import DARK, LIGHT, edge_brightness, picture
from kohort.data.system import check_room
from kohort.errors import DataError, DesignError, KohortError, ModelError, reason
from kohort.keras_api.class_outputs import (
    HALF,
    OutputKind,
    are_of_classes,
    class_probabilities,
    label_probabilities,
    output_kind,
    tell_probabilities,
)
from kohort.report.exports.deployable import About, about_of

MOST_NUMBERS = 2**26
"""The most pixels of an input; no model of a study has more."""


class Answer(NamedTuple):
    """What a model says of one sample.

    Args:
        sample: A file, or a row of one.
        label: The class, or the model's outputs where they are no scores of classes.
        probability: Of the class; None without one.
        outputs: The model's outputs, where they tell no probabilities of classes.
        is_class: Whether the label is a class.
        probabilities: Of all classes, by their names; empty without such.
        labels: Where a sample may have several, those that it is given; None where it has one.
    """

    sample: str
    label: str
    probability: float | None
    outputs: tuple[float, ...] = ()
    is_class: bool = True
    probabilities: Mapping[str, float] = MappingProxyType({})
    labels: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, object]:
        """The answer for programs: the class with all probabilities, or the outputs, or both."""
        told: dict[str, object] = {"sample": self.sample}
        if self.labels is not None:
            return told | {"labels": self.labels, "probabilities": dict(self.probabilities)}
        if self.is_class:
            told["class"] = self.label
        if self.probability is not None:
            every = dict(self.probabilities)
            return told | {"probability": self.probability, "probabilities": every}
        return told | {"outputs": list(self.outputs)}


class Predictions(NamedTuple):
    """The answers, and a notice that something is odd about the files; "" where nothing is."""

    answers: list[Answer]
    notice: str


def predict_files(
    model: Path, files: Sequence[Path], scale: PixelScale | None = None, *, invert: bool = False
) -> Predictions:
    """Predict for image files, or the rows of tables, with a model that `Member.save` wrote.

    Images are read as grey, or as red, green and blue where the model takes three channels, and
    resized to the model's size. Rows of a table become inputs as they did for training. A class
    without a name in the file is given as its number. Samples get the model's outputs where these
    are no scores of classes that have names; images only where nothing tells that they are scores.

    Args:
        model: A `.keras` file. It takes images `[sample, height, width]` or `[sample, height,
            width, channel]`: uint8, with their scaling inside the model, or floats; or rows
            `[sample, feature]`.
        files: Image files; CSV or Parquet files for a model of rows.
        scale: How the floats that a model takes are made of pixels; None for a model of uint8.
        invert: Whether to exchange black and white.

    Raises:
        ModelError: The file is no such model, or it is not known how its inputs are scaled.
        DataError: A file is no image, or no table of as many columns.
        DesignError: An option for images was given for rows.
    """
    loaded, about = _load(model), about_of(model)
    shape = (1,) if about.by_name else _input_shape(loaded, model)
    if len(shape) == 1:
        if scale is not None or invert:
            raise DesignError(
                "--scale, --offset and --invert for a model of images",
                f"{model}, which takes rows of {_numbers_of(loaded):,} numbers",
                "leave them out",
            )
        return _of_rows(loaded, about, files, shape[0], model)
    _check_scale(loaded, scale, model)
    pixels = np.stack([picture(image, shape) for image in files])
    pixels = 255 - pixels if invert else pixels
    notice = _notice(pixels, files, about.edge, invert=invert)
    if scale is not None:
        pixels = pixels.astype(np.float32) * np.float32(scale.factor) + np.float32(scale.offset)
    outputs, kind = _outputs(loaded, pixels, model), _kind(loaded, about)
    samples = [str(image) for image in files]
    if about.several:
        return Predictions(_labels(samples, outputs, about.names, kind), notice)
    if kind == "other" or (kind == "unknown" and not about.names):
        return Predictions(_numbers(samples, outputs), notice)
    return Predictions(_classes(samples, outputs, about.names, kind), notice)


def _numbers_of(model: keras.Model) -> int:
    """The numbers of a sample that a model of rows takes."""
    return sum(prod(part.shape[1:]) for part in model.inputs)


def _of_rows(
    model: keras.Model, about: About, files: Sequence[Path], inputs: int, path: Path
) -> Predictions:
    for file in files:
        check_rows(file)
    read = [
        (number_rows(file, inputs), "") if about.columns is None else raw_rows(file, about.columns)
        for file in files
    ]
    tables, notices = zip(*read, strict=True)
    if not about.by_name and str(model.inputs[0].dtype) == "uint8":
        for file, table in zip(files, tables, strict=True):
            _check_bytes(table, file)
    samples = [
        f"{file}, row {number}"
        for file, table in zip(files, tables, strict=True)
        for number in range(len(table))
    ]
    rows: Any = np.concatenate(tables)
    if about.by_name:
        assert about.columns is not None
        rows = about.columns.by_name(rows)
    outputs = _outputs(model, rows, path)
    notice, kind = "; ".join(filter(None, notices)), _kind(model, about)
    if about.several:
        return Predictions(_labels(samples, outputs, about.names, kind), notice)
    if kind != "other" and are_of_classes(outputs, len(about.names)):
        return Predictions(_classes(samples, outputs, about.names, kind), notice)
    return Predictions(_numbers(samples, outputs), notice)


def _check_bytes(table: np.ndarray, path: Path) -> None:
    """Refuse rows of a model of bytes (uint8) that are none: it would cut off their fractions.

    Args:
        table: `[row, column]`.
        path: Of their file.

    Raises:
        DataError: They are none.
    """
    wrong = np.argwhere((table != np.rint(table)) | (table < 0) | (table > 255))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            "whole numbers from 0 to 255, the pixels that the model takes and scales itself",
            f"{table[row, column]:g} in row {row}, column {column} (from 0) of {path}",
            "give the pixels as they were before they were scaled",
        )


def _numbers(samples: list[str], outputs: np.ndarray) -> list[Answer]:
    return [
        Answer(
            sample,
            ", ".join(f"{number:.6g}" for number in row),
            None,
            (*map(float, row),),
            is_class=False,
        )
        for sample, row in zip(samples, outputs, strict=True)
    ]


def _kind(model: keras.Model, about: About) -> OutputKind:
    """What the outputs are: what was saved, or, of other files, what the last layer tells."""
    return output_kind(model) if about.outputs == "unknown" else about.outputs


def _classes(
    samples: list[str], outputs: np.ndarray, names: list[str], kind: OutputKind
) -> list[Answer]:
    scores, are_some = class_probabilities(outputs, kind), tell_probabilities(outputs, kind)
    called = [*names, *map(str, range(len(names), scores.shape[1]))]
    return [
        Answer(
            sample,
            called[k],
            float(row[k]) if are_some else None,
            () if are_some else (*map(float, given),),
            probabilities=dict(zip(called, row.tolist(), strict=False)) if are_some else {},
        )
        for sample, k, row, given in zip(
            samples, scores.argmax(axis=1), scores, outputs, strict=True
        )
    ]


def _labels(
    samples: list[str], outputs: np.ndarray, names: list[str], kind: OutputKind
) -> list[Answer]:
    """The labels of samples that may have several, or the outputs where these tell none."""
    scores = label_probabilities(outputs, kind)
    if scores is None:
        return _numbers(samples, outputs)
    called = [*names, *map(str, range(len(names), scores.shape[1]))]
    answers = []
    for sample, row in zip(samples, scores, strict=True):
        each = dict(zip(called, map(float, row), strict=False))
        has = tuple(sorted((n for n, part in each.items() if part > HALF), key=lambda n: -each[n]))
        first = max(each, key=lambda name: each[name])
        told = ", ".join(f"{name} ({100 * each[name]:.1f} %)" for name in has)
        told = told or f"no label (the likeliest is {first}, {100 * each[first]:.1f} %)"
        answers.append(Answer(sample, told, None, is_class=False, probabilities=each, labels=has))
    return answers


def _notice(
    pixels: np.ndarray, files: Sequence[Path], trained: float | None, *, invert: bool
) -> str:
    """That images are dark on light, and the training images the other way round.

    Args:
        pixels: `[image, height, width, ...]`.
        files: The images.
        trained: How bright the edges of the training images were; None where that is not known,
            and they are taken for dark.
        invert: Whether black and white were exchanged.
    """
    edges = edge_brightness(pixels)
    if trained is not None and trained >= LIGHT:
        odd, seen, usual = edges <= DARK, "dark", "light"
    elif (trained is None and not invert) or (trained is not None and trained <= DARK):
        odd, seen, usual = edges >= LIGHT, "light", "dark"
    else:
        return ""
    if not odd.any():
        return ""
    first = files[int(odd.argmax())]
    return (
        f"{odd.sum()} of {len(files)} images, such as {first}, have {seen} edges, and the training "
        f"images {'had' if trained is not None else 'may have had'} {usual} ones: "
        + ("leave --invert out" if invert else "--invert exchanges black and white")
    )


def _load(path: Path) -> keras.Model:
    check_model_file(path)
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


def _input_shape(model: keras.Model, path: Path) -> tuple[int, ...]:
    """The shape of a sample that a model takes: of a row or an image."""
    # A model that was never built has no shapes; one with several inputs has a list of them.
    inputs, outputs = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    shape = inputs[1:] if isinstance(inputs, tuple) else ()
    is_known = len(shape) in (1, 2, 3) and None not in shape and shape[2:] in ((), (1,), (3,))
    if not is_known or not isinstance(outputs, tuple) or len(outputs) != 2:
        raise ModelError(
            "a model of images [sample, height, width], or with 1 or 3 channels behind, or of rows "
            "[sample, feature], with a row of scores for each",
            f"{path}, which takes {inputs} and gives {outputs}",
            "use the winner.keras of a study on images or rows",
        )
    if prod(shape) > MOST_NUMBERS:
        raise ModelError(
            f"a model of samples of at most {MOST_NUMBERS:,} numbers",
            f"{path}, which takes {shape}",
            "use the winner.keras of a study",
        )
    return shape


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


def _outputs(model: keras.Model, samples: Any, path: Path) -> np.ndarray:
    """The outputs `[sample, score]` of a model for samples, or for inputs by name."""
    try:
        outputs = np.asarray(model.predict(samples, verbose=0))
    except Exception as error:
        raise ModelError(
            f"a model that takes samples of shape {getattr(samples, 'shape', (0, 1))[1:]}",
            f"{path} ({reason(error)})",
            "train it on such samples",
        ) from error
    if not np.isfinite(outputs).all():
        raise ModelError(
            "a model that gives numbers",
            f"{path}, whose scores are NaN or infinite",
            "train it anew",
        )
    return outputs
