"""Trains the models of `kohort.fit`: fused what can be, the rest by `keras.Model.fit` in turn."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np

from kohort.engine.feed.arguments import FitArguments, Inputs
from kohort.engine.feed.disk_rows import on_disk
from kohort.engine.loop import chunking
from kohort.engine.loop.cohort import Cohort, TrainingPlan
from kohort.engine.loop.events import EpochsMeasured
from kohort.engine.loop.scheduler import train
from kohort.engine.measuring import EvaluateTrain
from kohort.engine.memory import allowed
from kohort.engine.program.compilation import PROGRAMS
from kohort.engine.program.epoch import EpochSpec
from kohort.engine.reference import fit_one
from kohort.engine.sharing import why_in_turn
from kohort.errors import DesignError, InputError, ModelError, reason, shortened
from kohort.keras_api.arrays import ArrayTree, is_dense, is_packable, pack, shapes_of_batch
from kohort.keras_api.callbacks import Callback, Verbose, why_inside_epochs
from kohort.keras_api.models import prepare
from kohort.report.progress import Progress
from kohort.tracing.eligibility import not_fused, steps_or_reason, why_not_fused
from kohort.tracing.signature import TracedSteps, first_batch, group

type Engine = Literal["auto", "fused", "keras"]


class FitSettings(NamedTuple):
    """The arguments of `kohort.fit` that are not about data; see there."""

    epochs: int
    initial_epoch: int
    validation_freq: int | Sequence[int]
    evaluated: bool
    chunk_size: int | None
    memory: int | str | None
    verbose: Verbose = 0

    @property
    def epochs_to_train(self) -> int:
        """The epochs of each model."""
        return max(0, self.epochs - self.initial_epoch)


class Fitting:
    """One call of `kohort.fit`.

    Args:
        models: Compiled models, which are trained in place.
        given: The data.
        settings: How to train.
        callbacks: The callbacks of each model.
        progress: Where to show it.
    """

    def __init__(
        self,
        models: list[keras.Model],
        given: FitArguments,
        settings: FitSettings,
        callbacks: list[list[Callback]],
        progress: Progress,
    ) -> None:
        self._models, self._given, self._settings = models, given, settings
        self._callbacks, self._progress = callbacks, progress
        progress.tell_apart(PROGRAMS.compiling)
        self._insists = False
        self._left: dict[int, str] = {}
        """By model number, why the model is left to `keras.Model.fit`."""

    def run(self, engine: Engine) -> None:
        """Train the models.

        Raises:
            ModelError: The engine is "fused", and cannot train one of them.
        """
        if engine == "keras":
            self._expect(len(self._models))
            self._train_in_turn(range(len(self._models)), self._given)
            return
        self._insists = engine == "fused"
        for number, model in enumerate(self._models):
            self._leave(number, why_not_fused(model) or why_inside_epochs(self._callbacks[number]))
        given = self._given
        if len(self._left) < len(self._models):
            given = self._train_fused()
        else:
            self._expect(len(self._models))
        if self._left:
            _tell(self._models, self._left)
            self._train_in_turn(sorted(self._left), given)

    def _leave(self, number: int, why: str | None) -> None:
        """Leave a model to `keras.Model.fit`, unless the user insists on the fused engine."""
        if why is None:
            return
        if self._insists:
            raise not_fused(self._models[number].name, why)
        self._left.setdefault(number, why)

    def _leave_all(self, error: ModelError) -> None:
        """Leave all models to `keras.Model.fit`, because of their data."""
        if self._insists:
            raise error
        for number in range(len(self._models)):
            self._leave(number, f"its data hold {error.received}")
        self._expect(len(self._models))

    def _expect(self, models: int, cost: float = 1.0, *, compiles: bool = False) -> None:
        """Let the progress display expect models that train by one program, or by Keras in turn."""
        epochs = models * self._settings.epochs_to_train
        self._progress.expect(epochs, cost, compiles=compiles)

    def _train_fused(self) -> FitArguments:
        """Train together what is not left to Keras; returns the data for what is."""
        try:
            inputs = Inputs(self._given, allowed(self._settings.memory))
        except ModelError as error:
            self._leave_all(error)
            return self._given
        if self._settings.evaluated and not inputs.are_arrays:
            raise DesignError(
                "arrays for train_metrics='evaluated', which reads them twice an epoch",
                f"x of type {type(self._given.x).__name__}",
                "give arrays, or leave train_metrics out",
            )
        try:
            batch = inputs.first_batch()
        except ModelError as error:
            self._leave_all(error)
            return inputs.for_keras()
        evaluates = inputs.validates or self._settings.evaluated
        self._train_cohorts(inputs, batch, self._steps(batch, evaluates=evaluates))
        return inputs.for_keras()

    def _steps(self, batch: ArrayTree, *, evaluates: bool) -> dict[int, TracedSteps]:
        """The steps of all models that are not left to Keras, by model number."""
        numbers = [number for number in range(len(self._models)) if number not in self._left]
        for number in numbers:
            prepare(self._models[number], batch)
        steps = {}
        for number in numbers:
            traced, why = self._traced(number, batch, evaluates=evaluates)
            self._leave(number, why or None)
            if traced is not None:
                steps[number] = traced
        for number, why in why_in_turn(self._models, steps).items():
            self._leave(number, why)
            steps.pop(number, None)
        return steps

    def _traced(
        self, number: int, batch: ArrayTree, *, evaluates: bool
    ) -> tuple[TracedSteps | None, str]:
        try:
            return steps_or_reason(self._models[number], batch, evaluates=evaluates)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever the user's step raises)
            # Either Keras raises it too, and in its way, or it trains the model.
            return None, f"its steps cannot be traced ({type(error).__name__}: {reason(error)})"

    def _train_cohorts(
        self, inputs: Inputs, batch: ArrayTree, steps: Mapping[int, TracedSteps]
    ) -> None:
        """Train models, each group of one program together."""
        settings, numbers = self._settings, list(steps)
        cohorts = group(numbers, [steps[number].signature.skeleton for number in numbers])
        costs = self._costs([steps[cohort[0]] for cohort in cohorts], list(map(len, cohorts)))
        if len(cohorts) + bool(self._left) > 1 and not inputs.can_be_read_twice:
            raise DesignError(
                "data that can be read again for each of the programs",
                f"a generator, which ends, for models of {len(cohorts)} programs",
                "give a keras.utils.PyDataset, or train the models by separate calls",
            )
        self._expect_cohorts(cohorts, costs)
        for place, (cohort, cost) in enumerate(zip(cohorts, costs, strict=True), start=1):
            try:
                joined = self._joined(inputs, cohort, steps)
                joined.steps.prepare("train", batch)  # where no data on the device did it
            except ModelError as error:  # Its steps are other programs the next time.
                if self._insists:
                    raise
                for number in cohort:
                    name = self._models[number].name
                    self._leave(number, error.received.removeprefix(f"{name!r}, "))
                continue
            name, epochs = f"cohort {place}/{len(cohorts)}", settings.epochs_to_train
            self._progress.begin(name, len(cohort), epochs, cost=cost)
            with inputs.ordered():
                self._train_cohort(joined, len(cohort))

    def _train_cohort(self, joined: Cohort, models: int) -> None:
        for event in train(joined, models):
            if isinstance(event, EpochsMeasured):
                trained = sum(len(epoch.logs) for epoch in event.epochs)
                self._progress.advance(trained, event.epochs[-1].epoch)
        self._progress.end()

    def _expect_cohorts(self, cohorts: Sequence[Sequence[int]], costs: Sequence[float]) -> None:
        for cohort, cost in zip(cohorts, costs, strict=True):
            self._expect(len(cohort), cost, compiles=True)
        if self._left:
            self._expect(len(self._left))

    def _costs(self, first: Sequence[TracedSteps], members: Sequence[int]) -> list[float]:
        """What an epoch of each cohort's members costs; 1 in the mean of all."""
        if self._left or len(first) == 1:
            return [1.0] * len(first)
        costs = chunking.step_costs(first)
        mean = np.average(costs, weights=members)
        return [float(cost / mean) for cost in costs]

    def _joined(
        self, inputs: Inputs, cohort: Sequence[int], steps: Mapping[int, TracedSteps]
    ) -> Cohort:
        settings = self._settings
        return Cohort(
            [self._models[member] for member in cohort],
            [steps[member] for member in cohort],
            inputs.source(len(cohort)),
            EpochSpec(
                self._given.batch_size,
                inputs.validates,
                settings.evaluated,
                valid_batch_size=self._given.valid_batch_size,
            ),
            TrainingPlan(
                settings.epochs,
                settings.initial_epoch,
                settings.validation_freq,
                chunk_size=settings.chunk_size if inputs.can_be_read_twice else len(cohort),
                memory=allowed(settings.memory),
                verbose=settings.verbose,
                may_fill_up=True,
                may_run_ahead=True,
            ),
            [self._callbacks[member] for member in cohort],
        )

    def _train_in_turn(self, numbers: Sequence[int], given: FitArguments) -> None:
        """Train models by `keras.Model.fit`, one after another.

        Args:
            numbers: Their numbers.
            given: The data, or what is left of them.
        """
        settings = self._settings
        data = (given.x, given.y, given.sample_weight)
        packed = batch = None
        if is_packable(*data) and (settings.evaluated or is_dense(*data)):
            packed = pack(*data, given.class_weight)
        if packed is not None and is_dense(*data):
            batch = first_batch(packed, given.batch_size)
        elif is_packable(*data):
            batch = shapes_of_batch(*data, given.class_weight, given.batch_size)
        for place, number in enumerate(numbers, start=1):
            model, callbacks = self._models[number], self._callbacks[number]
            self._progress.begin(f"model {place}/{len(numbers)}", 1, settings.epochs_to_train)
            if batch is not None:
                prepare(model, batch)
            measuring = [EvaluateTrain(packed, given.batch_size)] if settings.evaluated else []
            fit_one(
                model,
                **_data_for_keras(given),
                seed=given.seed,
                callbacks=[*measuring, *callbacks],
                batch_size=given.batch_size if batch is not None else None,
                epochs=settings.epochs,
                initial_epoch=settings.initial_epoch,
                shuffle=given.shuffle,
                validation_batch_size=given.valid_batch_size,
                validation_freq=settings.validation_freq,
                validation_steps=given.valid_steps,
                steps_per_epoch=given.steps,
                class_weight=given.class_weight,
                verbose=settings.verbose,
            )
            self._progress.advance(settings.epochs_to_train, settings.epochs - 1)


def _data_for_keras(given: FitArguments) -> dict[str, Any]:
    """The data arguments of `keras.Model.fit`; a model's own `fit` splits them by itself."""
    if given.whole is None or on_disk(given.whole[:3]):
        return {
            "x": given.x,
            "y": given.y,
            "sample_weight": given.sample_weight,
            "validation_data": given.validation,
        }
    x, y, weight, fraction = given.whole
    return {"x": x, "y": y, "sample_weight": weight, "validation_split": fraction}


def _tell(models: Sequence[keras.Model], left: Mapping[int, str]) -> None:
    """Warn, in one line, which models are left to `keras.Model.fit`, and why."""
    by_why: dict[str, list[str]] = {}
    for number, why in left.items():
        by_why.setdefault(why, []).append(models[number].name)
    parts = [f"{shortened(names)} ({why})" for why, names in by_why.items()]
    in_turn = ", one model after another" * (len(left) > 1)
    told = shortened(parts, between="; ")
    warnings.warn(f"kohort.fit leaves to keras.Model.fit{in_turn}: {told}", stacklevel=4)
