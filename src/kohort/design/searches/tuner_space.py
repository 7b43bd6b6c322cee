"""Spaces that a build function of KerasTuner's kind, `build(hp)`, writes while it builds.

What such a function asks `hp` for is drawn when it asks, so that its code needs no change and
KerasTuner is not needed. The methods, their arguments and meanings are those of
`keras_tuner.HyperParameters`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import MethodType
from typing import Any

import keras
import optuna

from kohort.design.searches.draws import Arguments
from kohort.design.searches.number_range import Range
from kohort.design.searches.space import check_names, draw_choice, draw_range
from kohort.design.variants import Variant
from kohort.errors import DesignError

type Build = Callable[["HyperParameters"], keras.Model]
type Asked = Callable[[str, Any], Any]
"""Returns the value of a name; what it is drawn from is a `Range` or a list of choices."""


class HyperParameters:
    """What a build function of KerasTuner's kind is given.

    Args:
        draw: Draws the value of a name that is asked for the first time.
    """

    def __init__(self, draw: Asked) -> None:
        self._draw = draw
        self._definitions: dict[str, str] = {}
        self.values: Arguments = {}
        """The values so far, by name."""
        self._scopes: list[tuple[str, list[Any]]] = []
        self._prefix = ""

    def Choice(
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,  # noqa: FBT001 (as in KerasTuner)
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """One of several values."""
        del ordered  # Optuna has no ordered choices.
        choices = list(values)
        return self._value(
            name, choices, choices[0] if default is None else default, parent_name, parent_values
        )

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str | None = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A whole number; with log sampling a step multiplies."""
        axis = _axis(name, int(min_value), int(max_value), step, sampling)
        return self._value(
            name, axis, min_value if default is None else default, parent_name, parent_values
        )

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A number; with log sampling a step multiplies."""
        axis = _axis(name, float(min_value), float(max_value), step, sampling)
        return self._value(
            name, axis, min_value if default is None else default, parent_name, parent_values
        )

    def Boolean(
        self,
        name: str,
        default: bool = False,  # noqa: FBT001, FBT002 (as in KerasTuner)
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """True or False."""
        return self._value(name, [True, False], default, parent_name, parent_values)

    def Fixed(
        self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """A value that does not vary."""
        return self._value(name, [value], value, parent_name, parent_values)

    def get(self, name: str) -> Any:
        """The value of a name that was asked for.

        Raises:
            KeyError: It was not.
        """
        return self.values[self._prefix + name]

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self.values

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """What is asked for inside varies only where a parent has one of these values."""
        several = isinstance(parent_values, list | tuple)
        values = list(parent_values) if several else [parent_values]
        self._scopes.append((self._prefix + parent_name, values))
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Names that are asked for inside begin with this one."""
        before, self._prefix = self._prefix, f"{self._prefix}{name}/"
        try:
            yield
        finally:
            self._prefix = before

    def _value(
        self, name: str, axis: Any, default: Any, parent_name: str | None, parent_values: Any
    ) -> Any:
        if parent_name is not None:
            with self.conditional_scope(parent_name, parent_values):
                return self._value(name, axis, default, None, None)
        if not all(self.values.get(parent) in values for parent, values in self._scopes):
            return default
        name, definition = self._prefix + name, repr(axis)
        check_names([name])
        if self._definitions.setdefault(name, definition) != definition:
            raise DesignError(
                f"one meaning of the hyperparameter {name!r}",
                f"{self._definitions[name]} and {definition}",
                "give one of them another name",
            )
        if name not in self.values:
            self.values[name] = self._draw(name, axis)
        return self.values[name]


class TunedSpace:
    """The space that a function `build(hp)` writes.

    Args:
        build: The function.
    """

    count = math.inf

    def __init__(self, build: Build) -> None:
        self._build = build

    def draw(self, trial: optuna.Trial) -> Arguments:
        """The values that building a model asks for.

        Raises:
            DesignError: The function fails.
        """
        hp = HyperParameters(lambda name, axis: _suggested(trial, name, axis))
        Variant("of the search", lambda: self._build(hp)).model(trial.number)
        return hp.values

    def told(self) -> dict[str, str]:
        """Nothing: it is known only while models are built."""
        return {}


def build_function(build: Any) -> Any:
    """What builds models: of an object like KerasTuner's `HyperModel` its method `build`.

    Args:
        build: A function, or such an object; anything else is returned as it is.

    Raises:
        DesignError: The object trains in a way of its own, or it is a class.
    """
    written = getattr(build if isinstance(build, type) else type(build), "build", None)
    if written is None or isinstance(build, keras.Model) or _is_model_class(build):
        return build
    name = getattr(build, "__name__", type(build).__name__)
    if isinstance(build, type):
        raise DesignError(
            f"an object with a method build(hp), as {name}() is", f"the class {name}", "call it"
        )
    if callable(build):
        return build
    if not _is_keras_tuners(getattr(type(build), "fit", None)):
        raise DesignError(
            "a HyperModel that builds models and leaves their training to the search",
            f"{name}, which has a fit of its own",
            "give its method build instead, and what fit does as batch_size= and callbacks=",
        )
    # KerasTuner wraps the method, whose source would be the wrapper's.
    return build.build if _is_keras_tuners(written) else MethodType(written, build)


def _is_model_class(build: object) -> bool:
    return isinstance(build, type) and issubclass(build, keras.Model)


def _is_keras_tuners(method: object) -> bool:
    """Whether it is KerasTuner's own, or there is none."""
    module = getattr(method, "__module__", None) or "keras_tuner"
    return module.partition(".")[0] in ("keras_tuner", "kerastuner")


def with_values(build: Build) -> Callable[..., keras.Model]:
    """A build function of a trial: its arguments are the values that `build(hp)` asks for."""

    def of_trial(**values: Any) -> keras.Model:
        return build(HyperParameters(lambda name, _axis: values[name]))

    return of_trial


def _suggested(trial: optuna.Trial, name: str, axis: Any) -> Any:
    try:
        if isinstance(axis, Range):
            return draw_range(trial, name, axis)
        return draw_choice(trial, name, axis)
    except ValueError as error:  # Optuna takes other bounds, but neither other choices nor kinds.
        raise DesignError(
            f"the same choices, or kind of numbers, of the hyperparameter {name!r} in all trials",
            f"{axis!r} here, and others in an earlier trial",
            "give one of them another name",
        ) from error


def _axis(name: str, low: float, high: float, step: float | None, sampling: str | None) -> Any:
    """What a number is drawn from."""
    if sampling not in ("linear", "log", None):
        raise DesignError(
            f"sampling 'linear' or 'log' of {name!r}", repr(sampling), "use one of them"
        )
    if low == high:
        return [low]
    if sampling == "log" and step is not None:
        # KerasTuner multiplies by the step; Optuna has no such range.
        if not (step > 1 and low > 0):
            raise DesignError(
                f"a step above 1 and a range above 0 of {name!r}, which is sampled by its log",
                f"step {step}, from {low}",
                "leave the step out",
            )
        count = 1 + math.floor(math.log(high / low) / math.log(step) + 1e-9)
        return [type(low)(low * step**number) for number in range(count)]
    return Range(low, high, log=sampling == "log", step=step)
