"""Weights of classes and of samples: how much each training sample counts in the loss."""

import hashlib
import reprlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from kohort.data.labels import ClassLabels
from kohort.errors import DesignError

BALANCED = "balanced"

type OfClasses = Literal["balanced"] | Mapping[Hashable, float]
"""The weights of classes by name or number; "balanced" computes them of what a member trains on."""

type ClassWeight = OfClasses | Mapping[str, OfClasses | None]
"""The same for all variants, or by variant name."""


class MemberWeights(NamedTuple):
    """The weights that some members train with.

    Args:
        samples: `[train sample]`, the weight of each sample, float32; None without.
        classes: `[train sample]`, the class of each sample, int32; None without weights of classes.
        of_classes: `[member, class]`, float32; None likewise.
    """

    samples: np.ndarray | None = None
    classes: np.ndarray | None = None
    of_classes: np.ndarray | None = None

    def of_rows(self, member: int, rows: np.ndarray) -> np.ndarray | None:
        """The weights `[row]` with which a member trains on these rows; None without."""
        if self.classes is not None and self.of_classes is not None:
            weights: np.ndarray = self.of_classes[member][self.classes[rows]]
            return weights
        return None if self.samples is None else self.samples[rows]

    def measuring(self, rows: np.ndarray) -> np.ndarray | None:
        """The weights `[row]` by which these rows are measured: those of samples; None without."""
        return None if self.samples is None else self.samples[rows]


def by_variant(given: ClassWeight | None, names: Sequence[str]) -> dict[str, OfClasses]:
    """The weights of classes of each variant that has some.

    Args:
        given: As `kohort.Study` takes it. Of a mapping whose values are numbers the keys are
            classes; of one whose values are weights of classes, or None, they are variants.
        names: Of all variants.

    Raises:
        DesignError: It is neither, or names a variant that there is not.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not any(map(_are_of_classes, given.values())):
        return dict.fromkeys(names, _checked(given))
    if not set(given) <= set(names):
        raise DesignError(
            f"class_weight for some of the variants {list(names)}",
            f"class_weight for {list(given)}",
            "check the spelling; the weight of a class is a number",
        )
    return {str(name): _checked(of) for name, of in given.items() if of is not None}


def check_alike(given: object) -> None:
    """Refuse weights of classes by variant, where there are no variants yet.

    Raises:
        DesignError: They are by variant.
    """
    if isinstance(given, Mapping) and any(map(_are_of_classes, given.values())):
        raise DesignError(
            "class_weight that is the same for all trials",
            f"weights for {list(given)}",
            "give 'balanced', or a number for each class",
        )


def _are_of_classes(value: object) -> bool:
    return value is None or isinstance(value, str | Mapping)


def _checked(given: Any) -> OfClasses:
    if given == BALANCED or (isinstance(given, Mapping) and given):
        weights: OfClasses = given
        return weights
    raise DesignError(
        "class_weight as 'balanced', as weights such as {'yes': 5}, or as these by variant",
        reprlib.repr(given),
        "give one of them, or leave it out",
    )


def class_table(weights: Mapping[Hashable, float], labels: ClassLabels) -> np.ndarray:
    """The weights `[class]`, float32; 1 for classes that have none, as in `keras.Model.fit`.

    Args:
        weights: By the name or the number of a class.
        labels: The classes.

    Raises:
        DesignError: There is no such class, a weight is no number of 0 or more, or all are 0.
    """
    found: dict[int, Hashable] = {}
    table = np.ones(len(labels.names), np.float32)
    for key, weight in weights.items():
        number = _class_number(key, labels.names)
        if number in found:
            raise DesignError(
                "one weight for each class",
                f"{found[number]!r} and {key!r}, which are one class",
                "leave one of them out",
            )
        found[number] = key
        table[number] = _number(f"the weight of class {key!r}", weight)
    if not table.any():
        raise DesignError("a weight above 0 of some class", "0 for all", "weigh one by 1")
    return table


def _class_number(key: Hashable, names: Sequence[str]) -> int:
    """The number of a class that is given by its name or its number."""
    is_whole = isinstance(key, int | float | np.number) and float(key).is_integer()
    number = int(key) if is_whole else -1  # type: ignore[call-overload]  # a number
    text = str(number) if is_whole and not isinstance(key, bool) else str(key)
    by_number = number if 0 <= number < len(names) else None
    by_name = list(names).index(text) if text in names else None
    if by_number is not None and by_name is not None and by_number != by_name:
        raise DesignError(
            "classes by name in class_weight, where names are other numbers than theirs",
            f"{key!r}: the class of that name, or {names[by_number]!r}, which has that number",
            f"write its name as text, such as {names[by_number]!r}",
        )
    chosen = by_number if by_name is None else by_name
    if chosen is None:
        raise DesignError(
            f"class_weight for classes among {reprlib.repr(list(names))}",
            f"one for {key!r}",
            "check the spelling, or number the classes from 0",
        )
    return chosen


def weights_text(weights: OfClasses) -> str:
    """Weights of classes in words."""
    if isinstance(weights, str):
        return BALANCED
    told = [f"{name} {weight:.4g}" for name, weight in weights.items()]
    return f"{', '.join(told)}, others 1"


def balanced(classes: np.ndarray, count: int) -> np.ndarray:
    """Weights `[class]`, float32, by which each class counts as much: n / (k n_class).

    k is the number of classes among the samples; those that are not have a weight of 1. They are
    those of `sklearn.utils.class_weight.compute_class_weight("balanced", ...)`, after King and Zeng
    (2001), "Logistic Regression in Rare Events Data".

    Args:
        classes: `[sample]`, the classes of the samples that train.
        count: How many classes there are.
    """
    sizes = np.bincount(classes, minlength=count)
    there = sizes > 0
    table = np.ones(count)
    table[there] = len(classes) / (there.sum() * sizes[there])
    return table.astype(np.float32)


def _number(what: str, value: Any) -> float:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not np.isfinite(value) or value < 0:
        raise DesignError(
            f"{what} in class_weight as a number of 0 or more", reprlib.repr(value), "give one"
        )
    return float(value)


def digest(weights: np.ndarray) -> str:
    """SHA-256 over the bytes of weights, in hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(weights).tobytes()).hexdigest()
