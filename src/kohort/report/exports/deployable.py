"""The model that is deployed: it takes raw inputs, and its file tells of its data."""

import json
import reprlib
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.making.pixel_rows import image_shape
from kohort.data.readers.pictures import edge_brightness
from kohort.data.tables.columns import Columns
from kohort.engine.needless import without_needless_warnings
from kohort.errors import DesignError, ModelError, reason
from kohort.evidence.whole_files import written_whole
from kohort.keras_api.class_outputs import OUTPUT_KINDS, OutputKind
from kohort.report.classes.found_labels import has_labels

ABOUT_ENTRY = "kohort.json"
"""The entry of a saved `.keras` archive that tells of its data; Keras leaves it alone."""

_ENDINGS = (".keras", ".h5", ".hdf5")
_SOME_SAMPLES = 1000


class About(NamedTuple):
    """What a study wrote beside its model.

    Args:
        names: Of the classes.
        edge: How bright the edges of training images are; None of others.
        columns: How inputs are made of a table's rows; None of other data.
        by_name: Whether the model takes them by name.
        outputs: What the model's outputs are.
        several: Whether a sample may have several of the classes, or none.
    """

    names: list[str]
    edge: float | None = None
    columns: Columns | None = None
    by_name: bool = False
    outputs: OutputKind = "unknown"
    several: bool = False


def taking_raw_inputs(inner: keras.Model, data: Dataset) -> keras.Model:
    """A model that is not compiled, with the scaling before it where its inputs are pixels."""
    pixels = data.pixels
    if pixels is None:
        return inner
    inputs = keras.Input(image_shape(pixels, data.input_shape), dtype="uint8", name="pixels")
    scaled = keras.layers.Rescaling(pixels.factor, pixels.offset)(inputs)
    shaped = keras.layers.Reshape(data.input_shape)(scaled)
    return keras.Model(inputs, inner(shaped), name="deployable")


@without_needless_warnings()
def save_deployable(deployable: keras.Model, kind: OutputKind, data: Dataset, path: Path) -> Path:
    """Save a model with what `kohort predict` needs to know of it; whole or not at all.

    Args:
        deployable: The model.
        kind: What its outputs are, which its loss told before it was left out.
        data: What it was trained on.
        path: Of the file.

    Raises:
        DesignError: Keras saves no model under such an ending.
    """
    if not path.name.endswith(_ENDINGS):
        raise DesignError(
            'a file name that ends in ".keras" (or ".h5", Keras\'s older format)',
            repr(path.name),
            f'write "{path.name}.keras"',
        )
    with written_whole(path) as new:
        deployable.save(new)
        with zipfile.ZipFile(new, "a") as archive:
            archive.writestr(ABOUT_ENTRY, json.dumps(_about(data) | {"outputs": kind}))
    return path


def about_of(path: Path) -> About:
    """What a saved model tells of its data; of one that no study saved, nothing.

    Raises:
        ModelError: It is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if ABOUT_ENTRY not in archive.namelist():
                return About([])
            about = json.loads(archive.read(ABOUT_ENTRY))
            names, edge = about["class_names"], about.get("edge")
            columns = about.get("columns") and Columns.from_json(about["columns"])
    except Exception as error:
        raise _no_names(path, reason(error)) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _no_names(path, reprlib.repr(names))
    brightness = float(edge) if isinstance(edge, int | float) else None
    by_name = columns is not None and bool(about.get("by_name"))
    kind: OutputKind = next((k for k in OUTPUT_KINDS if k == about.get("outputs")), "unknown")
    return About(names, brightness, columns, by_name, kind, bool(about.get("several")))


def _no_names(path: Path, received: str) -> ModelError:
    return ModelError(
        f"the names of the classes in {ABOUT_ENTRY}",
        f"{path} ({received})",
        "save the model again, as a study does",
    )


def pixels_of(data: Dataset) -> dict[str, Any] | None:
    """How a model's inputs are made of an image, as JSON; None where samples are no images.

    Returns:
        `shape` of an image, `inputs` of a sample, `factor`, `offset`, `edge` (how bright edges
        are, from 0 to 255), `names` of the classes, and whether a sample may have `several`.
    """
    shape, pixels = image_shape(data.pixels, data.input_shape), data.pixels
    if pixels is None or len(shape) < 2 or shape[2:] not in ((), (1,), (3,)):
        return None
    return {
        "shape": list(shape),
        "inputs": list(data.input_shape),
        "factor": pixels.factor,
        "offset": pixels.offset,
        "edge": _edge(data),
        "names": list(data.class_names or ()),
        "several": has_labels(data),
    }


def _about(data: Dataset) -> dict[str, object]:
    """What `kohort predict` needs to know of the data."""
    columns = None if data.columns is None else data.columns.as_json()
    names = list(data.class_names or ())
    return {
        "class_names": names,
        "edge": _edge(data),
        "columns": columns,
        "by_name": data.named,
        "several": has_labels(data),
    }


def _edge(data: Dataset) -> float | None:
    """The median brightness of edges of training images, from 0 to 255; None for other samples."""
    shape = image_shape(data.pixels, data.input_shape)
    if data.pixels is None or len(shape) < 2:
        return None
    images = data.x_train[:_SOME_SAMPLES].reshape(-1, *shape)
    if not data.stores_pixels:
        images = (images - data.pixels.offset) / data.pixels.factor
    return round(float(np.median(edge_brightness(images))), 1)
