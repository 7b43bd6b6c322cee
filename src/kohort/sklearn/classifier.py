"""A classifier that runs a study in `fit`."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import keras
import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from kohort.data.dataset import Dataset
from kohort.data.encoding import is_missing
from kohort.design.races import Race
from kohort.design.replicates import Holdout, KFold
from kohort.design.scoring import Mode
from kohort.design.spec import StudyCallbacks
from kohort.design.variants import Variant
from kohort.design.weights import ClassWeight
from kohort.errors import DataError, DesignError, ModelError, row_text
from kohort.keras_api.class_outputs import (
    HALF,
    class_probabilities,
    leaning,
    tell_probabilities,
)
from kohort.member import Ensemble, Member
from kohort.sklearn.class_models import check_class_model, kind_of
from kohort.sklearn.study_estimator import KEPT, Ships, StudyEstimator


def _tells_probabilities(self: "KohortClassifier") -> bool:
    return not hasattr(self, "_kind") or self._kind not in ("margins", "numbers")


def _tells_sides(self: "KohortClassifier") -> bool:
    return not _tells_probabilities(self)


class KohortClassifier(ClassifierMixin, StudyEstimator):
    """A classifier that compares variants by a study, and predicts with the winner.

    `fit` splits the samples that it is given into training and validation parts, trains every
    variant in each replicate, and keeps what was found as `result_`. Inputs are the numbers of
    `X`, float32; a `DataConversionWarning` names features whose different numbers become equal by
    that. Scale them in a pipeline, or in the model by a layer that `adapt`s to the `data`
    that a build function gets. Classes may be of any kind; models see their numbers from 0.

    Args:
        variants: A build function, which makes one variant; or a list of `kohort.Variant`, as
            `kohort.grid` gives it. None compares a linear model with nets of one and of two hidden
            layers of 64 units.
        replicates: So many random splits, of which a fifth validates; or `kohort.Holdout`,
            `kohort.KFold`, or `kohort.Race`.
        epochs: As in `kohort.Study`.
        batch_size: As in `kohort.Study`.
        ships: What predicts: "best", the winner's member of lowest validation loss; "refit", the
            winner once more on all samples; "ensemble", the mean of the winner's members.
        metric: As in `kohort.Study`: None is an accuracy of Keras's where models have it,
            else the loss.
        mode: As in `kohort.Study`.
        margin: As in `kohort.Study`.
        callbacks: As in `kohort.Study`.
        class_weight: How much each class counts in the loss that trains: weights by class, such as
            `{"yes": 5}`, where others have 1, or "balanced", which each replicate computes from
            what it trains on. As in `kohort.Study` nothing is measured with them, and they stand
            not beside a `sample_weight`.
        random_state: The seed of the study; a number makes `fit` give the same each time.
        verbose: 0 is silent; anything else shows progress on stderr.

    Attributes:
        result_: The `kohort.Result` of the study.
        model_: The `keras.Model` that predicts.
        classes_: The classes, sorted.
        n_features_in_: The number of features.
        feature_names_in_: Their names, where `X` has such.

    Example:
        >>> from kohort.sklearn import KohortClassifier
        >>> variants = kohort.grid(build, units=[1, 16])
        >>> classifier = KohortClassifier(variants, replicates=3, epochs=2, batch_size=10)
        >>> classifier.set_params(random_state=0).fit(data.x_train, data.y_train).result_.winner
        'units=16'
        >>> classifier.score(data.x_test, data.y_test) > 0.9
        True
    """

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
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            variants,
            replicates=replicates,
            epochs=epochs,
            batch_size=batch_size,
            ships=ships,
            metric=metric,
            mode=mode,
            margin=margin,
            callbacks=callbacks,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Run the study.

        Args:
            X: `[sample, feature]` numbers, or of more axes, as the models take them.
            y: `[sample]`, the class of each.
            sample_weight: `[sample]`, how much each counts, as in `kohort.Study`.
            groups: `[sample]`, what belongs together, of any hashable kind: a group is never split
                between training and validation.

        Returns:
            Itself.

        Raises:
            ValueError: As `kohort.Study` and `Study.run`; or there is one class, a sample has none,
                some are text and others numbers, or `class_weight` is of another class.

        Example:
            >>> from kohort.sklearn import KohortClassifier
            >>> variants = kohort.grid(build, units=[4, 8])
            >>> classifier = KohortClassifier(variants, replicates=2, epochs=1)
            >>> len(classifier.fit(data.x_train, data.y_train).result_.members)
            4
        """
        _check_classes(y)
        x, y = validate_data(self, X, y, dtype=KEPT, allow_nd=True, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError("samples of two classes or more", "one class", "give others, too")
        names = [str(name) for name in self.classes_.tolist()]
        weights = self._weights_of_classes(names)
        data = self._dataset(x, labels.astype(np.int32), names, groups)
        self._run_study(data, sample_weight, weights)
        return self

    def _weights_of_classes(self, names: Sequence[str]) -> ClassWeight | None:
        """The weights of classes by the names that these have in the study."""
        given = self.class_weight
        if not isinstance(given, Mapping):
            return given
        classes = self.classes_.tolist()
        known = dict(zip(classes, names, strict=True))
        strange = [label for label in given if label not in known]
        if strange:
            raise DesignError(
                f"class_weight for classes among {reprlib.repr(classes)}",
                f"one for {strange[0]!r}",
                "name the classes as y does",
            )
        return {known[label]: weight for label, weight in given.items()}

    def _check_model(self, name: str, model: keras.Model, data: Dataset) -> None:
        super()._check_model(name, model, data)
        check_class_model(name, model, len(self.classes_))

    def _keep(self, shipped: Member | Ensemble) -> None:
        super()._keep(shipped)
        if isinstance(shipped, Member):
            self._kind = kind_of(self.model_)
        else:
            # A mean of numbers or of margins is one, too; of logits their probabilities are joined.
            is_joined = bool(shipped.links[0])
            self._kind = "probabilities" if is_joined else kind_of(shipped.members[0].model())

    def predict(self, X: Any) -> np.ndarray:
        """The class of each sample.

        Args:
            X: `[sample, ...]`, as in `fit`.

        Returns:
            `[sample]`, each one of `classes_`.

        Raises:
            NotFittedError: It was not fitted.

        Example:
            >>> from kohort.sklearn import KohortClassifier
            >>> variants = kohort.grid(build, units=[16])
            >>> classifier = KohortClassifier(variants, replicates=2, epochs=2, batch_size=10)
            >>> classifier.fit(data.x_train, np.array(list("abcde"))[data.y_train])
            KohortClassifier(...)
            >>> classifier.predict(6 * np.eye(5)).tolist()
            ['a', 'b', 'c', 'd', 'e']
        """
        outputs = self._outputs_of(X)
        predicted: np.ndarray = self.classes_[
            class_probabilities(outputs, self._kind).argmax(axis=1)
        ]
        return predicted

    @available_if(_tells_probabilities)  # type: ignore[untyped-decorator]  # it has no types
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, for each sample.

        As of scikit-learn's `LinearSVC` there is none of a model that was trained with a hinge:
        its `decision_function` tells on which side a sample lies.

        Args:
            X: `[sample, ...]`, as in `fit`.

        Returns:
            float32 `[sample, class]`, in the order of `classes_`; each row adds up to 1.

        Raises:
            NotFittedError: It was not fitted.
            ModelError: Outputs that its loss takes for probabilities are none.

        Example:
            >>> from kohort.sklearn import KohortClassifier
            >>> variants = kohort.grid(build, units=[16])
            >>> classifier = KohortClassifier(variants, replicates=2, epochs=2, batch_size=10)
            >>> classifier.fit(data.x_train, data.y_train).predict_proba(data.x_test).shape
            (60, 5)
        """
        outputs = self._outputs_of(X)
        if not tell_probabilities(outputs, self._kind):
            raise ModelError(
                "probabilities, from 0 to 1, as the loss takes them",
                f"outputs from {outputs.min():g} to {outputs.max():g}",
                "end the model with sigmoid, or compile its loss with from_logits=True",
            )
        return class_probabilities(outputs, self._kind)

    @available_if(_tells_probabilities)  # type: ignore[untyped-decorator]  # it has no types
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of `predict_proba`; minus infinity of a probability of 0.

        Args:
            X: `[sample, ...]`, as in `fit`.

        Returns:
            float32 `[sample, class]`, in the order of `classes_`.

        Raises:
            NotFittedError: It was not fitted.

        Example:
            >>> from kohort.sklearn import KohortClassifier
            >>> variants = kohort.grid(build, units=[16])
            >>> classifier = KohortClassifier(variants, replicates=2, epochs=2, batch_size=10)
            >>> classifier.fit(data.x_train, data.y_train).predict_log_proba(data.x_test).shape
            (60, 5)
        """
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    @available_if(_tells_sides)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> np.ndarray:
        """How far each sample lies on the side of each class, where no probability tells it.

        It is there once the winner is a model of margins, trained with a hinge of Keras's, or of
        numbers that a metric cuts at 0.5.

        Args:
            X: `[sample, ...]`, as in `fit`.

        Returns:
            float32 `[sample]` of two classes, above 0 on the side of the second one of `classes_`;
            else `[sample, class]`, the highest where the class is predicted.

        Example:
            >>> from kohort.sklearn import KohortClassifier
            >>> def sides(data):
            ...     layers = [keras.Input(data.input_shape), keras.layers.Dense(1)]
            ...     model = keras.Sequential(layers)
            ...     model.compile("adam", "hinge")
            ...     return model
            >>> classifier = KohortClassifier(sides, replicates=2, epochs=1)
            >>> classifier.fit(data.x_train, data.y_train > 2).decision_function(data.x_test).shape
            (60,)
        """
        outputs = self._outputs_of(X)
        if len(self.classes_) > 2:
            return outputs
        sides = leaning(outputs, self._kind)
        return sides - np.float32(HALF) if self._kind == "numbers" else sides


def _check_classes(y: Any) -> None:
    """Refuse classes of objects that cannot be told apart by sorting them.

    Raises:
        DataError: A sample has none, or some are text and others numbers.
    """
    labels = np.asarray(y)
    if labels.dtype != object or labels.ndim != 1:
        return
    missing = [row for row, label in enumerate(labels) if is_missing(label)]
    if missing:
        raise DataError(
            "a class for each sample in y",
            f"{len(missing):,} of {len(labels):,} samples without one, the first in "
            f"{row_text(missing[0])}",
            "give every sample its class, or drop those without",
        )
    try:
        np.unique(labels)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise DataError(
            "classes in y that are all text, or all numbers",
            " and ".join(kinds),
            "make them one kind, such as by .astype(str)",
        ) from error
