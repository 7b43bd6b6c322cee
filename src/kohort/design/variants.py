"""Variants: the named ways to build a model that a study compares."""

import functools
import inspect
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kohort.errors import DesignError, KohortError, reason
from kohort.keras_api.beginning.first_values import building
from kohort.keras_api.preprocessing import ENCODE_BEFORE
from kohort.keras_api.seeding import fresh_names, seeded

FROM_BUILD = " from the build function of variant "
"""What an error about what a build function gives says before the name of the variant."""

DATA = "data"
"""The parameter of a build function that gets the training part of its replicate."""

BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
"""The kinds of parameters that can be given by name."""


class Variant:
    """One named way to build a compiled Keras model.

    Args:
        name: Names it in tables and plots; unique in a study.
        build: Returns a new compiled `keras.Model` at each call. It runs under the seed of its
            replicate, so that all variants of a replicate start from the same random numbers. One
            with a parameter `data` that is not among `kwargs` gets the samples that its replicate
            trains on: `data.x`, `data.y`, `data.class_names`, `data.classes`, `data.input_shape`
            and `data.feature_names`, for layers that learn from data, `layer.adapt(data.x)`.
        **kwargs: Given to `build`.

    Raises:
        DesignError: `build` is a model, or nothing else that can be called.

    Example:
        >>> import keras
        >>> import kohort
        >>> def build(units, learning_rate=0.03):
        ...     model = keras.Sequential([
        ...         keras.Input((5,)),
        ...         keras.layers.Dense(units, "tanh"),
        ...         keras.layers.Dense(5, "softmax"),
        ...     ])
        ...     optimizer = keras.optimizers.Adam(learning_rate)
        ...     model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        ...     return model
        >>> kohort.Variant("wide", build, units=16)
        Variant('wide', build, units=16)
    """

    def __init__(self, name: str, build: Callable[..., keras.Model], **kwargs: Any) -> None:
        if isinstance(build, keras.Model) or not callable(build):
            raise DesignError(
                f"a function that builds the model of variant {name!r}",
                f"the model {build.name!r}" if isinstance(build, keras.Model) else repr(build),
                "write a function that makes, compiles and returns it: each replicate trains "
                "a new one",
            )
        self.name = name
        self.build = build
        self.kwargs = kwargs

    @property
    def takes_data(self) -> bool:
        """Whether `build` gets the samples that its replicate trains on.

        Example:
            >>> kohort.Variant("wide", build, units=16).takes_data
            False
        """
        given = getattr(self.build, "keywords", {})  # of functools.partial
        is_given = DATA in self.kwargs or DATA in given
        parameter = _parameters(self.build).get(DATA)
        return not is_given and parameter is not None and parameter.kind in BY_NAME

    def model(self, seed: int, data: object = None) -> keras.Model:
        """Build the model, its layers named as in a new process.

        Python's and NumPy's random generators are put back into their states after it.

        Args:
            seed: Of Python's, NumPy's and Keras's random numbers, and so of the first weights.
            data: What a build function that takes `data` gets; a study gives it the samples that
                the replicate trains on.

        Raises:
            DesignError: `build` fails, returns something else than a compiled model, or takes
                `data` that are not given.

        Example:
            >>> kohort.Variant("wide", build, units=16).model(seed=0).count_params()
            181
        """
        given = self._given(data)
        with seeded(seed), fresh_names(), building():
            try:
                model = self.build(**self.kwargs, **given)
            except KohortError:
                raise
            except (Exception, SystemExit) as error:
                raise DesignError(
                    f"a model{FROM_BUILD}{self.name!r}",
                    f"{type(error).__name__}: {reason(error)}",
                    _mend(error),
                ) from error
        if not isinstance(model, keras.Model) or not model.compiled:
            raise DesignError(
                f"a compiled keras.Model{FROM_BUILD}{self.name!r}",
                f"{type(model).__name__}" + (", not compiled" * isinstance(model, keras.Model)),
                "call model.compile(...) in it and return the model",
            )
        return model

    def _given(self, data: object) -> dict[str, object]:
        """What the build function gets beside its arguments."""
        if not self.takes_data:
            return {}
        if data is not None:
            return {DATA: data}
        if _parameters(self.build)[DATA].default is inspect.Parameter.empty:
            raise DesignError(
                f"data for the build function of variant {self.name!r}, which takes `data`",
                "none",
                "give them: variant.model(seed, data), something with the arrays x and y",
            )
        return {}

    def __repr__(self) -> str:
        arguments = "".join(f", {name}={value!r}" for name, value in self.kwargs.items())
        name = getattr(self.build, "__name__", repr(self.build))
        return f"Variant({self.name!r}, {name}{arguments})"


