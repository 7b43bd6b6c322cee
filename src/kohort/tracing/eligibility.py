"""Decides which models the fused engine can train as `keras.Model.fit` would.

The fused engine runs a model's `train_step` and `test_step`, and does the rest of
`keras.Model.fit` itself. A model that overrides that rest, or whose steps must not be compiled,
would be trained otherwise than Keras trains it. Such a model is left to `keras.Model.fit`.
"""

from collections.abc import Hashable

import jax
import keras

from kohort.errors import ModelError
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.description import Description
from kohort.keras_api.metrics import AsideError
from kohort.keras_api.models import layers_with_metrics, layers_without_jit, overridden
from kohort.keras_api.seeding import draws_put_back
from kohort.tracing.signature import TracedSteps, global_settings, step_name, trace_steps

# The parts of `keras.Model` for which the fused engine has its own code.
_REPLACED = (
    "fit",
    "evaluate",
    "make_train_function",
    "make_test_function",
    "train_function",
    "test_function",
)


def why_not_fused(model: keras.Model) -> str | None:
    """Why the fused engine cannot train a model as Keras would, as a clause; None if it can.

    A model that passes may still have a step that cannot be traced: see `steps_or_reason`.
    """
    if keras.backend.backend() != "jax":
        return f"Keras runs on its {keras.backend.backend()} backend"
    for name in overridden(model, _REPLACED):
        if name in vars(model):
            return f"its attribute {name} was set"
        return f"its class {type(model).__name__} overrides {name}"
    if not model.compiled:
        return None  # Reported where the model is prepared.
    if model.run_eagerly:
        return "it is compiled with run_eagerly=True"
    if (asked := _why_here()) is not None:
        return asked
    for layer in layers_with_metrics(model):
        # A metric that is updated in a layer's call would stay at zero: Keras's stateless step
        # drops such updates.
        return f"its layer {layer.name!r} has a metric of its own"
    return _why_not_compiled(model)


def _why_here() -> str | None:
    """Why nothing can be fused in this process, as a clause; None if it can."""
    # JAX looks for NaN, and does without programs, by calling operations one by one.
    for switch in ("jax_disable_jit", "jax_debug_nans", "jax_debug_infs"):
        if getattr(jax.config, switch):
            return f"{switch} is set"
    if keras.distribution.distribution() is not None:
        return "keras.distribution lays it out over devices"
    return None


def steps_or_reason(
    model: keras.Model, batch: ArrayTree, *, evaluates: bool = True, tested: ArrayTree = None
) -> tuple[TracedSteps | None, str]:
    """The traced steps of a model; or None, and why the fused engine cannot train it.

    Args:
        model: A compiled model, prepared for `batch`.
        batch: Shapes and dtypes of one batch.
        evaluates: As for `trace_steps`.
        tested: Likewise.
    """
    reason = why_not_fused(model)
    if reason is not None:
        return None, reason
    with draws_put_back() as has_drawn:
        try:
            traced = trace_steps(model, batch, evaluates=evaluates, tested=tested)
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
            return None, f"JAX cannot trace its steps ({type(error).__name__})"
        except AsideError as error:
            return None, f"its {error}"
        if has_drawn():
            # Numbers hang on what was drawn before, and each trace draws others.
            return None, "its steps draw from Python's or NumPy's generator when they are traced"
    if any(trace.calls_python for trace in traced.traces.values()):
        return None, "its steps call back into Python"
    if any(trace.draws_once_for_all for trace in traced.traces.values()):
        return None, "its steps draw from JAX's generator rbg, which has other numbers side by side"
    return traced, ""


class StepTracer:
    """Traces the steps of many models, those of equal descriptions once."""

    def __init__(self) -> None:
        self._by_description: dict[Hashable, tuple[TracedSteps | None, str]] = {}
        self._known: dict[Hashable, TracedSteps] = {}

    def steps_or_reason(
        self,
        model: keras.Model,
        batch: ArrayTree,
        description: Description | None,
        tested: ArrayTree = None,
    ) -> tuple[TracedSteps | None, str]:
        """As the function of this name.

        Args:
            model: A compiled model, prepared for `batch`.
            batch: Shapes and dtypes of one batch.
            description: Of the model, before anything of it was traced; None where there is none.
            tested: As for `trace_steps`.
        """
        if description is None:
            return self._known_once(*steps_or_reason(model, batch, tested=tested))
        # A build function may change global settings of Keras and JAX as well.
        key = description, step_name("", (batch, tested)), global_settings()
        if key not in self._by_description:
            self._by_description[key] = self._known_once(
                *steps_or_reason(model, batch, tested=tested)
            )
        return self._by_description[key]

    def _known_once(self, steps: TracedSteps | None, reason: str) -> tuple[TracedSteps | None, str]:
        """Keep equal steps once: there are many members, and few programs."""
        if steps is None:
            return None, reason
        key = steps.signature, steps.signature.names, steps.settings
        return self._known.setdefault(key, steps), reason


def not_fused(name: str, reason: str) -> ModelError:
    """The error for a model, named, that the fused engine cannot train."""
    return ModelError(
        "models that can be compiled into one program, for engine='fused'",
        f"{name!r}: {reason}",
        "pass engine='auto', or engine='keras' for this model",
    )


def _why_not_compiled(model: keras.Model) -> str | None:
    """Why a model must not be compiled; None if it may be.

    Keras's image augmentation layers also say that they do not support compilation, but only
    because of TensorFlow. JAX traces them, or raises an error where it cannot.
    """
    if model.jit_compile:
        return None
    layers = layers_without_jit(model)
    for layer in layers:
        if not type(layer).__module__.startswith("keras."):
            return f"its layer {layer.name!r} says that it does not support compilation"
    return None if layers else "it is compiled with jit_compile=False"
