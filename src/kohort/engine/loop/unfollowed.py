"""Refuses what callbacks change of a model, and the program that trains it would not follow.

A program is compiled before callbacks begin. It reads the numbers of a model's variables anew where
they may have changed, and nothing else of the model. `keras.Model.fit` compiles a step when it runs
the first batch, after the hooks that begin training and the first epoch; that of an evaluation
after the hooks that come before the first one.
"""

from collections.abc import Sequence

import jax
import numpy as np

from kohort.engine.loop.cohort import Cohort
from kohort.errors import DesignError, ModelError
from kohort.keras_api.callbacks import overriding
from kohort.keras_api.description import described
from kohort.keras_api.models import state_of, variables_of

_BEFORE_A_BATCH = ("on_train_begin", "on_epoch_begin")
_BETWEEN_EPOCHS = ("on_epoch_begin", "on_epoch_end")
_BEFORE_AN_EVALUATION = ("on_test_begin",)
_EXPECTED = "callbacks that change nothing of a model but the numbers in its variables"
_MEND = "change it before you train, or pass engine='keras'"


class Unfollowed:
    """What the callbacks of one member may not change of its model.

    Args:
        cohort: The member's cohort, before callbacks begin.
        member: Its number.
    """

    def __init__(self, cohort: Cohort, member: int) -> None:
        model, callbacks = cohort.models[member], cohort.callbacks[member]
        self._model, self._steps = model, cohort.traced[member]
        self._variables = variables_of(model)
        self._beginning = overriding(callbacks, _BEFORE_A_BATCH)
        self._testing = overriding(callbacks, _BEFORE_AN_EVALUATION)
        self._evaluating = overriding(callbacks, _before_first_evaluation(cohort))
        looks = self._beginning or self._evaluating
        self._before = described(model) if looks else None

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
        names, self._beginning = self._beginning, []
        if names and not self._are_still(("train", "test")):
            raise ModelError(
                _EXPECTED,
                f"{self._model.name!r}, whose step computes something else since"
                f" {' or '.join(names)} began, as after momentum or an attribute of a layer is set",
                _MEND,
            )

    def check_evaluation(self) -> None:
        """Refuse a model whose first evaluation would compute something else in Keras.

        Raises:
            ModelError: It would: a callback has changed what it computes with.
        """
        names, self._evaluating = self._evaluating, []
        if names and not self._are_still(("test",)):
            raise ModelError(
                _EXPECTED,
                f"{self._model.name!r}, whose evaluation computes something else since"
                f" {' or '.join(names)} acted, as after an attribute of a layer is set",
                _MEND,
            )

    def _are_still(self, steps: Sequence[str]) -> bool:
        if self._before is not None and described(self._model) == self._before:
            return True
        return self._steps.is_still(self._model, steps)

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


def _before_first_evaluation(cohort: Cohort) -> Sequence[str]:
    """The hooks after which Keras compiles the step of an evaluation, and not that of training."""
    if not cohort.spec.validate:
        return ()
    training = cohort.training
    is_at_once = training.validates(training.initial_epoch)
    return _BEFORE_AN_EVALUATION if is_at_once else (*_BETWEEN_EPOCHS, *_BEFORE_AN_EVALUATION)
