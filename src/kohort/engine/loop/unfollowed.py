"""Refuses what callbacks change of a model, and the program that trains it would not follow.

A program is compiled before callbacks begin. It reads the numbers of a model's variables anew where
they may have changed, and nothing else of the model. `keras.Model.fit` compiles a step when it runs
the first batch, after the hooks that begin training and the first epoch.
"""

from collections.abc import Sequence

import jax
import keras
import numpy as np

from kohort.errors import DesignError, ModelError
from kohort.keras_api.callbacks import Callback, overriding
from kohort.keras_api.description import described
from kohort.keras_api.models import state_of, variables_of
from kohort.tracing.signature import TracedSteps

_BEFORE_A_BATCH = ("on_train_begin", "on_epoch_begin")
_EXPECTED = "callbacks that change nothing of a model but the numbers in its variables"
_MEND = "change it before you train, or pass engine='keras'"


class Unfollowed:
    """What the callbacks of one member may not change of its model.

    Args:
        model: The model, before its callbacks begin.
        steps: Its steps.
        callbacks: Its callbacks.
    """

    def __init__(
        self, model: keras.Model, steps: TracedSteps, callbacks: Sequence[Callback]
    ) -> None:
        self._model, self._steps = model, steps
        self._variables = variables_of(model)
        self._beginning = overriding(callbacks, _BEFORE_A_BATCH)
        self._testing = overriding(callbacks, ("on_test_begin",))
        self._before = described(model) if self._beginning else None

    def check_variables(self) -> None:
        """Refuse a model that has other variables than before its callbacks began.

        Raises:
            ModelError: It has.
        """
        parts = list(zip(variables_of(self._model), self._variables, strict=True))
        if any(list(map(id, now)) != list(map(id, before)) for now, before in parts):
            raise ModelError(
                _EXPECTED,
                f"{self._model.name!r}, which has other variables since its callbacks began, as"
                " after compile, trainable, or a schedule as learning_rate",
                _MEND,
            )

    def check_steps(self) -> None:
        """Refuse a model whose steps compute something else since its callbacks have begun.

        Raises:
            ModelError: They do.
        """
        if not self._beginning:
            return
        names, self._beginning = self._beginning, []
        if self._before is not None and described(self._model) == self._before:
            return
        if not self._steps.is_still(self._model):
            raise ModelError(
                _EXPECTED,
                f"{self._model.name!r}, whose step computes something else since"
                f" {' or '.join(names)} began, as after momentum or an attribute of a layer is set",
                _MEND,
            )

    def weights(self) -> list[jax.Array]:
        """The weights as they are, where a callback may change them as an evaluation begins."""
        return jax.tree.leaves(state_of(self._model)[:2]) if self._testing else []

    def check_weights(self, before: Sequence[jax.Array]) -> None:
        """Refuse other weights since an evaluation began: it has been run.

        Args:
            before: What `weights` returned.

        Raises:
            DesignError: They are others.
        """
        for now, then in zip(self.weights(), before, strict=True):
            if now is not then and not np.array_equal(now, then):
                raise DesignError(
                    "callbacks that leave weights alone in on_test_begin, which is called when the"
                    " evaluation has run",
                    f"those of {self._model.name!r}, changed there by {' or '.join(self._testing)}",
                    "change them in on_epoch_end, or pass engine='keras'",
                )
