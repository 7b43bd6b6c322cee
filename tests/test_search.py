"""`kohort.Search` as a user meets it."""

import html
import subprocess
import sys
import time

import keras
import numpy as np
import optuna
import pandas as pd
import pytest

import kohort
from kohort import DesignError
from tests.runs.searches.searched import build, small, without_times


@pytest.fixture(scope="module")
def result(blobs):
    return small(blobs, trials=14).run(verbose=0, confirm=2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"space": {}}, "a space with an axis at least"),
        ({"space": 5}, "a space as a mapping from arguments to choices"),
        ({"trials": 1}, "trials of 2 or more"),
        ({"trials": 2.5}, "trials of 2 or more"),
        ({"epochs": 0}, "epochs of 1 or more"),
        ({"reduction": 1}, "reduction of 2 or more"),
        ({"brackets": 0}, "brackets of 1 or more"),
        ({"brackets": 9, "trials": 4}, "at most 2 brackets where 4 trials of 4 epochs climb"),
        ({"space": {"rate": [0.1]}}, "a space of two trials or more"),
        ({"rungs": 9}, "at most 3 rungs in 4 epochs"),
        ({"rungs": 3, "trials": 3}, "4 trials or more, so that one of them climbs 3 rungs"),
        ({"sampler": "grid"}, "sampler 'tpe', 'random', 'qmc'"),
        ({"batch_size": 0}, "a batch size and epochs of 1 or more"),
        ({"seed": -1}, "seed of 0 or more"),
        ({"seed": "a"}, "seed of 0 or more"),
        ({"space": {"rate": (0.1, 0.2)}}, "choices are a list"),
        ({"space": {"units": [4, 8], "lrr": [0.1, 0.2]}}, "got 'lrr' in the space"),
        (
            {"space": {"units": {4: {"decay": [0.1]}, 8: {}}}},
            "takes (units, rate, dropout), got 'decay'",
        ),
        ({"mode": "best"}, "'auto', 'min' or 'max'"),
        ({"confidence": 2}, "a confidence between 0 and 1"),
        ({"replicates": "5"}, "replicates as a kohort.Holdout, kohort.KFold or kohort.Race"),
        ({"class_weight": {"trial": "balanced"}}, "class_weight that is the same for all trials"),
        ({"class_weight": {"d": 2.0}}, "class_weight for classes among"),
        ({"sample_weight": [1.0]}, "sample_weight as a number for each of the 500"),
        ({"callbacks": [keras.callbacks.LambdaCallback()]}, "callbacks of Keras's in a search"),
        ({"callbacks": keras.callbacks.CSVLogger("a.csv")}, "that act at epochs and write no file"),
    ],
)
def test_bad_input_is_refused_in_one_line_before_anything_trains(blobs, options, told):
    with pytest.raises(DesignError) as caught:
        small(blobs, **options)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_input_to_run_is_refused(blobs):
    with pytest.raises(DesignError, match="confirm of 2 or more"):
        small(blobs).run(confirm=1)
    with pytest.raises(DesignError, match="a search that has been run"):
        small(blobs).trials()


def test_the_result_is_one_of_a_race_with_the_search_beside_it(result, tmp_path):
    assert isinstance(result, kohort.Result)
    assert len(result.race()) == 2
    page = html.unescape(result.report(tmp_path / "report.html").read_text())
    assert '<h2 id="search">The search</h2>' in page
    for sentence in result.search_text():
        assert sentence in page
    assert page.count("scores of the trials over") == 3
    proved = page.partition('aria-describedby="note-flattery"')[2].partition("</table>")[0]
    for count in result.flattery()["replicates"]:
        assert f"<td>{count}</td>" in proved
    for number in result.searched.finalists:
        units = result.trials()["units"][number]
        row = page.partition(f'<th scope="row">trial {number} <span class="told">')[2]
        assert f"units={units}" in row.partition("</th>")[0]


@pytest.mark.long
def test_nobody_named_a_baseline_of_a_search(result, tmp_path):
    told = [result.answer(), result.test_text(), *result.search_text()]
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    for text in (*told, page.partition('<h2 id="how"')[0]):
        assert "the baseline" not in text.lower()
    first = f"trial {result.searched.finalists[0]}"
    if result.winner != first:
        assert f"the search's own best, {first}" in result.answer()
    assert "against the search&#39;s own best" in result.report(tmp_path / "r.html").read_text()


def section(result, path):
    """The part of a report that is about the search."""
    page = result.report(path).read_text()
    return page[page.index('<h2 id="search">') :].partition('<details class="part">')[0]


