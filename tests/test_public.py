"""The public surface: one sorted list, whole, and an import that changes nothing."""

import subprocess
import sys

import pytest

import kohort


def test_all_is_sorted_and_whole():
    assert kohort.__all__ == sorted(kohort.__all__)
    for name in kohort.__all__:
        assert getattr(kohort, name).__doc__, name
    assert set(kohort.__all__) <= set(dir(kohort))


def test_every_name_lives_where_the_list_says():
    assert sorted(kohort._HOMES) == kohort.__all__
    for name, home in kohort._HOMES.items():
        assert getattr(kohort, name).__module__ == home


def test_what_is_not_there_is_said_so():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kohort.nothing  # noqa: B018


IMPORT = """
import logging, os, sys, warnings
before = (dict(os.environ), list(warnings.filters), logging.root.handlers[:], list(sys.path))
import kohort
after = (dict(os.environ), list(warnings.filters), logging.root.handlers[:], list(sys.path))
assert before[1:] == after[1:]
changed = {k for k in after[0] if before[0].get(k) != after[0][k]}
print(sorted(changed), os.environ["KERAS_BACKEND"], "keras" in sys.modules, "pandas" in sys.modules)
"""


def run(code, **environment):
    import os

    variables = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_importing_sets_the_backend_and_nothing_else():
    assert run(IMPORT) == "['KERAS_BACKEND'] jax False False"


def test_importing_leaves_a_chosen_backend_alone():
    assert run(IMPORT, KERAS_BACKEND="numpy") == "[] numpy False False"


LATE = ("altair", "alembic", "jinja2", "optuna", "sqlalchemy", "vl_convert")
"""What a study that is kept nowhere, and of which nobody asks for a report, does without."""


def test_a_list_of_studies_needs_no_tables_and_no_statistics():
    code = "import sys, kohort.report.store_tables as _; print(*({names} & set(sys.modules)))"
    assert run(code.format(names={"keras", "pandas", "scipy.stats", *LATE})) == ""


STUDY = """
import sys
import kohort, keras, numpy as np

def build(units):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model

data, classes = np.eye(2, dtype="float32")[[0, 1] * 10], np.array([0, 1] * 10)
nets, parts = kohort.grid(build, units=[2, 3]), kohort.Holdout(0.2, 2)
study = kohort.Study("tiny", nets, (data, classes), replicates=parts, epochs=1)
study.plan()
result = study.run(verbose=0)
assert result.winner in result.answer() and result.table().index[0] in str(result)
print(*({names} & set(sys.modules)))
"""


@pytest.mark.long
def test_a_study_needs_no_charts_and_no_database():
    assert run(STUDY.replace("{names}", str(set(LATE)))) == ""


FIT = """
import sys
# Keras imports scikit-learn where it is installed, and with it SciPy's statistics.
sys.modules["sklearn"] = None
import kohort, keras, numpy as np

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
kohort.fit(model, np.eye(2, dtype="float32"), np.arange(2), verbose=0)
kohort.Holdout
print(*({names} & set(sys.modules)))
"""


@pytest.mark.long
def test_fit_needs_no_charts_and_no_statistics():
    late = {"kohort.findings", "scipy.optimize", "scipy.stats", *LATE}
    assert run(FIT.replace("{names}", str(late))) == ""
