"""The one place that touches names of Keras which Keras does not call public.

`keras.Model.fit` is built from these pieces. kohort uses the same pieces, so that what it
trains is what Keras trains, and keeps them here, so that a new Keras is checked in one file.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import numpy as np
from keras.src import tree
from keras.src.backend.common import global_state
from keras.src.callbacks.callback_list import CallbackList
from keras.src.models.functional import Functional
from keras.src.trainers.data_adapters import array_slicing
from keras.src.trainers.data_adapters.array_data_adapter import (
    ArrayDataAdapter,
    can_convert_arrays,
)
from keras.src.trainers.data_adapters.data_adapter_utils import (
    check_data_cardinality,
    class_weight_to_sample_weights,
)
from keras.src.trainers.epoch_iterator import EpochIterator
from keras.src.utils.python_utils import is_default, pythonify_logs

from kohort.errors import ModelError, reason

type Arrays = Any  # a pytree of arrays that share their first axis, as Keras packs (x, y, weight)
type Variables = tuple[list[Any], list[Any], list[Any], list[Any]]
type State = tuple[list[Any], list[Any], list[Any], list[Any]]

_NAMES = "object_name_uids"

_MEASURING = ("compute_loss", "test_step")

_RESTRAINTS = ("rate", "stddev", "dropout", "recurrent_dropout")
_PROPORTIONS = (
    keras.metrics.Accuracy,
    keras.metrics.BinaryAccuracy,
    keras.metrics.CategoricalAccuracy,
    keras.metrics.SparseCategoricalAccuracy,
    keras.metrics.TopKCategoricalAccuracy,
    keras.metrics.SparseTopKCategoricalAccuracy,
    keras.metrics.AUC,
    keras.metrics.Precision,
    keras.metrics.Recall,
    keras.metrics.FBetaScore,
    keras.metrics.IoU,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
    keras.metrics.PrecisionAtRecall,
    keras.metrics.RecallAtPrecision,
)

_HOOKS_INSIDE_EPOCHS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


@contextmanager
def fresh_names() -> Iterator[None]:
    """What Keras names itself inside is named as in a new process: `auc`, not `auc_3`.

    Keras counts on over all that a process makes, so that the metrics of two models that are
    built alike would have other names.
    """
    before = global_state.get_global_attribute(_NAMES)
    global_state.set_global_attribute(_NAMES, defaultdict(int))
    try:
        yield
    finally:
        global_state.set_global_attribute(_NAMES, before)


def is_packable(x: Any, y: Any, sample_weight: Any = None) -> bool:
    """Whether Keras takes these as arrays: not a generator, nor a dataset object."""
    return bool(can_convert_arrays((x, y, sample_weight)))


def pack(x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None) -> Arrays:
    """Check and pack training data as `keras.Model.fit` does.

    Returns:
        `x`, `(x, y)` or `(x, y, sample_weight)`, each leaf an array of shape `[sample, ...]`;
        floating leaves have `keras.config.floatx()`.

    Raises:
        ModelError: A leaf is no array (a generator, a dataset object).
        ValueError: Keras's own complaint about unequal lengths or weights.
    """
    if not is_packable(x, y, sample_weight):
        raise ModelError(
            "x, y and sample_weight as arrays (NumPy, JAX or pandas)",
            f"x of type {type(x).__name__}",
            "load it into arrays, or pass engine='keras', which takes what keras.Model.fit takes",
        )
    adapter = ArrayDataAdapter(x, y, sample_weight=sample_weight, class_weight=class_weight)
    sliceables = array_slicing.convert_to_sliceable(adapter._inputs, target_backend="jax")
    return tree.map_structure(
        lambda s: s.convert_to_jax_compatible(s[:]), sliceables, none_is_leaf=False
    )


def check_lengths(data: Arrays) -> None:
    """Refuse packed data of unequal lengths, as `keras.Model.fit` does, without reading them.

    Raises:
        ValueError: Keras's own complaint.
    """
    check_data_cardinality(data)


def weights_of_classes(y: np.ndarray, class_weight: dict[int, float]) -> np.ndarray:
    """The weight of each sample by its class, as `keras.Model.fit` works it out."""
    weights: np.ndarray = class_weight_to_sample_weights(y, class_weight)
    return weights


class EpochBatches:
    """The batches that `keras.Model.fit` would draw, epoch by epoch.

    Args:
        x: Arrays, a generator, a `keras.utils.PyDataset`, or what else Keras takes.
        y: Targets, where x does not hold them.
        sample_weight: Likewise.
        class_weight: As in `keras.Model.fit`.
        batch_size: Of arrays.
        steps: Batches an epoch; None for all that there are.
        shuffle: As in `keras.Model.fit`.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        class_weight: Any,
        batch_size: int,
        steps: int | None,
        shuffle: Any,
    ) -> None:
        self._iterator = EpochIterator(
            x,
            y,
            sample_weight,
            batch_size=batch_size if is_packable(x, y, sample_weight) else None,
            steps_per_epoch=steps,
            shuffle=shuffle,
            class_weight=class_weight,
        )

    @property
    def count(self) -> int | None:
        """Batches an epoch; None where nobody knows."""
        count: int | None = self._iterator.num_batches
        return count

    def reset(self) -> None:
        """Begin anew, as Keras does after it has looked at a first batch."""
        self._iterator.reset()

    def epoch(self) -> Iterator[Arrays]:
        """The batches of the next epoch."""
        for _, _, held in self._iterator.enumerate_epoch():
            yield from held


