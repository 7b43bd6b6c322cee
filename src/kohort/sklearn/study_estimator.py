"""What both estimators do: a study of variants in `fit`, and predictions of what it ships."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, cast

import keras
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from kohort.data.dataset import Dataset
from kohort.data.tables.rounding import told_of_arrays
from kohort.design.building import batch_of
from kohort.design.races import Race
from kohort.design.replicates import Holdout, KFold
from kohort.design.scoring import Mode
from kohort.design.spec import StudyCallbacks
from kohort.design.training_part import TrainingPart
from kohort.design.variants import Variant
from kohort.design.weights import ClassWeight
from kohort.errors import DesignError, check_choice
from kohort.keras_api.averaging import link_of
from kohort.keras_api.class_outputs import widened
from kohort.keras_api.models import prepare
from kohort.member import Ensemble, Member
from kohort.result import Result
from kohort.sklearn.dense_nets import dense_variants
from kohort.study import Study

type Ships = Literal["best", "refit", "ensemble"]

VALIDATES = 0.2
"""The part of the samples that validates, where the number of replicates alone is given."""
KEPT = [np.dtype(code).type for code in "dfebhilqBHILQ?"]
"""The dtypes in which samples are looked at before they become float32: floats, integers and truth
values; others become float64, the first."""
BATCH = 1024
"""Samples that are predicted at once."""


class StudyEstimator(BaseEstimator):
    """Runs a study of variants, and keeps what it ships."""

    def __init__(
        self,
        variants: Sequence[Variant] | Any = None,
        *,
        replicates: int | Holdout | KFold | Race = 5,
        epochs: int | Mapping[str, int] = 50,
        batch_size: int = 32,
        ships: Ships = "best",
        metric: str | None = None,
        mode: Mode = "auto",
        margin: float | None = None,
        callbacks: StudyCallbacks = (),
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.variants = variants
        self.replicates = replicates
        self.epochs = epochs
        self.batch_size = batch_size
        self.ships = ships
        self.metric = metric
        self.mode = mode
        self.margin = margin
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def _dataset(
        self, x: np.ndarray, y: np.ndarray, names: Sequence[str] | None, groups: Any
    ) -> Dataset:
        """The data of the study; numbers that float32 makes equal are warned of.

        Args:
            x: `[sample, ...]`, in the dtype that they were given in, but for `KEPT`.
            y: Labels int32 `[sample]`, or numbers float64 `[sample, output]`.
            names: Of the classes; None of numbers.
            groups: As in `fit`.

        Raises:
            ValueError: `X` holds numbers beyond float32.
            DataError: As `kohort.Dataset`; or float32 leaves too little of the numbers `y`.
        """
        numbers = None if names is not None else y[:, 0] if y.shape[1] == 1 else y
        features = getattr(self, "feature_names_in_", None)
        told = told_of_arrays(x, numbers, ("X", "y"), features)
        for line in told:
            warnings.warn(line, DataConversionWarning, stacklevel=3)
        targets = y if numbers is None else y.astype(np.float32)
        return Dataset(
            _narrowed(x), targets, class_names=names, name="X", groups=groups, notes=tuple(told)
        )

    def _run_study(
        self, data: Dataset, weight: Any, class_weight: ClassWeight | None = None
    ) -> None:
        """Run the study, and keep its result and the model that it ships."""
        check_choice("ships", self.ships, ("best", "refit", "ensemble"))
        study = Study(
            type(self).__name__,
            self._variants(),
            data,
            replicates=self._splits(),
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self._seed(),
            callbacks=self.callbacks,
            metric=self.metric,
            mode=self.mode,
            margin=self.margin,
            sample_weight=weight,
            class_weight=class_weight,
        )
        self._check(study)
        verbose: Literal[0, 1] = 1 if self.verbose else 0
        self.result_ = study.run(verbose=verbose)
        self._keep(_shipped(self.result_, self.ships, verbose))

    def _check(self, study: Study) -> None:
        """Refuse before anything trains what could not predict when it has trained.

        Raises:
            DesignError: A variant's model, or an ensemble of one member, could not.
            ModelError: Outputs could not be averaged.
        """
        study.plan()  # What is wrong with the study is told first; its models are those that train.
        if self.ships == "ensemble" and study.spec.replicates.count < 2:
            raise DesignError(
                'two replicates or more, to average their models by ships="ensemble"',
                "one",
                'give more: replicates=5, say; or ships="best"',
            )
        replicate = study.spec.replicate(0, 1.0)
        part = TrainingPart(study.data, replicate.train)
        for variant in study.variants:
            model = variant.model(replicate.seed, part)
            prepare(model, batch_of(study.data, 1))
            self._check_model(variant.name, model, study.data)

    def _check_model(self, name: str, model: keras.Model, data: Dataset) -> None:
        """Refuse the model of a variant that could not predict when it has trained.

        Raises:
            DesignError: Nobody knows what its outputs say.
            ModelError: They could not be averaged.
        """
        del name
        if self.ships == "ensemble":
            link_of(model, has_classes=data.classes is not None)

    def _keep(self, shipped: Member | Ensemble) -> None:
        """Keep the model of what is shipped."""
        self.model_ = shipped.model()

    def _variants(self) -> Sequence[Variant]:
        if self.variants is None:
            return dense_variants()
        if callable(self.variants):
            return [Variant(getattr(self.variants, "__name__", "model"), self.variants)]
        return cast("Sequence[Variant]", self.variants)

    def _splits(self) -> Holdout | KFold | Race:
        if isinstance(self.replicates, Integral):
            return Holdout(VALIDATES, repeats=int(self.replicates))
        return cast("Holdout | KFold | Race", self.replicates)

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _outputs_of(self, X: Any) -> np.ndarray:
        """What the model gives for samples, float32 `[sample, output]`."""
        check_is_fitted(self)
        x = _narrowed(validate_data(self, X, dtype=KEPT, allow_nd=True, reset=False))
        given: np.ndarray = self.model_.predict(x, batch_size=BATCH, verbose=0)
        return widened(given).reshape(len(x), -1)


def _narrowed(x: np.ndarray) -> np.ndarray:
    """Samples `[sample, ...]` as models take them, float32.

    Raises:
        ValueError: Some are beyond float32.
    """
    with np.errstate(over="ignore"):
        narrowed: np.ndarray = x.astype(np.float32, copy=False)
    assert_all_finite(narrowed, input_name="X")
    return narrowed


def _shipped(result: Result, ships: Ships, verbose: Literal[0, 1]) -> Member | Ensemble:
    if ships == "refit":
        return result.refit(verbose=verbose)
    return result.ensemble() if ships == "ensemble" else result.best()
