"""Keras on its TensorFlow backend: studies by `keras.Model.fit`, one member after another.

They run in the Python of an environment that has TensorFlow (`make backends` sets it up), named by
KOHORT_TENSORFLOW_PYTHON.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from tests.backends import full_batches

HERE = Path(full_batches.__file__).parent
ROOT = HERE.parents[1]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def tensorflow():
    """Runs Python with Keras on TensorFlow: `(arguments, cwd) -> finished process`."""
    python = os.environ.get("KOHORT_TENSORFLOW_PYTHON")
    if not python:
        assert "KOHORT_REQUIRE_TENSORFLOW" not in os.environ, "no Python that has TensorFlow"
        pytest.skip("KOHORT_TENSORFLOW_PYTHON names no Python that has TensorFlow")

    def run(*arguments, cwd, backend="tensorflow"):
        environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        return subprocess.run(
            [python, *map(str, arguments)],
            cwd=cwd, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def theirs(tensorflow, tmp_path_factory):
    """What the study of full batches left on TensorFlow."""
    folder = tmp_path_factory.mktemp("tensorflow")
    done = tensorflow(full_batches.__file__, folder, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def ours(tensorflow, tmp_path_factory):
    """The same on JAX, in this process."""
    folder = tmp_path_factory.mktemp("jax")
    full_batches.measure(folder)
    return folder


def told(folder):
    return json.loads((folder / "told.json").read_text())


def test_it_computes_on_tensorflow(theirs, ours):
    assert told(theirs)["environment"]["backend"].startswith("tensorflow 2.")
    assert told(ours)["environment"]["backend"].startswith("jax ")
    assert not told(theirs)["jax_started"]


def test_curves_are_the_same_as_on_jax(theirs, ours):
    mine, yours = (pd.read_csv(folder / "curves.csv") for folder in (ours, theirs))
    keys = ["variant", "replicate", "epoch", "metric"]
    pd.testing.assert_frame_equal(mine[keys], yours[keys])
    assert set(mine["metric"]) == {
        *("loss", "accuracy", "eval_loss", "eval_accuracy", "eval_data_loss"),
        *("val_loss", "val_accuracy", "val_data_loss"),
    }
    assert mine.groupby(["variant", "replicate"])["epoch"].max().nunique() > 1
    np.testing.assert_allclose(yours["value"], mine["value"], rtol=1e-4, atol=1e-5)


def test_members_have_the_same_best_weights_as_on_jax(theirs, ours):
    assert told(theirs)["epochs"] == told(ours)["epochs"]
    assert min(told(ours)["epochs"]) < 12
    for variant in (0, 1):
        for replicate in (0, 1, 2):
            mine, yours = (
                np.load(folder / f"{variant}-{replicate}.npz") for folder in (ours, theirs)
            )
            assert mine.files == yours.files
            for name in mine.files:
                np.testing.assert_allclose(yours[name], mine[name], rtol=1e-4, atol=1e-4)


def test_the_answer_the_report_and_the_tests_are_the_same(theirs, ours):
    for what in ("best", "tests"):
        assert told(theirs)[what] == told(ours)[what]
    text = (theirs / "report.html").read_text("utf-8")
    assert "does best on validation data" in text or "cannot be told from" in text
    assert told(theirs)["environment"]["backend"] in text


def test_the_winner_predicts_there_and_here(theirs, ours):
    expected = np.load(ours / "scores.npy")
    for name in ("scores.npy", "deployed.npy"):
        np.testing.assert_allclose(np.load(theirs / name), expected, rtol=1e-3, atol=1e-4)
    loaded = keras.saving.load_model(theirs / "winner.keras")
    scores = loaded.predict(full_batches.data().x_test, verbose=0)
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-4)
    _, label, probability, *_ = told(theirs)["answer"]
    assert label == "ABC"[expected[0].argmax()]
    assert probability == pytest.approx(expected[0].max(), abs=1e-3)


def test_the_plan_lists_every_member_and_says_why_it_is_alone(theirs, ours):
    plan = told(theirs)["plan"]
    assert "6 members; programs to compile, one for each cohort: 0" in plan
    why = "by keras.Model.fit, one after another, because Keras runs on its tensorflow backend"
    assert plan.count(why) == 2
    assert "programs to compile, one for each cohort: 2" in told(ours)["plan"]


REPEATABLE = """
import keras, kohort
import numpy as np
from full_batches import build, data

def dropped(input_shape, rate):
    model = build(input_shape)
    inner = [*model.layers[:-1], keras.layers.Dropout(rate), model.layers[-1]]
    model = keras.Sequential([keras.Input(input_shape), *inner])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def curves(rates, repeats):
    study = kohort.Study("shuffled", kohort.grid(dropped, rate=rates, input_shape=(4, 4)), data(),
                         replicates=kohort.Holdout(0.2, repeats), epochs=3, batch_size=20)
    table = study.run(engine="keras", verbose=0).curves()
    return table[(table.variant == "rate=0.3") & (table.replicate == 0)]["value"].to_numpy()

