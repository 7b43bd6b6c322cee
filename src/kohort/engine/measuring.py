"""Callbacks with which the reference engine measures and stops as the fused engine does."""

from collections.abc import Callable

import keras
import numpy as np

from kohort.engine.program.guard import has_diverged
from kohort.errors import Interrupted
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import weight_penalty


class EvaluateTrain(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Adds what `engine.program` measures beyond Keras to the logs of each epoch.

    The train metrics in inference mode as `eval_...`, and losses without penalties as
    `eval_data_loss` and `val_data_loss`.

    Args:
        data: The training data, packed by `pack`.
        batch_size: Samples a step.
    """

    def __init__(self, data: ArrayTree, batch_size: int) -> None:
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
            penalty = float(weight_penalty(self.model, self.model.trainable_variables))
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
