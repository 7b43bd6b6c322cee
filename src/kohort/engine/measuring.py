"""Callbacks that let the reference engine measure and stop as the fused engine does."""

from collections.abc import Callable

import keras
import numpy as np

from kohort.engine.program.guard import has_diverged
from kohort.errors import Interrupted
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import weight_penalty


class EvaluateTrain(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Adds to the logs of each epoch what the fused engine measures beyond Keras.

    These are the train metrics in inference mode, as `eval_...`, and the losses without penalties,
    as `eval_data_loss` and `val_data_loss`.

    Args:
        data: The training data, packed by `pack`.
        batch_size: Samples a step.
    """

    def __init__(self, data: ArrayTree, batch_size: int) -> None:
        super().__init__()
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        self._arguments = {"x": x, "y": y, "sample_weight": weight, "batch_size": batch_size}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Evaluate, and restore the model's state: an evaluation must not change training."""
        variables = [*self.model.non_trainable_variables, *self.model.metrics_variables]
        before = [keras.ops.convert_to_numpy(variable) for variable in variables]
        results = self.model.evaluate(**self._arguments, verbose=0, return_dict=True)
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        if logs is not None:
            # Keras passes one dict to all callbacks; History comes last and records these too.
            logs |= {f"eval_{name}": value for name, value in results.items()}
            penalty = float(weight_penalty(self.model, self.model.trainable_variables))
            for side in ("eval_", "val_"):
                if f"{side}loss" in logs:
                    logs[f"{side}data_loss"] = logs[f"{side}loss"] - penalty
            for name in sorted(logs):
                logs[name] = logs.pop(name)


class StopDiverged(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Ends training after an epoch with a loss that is NaN or infinite."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop if any loss of the epoch is NaN or infinite."""
        if has_diverged(logs or {}):
            self.model.stop_training = True


class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Interrupts the training of a member on request, but not after its last epoch.

    Args:
        ends: Returns whether training is to end now.

    Raises:
        Interrupted: It is.
    """

    def __init__(self, ends: Callable[[], bool]) -> None:
        super().__init__()
        self._ends = ends

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Check before the first epoch."""
        self._check()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Check after each epoch but the last."""
        if epoch + 1 < self.params["epochs"] and not self.model.stop_training:
            self._check()

    def _check(self) -> None:
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
        """Keep the weights if the epoch was the best so far; NaN never is."""
        value = (logs or {})[self._monitor]
        if value < self._lowest:
            self._lowest, self._weights = value, self.model.get_weights()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Restore the best weights."""
        if self._weights is not None:
            self.model.set_weights(self._weights)
