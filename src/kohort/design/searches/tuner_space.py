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
type Asked = Callable[[str, Any, str], Any]
"""Returns the value of a name, given what it is drawn from (a `Range` or a list of choices) and the
conditions under which it is asked for, as text."""


class HyperParameters:
    """What a build function of KerasTuner's kind is given.

    As in KerasTuner a hyperparameter whose conditions are not met is None, whatever its default,
    and one name may have other values under other conditions.

    Args:
        draw: Draws the value of a name that is asked for the first time.
    """

    def __init__(self, draw: Asked) -> None:
        self._draw = draw
        self._definitions: dict[str, str] = {}
        self.values: Arguments = {}
        """The values so far, by name."""
        self._inactive: set[str] = set()
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
        del ordered, default  # Optuna has no ordered choices, and begins with none of them.
        return self._value(name, list(values), parent_name, parent_values)

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
        del default
        axis = _axis(name, int(min_value), int(max_value), step, sampling)
        return self._value(name, axis, parent_name, parent_values)

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
        del default
        axis = _axis(name, float(min_value), float(max_value), step, sampling)
        return self._value(name, axis, parent_name, parent_values)

    def Boolean(
        self,
        name: str,
        default: bool = False,  # noqa: FBT001, FBT002 (as in KerasTuner)
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """True or False."""
        del default
        return self._value(name, [True, False], parent_name, parent_values)

    def Fixed(
        self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """A value that does not vary."""
        return self._value(name, [value], parent_name, parent_values)

    def get(self, name: str) -> Any:
        """The value of a name that was asked for.

        Raises:
            DesignError: Its conditions are not met.
            KeyError: It was not asked for.
        """
        full = self._prefix + name
        if full in self._inactive and full not in self.values:
            raise DesignError(
                f"a hyperparameter that has a value, for hp[{name!r}]",
                "one whose conditions are not met",
                f"ask first whether it has one: {name!r} in hp",
            )
        return self.values[full]

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self.values

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """What is asked for inside has a value only where a parent has one of these, else None.

        Raises:
            DesignError: The parent was not asked for before.
        """
        parent = self._prefix + parent_name
        if parent not in {*self.values, *self._inactive}:
            raise DesignError(
                "a condition on a hyperparameter that was asked for before",
                f"one on {parent!r}, which was not",
                "mend its name, or ask for it first",
            )
        several = isinstance(parent_values, list | tuple)
        values = list(parent_values) if several else [parent_values]
        self._scopes.append((parent, values))
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

    def _value(self, name: str, axis: Any, parent_name: str | None, parent_values: Any) -> Any:
        if parent_name:
            with self.conditional_scope(parent_name, parent_values):
                return self._value(name, axis, None, None)
        name, definition = self._prefix + name, repr(axis)
        if not all(
            parent in self.values and self.values[parent] in values
            for parent, values in self._scopes
        ):
            self._inactive.add(name)
            return None
        check_names([name])
        if self._definitions.setdefault(name, definition) != definition:
            raise DesignError(
                f"one meaning of the hyperparameter {name!r}",
                f"{self._definitions[name]} and {definition}",
                "give one of them another name",
            )
        if name not in self.values:
            self.values[name] = self._draw(name, axis, self._within())
        return self.values[name]

    def _within(self) -> str:
        """The conditions here, as text: for Optuna one name under other conditions is another."""
        told = [(parent, " or ".join(map(str, values))) for parent, values in self._scopes]
        return "".join(f"{parent}={values}: " for parent, values in told)


class TunedSpace:
    """The space that a function `build(hp)` writes.

    Args:
        build: The function.
    """

    count = math.inf

    def __init__(self, build: Build) -> None:
        self._build = build

    def draw(self, trial: optuna.Trial, found: Arguments) -> None:
        """Add the values that building a model asks for.

        Raises:
            DesignError: The function fails.
        """
        hp = HyperParameters(lambda name, axis, within: _suggested(trial, name, axis, within))
        try:
            Variant("of the search", lambda: self._build(hp)).model(trial.number)
        finally:
            found |= hp.values

    def told(self) -> dict[str, str]:
        """Nothing: it is known only while models are built."""
        return {}

    def check_kept(self) -> None:
        """Nothing, as that is not known either."""

    @property
    def constants(self) -> Arguments:
        """Nothing, as that is not known either."""
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
        return build(HyperParameters(lambda name, _axis, _within: values[name]))

    return of_trial


def _suggested(trial: optuna.Trial, name: str, axis: Any, within: str) -> Any:
    try:
        if isinstance(axis, Range):
            return draw_range(trial, within + name, axis)
        return draw_choice(trial, within + name, axis)
    except ValueError as error:  # Optuna takes other bounds, but neither other choices nor kinds.
        earlier = trial.study.get_trials(deepcopy=False)
        if not any(within + name in each.distributions for each in earlier):
            raise  # The sampler cannot draw it, as one of a grid that lacks it.
        raise DesignError(
            f"the same choices, or kind of numbers, of the hyperparameter {name!r} in all trials",
            f"{axis!r} here, and others in an earlier trial",
            "give one of them another name, or ask for each inside of a conditional_scope",
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
