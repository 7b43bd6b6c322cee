"""Callbacks: which of them act inside epochs, copies of them, and Keras's container for them."""

import copy
import reprlib
from collections.abc import Callable, Sequence
from typing import Literal

import keras
from keras.src.callbacks.callback_list import CallbackList
from keras.src.utils.python_utils import is_default

from kohort.errors import DesignError, reason

type Callback = keras.callbacks.Callback
type Verbose = Literal["auto", 0, 1, 2]
type Callbacks = (
    Sequence[Callback] | Callback | Callable[[int], Sequence[Callback] | Callback] | None
)

_HOOKS_INSIDE_EPOCHS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)

_SAVING = tuple(
    getattr(keras.callbacks, name)
    for name in ("BackupAndRestore", "ModelCheckpoint", "OrbaxCheckpoint")
    if hasattr(keras.callbacks, name)  # Keras 3.13 has no OrbaxCheckpoint.
)
"""Callbacks of Keras that save at epochs, or inside them, as `save_freq` says."""


def why_inside_epochs(callbacks: Sequence[keras.callbacks.Callback]) -> str | None:
    """Why callbacks need `keras.Model.fit`, as a clause; None if they act at epochs alone.

    An epoch is one compiled program, and nothing acts inside it.
    """
    for callback in callbacks:
        name = type(callback).__name__
        if isinstance(callback, keras.callbacks.TerminateOnNaN):
            continue  # The program itself stops such a member at the batch; see `report_nan`.
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            return f"its callback {name} swaps the weights for an evaluation"
        if isinstance(callback, CallbackList):
            return "its callbacks come in a CallbackList, which also acts at batches"
        if _acts_at_epochs(callback):
            continue
        for hook in _HOOKS_INSIDE_EPOCHS:
            if not is_default(getattr(callback, hook)):
                return f"its callback {name} overrides {hook}, which acts inside epochs"
    return None


def _acts_at_epochs(callback: keras.callbacks.Callback) -> bool:
    """Whether it is a callback of Keras whose batch hooks do nothing with its settings."""
    if isinstance(callback, _SAVING):
        return bool(callback.save_freq == "epoch")
    if isinstance(callback, keras.callbacks.TensorBoard):
        return callback.update_freq == "epoch" and not callback._should_trace
    return False


def read_logs_alone(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Whether callbacks neither read nor change anything of a model but `stop_training`.

    Of Keras's own classes it is known; a subclass may do anything.
    """
    return all(
        type(callback) in _READ_LOGS and not getattr(callback, "restore_best_weights", False)
        for callback in callbacks
    )


def only_log(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Whether callbacks do as `read_logs_alone` says, and do not set `stop_training` either."""
    return all(type(callback) in _LOG for callback in callbacks)


_LOG = (keras.callbacks.CSVLogger,)
_READ_LOGS = (*_LOG, keras.callbacks.EarlyStopping, keras.callbacks.TerminateOnNaN)


def overriding(callbacks: Sequence[Callback], hooks: Sequence[str]) -> list[str]:
    """The names of the classes of callbacks that have code of the user's in one of these hooks.

    Keras's own classes change numbers alone: weights, and the learning rate.
    """
    names = []
    for callback in callbacks:
        is_open = isinstance(callback, keras.callbacks.LambdaCallback)
        is_own = is_open or not type(callback).__module__.startswith("keras.")
        if is_own and not all(is_default(getattr(callback, hook)) for hook in hooks):
            names.append(type(callback).__name__)
    return names


def is_container(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Whether these are one container, which `keras.Model.fit` takes as it is."""
    return len(callbacks) == 1 and isinstance(callbacks[0], CallbackList)


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
    verbose: Verbose = 0,
) -> CallbackList:
    """Keras's container of callbacks for one model, with a History and its progress bar."""
    return CallbackList(
        list(callbacks),
        add_history=True,
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps,
    )


def report_steps(container: CallbackList, steps: int, logs: dict[str, float]) -> None:
    """Let Keras's progress bar know how many steps an epoch had."""
    if container._progbar is not None:
        container._progbar.on_train_batch_end(steps - 1, logs)


_PATHS = ("filepath", "filename", "log_dir", "backup_dir", "directory")


def own_callbacks(callbacks: Callbacks, n: int) -> list[list[Callback]]:
    """Callbacks for each of `n` models: copies, since they have state; the originals for one model.

    Args:
        callbacks: Callbacks, or a function from a model's number to its callbacks.
        n: How many models.

    Raises:
        DesignError: Copies would write to the same file, or share a container.
    """
    # A callback may be one that can be called.
    if callable(callbacks) and not isinstance(callbacks, keras.callbacks.Callback):
        return [listed(callbacks(number)) for number in range(n)]
    listed_callbacks = listed(callbacks)
    if n == 1:
        return [listed_callbacks]
    if any(isinstance(callback, CallbackList) for callback in listed_callbacks):
        raise DesignError(
            f"callbacks for each of {n} models",
            "a CallbackList, which belongs to one model",
            "give a list of the callbacks in it",
        )
    check_own_files(listed_callbacks, n, "number")
    return [[_copied(callback, n) for callback in listed_callbacks] for _ in range(n)]


def _copied(callback: Callback, n: int) -> Callback:
    try:
        return copy.deepcopy(callback)
    except Exception as error:  # what a callback holds may refuse it as it likes
        raise DesignError(
            f"callbacks that can be copied for each of {n} models",
            f"a {type(callback).__name__} that cannot ({reason(error)})",
            "give callbacks as a function of the model's number, lambda number: [...]",
        ) from error


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
    """Callbacks as a list; lists in it are flattened, as Keras does.

    Raises:
        DesignError: They are not callbacks.
    """
    found = keras.tree.flatten(callbacks) if callbacks is not None else []
    if not all(isinstance(callback, keras.callbacks.Callback) for callback in found):
        raise DesignError("callbacks of Keras", reprlib.repr(callbacks), "give a list of them")
    return found


def without_validation(callbacks: Sequence[Callback]) -> list[Callback]:
    """The callbacks that act in a training without validation data.

    `EarlyStopping` and `ModelCheckpoint` that monitor validation are left out: they choose an
    epoch, and such a training is for a number of epochs that was chosen before.

    Raises:
        DesignError: Another one monitors validation, and would change the training.
    """
    choosing = (keras.callbacks.EarlyStopping, keras.callbacks.ModelCheckpoint)
    validating = [c for c in callbacks if str(getattr(c, "monitor", "")).startswith("val_")]
    for callback in validating:
        if not isinstance(callback, choosing):
            raise DesignError(
                "callbacks that need no validation data, of which a refit has none",
                f"{type(callback).__name__} with monitor={callback.monitor!r}",
                "give a LearningRateScheduler, or monitor a metric of training",
            )
    return [callback for callback in callbacks if callback not in validating]
