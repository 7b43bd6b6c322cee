"""Callbacks: checks which of them the engine supports, copies them, and holds them in a list."""

import copy
import reprlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras.src.callbacks.callback_list import CallbackList
from keras.src.utils.python_utils import is_default

from kohort.errors import DesignError, ModelError

_HOOKS_INSIDE_EPOCHS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Refuse callbacks that act inside an epoch, which is one compiled program.

    Raises:
        ModelError: A callback overrides a hook for batches.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.TerminateOnNaN):
            continue  # The program itself stops such a member at the batch; see `report_nan`.
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
    """Whether it is a callback of Keras whose batch hooks do nothing with its settings."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return bool(callback.save_freq == "epoch")
    if isinstance(callback, keras.callbacks.TensorBoard):
        return callback.update_freq == "epoch" and not callback._should_trace
    return False


def stops_at_nan(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Whether a callback ends training inside an epoch, at a loss that is NaN or infinite."""
    return any(isinstance(callback, keras.callbacks.TerminateOnNaN) for callback in callbacks)


def report_nan(
    callbacks: Sequence[keras.callbacks.Callback], batch: int, logs: dict[str, float]
) -> None:
    """Call `on_batch_end` of `TerminateOnNaN` for the last batch that was trained in an epoch."""
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
    """Keras's container of callbacks for one model, with a History."""
    check_callbacks(callbacks)
    return CallbackList(
        list(callbacks), add_history=True, model=model, verbose=0, epochs=epochs, steps=steps
    )


type Callback = keras.callbacks.Callback
type Callbacks = (
    Sequence[Callback] | Callback | Callable[[int], Sequence[Callback] | Callback] | None
)

_PATHS = ("filepath", "filename", "log_dir", "backup_dir")


def own_callbacks(callbacks: Callbacks, n: int) -> list[list[Callback]]:
    """Callbacks for each of `n` models: copies, since they have state; the originals for one model.

    Args:
        callbacks: Callbacks, or a function from a model's number to its callbacks.
        n: How many models.

    Raises:
        DesignError: Copies would write to the same file.
    """
    if callable(callbacks):
        return [listed(callbacks(number)) for number in range(n)]
    listed_callbacks = listed(callbacks)
    if n == 1:
        return [listed_callbacks]
    check_own_files(listed_callbacks, n, "number")
    return [[copy.deepcopy(callback) for callback in listed_callbacks] for _ in range(n)]


def check_own_files(callbacks: Sequence[Callback], n: int, arguments: str) -> None:
    """Refuse callbacks of which the copies of `n` models would write to the same file.

    Args:
        callbacks: Callbacks that are to be copied.
        n: How many models.
        arguments: The arguments of a function that would return the callbacks of each model.

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
        DesignError: They are not callbacks.
    """
    found = [callbacks] if isinstance(callbacks, keras.callbacks.Callback) else callbacks or []
    if not np.iterable(found) or not all(isinstance(c, keras.callbacks.Callback) for c in found):
        raise DesignError("callbacks of Keras", reprlib.repr(found), "give a list of them")
    return list(found)