@pytest.mark.long
def test_a_store_gives_the_search_again_as_run_did(blobs, tmp_path):
    space = {
        "units": [(4,), (8, 4), 16],
        "rate": kohort.Range(1e-3, 0.3, log=True),
        "kind": {"adam": {}, "sgd": {"momentum": [0.0, 0.9]}},
    }

    def nested(units, rate, kind, momentum=0.0):
        if units == 16 and kind == "sgd":
            raise ValueError("never")
        return build(units if units == 16 else units[0], rate, 0.1 + momentum / 10)

    place = tmp_path / "kohort.db"
    first = small(blobs, build=nested, space=space, trials=16).run(place, verbose=0, confirm=2)
    opened = kohort.open(place, "small")
    assert opened.searched == first.searched
    for told in ("trials", "flattery", "importance"):
        pd.testing.assert_frame_equal(getattr(opened, told)(), getattr(first, told)())
    assert opened.search_text() == first.search_text()
    assert opened.to_optuna().best_trial.params == first.to_optuna().best_trial.params
    assert section(opened, tmp_path / "a.html") == section(first, tmp_path / "b.html")


STUDY = """
import sys
import kohort
kohort.open("kohort.db", "alone").report("report.html")
assert "optuna" not in sys.modules
"""


@pytest.mark.long
def test_a_study_is_opened_and_told_without_optuna(blobs, tmp_path):
    variants = kohort.grid(build, units=[4, 8])
    study = kohort.Study(
        "alone", variants, blobs, replicates=kohort.Holdout(0.2, 3), epochs=1, batch_size=50
    )
    study.run(tmp_path / "kohort.db", verbose=0)
    subprocess.run([sys.executable, "-c", STUDY], cwd=tmp_path, check=True)


def test_flattery_is_what_the_search_said_less_what_was_proved(result):
    told, trials, table = result.flattery(), result.trials(), result.table()
    for name, row in told.iterrows():
        assert row["searched"] == trials["score"][int(name.removeprefix("trial "))]
        assert row["proved"] == table["val_accuracy"][name]
        assert row["replicates"] == table["replicates"][name]
        assert row["more"] == pytest.approx(row["searched"] - row["proved"])


@pytest.mark.long
def test_a_lower_loss_than_proved_flatters_too(blobs):
    result = small(blobs, metric="loss").run(verbose=0, confirm=2)
    row = result.flattery().iloc[0]
    assert row["more"] == pytest.approx(row["proved"] - row["searched"])
    record = result.searched
    assert not record.higher_is_better
    assert [trial.score for trial in record.ranked() if trial.state == "finished"] == sorted(
        trial.score for trial in record.trials if trial.state == "finished"
    )


@pytest.mark.long
def test_few_trials_have_no_importances_and_the_report_says_why(blobs, result, tmp_path):
    few = small(blobs, trials=4, epochs=2).run(verbose=0, confirm=2)
    told = "Which arguments matter is not told: 4 trials have a score, and it takes 10."
    assert few.importance().empty
    assert told in few.search_text()
    assert told in section(few, tmp_path / "few.html")
    assert "Which arguments matter is not told" not in section(result, tmp_path / "many.html")


@pytest.mark.long
def test_importances_find_what_matters(blobs):
    def only_rate(units, rate, dropout):
        return build(8, rate, 0.1)

    space = {
        "rate": kohort.Range(1e-5, 0.3, log=True),
        "units": kohort.Range(1, 100),
        "dropout": kohort.Range(0.0, 1.0),
    }
    result = small(blobs, build=only_rate, space=space, trials=24, sampler="random").run(
        verbose=0, confirm=2
    )
    found = result.importance()
    assert found.index[0] == "rate"
    assert found["importance"].sum() == pytest.approx(1)
    assert (found["low"] <= found["high"]).all()
    assert found["importance"]["rate"] > 0.5


def test_a_search_is_a_study_of_optunas(result, tmp_path):
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    written = result.to_optuna(storage)
    study = optuna.load_study(study_name="small", storage=storage)
    trials = result.trials()
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    states = {"finished": "COMPLETE", "left": "PRUNED"}
    assert [t.state.name for t in study.trials] == [states[s] for s in trials["state"]]
    for trial, (_, row) in zip(study.trials, trials.iterrows(), strict=True):
        assert trial.params["rate"] == pytest.approx(row["rate"], rel=1e-3)
        assert trial.intermediate_values[max(trial.intermediate_values)] == row["score"]
    for each in (written, study):  # Optuna leaves the file open.
        each._storage._backend.engine.dispose()