def _mend(error: BaseException) -> str:
    if isinstance(error, ImportError) and "tensorflow" in str(error).lower():
        return (
            f"{ENCODE_BEFORE}; adapt Normalization on an array, such as data.x; and give "
            "Discretization its boundaries, such as np.quantile(data.x, [0.25, 0.5, 0.75])"
        )
    return "mend the function or the arguments of the variant"


def grid(build: Callable[..., keras.Model], **axes: Any) -> list[Variant]:
    """A variant for each combination of values, named after what varies.

    Args:
        build: As in `Variant`.
        **axes: Arguments of `build`. A list is an axis, with a value for each variant along it;
            anything else (a tuple too) is the same for all.

    Raises:
        DesignError: No argument is a list, or a list is empty.

    Example:
        >>> import kohort
        >>> for variant in kohort.grid(build, units=[1, 16], learning_rate=[0.01, 0.03]):
        ...     print(variant.name)
        units=1, learning_rate=0.01
        units=1, learning_rate=0.03
        units=16, learning_rate=0.01
        units=16, learning_rate=0.03
    """
    varying = {name: values for name, values in axes.items() if isinstance(values, list)}
    fixed = {name: value for name, value in axes.items() if name not in varying}
    if not varying or not all(varying.values()):
        raise DesignError(
            "an axis at least, each a list of values",
            f"{axes or 'no axis'}",
            "write the values that vary as a list, such as units=[(200,), (400, 200)]",
        )
    return [
        Variant(
            ", ".join(f"{name}={written(value)}" for name, value in point.items()),
            build,
            **fixed,
            **point,
        )
        for values in itertools.product(*varying.values())
        for point in [dict(zip(varying, values, strict=True))]
    ]


def written(value: Any) -> str:
    """A value as it is written in code; a NumPy number as Python's, inside of tuples too."""
    with np.printoptions(legacy="1.25"):
        return as_code(value)


def as_code(value: Any) -> str:
    """A value as it is written in code, alike in each process.

    Of a function the text is its module and name, of an object of Keras's its configuration; of
    others what `repr` gives, which `is_alike` judges.
    """
    if isinstance(value, _PLAIN):
        return repr(value)
    if type(value) in (list, tuple):
        inner = ", ".join(map(as_code, value))
        one = "," * (len(value) == 1)
        return f"[{inner}]" if type(value) is list else f"({inner}{one})"
    if type(value) is dict:
        return f"{{{', '.join(f'{as_code(key)}: {as_code(of)}' for key, of in value.items())}}}"
    if isinstance(value, functools.partial):
        given = [*map(as_code, value.args), *_arguments(value.keywords)]
        return f"functools.partial({', '.join([as_code(value.func), *given])})"
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str) and not isinstance(value, type) and not inspect.ismethod(value):
        return f"<function {_module(value)}.{name}>"
    config = None if isinstance(value, type) else _config(value)
    if config is not None:
        return f"{_module(type(value))}.{type(value).__qualname__}({_settings(config)})"
    return repr(value)


def is_alike(code: str) -> bool:
    """Whether code of `as_code` is the same in each process, and of no other value.

    That of an object at an address is not. Lambdas have no name, and Keras writes them as compiled.
    What Keras makes without a seed has another one in each process.
    """
    return not _UNLIKE.search(code)


