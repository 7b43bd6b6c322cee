"""Last layers whose outputs are not what the loss takes."""

import keras

from kohort.keras_api.class_outputs import (
    is_of_keras,
    last_activation,
    last_link,
    link_of_loss,
)
from kohort.keras_api.models import overridden

_UNBOUNDED = (keras.activations.linear, keras.activations.relu, keras.activations.tanh)
"""Activations whose values are not parts of 1, as probabilities are."""

_SIGNED = (keras.activations.linear, keras.activations.tanh)
"""Activations whose values may be below zero, where there is no logarithm."""


def slip_of_outputs(model: keras.Model) -> str:
    """That the loss of a model takes probabilities or rates, and its last layer gives any numbers.

    Keras cuts what is no probability off at 0 and 1, or divides by its sum: its loss is one of
    other outputs, stands still where they are cut, and may be NaN. Of rates, which the Poisson
    loss takes the logarithm of, those below zero make it NaN. And probabilities that are taken for
    logits are never far from one another.

    Args:
        model: The model, compiled.

    Returns:
        What is so, and how to mend it, as a clause; "" where the loss is neither a crossentropy
        of Keras nor its Poisson loss, or nothing is known of the last layer.
    """
    given = getattr(model, "loss", None)
    if isinstance(given, dict | list | tuple) or overridden(model, ("train_step", "compute_loss")):
        return ""
    loss = keras.losses.get(given)
    # What a subclass makes of its outputs first nobody knows.
    is_known = is_of_keras(loss, keras.losses)
    last = last_activation(model)
    told = loss.name if isinstance(loss, keras.losses.Loss) else getattr(loss, "__name__", "")
    if (loss is keras.losses.poisson or type(loss) is keras.losses.Poisson) and last in _SIGNED:
        return (
            f"the last layer has the activation {last.__name__}, and the loss {told} takes the "
            "logarithm of its outputs: end with softplus or exponential"
        )
    link = link_of_loss(loss) if is_known else None
    if link and last_link(model):
        return (
            f"the last layer ends in {last_link(model)}, and the loss {told} takes logits "
            "(from_logits=True) and does the same again: leave out one of the two"
        )
    if link != "" or last not in _UNBOUNDED:
        return ""
    link = "sigmoid" if "binary" in told else "softmax"
    return (
        f"the last layer has the activation {last.__name__}, and the loss {told} takes "
        f"probabilities: end with {link}, or compile the loss with from_logits=True"
    )
