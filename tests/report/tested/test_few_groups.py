"""A test part of few patients: no interval over rows, and it is said wherever its score is."""

import re
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import kohort
from kohort.cli.main import app
from kohort.data.inspection.groups_of_rows import few_to_test
from kohort.evidence import readings
from kohort.findings.statistics.scale import Scale
from kohort.report.held_out import score
from kohort.report.tested import on_test, side_by_side
from kohort.report.tested.beside_answer import beside_the_answer
from kohort.report.tested_scores import test_score as scored
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy
from tests.report.tested.test_side_by_side import COSTS

ROWS = 40


def answers(groups, name="net", lean=1.0, seed=0):
    """What a model that leans to the rare class says of these groups of 40 rows."""
    random, rows = np.random.default_rng(seed), ROWS * groups
    truth = (random.random(rows) < 0.25).astype(np.uint8)
    second = random.normal(size=rows) + lean * truth
    classes = (second > 0.7).astype(np.uint8)
    right = (classes == truth).astype(float)
    return readings.Tested(
        name, 0, 1, "", "accuracy", ("well", "ill"), 0, np.array(right.mean()), right,
        truth=truth, classes=classes, probabilities=np.full(rows, 0.8), losses=np.ones(rows),
        second=second, groups=np.repeat(np.arange(groups), ROWS),
    )  # fmt: skip


def both(groups, **how):
    found = [answers(groups, **how), answers(groups, "base", 0.0, 1)]
    return [score(one, 0.95) for one in found], [scored(one, 0.95) for one in found]


def told(groups):
    settings = record_of(grid_of(units=[1, 2]), noisy(0.8, 0.9)).settings
    return on_test.told(*both(groups), Scale(), settings)


def test_one_group_has_no_interval_and_says_why():
    text = told(1)
    assert "net is right for 65.0 % (no interval) of 40 samples" in text
    assert text.endswith(
        "There is no interval: the test part has 1 group of 40 rows, and an interval over rows "
        "would be too narrow (over groups it takes 5)."
    )
    assert not re.search(r"\d to \d", text)


def test_enough_groups_have_one_over_groups():
    tests, scores = both(8)
    assert told(8).endswith("Intervals are over the 8 groups of these 320 rows.")
    for found in (tests[0].accuracy, tests[0].balanced_accuracy, tests[0].areas.roc):
        assert found.low < found.mean < found.high
    alone = scored(replace(answers(8), groups=None), 0.95).score
    assert scores[0].score.low < alone.low < alone.high < scores[0].score.high


def test_a_class_of_few_groups_has_no_interval_of_its_own():
    one = answers(8)
    one.truth[:] = one.groups < 3  # the ill are three patients
    found = score(one, 0.95)
    assert [recall.is_formed for recall in found.recalls] == [True, False]
    assert (len(found.answers.by_group.samples), [*found.answers.groups_of_class]) == (8, [5, 3])
    alone = score(replace(one, groups=None), 0.95).answers
    assert (alone.by_group, alone.groups_of_class) == (None, None)
    assert not found.balanced_accuracy.is_formed
    assert not found.areas.roc.is_formed


def test_two_models_on_few_groups_are_not_told_apart():
    tests, scores = both(1)
    pair = side_by_side.SideBySide(
        *(side_by_side.TestedModel(t.variant, s, t, c)
          for t, s, c in zip(tests, scores, COSTS, strict=True)),
        Scale(), 0.95, "",
    )  # fmt: skip
    text = str(pair)
    assert "points (no interval)" in text
    assert "McNemar" not in text
    assert "nan" not in text
    assert np.isnan(pair.losses.low)
    assert not scores[0].less(scores[1], 0.95).is_formed
    assert on_test.paired(pair.accuracies, "net", "base").endswith("points (no interval).")
    assert on_test.reconciled(pair.accuracies, None, Scale()) == ""


def test_numbers_on_few_groups_have_no_interval():
    groups = np.repeat([0, 1], 20)
    numbers = np.arange(40, dtype=np.float32)
    one = readings.Tested(
        "v", 0, 1, "", "loss", score=np.array(1.0), values=numbers, targets=numbers,
        predictions=numbers + 1 + numbers % 3, groups=groups,
    )  # fmt: skip
    found = scored(one, 0.95)
    assert not found.score.is_formed
    assert not found.errors[0].mae.is_formed


def test_the_answer_says_that_ranks_are_by_chance():
    tests, scores = both(8, lean=0.0)
    assert beside_the_answer(tests, scores).startswith(
        "On the test set net is not shown to rank better than chance, 0.5: area under ROC 0."
    )
    assert beside_the_answer(*both(8, lean=2.0)) == beside_the_answer([], []) == ""
    assert "ranks the two classes worse than chance" in beside_the_answer(*both(8, lean=-3.0))


def test_the_plan_tells_of_few_groups():
    assert few_to_test(None) == few_to_test(np.arange(5)) == few_to_test(np.full(5, -1)) == ""
    assert few_to_test(np.arange(3)) == ""  # as `numbered`: rows of no common group
    assert few_to_test(np.repeat(np.arange(5), 2)) == ""
    assert few_to_test(np.repeat(np.arange(4), 2)).startswith("the test part has 4 groups of 8 ")
    assert few_to_test(np.array([0, 0, 1])).startswith("the test part has 2 groups of 3 rows: ")
    assert few_to_test(np.zeros(40, int)).startswith("the test part has 1 group of 40 rows: ")


def patients(tmp_path):
    random = np.random.default_rng(0)
    rows = {"age": random.normal(size=6 * ROWS), "pulse": random.normal(size=6 * ROWS)}
    rows |= {"ill": random.random(6 * ROWS) < 0.05, "patient": np.repeat(np.arange(6), ROWS)}
    path = tmp_path / "patients.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def build(units, data):
    hidden = keras.layers.Dense(units, "relu")
    outputs = keras.layers.Dense(1, "sigmoid")
    model = keras.Sequential([keras.Input(data.input_shape), hidden, outputs])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.long
def test_six_patients_say_everywhere_that_one_was_tested(tmp_path):
    data = kohort.load(patients(tmp_path), target="ill", group="patient")
    assert "40 of 240 samples are held out as the test set, in whole groups (1 of 6)" in str(data)
    store = str(tmp_path / "kohort.db")
    study = kohort.Study(
        "ill", kohort.grid(build, units=[2, 4]), data,
        replicates=kohort.Holdout(0.2, 3), epochs=2, batch_size=40,
    )  # fmt: skip
    assert "the test part has 1 group of 40 rows" in str(study.plan())
    result = study.run(store, verbose=0)
    assert "no interval" not in result.answer()  # the test set has not been read

    def shown():
        done = CliRunner().invoke(app, ["show", "ill", "--store", store, "--all"])
        return " ".join(done.stdout.split())

    assert 'kohort report "ill" --data SRC reads it.' in shown()
    assert "KH203 inconclusive" not in shown()
    page = result.report(tmp_path / "report.html").read_text()
    text = re.sub(r"\s+", " ", page)
    assert text.count("There is no interval: the test part has 1 group of 40 rows") > 1
    assert "balanced accuracy is over classes, each counting alike" in text  # on the test set
    assert "over classes, each counting alike. The accuracy is over samples" in text  # validation
    short = "The score on the test set has no interval, as its 40 rows are of 1 group."
    assert result.answer().endswith(short)
    known = shown()
    assert short in known
    assert "the test part has 1 group of 40 rows" in known
    assert "KH203 inconclusive: Validation may lie above test" in known
    assert "reads it" not in known