@pytest.mark.long
def test_a_build_function_of_keras_tuner_is_taken_as_it_is(blobs):
    def tuned(hp):
        return build(hp.Int("units", 4, 8, step=4), hp.Float("rate", 1e-3, 0.3, sampling="log"))

    result = small(blobs, build=tuned, space=None).run(verbose=0, confirm=2)
    assert set(result.trials().columns) >= {"units", "rate"}
    assert result.best().variant.kwargs.keys() == {"units", "rate"}


@pytest.mark.long
def test_one_name_under_several_conditions_of_a_tuner_space_is_one_column(blobs, tmp_path):
    def tuned(hp):
        kind = hp.Choice("kind", ["few", "many"])
        with hp.conditional_scope("kind", ["few"]):
            few = hp.Choice("units", [4, 5])
        with hp.conditional_scope("kind", ["many"]):
            many = hp.Choice("units", [8, 9])
            clip = hp.Float("clip", 0.1, 1.0)
        assert (clip is None) == (kind == "few")
        model = build(few or many, hp.Float("rate", 1e-3, 0.3, sampling="log"))
        model.optimizer.clipnorm = clip
        return model

    given = {"build": tuned, "space": None, "trials": 8, "epochs": 2, "sampler": "random"}
    first = small(blobs, **given).run(tmp_path / "k.db", verbose=0, confirm=2)
    opened = kohort.open(tmp_path / "k.db", "small")
    for result in (first, opened):
        trials = result.trials()
        assert set(trials.columns) >= {"kind", "units", "clip", "rate"}
        assert not any(":" in name for name in trials.columns)
        assert set(trials["units"][trials["kind"] == "few"]) <= {4, 5}
        assert set(trials["units"][trials["kind"] == "many"]) <= {8, 9}
        assert (trials["clip"].isna() == (trials["kind"] == "few")).all()
        (path,) = result.export_trials(tmp_path / "t.csv")
        assert "kind=few" not in path.read_text()
    params = {name for trial in opened.to_optuna().trials for name in trial.params}
    assert params == {"kind", "kind=few: units", "kind=many: units", "kind=many: clip", "rate"}


@pytest.mark.long
def test_a_hyper_model_of_keras_tuner_is_taken_as_it_is(blobs, tmp_path):
    class Hyper:
        def __init__(self, widest):
            self.widest = widest

        def build(self, hp):
            return build(hp.Int("units", 4, self.widest), hp.Float("rate", 1e-3, 0.3))

    given = {"space": None, "trials": 4, "epochs": 2}
    first = small(blobs, build=Hyper(8), **given).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert set(first.trials().columns) >= {"units", "rate"}
    again = small(blobs, build=Hyper(8), **given).run(tmp_path / "k.db", verbose=0, confirm=2)
    assert without_times(first) == without_times(again)


def test_a_tuner_space_with_a_name_twice_is_told_in_one_line(blobs):
    def tuned(hp):
        hp.Int("units", 4, 8)
        return build(hp.Int("units", 4, 16))

    with pytest.raises(DesignError, match="one meaning of the hyperparameter 'units'"):
        small(blobs, build=tuned, space=None).run(verbose=0)


@pytest.mark.parametrize(
    ("tuned", "told"),
    [
        (lambda hp: build(), "got one that asks for nothing"),
        (
            lambda hp: build(hp.Choice("units", [4]), hp.Fixed("rate", 0.1)),
            "one that asks for units, rate",
        ),
    ],
)
def test_a_tuner_space_without_a_choice_is_refused_before_anything_trains(
    blobs, capsys, tuned, told
):
    with pytest.raises(DesignError) as caught:
        small(blobs, build=tuned, space=None).run()
    assert told in str(caught.value)
    assert "rung" not in capsys.readouterr().err


@pytest.mark.long
def test_few_trials_are_told_of_the_rungs_that_they_do_not_climb(blobs, capsys):
    small(blobs, trials=3, epochs=8, space={"units": [4, 8, 9]}).run(confirm=2)
    told = "3 trials climb 2 rungs (after 4, 8 of 8 epochs), where 8 would climb 4"
    assert capsys.readouterr().err.count(told) == 1
    small(blobs, trials=3, epochs=8, rungs=2, space={"units": [4, 8, 9]}).run(confirm=2)
    assert "would climb" not in capsys.readouterr().err


@pytest.mark.long
def test_one_finalist_has_no_rival_and_is_proved_all_the_same(blobs):
    def one_works(units):
        return build(units, 0.01, 0.1) if units == 4 else 1 / 0

    result = small(blobs, build=one_works, space={"units": [4, 8, 16]}).run(verbose=0)
    assert len(result.flattery()) == 1
    assert result.race_text() == []
    assert np.isfinite(result.flattery()["low"]).all()