def split_last(x: Any, y: Any, sample_weight: Any, fraction: float) -> tuple[Any, Any]:
    """Split `(x, y, sample_weight)` as `validation_split` does: the last part validates."""
    train, valid = array_slicing.train_validation_split((x, y, sample_weight), fraction)
    return train, valid


def prepare(model: keras.Model, batch: Arrays) -> None:
    """Create the variables of model, optimizer, loss and metrics, as the first batch does in Keras.

    Raises:
        ModelError: The model is not compiled, or asks to run eagerly.
    """
    if not model.compiled:
        raise ModelError(
            "a compiled model", f"{model.name!r}, not compiled", "call model.compile(...) first"
        )
    model._symbolic_build(data_batch=batch)


def layers_without_jit(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, nested ones too, for which Keras does not compile its steps."""
    return [layer for layer in model._flatten_layers() if not layer.supports_jit]


def has_own_code(model: keras.Model) -> bool:
    """Whether a model runs code that is not Keras's: a layer, loss or function of the user's."""
    try:
        parts = [keras.saving.serialize_keras_object(model)]
    except Exception:  # noqa: BLE001 (whatever a user's get_config raises: it is the user's code)
        return True
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            module = part.get("module", "keras")
            if part.get("class_name") in ("function", "__lambda__") or (
                "class_name" in part and str(module).split(".")[0] not in ("keras", "builtins")
            ):
                return True
            parts += part.values()
        elif isinstance(part, list | tuple):
            parts += part
    return False


def config_text(model: keras.Model) -> str:
    """How a model is configured and compiled, as JSON; "" where it cannot be written down."""
    try:
        config = keras.saving.serialize_keras_object(model)
    except Exception:  # noqa: BLE001 (whatever a user's get_config raises: it is the user's code)
        return ""
    # What is no JSON stands for its kind: its repr may be another one in each process.
    return json.dumps(config, sort_keys=True, default=lambda part: type(part).__name__)


def of_config(text: str) -> keras.Model:
    """The model of which `config_text` is the text, compiled; no code in it is run.

    Raises:
        ModelError: Keras cannot build it.
    """
    try:
        model: keras.Model = keras.saving.deserialize_keras_object(json.loads(text))
    except Exception as error:
        raise ModelError(
            "a model that Keras can build from its configuration",
            f"{type(error).__name__}: {reason(error)}",
            "import what defines its own classes and functions, registered by "
            "keras.saving.register_keras_serializable",
        ) from error
    return model


def layers_with_metrics(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model that hold metrics of their own; models in it are none."""
    return [
        layer
        for layer in model._flatten_layers()
        if not isinstance(layer, keras.Model) and layer._metrics
    ]


def variables_of(model: keras.Model) -> Variables:
    """The variables of a model in the order of `keras.Model.train_step`'s state."""
    return (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )


def state_of(model: keras.Model) -> State:
    """The values of `variables_of(model)`."""
    trainable, rest, optimizer, metrics = variables_of(model)
    return (
        [v.value for v in trainable],
        [v.value for v in rest],
        [v.value for v in optimizer],
        [v.value for v in metrics],
    )


def assign(model: keras.Model, values: Sequence[list[Any]]) -> None:
    """Set the variables of a model; `values` may leave out last parts of `variables_of(model)`."""
    for variables, new in zip(variables_of(model), values, strict=False):
        for variable, value in zip(variables, new, strict=True):
            variable.assign(value)


def fresh_metrics(model: keras.Model) -> list[Any]:
    """The values that the metric variables have at the start of an epoch."""
    held = [v.value for v in model.metrics_variables]
    model.reset_metrics()
    fresh = [v.value for v in model.metrics_variables]
    for variable, value in zip(model.metrics_variables, held, strict=True):
        variable.assign(value)
    return fresh


def metrics_result(model: keras.Model, values: Sequence[Any]) -> dict[str, Any]:
    """What the metrics of a model say, for given values of their variables."""
    with keras.StatelessScope(zip(model.metrics_variables, values, strict=True)):
        result: dict[str, Any] = model.get_metrics_result()
    return result


class MetricKind(NamedTuple):
    """What Keras knows of a metric.

    Args:
        name: As it is logged for the training part.
        direction: Whether "up" or "down" is better, as `keras.callbacks.EarlyStopping` goes by
            where its mode is "auto"; "" where Keras does not know.
        is_proportion: Whether it is a part of a whole, from 0 to 1: one of Keras's that is, or
            one that is called an accuracy.
    """

    name: str
    direction: str
    is_proportion: bool


def metric_kinds(model: keras.Model) -> tuple[MetricKind, ...]:
    """The metrics that a model logs beside its loss."""
    groups = [getattr(metric, "metrics", [metric]) for metric in model.metrics]
    known = {metric.name: metric for own in groups for metric in own}
    kinds = []
    for name in model.get_metrics_result():
        # A model of several outputs logs a metric under the output's name: `digit_accuracy`.
        ends = [end for end in known if name == end or name.endswith(f"_{end}")]
        metric = known[max(ends, key=len)] if ends else None
        is_proportion = isinstance(metric, _PROPORTIONS) or "acc" in name
        kinds.append(MetricKind(name, getattr(metric, "_direction", ""), is_proportion))
    return tuple(kind for kind in kinds if kind.name != "loss")


def restraints(model: keras.Model) -> int:
    """Parts of a model that regularise it: dropout and noise, penalties, weight decay."""
    layers = [layer for layer in model._flatten_layers() if not isinstance(layer, keras.Model)]
    rates = [getattr(layer, name, 0) for layer in layers for name in _RESTRAINTS]
    weights = [variable.regularizer for variable in model.trainable_variables]
    outputs = [getattr(layer, "activity_regularizer", None) for layer in layers]
    return (
        sum(isinstance(rate, int | float) and rate > 0 for rate in rates)
        + sum(penalty is not None for penalty in [*weights, *outputs])
        + bool(getattr(model.optimizer, "weight_decay", None))
    )


def penalty(model: keras.Model, trainable: Sequence[Any]) -> Any:
    """The part of the loss that weight regularisers add, for given values of the weights."""
    return sum(
        variable.regularizer(value)
        for variable, value in zip(model.trainable_variables, trainable, strict=True)
        if variable.regularizer is not None
    )


def data_loss(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """The loss of a prepared model in inference mode, without penalties of weights.

    Its metrics see the samples: the model is not to be trained after it. NaN where the model
    measures its loss in code of its own.
    """
    own = type(model)
    if any(getattr(own, name) is not getattr(keras.Model, name) for name in _MEASURING):
        return float("nan")
    loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=False), training=False)
    return float(loss - penalty(model, [v.value for v in model.trainable_variables]))


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Refuse callbacks that act inside an epoch; a compiled epoch has no such moment.

    Raises:
        ModelError: A callback overrides a hook of batches.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.TerminateOnNaN):
            continue  # The program stops such a member at the batch itself; see `tell_nan`.
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            raise ModelError(
                "callbacks that leave the weights of an evaluation as they are",
                "SwapEMAWeights, which evaluates others",
                "pass engine='keras'",
            )
        if _acts_at_epochs(callback):
            continue
        for hook in _HOOKS_INSIDE_EPOCHS:
            if not is_default(getattr(callback, hook)):
                raise ModelError(
                    "callbacks that act at the start or end of an epoch",
                    f"{type(callback).__name__}, which overrides {hook}",
                    "use an epoch-level hook, or pass engine='keras'",
                )