few = curves([0.3], 1)
np.testing.assert_allclose(curves([0.3], 1), few, rtol=1e-5)
np.testing.assert_allclose(curves([0.5, 0.3], 2), few, rtol=1e-5)
"""


def test_members_do_not_depend_on_who_trains_before_them(tensorflow):
    done = tensorflow("-c", REPEATABLE, cwd=HERE)
    assert done.returncode == 0, done.stderr


FIT = """
import random
import warnings
import keras
import kohort  # after Keras: the backend is Keras's own choice
import numpy as np
from full_batches import build, data

small = data()
x, y = small.inputs(small.x_train), small.y_train

def built(l2):
    keras.utils.set_random_seed(1)
    return build(small.input_shape, l2=l2)

models = [built(0.0), built(0.05)]
arguments = {"epochs": 3, "batch_size": 50, "validation_split": 0.2, "shuffle": False}
state = random.getstate(), np.random.get_state()[1].tolist()
histories = kohort.fit(models, x, y, engine="keras", train_metrics="evaluated", verbose=0,
                       class_weight={0: 2.0}, **arguments)
assert state == (random.getstate(), np.random.get_state()[1].tolist())
for l2, model, history in zip((0.0, 0.05), models, histories):
    theirs = built(l2)
    expected = theirs.fit(x, y, verbose=0, class_weight={0: 2.0}, **arguments).history
    for name, values in expected.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)
    seen = model.evaluate(x[144:], y[144:], verbose=0, return_dict=True)
    penalty = float(sum(model.losses, 0.0))
    assert (penalty > 0.1) == (l2 > 0)
    np.testing.assert_allclose(history.history["val_data_loss"][-1], seen["loss"] - penalty, 1e-4)
    assert "eval_data_loss" in history.history

arguments = {"engine": "keras", "epochs": 2, "batch_size": 50, "verbose": 0}
orders = [kohort.fit(built(0.0), x, y, seed=seed, **arguments) for seed in (5, 5, 6)]
np.testing.assert_allclose(orders[0].history["loss"], orders[1].history["loss"], rtol=1e-5)
assert abs(orders[0].history["loss"][0] - orders[2].history["loss"][0]) > 1e-5

with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    kohort.fit(built(0.0), x, y, verbose=0)
print([str(warning.message) for warning in told if "kohort" in str(warning.message)])
try:
    kohort.fit(built(0.0), x, y, engine="fused", verbose=0)
except kohort.ModelError as error:
    print(error)
"""


def test_fit_by_keras_there(tensorflow):
    done = tensorflow("-c", FIT, cwd=HERE)
    assert done.returncode == 0, done.stderr
    warned, refused = done.stdout.strip().splitlines()
    why = "Keras runs on its tensorflow backend"
    assert re.fullmatch(rf"\['kohort.fit leaves to keras.Model.fit: \w+ \({why}\)'\]", warned)
    assert why in refused
    assert refused.startswith("expected models that can be compiled into one program, for engine")


TENSORBOARD = """
import sys
import kohort, keras
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

x, y = np.random.default_rng(0).normal(size=(90, 5)), np.arange(90) % 3

def built(seed):
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def board(side):
    return lambda number: keras.callbacks.TensorBoard(f"{sys.argv[1]}/{side}{number}")

def scalars(place):
    found = {}
    for part in ("train", "validation"):
        events = EventAccumulator(f"{place}/{part}").Reload()
        for tag in events.Tags()["tensors"]:
            if "keras" not in tag:
                seen = events.Tensors(tag)
                found[part, tag] = [(e.step, make_ndarray(e.tensor_proto)) for e in seen]
    return found

arguments = {"epochs": 3, "validation_split": 0.2, "verbose": 0, "shuffle": False}
kohort.fit([built(0), built(1)], x, y, callbacks=board("ours"), **arguments)
for number in (0, 1):
    built(number).fit(x, y, callbacks=[board("keras")(number)], **arguments)
    mine, yours = (scalars(f"{sys.argv[1]}/{side}{number}") for side in ("ours", "keras"))
    assert set(mine) == set(yours), (set(mine), set(yours))
    for name in yours:
        np.testing.assert_allclose(np.array(mine[name], float), np.array(yours[name], float), 1e-4)
print(len(yours))
"""


def test_tensorboard_gets_what_it_gets_from_keras(tensorflow, tmp_path):
    """Keras's callback writes by TensorFlow on every backend; here it watches the fused engine."""
    done = tensorflow("-c", TENSORBOARD, str(tmp_path), cwd=HERE, backend="jax")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 6


def test_the_command_line_says_in_one_line_that_the_fused_engine_needs_jax(tensorflow, tmp_path):
    (tmp_path / "own.py").write_text(
        f"import sys\nsys.path.insert(0, {str(HERE)!r})\nimport full_batches\n"
        "study = full_batches.study()\n"
    )
    done = tensorflow("-m", "kohort", "run", "own.py", "--engine", "fused", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("kohort: ")]
    assert len(lines) == 1
    assert "Keras runs on its tensorflow backend; pass engine='auto'" in lines[0]


def test_both_environments_pin_alike():
    """But for h5py, of which TensorFlow wants an older one: numbers are compared across them."""

    def pins(name):
        return dict(re.findall(r"^([^#=\s]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))

    ours, theirs = pins("constraints.txt"), pins("constraints-tensorflow.txt")
    differ = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    assert differ == {"h5py"}
    assert {"jax", "keras", "numpy"} <= ours.keys() & theirs.keys()