def test_other_replicates_prove_the_finalists(blobs):
    spec = small(blobs, replicates=kohort.KFold(6)).spec
    assert isinstance(spec.race, kohort.Race)
    assert spec.race.splits == kohort.KFold(6)
    race = kohort.Race(kohort.Holdout(0.3, repeats=6), first=3, looks=2)
    assert small(blobs, replicates=race).spec.race is race
    assert small(blobs, replicates=kohort.Holdout(0.3, repeats=20)).spec.race.count == 20


SCRIPT = """
import sys
import kohort
import numpy as np
from tests.runs.searches.searched import small, without_times
random = np.random.default_rng(7)
y = random.integers(0, 3, 600)
x = random.normal(size=(600, 5)) + 1.2 * np.eye(3, 5)[y]
data = kohort.Dataset(x[:500], y[:500], x[500:], y[500:], name="blobs", class_names="abc")
result = small(data).run(sys.argv[1], verbose=0, confirm=2, checkpoint_seconds=float(sys.argv[2]))
print(*without_times(result), sep="\\n")
"""


@pytest.mark.long
@pytest.mark.parametrize("cadence", ["0", "60"])
def test_a_search_that_is_killed_at_any_moment_ends_with_the_same_numbers(blobs, tmp_path, cadence):
    undisturbed = "\n".join(without_times(small(blobs).run(verbose=0, confirm=2)))
    random, place = np.random.default_rng(int(cadence)), tmp_path / "kohort.db"
    lives = 0
    while True:
        lives += 1
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(place), cadence],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if lives <= 8:
            time.sleep(random.uniform(1.5, 6))
            process.kill()
        out, err = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        assert process.returncode < 0, err
    assert lives > 1, "it was never killed"
    assert out.strip() == undisturbed.strip()


@pytest.mark.long
def test_a_build_that_learns_from_data_sees_the_training_part_of_the_search(blobs):
    sizes = []

    def learning(units, rate, dropout, data):
        sizes.append(len(data.x))
        scale = keras.layers.Normalization()
        scale.adapt(data.x)
        model = keras.Sequential([scale, *build(units, rate, dropout).layers])
        model.compile(
            keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    result = small(blobs, build=learning, trials=4, epochs=2).run(verbose=0, confirm=2)
    assert set(sizes) == {400}
    assert len(result.flattery()) == 2
    with pytest.raises(DesignError, match=r"a build\(hp\) that takes hp alone"):
        small(blobs, build=lambda hp, data: build(), space=None)


@pytest.mark.long
def test_arguments_with_the_names_of_columns_stand_beside_them(blobs, tmp_path):
    def named(epochs, trial):
        return build(epochs, 0.01, 0.1)

    space = {"epochs": [4, 8], "trial": [1, 2]}
    result = small(blobs, build=named, space=space).run(verbose=0, confirm=2)
    trials = result.trials()
    assert set(trials["argument epochs"]) == {4, 8}
    assert set(trials["argument trial"]) == {1, 2}
    assert trials["epochs"].max() == 4
    result.report(tmp_path / "report.html")


@pytest.mark.long
def test_choices_that_are_equal_to_python_are_told_apart(blobs):
    def flagged(flag):
        return build(4 if flag is True else 8, 0.01, 0.1)

    result = small(blobs, build=flagged, space={"flag": [1, True]}).run(verbose=0, confirm=2)
    assert {type(flag) for flag in result.trials()["flag"]} == {int, bool}


@pytest.mark.long
def test_choices_of_any_kind_are_reported_as_they_were_given(blobs, tmp_path):
    def listed(units, clip, act):
        model = build(units[0], 0.01, 0.1)
        model.optimizer.clipnorm = clip
        assert act(1.0) == 1.0
        return model

    space = {
        "units": [[4], [8, 4]],
        "clip": [None, 1.0],
        "act": {keras.ops.relu: {}, keras.ops.relu6: {}},
    }
    result = small(blobs, build=listed, space=space, trials=8, epochs=2).run(verbose=0, confirm=2)
    found = section(result, tmp_path / "report.html")
    for told in ("[4]", "[8, 4]", "None", "1.0", "relu", "relu6"):
        assert f"<td>{told}</td>" in found
    assert " at 0x" not in " ".join(result.search_text())


@pytest.mark.parametrize("name", ["name", "build"])
def test_arguments_that_a_variant_has_for_itself_are_refused(blobs, name):
    with pytest.raises(DesignError, match="called otherwise than name, build and self"):
        small(blobs, space={name: [1, 2]})
