"""A trained member of a study, and the model that it can be deployed as."""

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.readers.pictures import edge_brightness
from kohort.design.building import batch_of
from kohort.design.replicates import Replicate
from kohort.design.training_part import TrainingPart
from kohort.design.variants import Variant
from kohort.engine.members import MONITOR
from kohort.evidence.curves import Curves
from kohort.evidence.whole_files import written_whole
from kohort.keras_api.models import prepare, uncompiled
from kohort.keras_api.preprocessing import set_weights
from kohort.keras_api.samples import measured
from kohort.report.held_out import Candidate

ABOUT_ENTRY = "kohort.json"
"""The entry of a saved `.keras` archive that tells of its data; Keras leaves it alone."""

_SOME_SAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Member:
    """One variant in one replicate, trained.

    Args:
        variant: How it is built.
        replicate: Its seed and split.
        data: What it was trained on.
        weights: As `keras.Model.get_weights` gives them, of the epoch below.
        epoch: Its epoch (from 1) of lowest validation loss.

    Example:
        >>> member = result.best()
        >>> member.variant
        Variant('units=16', build, units=16)
        >>> member.model().evaluate(data.x_test, data.y_test, verbose=0)[1] > 0.9  # accuracy
        True
    """

    variant: Variant
    replicate: Replicate
    data: Dataset
    weights: list[np.ndarray] = field(repr=False)
    epoch: int

    @property
    def fingerprint(self) -> str:
        """SHA-256 over shapes, dtypes and bytes of its weights, 64 hexadecimal digits.

        Example:
            >>> kept = kohort.open("kohort.db", "width", data).best()
            >>> kept.fingerprint == result.best().fingerprint
            True
        """
        digest = hashlib.sha256()
        for array in self.weights:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def model(self) -> keras.Model:
        """The trained model, compiled as its build function compiles it.

        Returns:
            A new model at each call, with the weights that this member keeps.

        Raises:
            DesignError: The build function fails.

        Example:
            >>> model = result.best().model()
            >>> model.predict(data.x_test, verbose=0).shape
            (60, 5)
        """
        part = TrainingPart(self.data, self.replicate.train)
        model = self.variant.model(self.replicate.seed, part)
        prepare(model, batch_of(self.data, 1))
        set_weights(model, self.weights)
        return model

    def deployable(self) -> keras.Model:
        """The model with the scaling of raw inputs inside it; not compiled.

        A model that was trained on pixels takes uint8 images `[sample, height, width]`, or
        `[sample, height, width, channel]`. Where it is not known how inputs were made from pixels,
        it takes inputs as they are, `[sample, ...]`. It needs no kohort to load.

        Raises:
            DesignError: The build function fails.

        Example:
            >>> deployable = result.best().deployable()
            >>> deployable.input_shape, deployable.compiled
            ((None, 5), False)
        """
        # A model without its compilation, which may name a loss that only the study file knows.
        inner, pixels = uncompiled(self.model()), self.data.pixels
        if pixels is None:
            return inner
        inputs = keras.Input(_image_shape(self.data), dtype="uint8", name="pixels")
        scaled = keras.layers.Rescaling(pixels.factor, pixels.offset)(inputs)
        shaped = keras.layers.Reshape(self.data.input_shape)(scaled)
        return keras.Model(inputs, inner(shaped), name="deployable")

    def save(self, path: str | Path) -> Path:
        """Save `deployable()` as a `.keras` file, with the class names; whole or not at all.

        Of images it also keeps how bright the edges of the training images are: `kohort predict`
        tells dark images on light where these were light on dark. Of a table it keeps how inputs
        are made of its columns: `kohort predict` takes its rows as they were.

        Args:
            path: Of the file; folders that are missing are made.

        Returns:
            The path.

        Raises:
            ValueError: The path does not end in ".keras".
            OSError: The file cannot be written.

        Example:
            >>> path = result.best().save("winner.keras")
            >>> keras.saving.load_model(path).output_shape
            (None, 5)
        """
        path = Path(path)
        with written_whole(path) as new:
            self.deployable().save(new)
            with zipfile.ZipFile(new, "a") as archive:
                archive.writestr(ABOUT_ENTRY, json.dumps(_about(self.data)))
        return path


def members_of(
    variants: Sequence[Variant],
    replicates: Sequence[Replicate],
    data: Dataset,
    weights: Mapping[tuple[int, int], list[np.ndarray]],
    curves: Curves,
) -> dict[tuple[int, int], Member]:
    """The members of a study by the numbers of their variant and replicate.

    Args:
        variants: All of its variants.
        replicates: All of its replicates.
        data: What they were trained on.
        weights: Of each member, by the same two numbers: those of its best epoch.
        curves: What was measured, from which that epoch follows.
    """
    monitored = np.nan_to_num(curves.of(MONITOR), nan=np.inf, posinf=np.inf)
    return {
        (variant, replicate): Member(
            variants[variant],
            replicates[replicate],
            data,
            best_weights,
            epoch=int(monitored[variant, replicate].argmin()) + 1,
        )
        for (variant, replicate), best_weights in weights.items()
    }


def _about(data: Dataset) -> dict[str, object]:
    """What `kohort predict` needs to know of the data."""
    columns = None if data.columns is None else data.columns.as_json()
    names = list(data.class_names or ())
    return {"class_names": names, "edge": _edge(data), "columns": columns}


def _edge(data: Dataset) -> float | None:
    """The median brightness of edges of training images, from 0 to 255; None for other samples."""
    shape = _image_shape(data)
    if data.pixels is None or len(shape) < 2:
        return None
    images = data.x_train[:_SOME_SAMPLES].reshape(-1, *shape)
    if not data.stores_pixels:
        images = (images - data.pixels.offset) / data.pixels.factor
    return round(float(np.median(edge_brightness(images))), 1)


def _image_shape(data: Dataset) -> tuple[int, ...]:
    """The shape of a raw sample: a row of as many pixels as a square has was a square image."""
    if len(data.input_shape) == 1:
        side = round(float(np.sqrt(data.input_shape[0])))
        if side * side == data.input_shape[0]:
            return side, side
    return data.input_shape


def candidate(member: Member, metric: str) -> Candidate:
    """A member as the test set is read for it, by its classes or by a metric of its model."""

    def predict(inputs: np.ndarray) -> np.ndarray:
        given: np.ndarray = member.model().predict(inputs, batch_size=1024, verbose=0)
        return given

    def measure(inputs: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
        return measured(member.model(), metric, inputs, targets)

    return Candidate(
        member.variant.name,
        member.replicate.number,
        member.epoch,
        member.fingerprint,
        predict,
        measure,
    )


def shipped(best: Member) -> str:
    """Which model to ship, in words."""
    return (
        f"{best.variant.name}, replicate {best.replicate.number}, with the weights of its "
        f"epoch of lowest validation loss, {best.epoch}"
    )