_PLAIN = (bool, int, float, str, bytes, type(None))
_UNLIKE = re.compile(r" at 0x[0-9a-f]+|<lambda>|__lambda__|\bseed=None")
_PRIVATE = re.compile(r"^(keras|jax)\._?src\.(\w+).*")
_NUMBERED = re.compile(r"_\d+$")


def _module(function: Any) -> str:
    """The module of a function or class; of Keras's or JAX's the public one, which stays."""
    return _PRIVATE.sub(r"\1.\2", str(getattr(function, "__module__", None) or "builtins"))


def _config(value: Any) -> dict[str, Any] | None:
    """The configuration of an object of Keras's kind; None of others, and where it has none."""
    try:
        config = value.get_config()
    except Exception:
        return None
    return config if isinstance(config, dict) else None


def _settings(config: Mapping[str, Any]) -> str:
    """The entries of a configuration; names that Keras gives count what a process has made."""
    name = config.get("name")
    if isinstance(name, str):
        config = {**config, "name": _NUMBERED.sub("", name)}
    return ", ".join(_arguments(config))


def _arguments(given: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_part(value)}" for name, value in given.items()]


def _part(value: Any) -> str:
    """A setting; one that Keras has serialized is an object as well."""
    if isinstance(value, dict) and isinstance(config := value.get("config"), dict):
        return f"{value.get('class_name')}({_settings(config)})"
    return as_code(value)


def addition_pairs(variants: Sequence[Variant]) -> list[tuple[int, int]]:
    """Pairs `(a, b)` of variant numbers where b is a with one argument more, or one switched on.

    A regulariser, say: their comparison tells what the argument does. Off is 0, None or False, as
    in `l2=[0.0, 1e-4]` of a grid.
    """
    # By what each would be without one argument: of many variants not every pair is looked at.
    whole, off = defaultdict[Any, list[int]](list), defaultdict[Any, list[int]](list)
    rests = []
    for number, variant in enumerate(variants):
        told = {name: repr(value) for name, value in variant.kwargs.items()}
        rest = {name: frozenset(told.items() - {(name, told[name])}) for name in told}
        rests.append(rest)
        whole[id(variant.build), frozenset(told.items())].append(number)
        for name in told:
            if _is_off(variant.kwargs[name]):
                off[id(variant.build), name, rest[name]].append(number)
    pairs = []
    for number, variant in enumerate(variants):
        for name, rest_of in rests[number].items():
            less = whole[id(variant.build), rest_of]
            if not _is_off(variant.kwargs[name]):
                less = less + off[id(variant.build), name, rest_of]
            pairs += [(fewer, number) for fewer in less]
    return sorted(pairs)


def _is_off(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | np.number) and bool(value == 0))


def build_names(variants: Sequence[Variant]) -> list[str]:
    """Of each variant the name of its build function; those of different functions differ."""
    functions = list({id(variant.build): variant.build for variant in variants}.values())
    names = [getattr(build, "__name__", type(build).__name__) for build in functions]
    told = {
        id(build): f"{name} {1 + names[:place].count(name)}" if names.count(name) > 1 else name
        for place, (build, name) in enumerate(zip(functions, names, strict=True))
    }
    return [told[id(variant.build)] for variant in variants]


def defaults(variants: Sequence[Variant]) -> list[dict[str, Any]]:
    """Of each variant the defaults of arguments that it does not give, but another one does.

    Those that cannot be known, as of a function that takes `**kwargs`, are left out.
    """
    given = dict.fromkeys(name for variant in variants for name in variant.kwargs)
    return [
        {
            name: parameter.default
            for name, parameter in _parameters(variant.build).items()
            if name in given and name not in variant.kwargs
            if parameter.default is not inspect.Parameter.empty
        }
        for variant in variants
    ]


def _parameters(build: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(build).parameters
    except (TypeError, ValueError):  # of some callables that are not written in Python
        return {}
