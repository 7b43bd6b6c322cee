"""Whether splits give each part the same proportion of every class."""

from dataclasses import dataclass, field

import numpy as np
import scipy

from kohort.data.dataset import Dataset
from kohort.data.labels import class_labels
from kohort.data.splits import are_of_one_class, fit_in_proportion
from kohort.errors import DesignError

IMBALANCED = 10.0
"""How many times as many samples the largest class has as the smallest, to be imbalanced."""
FEW = 25
"""Where random parts would hold fewer of the smallest class on average, how many each holds varies
by a fifth of it or more (a standard deviation). In simulations of 2 % positives the variance of a
recall over splits was then 13 to 42 % larger than with strata, and 6 % where they held 50."""


@dataclass(frozen=True)
class Strata:
    """Whether classes are split in proportion, and why, in a sentence; "" where it is as usual.

    Args:
        stratifies: Whether they are.
        why: Why, or why not.
        labels: `[train sample]`, the class by which parts are stratified; None where they are not.
    """

    stratifies: bool
    why: str = ""
    labels: np.ndarray | None = field(default=None, repr=False, compare=False)


def drawn_from(data: Dataset) -> Dataset:
    """What splits are drawn from: of clean data the targets and groups of the raw ones."""
    if data.raw is None:
        return data
    inputs = np.zeros((data.raw.samples, 1), np.float32)
    names, groups = data.class_names, data.raw.groups
    return Dataset(inputs, data.raw.targets, class_names=names, groups=groups)


def strata(data: Dataset, part: float, *, drawn_anew: bool) -> Strata:
    """Whether to split each class in proportion where nobody has said so.

    It is done where classes are imbalanced and a random part would hold few of the smallest one.
    Other data are split at random, as are groups that hold several classes, or of which one is
    larger than the part of its class: they stay whole. What is counted of a class are the groups
    that hold it, as parts hold all of a group or nothing.

    Args:
        data: The data.
        part: The part of the training samples that a validation part holds.
        drawn_anew: Whether each is drawn by itself, and not dealt, so that a class of which it
            holds none in proportion would never be in any.
    """
    labels = class_labels(data)
    if labels is None:
        return Strata(stratifies=False)
    sizes = labels.counts[0]
    there = np.flatnonzero(sizes)
    rarest = there[sizes[there].argmin()]
    are_apart = data.groups is None or are_of_one_class(labels.train, data.groups)
    count, units = _units(labels.train, rarest, data.groups)
    smaller = min(part, 1 - part)
    if sizes.max() < IMBALANCED * sizes[rarest] or smaller * count >= FEW:
        return Strata(stratifies=False)
    which = (
        f"class {labels.names[rarest]}, the smallest, has {sizes[rarest]:,} of {sizes.sum():,} "
        "samples" + f", in {count:,} of {units:,} groups" * bool(units < sizes.sum())
    )
    chance = (
        f"a random {'validation' if part <= 1 / 2 else 'training'} part would hold "
        f"{smaller * count:.3g} of them on average, and {_none(units, count, smaller)}"
    )
    groups = data.groups
    if not are_apart or (groups is not None and not fit_in_proportion(labels.train, groups, part)):
        return Strata(
            stratifies=False, why=f"not stratified, since groups stay whole: {which}; {chance}"
        )
    in_proportion = round(part * sizes[rarest])
    if drawn_anew and not 1 <= in_proportion < sizes[rarest]:
        return Strata(
            stratifies=False,
            why=f"not stratified: {which}, too few for a part of {part:g} to hold one and leave "
            f"one; {chance}",
        )
    return Strata(
        stratifies=True, why=f"stratified by class: {which}; {chance}", labels=labels.train
    )


def _units(labels: np.ndarray, label: int, groups: np.ndarray | None) -> tuple[int, int]:
    """What is drawn of a class, and of all: groups, which may hold others too, or samples."""
    is_it = labels == label
    if groups is None:
        return int(is_it.sum()), len(labels)
    held_out = groups >= 0
    return len(np.unique(groups[held_out & is_it])), len(np.unique(groups[held_out]))


def _none(samples: int, count: int, part: float) -> str:
    """How often a random part holds none of `count` among all samples, as a clause."""
    none = scipy.stats.hypergeom.pmf(0, samples, count, round(part * samples))
    return (
        f"none in {float(f'{100 * none:.2g}'):g} % of splits"
        if none >= 0.001
        else "hardly ever none"
    )


def strata_labels(data: Dataset) -> np.ndarray:
    """The class `[train sample]` by which parts are stratified.

    Raises:
        DesignError: The targets are no classes, or a group holds several.
    """
    labels = class_labels(data)
    if labels is None:
        received = "targets that are no class labels"
    elif data.groups is not None and not are_of_one_class(labels.train, data.groups):
        received = "groups of several classes"
    else:
        return labels.train
    raise DesignError(
        "class labels, and groups of one class each, for stratify=True",
        received,
        "leave stratify out",
    )
