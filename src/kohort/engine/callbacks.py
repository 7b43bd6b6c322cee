"""Callbacks: each member's own, and those with which the reference engine measures."""

import copy
import reprlib
from collections.abc import Callable, Sequence

import keras
import numpy as np

from kohort.design import keras_seam
from kohort.design.keras_seam import Arrays
from kohort.errors import DesignError, Interrupted

type Callback = keras.callbacks.Callback
type Callbacks = (
    Sequence[Callback] | Callback | Callable[[int], Sequence[Callback] | Callback] | None
)

_PATHS = ("filepath", "filename", "log_dir", "backup_dir")


def own_callbacks(callbacks: Callbacks, n: int) -> list[list[Callback]]:
    """Callbacks for each of `n` models: copies, since they hold state; the originals for one.

    Args:
        callbacks: Callbacks, or a function of a model's number that returns its own.
        n: How many models.

    Raises:
        DesignError: Copies would write to the same file.
    """
    if callable(callbacks):
        return [listed(callbacks(number)) for number in range(n)]
    given = listed(callbacks)
    if n == 1:
        return [given]
    check_own_files(given, n, "number")
    return [[copy.deepcopy(callback) for callback in given] for _ in range(n)]


def check_own_files(callbacks: Sequence[Callback], n: int, arguments: str) -> None:
    """Refuse callbacks of which the copies of `n` models would write to the same file.

    Args:
        callbacks: What is to be copied.
        n: How many models.
        arguments: Of the function that would give each model its own.

    Raises:
        DesignError: There is such a callback.
    """
    for callback in callbacks:
        path = next((name for name in _PATHS if getattr(callback, name, None)), None)
        if path is not None:
            raise DesignError(
                f"callbacks that write to files of their own for each of {n} models",
                f"one {type(callback).__name__} with {path}={getattr(callback, path)!r}",
                f"give callbacks as a function, lambda {arguments}: [...], with a path for each",
            )


def listed(callbacks: Sequence[Callback] | Callback | None) -> list[Callback]:
    """Callbacks as a list.

    Raises:
        DesignError: They are none.
    """
    given = [callbacks] if isinstance(callbacks, keras.callbacks.Callback) else callbacks or []
    if not np.iterable(given) or not all(isinstance(c, keras.callbacks.Callback) for c in given):
        raise DesignError("callbacks of Keras", reprlib.repr(given), "give a list of them")
    return list(given)


class EvaluateTrain(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Adds what `engine.program` measures beyond Keras to the logs of each epoch.

    The train metrics in inference mode as `eval_...`, and losses without penalties as
    `eval_data_loss` and `val_data_loss`.

    Args:
        data: The training data, packed by `keras_seam.pack`.
        batch_size: Samples a step.
    """

    def __init__(self, data: Arrays, batch_size: int) -> None:
        super().__init__()
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        self._arguments = {"x": x, "y": y, "sample_weight": weight, "batch_size": batch_size}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Evaluate, and leave the model's state as it was: looking must not change training."""
        held = [*self.model.non_trainable_variables, *self.model.metrics_variables]
        before = [keras.ops.convert_to_numpy(variable) for variable in held]
        seen = self.model.evaluate(**self._arguments, verbose=0, return_dict=True)
        for variable, value in zip(held, before, strict=True):
            variable.assign(value)
        if logs is not None:
            # Keras hands one dict to all callbacks; History comes last and keeps these too.
            logs |= {f"eval_{name}": value for name, value in seen.items()}
            penalty = float(keras_seam.penalty(self.model, self.model.trainable_variables))
            for side in ("eval_", "val_"):
                if f"{side}loss" in logs:
                    logs[f"{side}data_loss"] = logs[f"{side}loss"] - penalty
            for name in sorted(logs):
                logs[name] = logs.pop(name)


class StopDiverged(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Ends training after an epoch with a loss that is NaN or infinite."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at every loss of the epoch."""
        if has_diverged(logs or {}):
            self.model.stop_training = True


def has_diverged(logs: dict[str, float]) -> bool:
    """Whether a loss among the logs of an epoch is NaN or infinite."""
    return any(not np.isfinite(value) for name, value in logs.items() if name.endswith("loss"))


class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Ends training in the midst, where it is asked to; a member that has trained is left to end.

    Args:
        ends: Whether it is.
    """

    def __init__(self, ends: Callable[[], bool]) -> None:
        super().__init__()
        self._ends = ends

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begin nothing."""
        self._look()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look after each epoch but the last."""
        if epoch + 1 < self.params["epochs"] and not self.model.stop_training:
            self._look()

    def _look(self) -> None:
        if self._ends():
            raise Interrupted


class RestoreBest(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Ends training with the weights of the epoch that had the lowest value of a metric.

    Args:
        monitor: The metric.
    """

    def __init__(self, monitor: str) -> None:
        super().__init__()
        self._monitor = monitor
        self._lowest = float("inf")
        self._weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the weights where the epoch was the best so far; NaN never is."""
        value = (logs or {})[self._monitor]
        if value < self._lowest:
            self._lowest, self._weights = value, self.model.get_weights()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the best weights back."""
        if self._weights is not None:
            self.model.set_weights(self._weights)
