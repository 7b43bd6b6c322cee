"""Models whose outputs are margins: how far from a border a sample lies, and on which side."""

import keras

from kohort.keras_api.averaging import ends_in_probabilities

_HINGES = (keras.losses.Hinge, keras.losses.SquaredHinge, keras.losses.CategoricalHinge)
_AS_FUNCTIONS = (
    keras.losses.hinge,
    keras.losses.squared_hinge,
    keras.losses.categorical_hinge,
)


def gives_margins(model: keras.Model) -> bool:
    """Whether a compiled model is trained by a hinge loss, and ends in no softmax or sigmoid.

    Such a loss asks that a margin is wide enough; nothing makes a probability of it.
    """
    if isinstance(model.loss, dict | list | tuple):
        return False
    loss = model.loss if callable(model.loss) else keras.losses.get(model.loss)
    is_hinge = isinstance(loss, _HINGES) or loss in _AS_FUNCTIONS
    return is_hinge and not ends_in_probabilities(model)
