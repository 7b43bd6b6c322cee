"""KH208: an input tells the target of a study's samples by itself."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.findings.rules.leaks.given_away import MOST_COLUMNS, RULE
from tests.findings.checks.checked_data import alone
from tests.findings.curve_builders import study_of
from tests.models import build_mlp


def judged(*told):
    return RULE.judge(study_of([[0.2, 0.3], [0.1, 0.2]], told=told))


def test_fires_where_a_column_tells_the_class_and_names_it():
    found = judged(alone(2, right=[[500, 500], [250, 250]], of_class=[500, 500]))
    assert (found.code, found.title) == ("KH208", "an input gives the target away")
    assert (found.verdict, found.variant) == ("found", None)
    assert found.sentence.startswith("By itself column 0 tells the class: column 0 reaches a bal")
    assert "Leave it out" in found.advice


def test_silent_open_and_where_nobody_looked():
    assert judged(alone(2, explained=[0.97, 0.1])).verdict == "not found"
    assert judged(alone(2, explained=[0.99, 0.1], earlier=[0])).verdict == "inconclusive"
    none = judged()
    assert none.verdict == "not applicable"
    assert none.sentence.startswith("Nobody looked at what single inputs tell of the target, ")
    assert none.sentence.endswith(", or only such as do not vary.")


def test_a_place_of_windows_is_called_so():
    told = replace(alone(2, explained=[0.9, 0.1]), of_windows=True)
    assert judged(told).sentence.startswith("Of places in the windows, the means in bins of ")
    smooth = replace(told, explained=np.array([0.99, 0.1]), before=np.array([[0.99, 1.0]] * 2))
    assert judged(smooth).verdict == "not found"
    clear = replace(smooth, before=np.array([[0.9, 1.0]] * 2))
    assert judged(clear).verdict == "found"
    classes = replace(alone(1, right=[[50, 90]], of_class=[100, 100]), of_windows=True)
    assert judged(classes).sentence.startswith("The place in the windows that tells most by ")


def test_of_several_numbers_the_worst_is_told_and_which_are_like_it():
    def of(number, rank):
        told = alone(2, explained=[0.9, 0.1], ranked=[rank, 0.2])
        return replace(told, number=number, numbers=24, of_windows=True)

    found = judged(of(5, 0.7), of(0, 1.0), of(1, 1.0), of(2, 0.9995))
    assert found.verdict == "found"
    assert found.sentence == (
        "By itself column 0 gives number 1 of 24 of a target away: the means in bins of column 0 "
        "explain 90.0 % of its variance, and their rank correlation is 1. The same is seen of "
        "number 2 and number 3. Of 24 numbers 4 were asked, to which an input is nearest in order."
    )
    silent = judged(of(3, 0.7), of(0, 0.6))
    assert silent.verdict == "not found"
    assert silent.sentence.startswith("Of places in the windows, the means in bins of column 0 exp")
    assert silent.sentence.endswith(
        "of number 4 of 24 of a target, and those of others less. Of 24 numbers 2 were asked, to "
        "which an input is nearest in order."
    )
    assert "were asked" not in judged(*(of(n, 0.7) for n in range(24))).sentence


@pytest.mark.parametrize("target", ["number", "class"])
def test_a_study_finds_it_tells_it_in_the_answer_and_keeps_it(target, tmp_path):
    random = np.random.default_rng(0)
    cells = {f"c{n}": random.normal(size=300) for n in range(3)}
    y = random.normal(size=300) if target == "number" else random.integers(0, 2, 300)
    cells["after"] = 3.0 * y + 1 + 0.001 * random.normal(size=300)
    data = kohort.Dataset.from_frame(pd.DataFrame(cells | {"y": y}), target="y", test=0)
    build = of_numbers if target == "number" else build_mlp
    given = {} if target == "number" else {"features": 4}
    study = kohort.Study(
        "leaks", [kohort.Variant("net", build, **given)], data,
        replicates=kohort.Holdout(0.2, 3), epochs=1, batch_size=50,
    )  # fmt: skip
    result = study.run(tmp_path / "k.db", verbose=0)
    (found,) = (f for f in result.findings() if f.code == "KH208")
    assert found.verdict == "found"
    verb = "gives the target away" if target == "number" else "tells the class"
    assert f"An input gives the target away (KH208): By itself after {verb}" in result.answer()
    (kept,) = (f for f in kohort.open(tmp_path / "k.db", "leaks").findings() if f.code == "KH208")
    assert (kept.verdict, kept.sentence) == (found.verdict, found.sentence)


def of_numbers():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_a_study_of_forecasts_of_several_steps_finds_the_one_in_the_window(tmp_path):
    series = np.random.default_rng(0).normal(size=400).cumsum().astype("float32")
    starts = np.arange(300)[:, None]
    x, y = series[starts + np.arange(12)][..., None], series[starts + 11 + np.arange(3)]
    study = kohort.Study(
        "ahead", [kohort.Variant("line", of_steps)], kohort.Dataset(x, y),
        replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=50,
    )  # fmt: skip
    study.run(tmp_path / "k.db", verbose=0)
    kept = kohort.open(tmp_path / "k.db", "ahead")
    (found,) = (f for f in kept.findings() if f.code == "KH208")
    assert found.verdict == "found"
    assert found.sentence.startswith(
        "By itself the last step gives number 1 of 3 of a target away: the means in bins of the "
    )
    assert found.sentence in kept.answer()


def of_steps():
    model = keras.Sequential([keras.Input((12, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    return model


def test_a_table_of_very_many_columns_is_left_to_the_check():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, MOST_COLUMNS + 1)), random.integers(0, 2, 40)
    data = kohort.Dataset(x, y)
    net = kohort.Variant("net", build_mlp, features=MOST_COLUMNS + 1)
    result = kohort.Study("wide", [net], data, replicates=kohort.Holdout(0.2, 2), epochs=1).run()
    (found,) = (f for f in result.findings() if f.code == "KH208")
    assert found.verdict == "not applicable"
