"""Models that have variables in common, such as a layer that all of them were built with."""

from collections.abc import Mapping, Sequence
from itertools import permutations

import keras

from kohort.errors import ModelError
from kohort.keras_api.models import variables_of
from kohort.tracing.signature import TracedSteps


def why_in_turn(models: Sequence[keras.Model], steps: Mapping[int, TracedSteps]) -> dict[int, str]:
    """Which models cannot train beside others, by number, and why.

    What a step writes that is another model's, too, that one reads as it is then: they train one
    after another. Variables that no step writes (what a `Normalization` has learned, a frozen
    layer) may be anybody's.

    Args:
        models: Compiled and built models.
        steps: The steps of those that may train together, by number; what others write is not
            known.

    Raises:
        ModelError: An optimizer is there twice, which Keras cannot train in turn either.
    """
    if len({id(model.optimizer) for model in models}) < len(models):
        raise ModelError(
            "an optimizer for each model", "models that share one", "compile each with its own"
        )
    parts = [variables_of(model) for model in models]
    of_models = [[v for part in of_model for v in part] for of_model in parts]
    holders: dict[int, list[int]] = {}
    for number, variables in enumerate(of_models):
        for variable in variables:
            holders.setdefault(id(variable), []).append(number)
    found: dict[int, str] = {}
    for number, variables in enumerate(of_models):
        written = _written(parts[number], steps[number]) if number in steps else variables
        for variable in written:
            holding = holders[id(variable)]
            for one, other in (pair for pair in permutations(holding, 2) if pair[0] not in found):
                found[one] = f"it shares {variable.path} with {models[other].name}"
    return found


def _written(parts: Sequence[Sequence[keras.Variable]], steps: TracedSteps) -> list[keras.Variable]:
    """The variables of a model that a step of it may give another value."""
    trainable, rest, _, metrics = parts
    found = list[keras.Variable]()
    for name, trace in steps.traces.items():
        read = {"train": parts, "test": (trainable, rest, metrics)}.get(name.partition(" ")[0], ())
        variables = [variable for part in read for variable in part]
        after = trace.jaxpr.outvars[trace.logs.num_leaves :] if variables else ()
        places = zip(variables, trace.jaxpr.invars, after, strict=False)
        found += [variable for variable, before, then in places if before is not then]
    return found
