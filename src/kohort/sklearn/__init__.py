"""Studies as scikit-learn estimators, in pipelines, `cross_val_score` and `GridSearchCV`.

It needs scikit-learn, the extra `kohort[sklearn]`; nothing else of kohort does.
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "expected scikit-learn, which kohort.sklearn needs, got none; "
        "install it: pip install 'kohort[sklearn]'"
    ) from error

from kohort.sklearn.classifier import KohortClassifier
from kohort.sklearn.regressor import KohortRegressor

__all__ = ["KohortClassifier", "KohortRegressor"]