def _acts_at_epochs(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback of Keras's has batch hooks that do nothing as it is set up."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return bool(callback.save_freq == "epoch")
    if isinstance(callback, keras.callbacks.TensorBoard):
        return callback.update_freq == "epoch" and not callback._should_trace
    return False


def stops_at_nan(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Whether a callback ends training in the midst of an epoch, at a loss of NaN or infinity."""
    return any(isinstance(callback, keras.callbacks.TerminateOnNaN) for callback in callbacks)


def tell_nan(
    callbacks: Sequence[keras.callbacks.Callback], batch: int, logs: dict[str, float]
) -> None:
    """Show the last batch of an epoch that was trained to those that end training at NaN."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.TerminateOnNaN):
            callback.on_batch_end(batch, logs)


def callback_list(
    model: keras.Model,
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    epochs: int,
    steps: int | None,
) -> CallbackList:
    """Keras's own container of callbacks for one model, with its History."""
    check_callbacks(callbacks)
    return CallbackList(
        list(callbacks), add_history=True, model=model, verbose=0, epochs=epochs, steps=steps
    )


def to_floats(logs: dict[str, Any]) -> dict[str, float]:
    """Logs as Keras hands them to callbacks: flat, sorted by name, Python floats."""
    return dict(pythonify_logs(logs))


def uncompiled(model: keras.Model) -> keras.Model:
    """A model of the same layers and weights that is not compiled; the given one is used up.

    A subclassed model cannot be cloned, and is returned as it is.
    """
    if not isinstance(model, keras.Sequential | Functional):
        return model
    # clone_model compiles the clone of a compiled model, with an optimizer and all its state.
    model.compiled = False
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone
