"""Outputs of a hinge loss are margins: they rank, and nothing is told of how sure they are."""

import re

import keras
import numpy as np
import pytest

import kohort
from kohort.data.labels import class_labels
from kohort.keras_api.samples import SampleScore
from kohort.report import held_out
from kohort.report.study_page.mistakes import mistakes_part

TRUTH = np.arange(40) % 2


def held(outputs, *, margins):
    data = kohort.Dataset(np.zeros((40, 3)), TRUTH, np.zeros((40, 3)), TRUTH)
    right = ((outputs[:, 0] > 0) == TRUTH).astype(float)
    one = held_out.Candidate(
        "svm", 0, 1, "", lambda x: outputs,
        lambda x, y: SampleScore(right.mean(), right), lambda: "margins" if margins else "unknown",
    )  # fmt: skip
    labels = class_labels(data, floats_are_labels=False)
    (tested,) = held_out.TestSet(data, labels, "accuracy").read([one])
    return held_out.score(tested, 0.95)


def test_margins_rank_and_are_not_told_as_probabilities():
    outputs = np.linspace(-0.9, 0.9, 40, dtype=np.float32)[:, None]
    part = mistakes_part([held(outputs, margins=True)], None)
    assert part["reliability"] == ""
    assert part["roc"]
    assert part["areas"][0].startswith("svm: area under ROC 0.5")
    (told,) = part["calibrations"]
    assert told == (
        "The outputs of svm are no probabilities, by the loss and the last layer: they rank "
        "samples, and do not tell how sure an answer is."
    )
    plain = mistakes_part([held(outputs, margins=False)], None)
    assert plain["reliability"]
    assert "calibration error" in plain["calibrations"][0]
    assert "Brier" in plain["calibrations"][0]


def test_the_border_of_margins_is_zero_wherever_they_lie():
    inside = np.full((40, 1), 0.2, np.float32)  # as a probability it would say the first class
    assert held(inside, margins=True).confusion.tolist() == [[0, 20], [0, 20]]
    assert held(inside, margins=False).confusion.tolist() == [[20, 0], [20, 0]]


def build(units, data):
    hidden = keras.layers.Dense(units, "relu")
    outputs = keras.layers.Dense(1, "tanh")
    model = keras.Sequential([keras.Input(data.input_shape), hidden, outputs])
    model.compile("adam", "hinge", metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
    return model


@pytest.mark.long
def test_a_report_of_margins_shows_no_calibration(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    y = (x[:, 0] > 0).astype(int)
    data = kohort.Dataset(x[:200], y[:200], x[200:], y[200:])
    result = kohort.Study(
        "margins", kohort.grid(build, units=[2, 4]), data,
        replicates=kohort.Holdout(0.2, 3), epochs=2, batch_size=40,
    ).run(str(tmp_path / "kohort.db"), verbose=0)  # fmt: skip
    page = result.report(tmp_path / "report.html").read_text()
    text = re.sub(r"\s+", " ", page)
    assert "are no probabilities, by the loss and the last layer" in text
    assert "calibration error of" not in text.casefold()
    assert "how sure the model is" not in text
    kept = kohort.open(str(tmp_path / "kohort.db"), "margins").test()
    assert [one.has_probabilities for one in kept] == [False] * len(kept)
    assert "ece" not in result.test_refit().table()
