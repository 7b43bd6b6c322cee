"""What the variants of a study on images say of a picture that somebody drew or dropped."""

import io
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kohort.data.readers.decoding import UNREADABLE, Color, DeepPixelsError, decode, opened
from kohort.errors import DataError, KohortError, ModelError, reason
from kohort.evidence.store import KeptStudy, MemberKey, MemberRecord, VariantRecord
from kohort.keras_api.class_outputs import (
    OutputKind,
    class_probabilities,
    label_probabilities,
    output_kind,
    tell_probabilities,
)
from kohort.keras_api.models import of_config
from kohort.keras_api.preprocessing import set_weights
from kohort.serve.follower import Follower
from kohort.serve.live_curves import rounded

MOST_VARIANTS = 12
"""The most variants that are asked: the best."""

MOST_MODELS = 24
"""The most models that are kept in memory."""

_SHOWN_CLASSES = 3


class Trying:
    """Asks trained members about a picture, one picture at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models = OrderedDict[tuple[int, MemberKey, str], keras.Model]()

    def answers(self, follower: Follower, content: bytes) -> list[dict[str, Any]]:
        """What each of the best variants says, by its member of lowest validation loss.

        Args:
            follower: The study, as it was last looked at.
            content: The bytes of an image file.

        Raises:
            DataError: They are no image, or the study is on other data.
            StoreError: The study cannot be read.
        """
        how = follower.pixels
        if how is None:
            raise DataError("a study on images", "one on other data", "draw for another")
        pixels = _decoded(content, tuple(how["shape"]))
        inputs = pixels.astype(np.float32) * np.float32(how["factor"]) + np.float32(how["offset"])
        inputs = inputs.reshape(1, *how["inputs"])
        with self._lock:
            kept = follower.kept
            variants = {variant.name: variant for variant in kept.variants()}
            return [
                {"variant": name} | self._answer(kept, variants[name], member, inputs, how)
                for name, member in _members(follower, kept).items()
            ]

    def _answer(
        self,
        kept: KeptStudy,
        variant: VariantRecord,
        member: MemberRecord | None,
        inputs: np.ndarray,
        how: Mapping[str, Any],
    ) -> dict[str, Any]:
        if member is None:
            return {"error": "no member of it that has finished is kept"}
        try:
            model = self._model(kept, variant, member)
            outputs, kind = np.asarray(model(inputs, training=False)), output_kind(model)
            # Stores of earlier versions do not tell whether a sample has several.
            several = bool(how.get("several"))
            classes = _classes(outputs, how["names"], kind, several=several)
            return {"replicate": member.key.replicate, "classes": classes}
        except KohortError as error:
            return {"error": str(error)}
        except (ValueError, TypeError) as error:  # of layers that Keras builds in another way
            return {"error": f"its model cannot be run here: {reason(error)}"}

    def _model(self, kept: KeptStudy, variant: VariantRecord, member: MemberRecord) -> keras.Model:
        place = kept.number, member.key, member.sha256 or ""
        if place not in self._models:
            weights = kept.weights_of(member)
            if weights is None:
                raise ModelError("weights", "none that are kept", "run it with --keep final")
            model = of_config(_config(kept, variant, member.key))
            set_weights(model, weights)
            self._models[place] = model
            while len(self._models) > MOST_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(place)
        return self._models[place]


def _decoded(content: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels of an image file, uint8 of a shape, as `kohort.load` makes them."""
    color: Color = "rgb" if shape[2:] == (3,) else "grey"
    try:
        with opened(io.BytesIO(content)) as image:
            return decode(image, color, (shape[0], shape[1])).pixels.reshape(shape)
    except DeepPixelsError as error:
        raise _no_image("more than 16 bits a pixel") from error
    except UNREADABLE as error:
        raise _no_image(reason(error)) from error


def _no_image(received: str) -> DataError:
    return DataError("an image file, such as PNG or JPEG", received, "take another")


def _members(follower: Follower, kept: KeptStudy) -> dict[str, MemberRecord | None]:
    """By the best variants, the kept member of lowest validation loss; None where none is."""
    losses = follower.lowest_losses()
    found: dict[str, MemberRecord | None] = dict.fromkeys(follower.order[:MOST_VARIANTS])
    able = [
        member
        for member in kept.members()
        if member.key.variant in found and member.key in losses and member.weights
        if member.finished
    ]
    for member in sorted(able, key=lambda member: losses[member.key], reverse=True):
        found[member.key.variant] = member
    return found


def _config(kept: KeptStudy, variant: VariantRecord, key: MemberKey) -> str:
    """The configuration of a member's model: its variant's, where it was not built from data."""
    result = kept.description.get("result", {})
    names = list(result.get("settings", {}).get("epochs", ()))
    for number, replicate, text in result.get("configs", ()):
        if names[number] == key.variant and replicate == key.replicate:
            return str(text)
    return variant.model


def _classes(
    outputs: np.ndarray, names: list[str], kind: OutputKind, *, several: bool = False
) -> list[list[Any]]:
    """The most probable classes, each with its probability; several add up to more than 1."""
    if outputs.ndim != 2 or not np.isfinite(outputs).all():
        raise ModelError("a row of scores", f"outputs of shape {outputs.shape}", "try another")
    each = label_probabilities(outputs, kind) if several else None
    if kind == "other" or (several and each is None):
        raise ModelError("probabilities of classes", "outputs that are none", "try another")
    (scores,) = class_probabilities(outputs, kind) if each is None else each
    if names and len(names) != len(scores):
        raise ModelError(f"{len(names)} scores", f"{len(scores)}", "try another")
    best = np.argsort(-scores)[:_SHOWN_CLASSES]
    if each is None and not tell_probabilities(outputs, kind):
        first = names[best[0]] if names else str(best[0])
        given = "margins of a hinge loss" if kind == "margins" else "outputs without bounds"
        raise ModelError("probabilities", given, f"the nearest is {first}")
    return [[names[k] if names else str(k), rounded(float(scores[k]))] for k in best]
