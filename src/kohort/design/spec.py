"""The specification of a study: what it compares, on which data, split and trained how."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels, class_labels, counted_class
from kohort.data.splits import never_drawn
from kohort.data.strata import Strata, drawn_from
from kohort.data.tables.row_weights import checked_weights
from kohort.design.races import Race
from kohort.design.replicates import Holdout, KFold, Replicate, strata_of
from kohort.design.scoring import Mode
from kohort.design.variants import Variant
from kohort.design.weights import (
    ClassWeight,
    MemberWeights,
    OfClasses,
    balanced,
    by_variant,
    class_table,
)
from kohort.design.whole_data import AllSamples
from kohort.errors import DesignError
from kohort.keras_api.callbacks import Callback, listed

type StudyCallbacks = (
    Sequence[Callback] | Callback | Callable[[str, int], Sequence[Callback] | Callback]
)


@dataclass(frozen=True, eq=False)
class StudySpec:
    """What a study is given; all that trains, keeps or judges it reads it here.

    The arguments are those of `kohort.Study`.
    """

    name: str
    variants: tuple[Variant, ...]
    data: Dataset
    replicates: Holdout | KFold | Race | AllSamples
    epochs: int | Mapping[str, int]
    batch_size: int = 32
    seed: int = 0
    callbacks: tuple[Callback, ...] | Callable[[str, int], Sequence[Callback] | Callback] = ()
    confidence: float = 0.95
    metric: str | None = None
    mode: Mode = "auto"
    margin: float | None = None
    sizes: Sequence[float] | Mapping[str, Sequence[float]] = ()
    class_weight: ClassWeight | None = None
    sample_weight: Any = None
    _parts: dict[tuple[int, float], Replicate] = field(default_factory=dict, init=False, repr=False)

    @property
    def variant_names(self) -> tuple[str, ...]:
        """Names of the variants, by variant number."""
        return tuple(variant.name for variant in self.variants)

    @property
    def race(self) -> Race | None:
        """The race; None where all replicates are trained."""
        return self.replicates if isinstance(self.replicates, Race) else None

    @property
    def splits(self) -> Holdout | KFold | AllSamples:
        """How the training data are split."""
        return self.replicates.splits if isinstance(self.replicates, Race) else self.replicates

    @cached_property
    def strata(self) -> Strata:
        """Whether classes are split in the same proportion, and why."""
        if isinstance(self.splits, AllSamples):
            return Strata(stratifies=False)
        return strata_of(self.splits, self.data)

    @cached_property
    def drawn(self) -> Holdout | KFold | Race | AllSamples:
        """The replicates, with `stratify` as it is for these data."""
        if isinstance(self.splits, AllSamples):
            return self.splits
        splits = replace(self.splits, stratify=self.strata.stratifies)
        return splits if self.race is None else replace(self.race, splits=splits)

    def epochs_of(self, variant: Variant) -> int:
        """The number of epochs to train a variant."""
        return self.epochs[variant.name] if isinstance(self.epochs, Mapping) else self.epochs

    def shares_of(self, variant: Variant) -> tuple[float, ...]:
        """Parts of the training samples, between 0 and 1, that a variant is trained on as well."""
        sizes = self.sizes
        return tuple(sizes.get(variant.name, ()) if isinstance(sizes, Mapping) else sizes)

    @cached_property
    def labels(self) -> ClassLabels | None:
        """The classes of the samples; None where targets are no classes."""
        return class_labels(self.data, floats_are_labels=self.class_weight is not None)

    @cached_property
    def class_weights(self) -> dict[str, OfClasses]:
        """The weights of classes of each variant that has some, as they were given.

        Raises:
            DesignError: They are none.
        """
        return by_variant(self.class_weight, self.variant_names)

    @cached_property
    def sample_weights(self) -> np.ndarray | None:
        """The weights of the training samples, float32 `[train sample]`; None without.

        Where the study is given none, those of the data.

        Raises:
            DesignError: They are none.
        """
        if self.sample_weight is None:
            return self.data.sample_weight
        return checked_weights(self.sample_weight, len(self.data.x_train), DesignError)

    def is_weighted(self, variant: Variant) -> bool:
        """Whether a variant trains with weights, of samples or of classes."""
        return self.sample_weights is not None or variant.name in self.class_weights

    def weights(self, members: Sequence[tuple[Variant, Replicate]]) -> MemberWeights:
        """The weights that members train with, which all have some of one kind or none."""
        if not members or members[0][0].name not in self.class_weights:
            return MemberWeights(self.sample_weights)
        assert self.labels is not None
        # Many members may share one table, as all trials of a search do.
        keys = [(variant.name, id(replicate)) for variant, replicate in members]
        distinct = dict(zip(keys, members, strict=True))
        tables = {key: self._class_table(*member) for key, member in distinct.items()}
        of_classes = np.stack([tables[key] for key in keys])
        return MemberWeights(None, self.labels.train.astype(np.int32), of_classes)

    def _class_table(self, variant: Variant, replicate: Replicate) -> np.ndarray:
        """The weights `[class]` with which a variant trains in a replicate, float32."""
        assert self.labels is not None
        weights = self.class_weights[variant.name]
        if isinstance(weights, str):
            return balanced(self.labels.train[replicate.train], len(self.labels.names))
        return class_table(weights, self.labels)

    @cached_property
    def splits_told(self) -> str:
        """What to know of how the samples are split; "" where it is as usual."""
        large = ""
        if isinstance(self.splits, Holdout) and not self.strata.stratifies:
            drawn = drawn_from(self.data)
            large = never_drawn(drawn.groups, round(self.splits.fraction * len(drawn.x_train)))
        return "; ".join(filter(None, [self.strata.why, large]))

    @cached_property
    def counted_classes(self) -> ClassLabels | None:
        """The labels of two classes with a number each, 0 and 1, or of one-hot rows; else None."""
        labels = class_labels(self.data, floats_are_labels=True)
        is_one_hot = labels is not None and labels.form == "one-hot"
        return labels if is_one_hot or counted_class(labels) is not None else None

    @cached_property
    def parts_without(self) -> tuple[int, ...]:
        """How many validation parts have no sample of each of `counted_classes`."""
        labels = self.counted_classes
        if labels is None:
            return ()
        classes = len(labels.names)
        parts = [labels.train[r.valid] for r in self.whole_replicates if len(r.valid)]
        lack = [np.bincount(part, minlength=classes) == 0 for part in parts]
        return tuple(np.sum(lack, axis=0, dtype=int).tolist())

    @cached_property
    def whole_replicates(self) -> tuple[Replicate, ...]:
        """The replicates, each with all of its training samples.

        Raises:
            DesignError: The data cannot be split in this way.
        """
        return self.drawn.replicates(self.data, self.seed)

    def replicate(self, number: int, share: float) -> Replicate:
        """A replicate with a part of its training samples.

        Args:
            number: The replicate's number.
            share: The part, above 0 and up to 1.
        """
        if (number, share) not in self._parts:
            whole = self.whole_replicates[number]
            part = whole if share == 1 else whole.on_part(share, self.data.groups)
            self._parts[number, share] = part
        return self._parts[number, share]

    def first_of_all(self, count: int) -> dict[int, tuple[int, ...]]:
        """The numbers of the first `count` replicates, by variant number."""
        return dict.fromkeys(range(len(self.variants)), tuple(range(count)))

    def replicates_of(self, variant: Variant, numbers: Sequence[int]) -> list[Replicate]:
        """These replicates of a variant: with all of their samples, then with parts of them."""
        shares = [1.0, *sorted(set(self.shares_of(variant)), reverse=True)]
        return [self.replicate(number, share) for share in shares for number in numbers]

    def callbacks_of(self, variant: Variant, replicate: int) -> tuple[Callback, ...]:
        """The callbacks of one member: copies, or what the user's function returns for it.

        Args:
            variant: The member's variant.
            replicate: The number of its replicate.

        Raises:
            DesignError: The function returns something else than Keras callbacks.
        """
        if callable(self.callbacks):
            return tuple(listed(self.callbacks(variant.name, replicate)))
        return copy.deepcopy(self.callbacks)
