"""What the members of a study begin with, where that follows from their seeds.

The replicates of a variant differ in their seeds, and mostly in the numbers of their first state
alone. Four of them are built, by Keras, and watched as they are. Where Keras alone drew from the
seed, nobody read what was drawn, all are alike but for the numbers of their state, and the first
states of three have the bits that the first one's way from seeds to numbers gives for their seeds,
the others are not built: see `keras_api.beginning`.

A build function must depend on its arguments alone, and on its seed.
"""

from collections.abc import Hashable
from dataclasses import dataclass

import keras

from kohort.keras_api.beginning.first_states import FirstStates
from kohort.keras_api.beginning.watched import Watch
from kohort.keras_api.description import Description
from kohort.keras_api.models import State, state_of, variables_of

PROOFS = 3
"""So many models must begin as it follows from another one."""


@dataclass
class _Kind:
    """What the models show that one build function has made.

    Args:
        states: What the first one tells of all.
        description: Of all of them.
        model: The first one.
        proofs: How many others began as it follows.
    """

    states: FirstStates
    description: Description
    model: keras.Model
    proofs: int = 0


class SeededModels:
    """What is known of models that differ in their seeds alone.

    `of` identifies what builds them, and everything else that they depend on.
    """

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _Kind | None] = {}  # None where nothing follows from seeds

    def may_learn(self, of: Hashable) -> bool:
        """Whether another model may tell something."""
        kind = self._kinds.get(of)
        return of not in self._kinds or (kind is not None and kind.proofs < PROOFS)

    def learn(
        self,
        of: Hashable,
        seed: int,
        watch: Watch,
        model: keras.Model,
        description: Description | None,
    ) -> None:
        """Take note of a model.

        Args:
            of: As above.
            seed: Of its build function.
            watch: What this did.
            model: The model, prepared, and not trained.
            description: Of the model, before anything of it was traced.
        """
        kind, state = self._kinds.get(of), state_of(model)
        if of not in self._kinds:
            states = FirstStates.of(watch, variables_of(model), state)
            self._kinds[of] = None
            if states is not None and description is not None:
                self._kinds[of] = _Kind(states, description, model)
        elif kind is not None:
            is_alike = watch.is_clean and description == kind.description
            kind.proofs += 1
            if not is_alike or not kind.states.agrees(seed, state):
                self._kinds[of] = None

    def is_known(self, of: Hashable) -> bool:
        """Whether further models need not be built."""
        kind = self._kinds.get(of)
        return kind is not None and kind.proofs >= PROOFS

    def model(self, of: Hashable) -> keras.Model:
        """A model like those that need not be built; its numbers may be those of any."""
        kind = self._kinds[of]
        assert kind is not None
        return kind.model

    def start(self, of: Hashable, seed: int) -> State:
        """The first state of a model that need not be built."""
        kind = self._kinds[of]
        assert kind is not None
        return kind.states.of_seed(seed)
