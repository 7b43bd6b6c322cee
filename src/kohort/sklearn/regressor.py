"""A regressor that runs a study in `fit`."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from kohort.data.checking import no_numbers
from kohort.errors import DataError
from kohort.sklearn.study_estimator import KEPT, StudyEstimator


class KohortRegressor(RegressorMixin, StudyEstimator):
    """A regressor that compares variants by a study, and predicts with the winner.

    As `KohortClassifier`. Targets are floats `[sample, 1]` in the study, as metrics of Keras such
    as `R2Score` want them; or `[sample, output]`, where `y` has several outputs.

    Args:
        variants: As in `KohortClassifier`.
        replicates: Likewise.
        epochs: As in `kohort.Study`.
        batch_size: As in `kohort.Study`.
        ships: As in `KohortClassifier`.
        metric: As in `kohort.Study`: None is the loss.
        mode: As in `kohort.Study`.
        margin: As in `kohort.Study`.
        callbacks: As in `kohort.Study`.
        random_state: The seed of the study; a number makes `fit` give the same each time.
        verbose: 0 is silent; anything else shows progress on stderr.

    Attributes:
        result_: The `kohort.Result` of the study.
        model_: The `keras.Model` that predicts.
        n_features_in_: The number of features.
        feature_names_in_: Their names, where `X` has such.

    Example:
        >>> from kohort.sklearn import KohortRegressor
        >>> regressor = KohortRegressor(replicates=2, epochs=20, random_state=0)
        >>> x = data.x_train
        >>> regressor.fit(x, x[:, 0] - 2 * x[:, 1]).score(x, x[:, 0] - 2 * x[:, 1]) > 0.9
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Run the study.

        Args:
            X: `[sample, feature]` numbers, or of more axes, as the models take them.
            y: `[sample]` or `[sample, output]` numbers.
            sample_weight: `[sample]`, how much each counts, as in `kohort.Study`.
            groups: As in `KohortClassifier.fit`.

        Returns:
            Itself.

        Raises:
            ValueError: As `kohort.Study` and `Study.run`; or `y` holds text.

        Example:
            >>> from kohort.sklearn import KohortRegressor
            >>> regressor = KohortRegressor(replicates=2, epochs=1, random_state=0)
            >>> len(regressor.fit(data.x_train, data.x_train[:, :2]).result_.members)
            6
        """
        _check_numbers(y)
        x, y = validate_data(
            self, X, y, dtype=KEPT, allow_nd=True, multi_output=True, y_numeric=True,
            ensure_min_samples=2,
        )  # fmt: skip
        self._has_column = y.ndim > 1
        # Not float32 yet, so that what it could not tell apart is refused.
        targets = y.reshape(len(y), -1).astype(np.float64)
        self._run_study(self._dataset(x, targets, None, groups), sample_weight)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The numbers of each sample.

        Args:
            X: `[sample, ...]`, as in `fit`.

        Returns:
            float64 `[sample]`; or `[sample, output]`, where `y` was so in `fit`.

        Raises:
            NotFittedError: It was not fitted.

        Example:
            >>> from kohort.sklearn import KohortRegressor
            >>> regressor = KohortRegressor(replicates=2, epochs=1, random_state=0)
            >>> regressor.fit(data.x_train, data.x_train[:, 0]).predict(data.x_test).shape
            (60,)
        """
        outputs = self._outputs_of(X).astype(np.float64)
        return outputs if self._has_column else outputs[:, 0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _check_numbers(y: Any) -> None:
    """Refuse text as numbers to predict.

    Raises:
        DataError: Some is there.
    """
    given = np.asarray(y)
    if given.dtype.kind not in "OUS" or not given.ndim:
        return
    try:
        given.astype(np.float64)
    except ValueError as error:
        wrong = no_numbers("y", given.astype(object), y)
        mend = "give numbers to predict, or the classes to a KohortClassifier"
        raise DataError(wrong.expected, wrong.received, mend) from error
