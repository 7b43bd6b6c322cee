"""The specification of a search: the space, the data, and how trials are trained and proved."""

import functools
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
from optuna.samplers import BaseSampler

from kohort.data.dataset import Dataset
from kohort.design.races import Race, until_decided
from kohort.design.replicates import Holdout, KFold
from kohort.design.scoring import Mode
from kohort.design.searches.draws import Draw, trial_name
from kohort.design.searches.rungs import BRACKETS, Ladder, Schedule, generations, ladder
from kohort.design.searches.sampling import SamplerName, check_sampler, learns
from kohort.design.searches.space import Space, WrittenSpace
from kohort.design.searches.taken_arguments import check_arguments
from kohort.design.searches.tuner_space import TunedSpace, with_values
from kohort.design.spec import StudySpec
from kohort.design.validation import check_spec
from kohort.design.variants import Variant
from kohort.design.weights import OfClasses, check_alike
from kohort.errors import DesignError
from kohort.keras_api.callbacks import Callback

FRACTION, REPEATS, FIRST, LOOKS = 0.2, 12, 4, 3
"""Of the race that proves the finalists, where nothing else is asked for."""


@dataclass(frozen=True, eq=False)
class SearchSpec:
    """What a search is given; the arguments are those of `kohort.Search`."""

    name: str
    build: Callable[..., keras.Model]
    space: Mapping[str, Any] | None
    data: Dataset
    trials: int
    epochs: int
    batch_size: int = 32
    sampler: SamplerName | BaseSampler = "tpe"
    reduction: int = 3
    rungs: int | None = None
    brackets: int = BRACKETS
    replicates: Holdout | KFold | Race | None = None
    seed: int = 0
    callbacks: tuple[Callback, ...] = ()
    confidence: float = 0.95
    metric: str | None = None
    mode: Mode = "auto"
    margin: float | None = None
    class_weight: OfClasses | None = None
    sample_weight: Any = None

    @cached_property
    def choices(self) -> Space:
        """What there is to choose.

        Raises:
            DesignError: It is no space.
        """
        return TunedSpace(self.build) if self.space is None else WrittenSpace(self.space)

    @cached_property
    def race(self) -> Race:
        """The race that proves the finalists."""
        if self.replicates is None:
            return Race(Holdout(FRACTION, repeats=REPEATS), first=FIRST, looks=LOOKS)
        if isinstance(self.replicates, Holdout):
            count = max(self.replicates.repeats, REPEATS)
            return Race(self.replicates.resized(count), first=FIRST, looks=LOOKS)
        return until_decided(self.replicates)

    @property
    def learns(self) -> bool:
        """Whether what is drawn depends on how earlier trials did."""
        return learns(self.sampler)

    @cached_property
    def ladder(self) -> Ladder:
        """The rungs.

        Raises:
            DesignError: They need more epochs or more trials than there are.
        """
        return ladder(
            self.epochs,
            self.trials,
            self.reduction,
            self.rungs,
            self.brackets,
            learns=self.learns,
        )

    @property
    def schedule(self) -> Schedule:
        """What it trains, if it did not begin as a smaller one."""
        return Schedule(
            self.ladder, tuple(generations(self.trials, self.ladder, learns=self.learns))
        )

    def grown_from(self, before: Schedule) -> Schedule:
        """What it trains, as it began as a smaller search, or as this one."""
        return before.grown(
            self.trials, self.epochs, learns=self.learns, adds_rungs=self.rungs is None
        )

    def variant(self, draw: Draw) -> Variant:
        """A trial as a variant."""
        return Variant(trial_name(draw.number), self._build_of_trial, **draw.arguments)

    @cached_property
    def _build_of_trial(self) -> Callable[..., keras.Model]:
        if self.space is not None:
            return self.build
        return functools.wraps(self.build)(with_values(self.build))

    def trained_as(self, variants: tuple[Variant, ...]) -> StudySpec:
        """Trials as a study: of its replicates, they train on the first."""
        splits = self.race.splits
        one = splits.resized(1) if isinstance(splits, Holdout) else splits
        return replace(self.proved_as(variants), replicates=one, seed=self.seed)

    def proved_as(self, variants: tuple[Variant, ...]) -> StudySpec:
        """Finalists as a study, of other splits and seeds than the search had.

        A single one has no rival, and trains the replicates of the first look.
        """
        race = self.race
        alone = race.splits.resized(race.first) if isinstance(race.splits, Holdout) else race.splits
        return StudySpec(
            name=self.name,
            variants=variants,
            data=self.data,
            replicates=race if len(variants) > 1 else alone,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed + 1,
            callbacks=self.callbacks,
            confidence=self.confidence,
            metric=self.metric,
            mode=self.mode,
            margin=self.margin,
            class_weight=self.class_weight,
            sample_weight=self.sample_weight,
        )


def check_search(spec: SearchSpec) -> None:
    """Refuse a search whose parts do not fit together.

    Raises:
        DesignError: They do not.
    """
    _check_count("trials", spec.trials, 2)
    _check_count("seed", spec.seed, 0)
    _check_count("epochs", spec.epochs, 1)
    _check_count("reduction", spec.reduction, 2)
    _check_count("brackets", spec.brackets, 1)
    if spec.rungs is not None:
        _check_count("rungs", spec.rungs, 1)
    check_sampler(spec.sampler)
    if spec.space is not None and not isinstance(spec.space, Mapping):
        raise DesignError(
            "a space as a mapping from arguments to choices, or None for a build(hp)",
            type(spec.space).__name__,
            'give {"learning_rate": kohort.Range(1e-4, 1e-2, log=True)}, say',
        )
    if spec.space is None and Variant("trial", spec.build).takes_data:
        raise DesignError(
            "a build(hp) that takes hp alone, where there is no space",
            "one that takes data as well",
            "give a space, and a build function of its arguments and data",
        )
    if not isinstance(spec.replicates, Holdout | KFold | Race | None):
        raise DesignError(
            "replicates as a kohort.Holdout, kohort.KFold or kohort.Race",
            reprlib.repr(spec.replicates),
            "give kohort.Holdout(0.2, repeats=12), say, or None",
        )
    check_alike(spec.class_weight)
    _ = spec.choices, spec.ladder
    check_spec(spec.trained_as((Variant("trial", spec.build),)))
    if isinstance(spec.choices, WrittenSpace):
        check_arguments(spec.build, spec.choices.names)
    check_spec(spec.proved_as(tuple(Variant(name, spec.build) for name in ("a", "b"))))


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise DesignError(f"{name} of {least} or more", repr(value), "give a whole number")
