"""The model of a member as a plan sees it: built, prepared, checked and traced."""

import math
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import keras

from kohort.design.building import BuiltModels
from kohort.design.compatibility import (
    check_inputs,
    check_loss,
    check_names,
    not_taking,
)
from kohort.design.replicates import Replicate
from kohort.design.seen.label_areas import slip_of_areas
from kohort.design.seen.lacking_class import slip_of_parts
from kohort.design.seen.last_layers import slip_of_outputs
from kohort.design.seen.metric_checks import check_metrics, slip_of_metrics
from kohort.design.seen.output_checks import check_outputs, slip_of_names
from kohort.design.seen.still_columns import slip_of_columns
from kohort.design.seen.target_slips import slip_of_targets
from kohort.design.spec import StudySpec
from kohort.keras_api.beginning.watched import watching
from kohort.keras_api.callbacks import why_inside_epochs
from kohort.keras_api.description import Description
from kohort.keras_api.metrics import measured_loss, metric_kinds
from kohort.keras_api.models import outputs_are_masked, regularizer_count, variables_of
from kohort.tracing.signature import TracedSteps


class SeenModel(NamedTuple):
    """The model of a member.

    Args:
        model: Prepared.
        description: Of the model, before anything of it was traced.
        steps: Its steps, traced for a whole batch; None where it is in no cohort.
        why_alone: Why it is in none, as a clause.
        facts: What `MemberPlan` says of it, but for its steps and its configuration.
    """

    model: keras.Model
    description: Description | None
    steps: TracedSteps | None
    why_alone: str
    facts: dict[str, Any]


def see(spec: StudySpec, number: int, replicate: Replicate, models: BuiltModels) -> SeenModel:
    """Build and prepare the model of a member, and trace its steps.

    Args:
        spec: The study.
        number: Of the variant.
        replicate: The replicate.
        models: Builds it, and knows what others like it are.

    Raises:
        DesignError: It does not take the data.
    """
    variant, data = spec.variants[number], spec.data
    batch, tested = models.batches(number, replicate)
    build = partial(models.build, number, replicate)
    kind = models.kind(number, replicate)
    learns = kind is not None and models.seeded.may_learn(kind)
    with watching() if learns else nullcontext() as watch:
        model = build()
        check_names(variant.name, model, data)
        try:
            model, description = models.preparer.prepare(model, build, number, batch)
        except Exception as error:
            raise not_taking(variant.name, model, data, error) from error
    if watch is not None:
        models.seeded.learn(kind, replicate.seed, watch, model, description)
    try:
        # A function of the user's is asked when members train: it may open files and runs.
        inside = None if callable(spec.callbacks) else why_inside_epochs(spec.callbacks)
        steps, why_alone = (
            models.tracer.steps_or_reason(model, batch, description, tested)
            if inside is None
            else (None, inside)
        )
    except Exception as error:
        raise not_taking(variant.name, model, data, error) from error
    # What a model has in common with all of its description is looked at once.
    facts = models.facts.get((number, description)) if description is not None else None
    if facts is None:
        check_inputs(variant.name, model, data)
        check_loss(variant.name, model, batch[0])
        check_outputs(variant.name, model, data)
        check_metrics(variant.name, model, data)
        facts = _facts(model, spec, replicate)
        if description is not None:
            models.facts[number, description] = facts
    return SeenModel(model, description, steps, why_alone, facts)


def _facts(model: keras.Model, spec: StudySpec, replicate: Replicate) -> dict[str, Any]:
    metrics, measured = metric_kinds(model), measured_loss(model)
    kinds = (measured.constant, *(metric.constant for metric in metrics))
    if spec.data.y_train[:1].size > 1 and outputs_are_masked(model):
        # What one answer for all samples scores is not known without the mask.
        metrics = tuple(metric._replace(constant=None) for metric in metrics)
        measured = measured._replace(constant=None)
    return {
        "parameters": model.count_params(),
        "state_bytes": _state_bytes(model),
        "loss": repr(model.get_compile_config()["loss"]),
        "metrics": metrics,
        "regularizer_count": regularizer_count(model),
        "measured": measured,
        "slip": (
            slip_of_outputs(model)
            or slip_of_targets(kinds, spec.data.y_train, spec.data.y_test)
            or slip_of_names(model, spec.data)
            or slip_of_metrics(model)
            or slip_of_areas(model, spec)
            or slip_of_parts(metrics, spec)
            or slip_of_columns(model, spec, replicate.train)
        ),
    }


def _state_bytes(model: keras.Model) -> int:
    variables = [variable for part in variables_of(model) for variable in part]
    return sum(math.prod(v.shape) * jnp.dtype(v.dtype).itemsize for v in variables)
