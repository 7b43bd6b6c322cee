"""Trials climb from rung to rung, and end with the numbers that an undisturbed training has."""

import functools
import os
import re
import signal
from types import SimpleNamespace

import keras
import numpy as np
import optuna
import pytest

import kohort
from kohort import DesignError, Interrupted, StoreError
from kohort.design.searches.draws import trial_name
from kohort.engine.loop.cohort import Cohort
from kohort.engine.program.compilation import PROGRAMS, recorded_compilations
from kohort.evidence.store import open_store
from kohort.evidence.trials import Facts, kept_name
from kohort.report.progress import Progress
from kohort.runs.searches import climbing
from kohort.runs.searches.keeping import SearchKeeper
from kohort.runs.searches.searching import Failures, _Part
from tests.runs.searches.searched import SPACE, at_breath, build, small, without_times


@pytest.fixture(scope="module")
def undisturbed(blobs):
    return small(blobs).run(verbose=0, confirm=2)


@pytest.mark.long
def test_a_trial_that_climbed_has_the_numbers_of_one_training_without_rungs(blobs, undisturbed):
    """Against the engine "keras": `model.fit`, once, from the first epoch to the last."""
    trials = undisturbed.trials()
    whole = trials[trials["state"] == "finished"]
    assert len(whole)
    names = ["units", "rate", "dropout"]
    variants = [
        kohort.Variant(f"trial {number}", build, **{name: row[name] for name in names})
        for number, row in whole.iterrows()
    ]
    study = kohort.Study(
        "alone",
        variants,
        blobs,
        replicates=kohort.Holdout(0.2, repeats=1),
        epochs=4,
        batch_size=50,
        seed=0,
    )
    curves = study.run(engine="keras", verbose=0).curves()
    valid = curves[curves["metric"].isin(["val_data_loss", "val_accuracy"])]
    for number, row in whole.iterrows():
        mine = valid[valid["variant"] == f"trial {number}"]
        by_metric = mine.pivot_table("value", "epoch", "metric", observed=True)
        best = by_metric["val_data_loss"].idxmin()
        assert row["score"] == pytest.approx(by_metric["val_accuracy"][best], abs=1e-6)


@pytest.mark.long
@pytest.mark.parametrize(
    "weights",
    [
        {"class_weight": {"a": 5.0, "b": 0.2}},
        {"class_weight": "balanced"},
        {"sample_weight": np.linspace(0.1, 3.0, 500)},
    ],
    ids=["of classes", "balanced", "of samples"],
)
def test_trials_and_finalists_train_with_weights(blobs, weights):
    """Against the engine "keras", and against trials without weights."""
    # Trials that differ in a number alone follow from each other.
    space = {"units": [4], "rate": kohort.Range(1e-3, 0.1, log=True), "dropout": 0.1}
    options = {"space": space, "trials": 4, "rungs": 1}
    result = small(blobs, **options, **weights).run(verbose=0, confirm=2)
    plain = small(blobs, **options).run(verbose=0, confirm=2)
    variants = [
        kohort.Variant(trial_name(trial.number), build, **trial.arguments)
        for trial in result.searched.trials
    ]
    given = {"epochs": 4, "batch_size": 50} | weights
    one = kohort.Study(
        "one", variants, blobs, replicates=kohort.Holdout(0.2, 1), seed=0, **given
    ).run(engine="keras", verbose=0)
    for trial, other in zip(result.searched.trials, plain.searched.trials, strict=True):
        curves = one.curves().query("variant == @trial_name(@trial.number)")
        assert trial.loss == pytest.approx(
            curves.query("metric == 'val_data_loss'")["value"].min(), rel=1e-5
        )
        assert weights == {"class_weight": "balanced"} or trial.loss != other.loss
    assert result.record.settings.replicates == plain.record.settings.replicates
    proved = result.curves().query("metric == 'loss'")["value"]
    assert not set(proved) & set(plain.curves().query("metric == 'loss'")["value"])


def test_the_best_of_each_bracket_go_on_and_no_epoch_is_trained_twice(undisturbed):
    record = undisturbed.searched
    assert record.rungs == (1, 2, 4)
    for part in {trial.part for trial in record.trials}:
        for bracket in (0, 1):
            of_it = [t for t in record.trials if (t.part, t.bracket) == (part, bracket)]
            for rung, epochs in enumerate(record.rungs[:-1]):
                here = [trial for trial in of_it if epochs in trial.scores]
                on = [trial for trial in here if max(trial.scores) > epochs]
                if here:
                    assert rung >= bracket
                    assert len(on) == max(1, len(here) // 2)
                    left = [t.scores[epochs] for t in here if t not in on]
                    assert min(trial.scores[epochs] for trial in on) >= max(left, default=0)
    assert record.member_epochs == sum(max(trial.scores) for trial in record.trials)
    assert record.member_epochs < record.whole_epochs == 12 * 4


def test_progress_counts_the_trials_that_begin_at_a_rung_apart():
    schedule = SimpleNamespace(parts=[8], ladder=SimpleNamespace(epochs=(1, 2, 4)))
    part = _Part(schedule, 0)
    assert part._told(0, [[1, 2, 3, 4], [5, 6]]) == "rung 1/3, 4 alive"
    assert part._told(1, [[1, 2], [5, 6]]) == "rung 2/3, 2 alive and 2 new"
    assert part._told(2, [[1], [5]]) == "rung 3/3, 2 alive"


def test_the_finalists_are_the_best_that_climbed_highest(undisturbed):
    record = undisturbed.searched
    whole = [trial for trial in record.trials if trial.state == "finished"]
    best = sorted(whole, key=lambda trial: (-trial.score, trial.number))[:2]
    assert record.finalists == tuple(trial.number for trial in best)
    assert set(undisturbed.flattery().index) == {f"trial {trial.number}" for trial in best}


def test_the_proof_has_other_splits_and_seeds_than_the_search(blobs):
    spec = small(blobs).spec
    variants = (kohort.Variant("a", build), kohort.Variant("b", build))
    (own, *_), proof = (
        spec.trained_as(variants).whole_replicates,
        spec.proved_as(variants).whole_replicates,
    )
    assert len(proof) == 12
    for replicate in proof:
        assert replicate.seed != own.seed
        assert not np.array_equal(replicate.valid, own.valid)


def test_a_search_is_the_same_in_a_store_and_again(blobs, undisturbed, tmp_path):
    search = small(blobs)
    first = search.run(tmp_path / "kohort.db", verbose=0, confirm=2)
    assert without_times(first) == without_times(undisturbed)
    again = small(blobs).run(tmp_path / "kohort.db", verbose=0, confirm=2)
    assert without_times(again) == without_times(undisturbed)
    assert kohort.open(tmp_path / "kohort.db", "small").winner == first.winner


@pytest.mark.parametrize(
    ("breath", "cadence"),
    [
        (4, 0.0),
        *(
            pytest.param(breath, cadence, marks=pytest.mark.long)
            for breath, cadence in [(1, 0.0), (1, 1e9), (4, 1e9), (9, 0.0), (9, 1e9)]
        ),
    ],
)
def test_a_search_that_is_interrupted_goes_on_to_the_same_numbers(
    blobs, undisturbed, tmp_path, monkeypatch, breath, cadence
):
    breaths = at_breath(monkeypatch, breath)
    with pytest.raises(Interrupted):
        small(blobs).run(tmp_path / "kohort.db", verbose=0, checkpoint_seconds=cadence)
    result = small(blobs).run(
        tmp_path / "kohort.db", verbose=0, confirm=2, checkpoint_seconds=cadence
    )
    assert len(breaths) > breath
    assert without_times(result) == without_times(undisturbed)


def test_a_signal_while_trials_are_built_ends_a_search_before_the_next_one(blobs, tmp_path):
    built = []

    @functools.wraps(build)
    def signalled(**arguments):
        built.append(arguments)
        if len(built) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return build(**arguments)

    with pytest.raises(Interrupted):
        small(blobs, build=signalled).run(tmp_path / "kohort.db", verbose=0)
    assert len(built) == 3


@pytest.mark.long
def test_states_that_are_kept_are_not_trained_again(blobs, tmp_path, monkeypatch):
    """With a state after each rung, what is left of a search is all that a second run trains."""
    real, epochs = SearchKeeper.measured, []
    monkeypatch.setattr(
        SearchKeeper,
        "measured",
        lambda keeper, *what: epochs.append(what[:2]) or real(keeper, *what),
    )
    small(blobs).run(verbose=0, confirm=2)
    whole = sorted(epochs)
    assert len(set(whole)) == len(whole)
    epochs.clear()
    breathe = SearchKeeper.breathe

    def ends(keeper):
        if len(epochs) > 8:
            keeper.ask_to_end()
        breathe(keeper)

    with monkeypatch.context() as inside:
        inside.setattr(SearchKeeper, "breathe", ends)
        with pytest.raises(Interrupted):
            small(blobs).run(tmp_path / "k.db", verbose=0, checkpoint_seconds=0.0)
    small(blobs).run(tmp_path / "k.db", verbose=0, confirm=2, checkpoint_seconds=0.0)
    assert sorted(set(epochs)) == whole
    assert len(epochs) < len(whole) + 6, "more than the rung that was interrupted"


@pytest.mark.long
def test_states_stay_of_those_alone_that_more_epochs_would_go_on_from(blobs, tmp_path):
    result = small(blobs).run(
        tmp_path / "kohort.db", verbose=0, confirm=2, checkpoint_seconds=0.0, keep="all"
    )
    states = result.trials()["state"]
    with open_store(tmp_path / "kohort.db") as store:
        kept = store.study(kept_name("small"))
        assert len(kept.members()) == 12
        assert all(member.finished for member in kept.members())
        for number in range(12):
            stays = kept.checkpoint(f"trial {number}") is not None
            assert stays == (states[number] == "finished")


@pytest.mark.long
def test_trials_stop_early_and_keep_their_place(blobs):
    patient = keras.callbacks.EarlyStopping(patience=1, monitor="val_loss")
    search = small(blobs, epochs=8, callbacks=[patient], trials=9)
    result = search.run(verbose=0, confirm=2)
    trials = result.trials()
    whole = trials[trials["state"] == "finished"]
    assert (whole["epochs"] < 8).any(), "none stopped early"
    # Against Keras: a stopped trial trained as long as `model.fit` with the same callback.
    _, row = next(iter(whole.iterrows()))
    study = kohort.Study(
        "alone",
        [kohort.Variant("it", build, **{name: row[name] for name in SPACE})],
        blobs,
        replicates=kohort.Holdout(0.2, repeats=1),
        epochs=8,
        batch_size=50,
        callbacks=[patient],
    )
    alone = study.run(engine="keras", verbose=0)
    assert row["epochs"] == alone.curves()["epoch"].max()


@pytest.mark.long
def test_a_rung_before_which_all_have_stopped_is_not_shown(blobs, capsys):
    at_once = keras.callbacks.EarlyStopping(patience=0, min_delta=10.0, monitor="val_loss")
    result = small(blobs, epochs=8, callbacks=[at_once], trials=4, sampler="random").run(confirm=2)
    assert result.trials()["epochs"].max() == 2
    assert " 0 members" not in capsys.readouterr().err
    assert " stopped earlier); " in " ".join(result.search_text())


@pytest.mark.long
def test_a_trial_that_diverges_is_told_and_never_a_finalist(blobs):
    space = {"rate": [1e-2, 1e38], "units": [2, 3, 4, 5], "dropout": 0.1}

    def with_relu_of_old(units, rate, dropout):
        model = build(units, 0.01, dropout)
        model.compile(
            keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    result = small(blobs, build=with_relu_of_old, space=space, trials=8).run(verbose=0, confirm=4)
    trials = result.trials()
    assert set(trials[trials["rate"] == 1e38]["state"]) == {"diverged"}
    assert trials[trials["rate"] == 1e38]["score"].isna().all()
    finalists = trials[trials["finalist"]]
    assert (finalists["rate"] == 1e-2).all()
    assert "4 diverged" in " ".join(result.search_text())


def test_outputs_that_are_not_what_the_loss_takes_are_told_at_the_first_such_trial(blobs, capsys):
    def bare(units, rate, dropout):
        model = build(units, rate, dropout)
        if units == 8:
            model.layers[-1].activation = keras.activations.linear
        return model

    space = {"units": [4, 8], "rate": 0.01, "dropout": [0.1, 0.2]}
    result = small(blobs, build=bare, space=space, trials=4, sampler="random").run(confirm=2)
    units = result.trials()["units"]
    lines = capsys.readouterr().err.splitlines()
    slip = (
        "the last layer has the activation linear, and the loss sparse_categorical_crossentropy "
        "takes probabilities: end with softmax, or compile the loss with from_logits=True"
    )
    told = f"trial {units.index[units == 8][0]}, and all that are built so: {slip}"
    assert [line for line in lines if "are built so" in line] == [told]
    assert lines.index(told) < next(n for n, line in enumerate(lines) if "alive" in line)


def failing(units=4, rate=0.01, dropout=0.1):
    if units == 8:
        raise ValueError("no room for eight")
    return build(units, rate, dropout)


@pytest.mark.long
def test_a_build_that_fails_for_some_is_told_and_the_search_goes_on(blobs, capsys):
    result = small(blobs, build=failing).run(confirm=2)
    trials = result.trials()
    assert set(trials[trials["units"] == 8]["state"]) == {"failed"}
    assert "failed" not in set(trials[trials["units"] == 4]["state"])
    assert trials[trials["units"] == 8]["reason"].str.contains("no room for eight").all()
    told = capsys.readouterr().err
    lines = [line for line in told.splitlines() if "ValueError: no room for eight" in line]
    failed = trials[trials["units"] == 8].index
    assert re.match(rf"trials {failed[0]}, {failed[1]}(, | and )\d+", lines[0])
    assert len(lines) < len(failed), "one line for each"
    assert "Why trials failed: ValueError: no room for eight." in result.search_text()
    sound = trials[trials["state"] != "failed"]
    assert len(sound) == 12, "others are drawn in the place of those that fail"
    assert len(trials) > 12
    begun = sound["bracket"].value_counts()
    assert begun.to_dict() == {0: 7, 1: 5}


@pytest.mark.long
def test_a_model_without_the_metric_of_the_others_fails(blobs):
    def without(units=4, rate=0.01, dropout=0.1):
        if units != 8:
            return build(units, rate, dropout)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        return model

    space = SPACE | {"units": [4, 5, 6, 8]}
    for metric in (None, "accuracy"):
        result = small(blobs, build=without, space=space, metric=metric).run(verbose=0, confirm=2)
        states = result.trials().groupby("units")["state"].unique()
        assert set(states.pop(8)) == {"failed"}
        assert not any("failed" in of_units for of_units in states)
        assert "not compiled with 'accuracy'" in " ".join(result.search_text())


def test_arguments_that_are_the_same_in_all_trials_are_told(blobs, capsys):
    def with_two(widths, rate):
        return build(widths[0], rate, 0.1)

    space = {"widths": (8, 16), "rate": SPACE["rate"]}
    result = small(blobs, build=with_two, space=space, trials=3, epochs=2).run(confirm=2)
    told = "the same in all trials: widths=(8, 16); choices are a list"
    assert capsys.readouterr().err.count(told) == 1
    assert "The same in all trials: widths=(8, 16)." in result.search_text()
    small(blobs, trials=4, epochs=2).run(confirm=2)
    assert "the same in all trials" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"metric": "val_accuracy"}, "leave val_ out, metric='accuracy'"),
        ({"metric": "acuracy"}, "accuracy, loss, got 'acuracy'; name one of them"),
        ({"metric": "loss", "mode": "max"}, "a metric of which more is better"),
    ],
)
def test_a_metric_that_no_trial_has_is_refused_before_anything_trains(
    blobs, tmp_path, capsys, options, told
):
    with pytest.raises(DesignError) as caught:
        small(blobs, **options).run(tmp_path / "kohort.db", confirm=2)
    assert told in str(caught.value)
    assert "rung" not in capsys.readouterr().err
    small(blobs, trials=2, epochs=1, metric="accuracy").run(tmp_path / "kohort.db", confirm=2)


def test_a_search_of_which_all_trials_fail_ends_in_one_line(blobs, capsys):
    def broken(units, rate, dropout):
        raise ValueError("never")

    with pytest.raises(DesignError, match="a trial of 'small' that can be built") as caught:
        small(blobs, build=broken).run()
    assert "never" not in capsys.readouterr().err, "it is told twice"
    assert "got 12 that fail: ValueError: never; mend" in str(caught.value), "others are drawn"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("is_tuned", [True, False], ids=["build(hp)", "space"])
def test_trials_that_are_no_compiled_models_fail_by_one_reason(blobs, is_tuned):
    def tuned(hp):
        return [hp.Int("units", 4, 8)]

    given = {"build": tuned, "space": None} if is_tuned else {"build": lambda **arguments: []}
    with pytest.raises(DesignError) as caught:
        small(blobs, **given).run(verbose=0)
    assert (
        "that fail: expected a compiled keras.Model from the build function, got list; mend"
    ) in str(caught.value)


def test_where_trials_fail_by_different_reasons_one_is_told(blobs):
    def broken(units, rate, dropout):
        raise ValueError(f"no room for {units}")

    with pytest.raises(DesignError, match="12 that fail, trial 0 for one: ValueError: no room"):
        small(blobs, build=broken).run(verbose=0)


def test_failures_of_a_part_without_sound_trials_are_told_once_there_are_some():
    told = []
    failures = Failures(told.append)
    failures.add({0: Facts(None, "no"), 1: Facts(None, "never"), 2: Facts(None, "no")})
    assert told == []
    failures.add({3: Facts(10, "")})
    assert told == ["trials 0 and 2 fail: no", "trial 1 fails: never"]
    failures.add({4: Facts(None, "no"), 5: Facts(10, "")})
    assert told[2:] == ["trial 4 fails: no"]
    failures.add({6: Facts(None, "no 17"), 7: Facts(None, "no 4"), 8: Facts(None, "no 4.5")})
    assert told[3:] == ["trials 6, 7 and 8 fail: no 17 (17 in 1 trial, 4 in 1 and 4.5 in 1)"]


@pytest.mark.long
@pytest.mark.parametrize("trials", [8, 30], ids=["in one part", "in several"])
def test_a_small_space_ends_when_all_of_it_was_tried(blobs, capsys, trials):
    space = {"units": [4, 8], "rate": [0.01, 0.1]}
    result = small(blobs, space=space, trials=trials).run(confirm=2)
    assert len(result.trials()) == 4
    told = f"no further trial differs from the 4 that there are, of {trials} that were asked for"
    assert told in capsys.readouterr().err
    assert f" {trials} trials were asked for: the space, as" in " ".join(result.search_text())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"trials": 11}, "trials: 12 before, 11 now"),
        ({"seed": 1}, "seed: 0 before, 1 now"),
        ({"space": {"units": [4], "rate": [0.01, 0.1]}}, "units of the space: [4, 8] before, [4]"),
        ({"sampler": "random"}, "sampler: tpe before, random now"),
        ({"epochs": 3}, "epochs: 4 before, 3 now"),
        ({"rungs": 2}, "rungs: None before, 2 now"),
        ({"brackets": 1}, "brackets: 2 before, 1 now"),
        ({"build": failing}, "the build function"),
        (
            {"class_weight": {"a": 2.0}},
            "class_weight: None before, {'a': 2.0, 'b': 1.0, 'c': 1.0} now",
        ),
        ({"sample_weight": np.ones(500)}, "sample_weight: None before, "),
        ({"batch_size": 25}, "batch size: 50 before, 25 now"),
    ],
)
def test_another_search_of_the_same_name_is_refused(blobs, kept, changed, told):
    with pytest.raises(StoreError) as caught:
        small(blobs, **changed).run(kept, verbose=0)
    assert told in str(caught.value)
    assert "fresh=True, or --fresh" in str(caught.value)


@pytest.fixture(scope="module")
def kept(blobs, tmp_path_factory):
    place = tmp_path_factory.mktemp("kept") / "kohort.db"
    small(blobs).run(place, verbose=0, confirm=2)
    return place


@pytest.mark.long
def test_a_search_begins_anew_where_that_is_asked_for(blobs, kept):
    result = small(blobs, seed=3).run(kept, verbose=0, confirm=2, fresh=True)
    assert without_times(result) == without_times(small(blobs, seed=3).run(verbose=0, confirm=2))
    small(blobs).run(kept, verbose=0, confirm=2, fresh=True)


@pytest.mark.long
def test_a_search_of_which_nothing_was_measured_does_not_keep_its_name(blobs, tmp_path):
    def broken(units, rate, dropout):
        raise ValueError("never")

    place = tmp_path / "kohort.db"
    with pytest.raises(DesignError):
        small(blobs, build=broken).run(place, verbose=0)
    helper = {"made": broken}

    def calling(units, rate, dropout):
        return helper["made"](units, rate, dropout)

    with pytest.raises(DesignError):
        small(blobs, build=calling, trials=4).run(place, verbose=0)
    helper["made"] = build  # mended where the build function does not show it
    found = small(blobs, build=calling, trials=4).run(place, verbose=0, confirm=2)
    assert set(found.trials()["state"]) == {"left", "finished"}
    place = tmp_path / "other.db"
    with pytest.raises(DesignError):
        small(blobs, build=broken).run(place, verbose=0)
    assert len(small(blobs, trials=4).run(place, verbose=0, confirm=2).trials()) == 4


@pytest.mark.long
def test_a_search_that_ended_before_its_first_epoch_may_be_changed(blobs, tmp_path, monkeypatch):
    def ends(climber, draws):
        raise Interrupted

    place = tmp_path / "kohort.db"
    with monkeypatch.context() as inside:
        inside.setattr(climbing.Climber, "begin", ends)
        with pytest.raises(Interrupted):
            small(blobs).run(place, verbose=0)
    changed = small(blobs, trials=4, seed=3).run(place, verbose=0, confirm=2)
    alone = small(blobs, trials=4, seed=3).run(verbose=0, confirm=2)
    assert without_times(changed) == without_times(alone)


@pytest.mark.long
def test_trials_of_equal_scores_are_told_apart_by_their_loss(blobs):
    """Of classes of which one is rare, many trials are right about equally many samples."""
    random = np.random.default_rng(0)
    y = (random.random(400) < 0.03).astype(int)
    x = random.normal(size=(400, 5)).astype("float32")
    x[:, 0] += 1.5 * y
    rare = kohort.Dataset(x, y, x[:50], y[:50], name="rare")
    result = small(rare, trials=12, replicates=kohort.Holdout(0.2)).run(verbose=0, confirm=2)
    record = result.searched
    assert len({trial.score for trial in record.trials}) < len(record.trials) / 2, "no ties"
    best, *others = [trial for trial in record.ranked() if trial.state == "finished"]
    assert record.finalists[0] == best.number
    tied = [trial.loss for trial in others if trial.score == best.score]
    assert all(best.loss <= loss for loss in tied)


@pytest.mark.long
def test_a_rung_that_is_interrupted_goes_on_from_where_it_stands(blobs, tmp_path, monkeypatch):
    """Of one rung of eight epochs, the second run trains those that the first one has not."""
    real, epochs = SearchKeeper.measured, []

    def measured(keeper, number, epoch, logs):
        epochs.append((number, epoch))
        if len(epochs) == 4:
            keeper.ask_to_end()
        real(keeper, number, epoch, logs)

    monkeypatch.setattr(SearchKeeper, "measured", measured)
    options = {"trials": 2, "epochs": 8, "rungs": 1, "space": {"units": [4, 5], "rate": 0.01}}
    with pytest.raises(Interrupted):
        small(blobs, **options).run(tmp_path / "kohort.db", verbose=0, confirm=2)
    small(blobs, **options).run(tmp_path / "kohort.db", verbose=0, confirm=2)
    assert sorted(epochs) == [(number, epoch) for number in range(2) for epoch in range(8)]


@pytest.mark.long
def test_a_search_that_goes_on_with_too_little_memory_is_told_what_it_can_do(
    blobs, tmp_path, monkeypatch
):
    place = tmp_path / "kohort.db"
    with monkeypatch.context() as inside:
        at_breath(inside, 3)
        with pytest.raises(Interrupted, match="the same run again goes on"):
            small(blobs).run(place, verbose=0, checkpoint_seconds=0.0)
    with pytest.raises(DesignError, match="memory for the members") as caught:
        small(blobs).run(place, verbose=0, memory="20KB")
    assert str(caught.value).endswith("fresh=True, or --fresh")


@pytest.mark.long
def test_a_search_goes_on_where_the_program_of_its_trials_is_another(blobs, tmp_path, monkeypatch):
    """As under another version of JAX: the seats of the new program are unknown."""
    place = tmp_path / "kohort.db"
    with monkeypatch.context() as inside:
        at_breath(inside, 5)
        with pytest.raises(Interrupted):
            small(blobs).run(place, verbose=0, checkpoint_seconds=0.0)
    with open_store(place) as store:
        kept = store.study(kept_name("small"))
        with kept.claim():
            kept.extend(kept.description | {"seats": {}}, [], [])
    assert len(small(blobs).run(place, verbose=0, confirm=2).flattery()) == 2


@pytest.mark.long
def test_the_name_of_another_study_is_refused_before_anything_trains(blobs, tmp_path, capsys):
    study = kohort.Study(
        "small", kohort.grid(build, units=[4, 8]), blobs,
        replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=50,
    )  # fmt: skip
    study.run(tmp_path / "kohort.db", verbose=0)
    with pytest.raises(StoreError, match="the name 'small' for the race of the finalists"):
        small(blobs).run(tmp_path / "kohort.db")
    assert "rung" not in capsys.readouterr().err


@pytest.mark.long
def test_once_so_many_finalists_were_proved_there_are_no_fewer(blobs, tmp_path):
    place = tmp_path / "kohort.db"
    three = small(blobs, trials=6).run(place, verbose=0, confirm=3)
    again = small(blobs, trials=6).run(place, verbose=0, confirm=2)
    assert set(again.flattery().index) == set(three.flattery().index)
    assert len(three.flattery()) == 3


@pytest.mark.long
def test_a_sampler_of_optunas_draws_the_same_in_the_next_run(blobs, tmp_path):
    unseeded = small(blobs, trials=4, epochs=1, sampler=optuna.samplers.RandomSampler())
    with pytest.raises(DesignError, match="a sampler with a seed for a search in a store"):
        unseeded.run(tmp_path / "kohort.db", verbose=0, confirm=2)
    search = small(blobs, trials=4, epochs=1, sampler=optuna.samplers.RandomSampler(seed=3))
    first = search.run(tmp_path / "kohort.db", verbose=0, confirm=2)
    again = search.run(tmp_path / "kohort.db", verbose=0, confirm=2)
    assert without_times(first) == without_times(again)


@pytest.mark.long
def test_training_times_are_of_all_runs(blobs, tmp_path, monkeypatch):
    real = SearchKeeper.breathe

    def ends(keeper):
        if len(keeper["done"]) == 2:
            keeper.ask_to_end()
        real(keeper)

    with monkeypatch.context() as inside:
        inside.setattr(SearchKeeper, "breathe", ends)
        with pytest.raises(Interrupted):
            small(blobs).run(tmp_path / "kohort.db", verbose=0)
    trials = small(blobs).run(tmp_path / "kohort.db", verbose=0, confirm=2).trials()
    assert (trials["seconds"] > 0).all()


@pytest.mark.long
def test_programs_that_compile_ahead_are_compiled_once_and_train_the_same(blobs, monkeypatch):
    space = SPACE | {"units": [4, 5, 6, 7]}

    def searched():
        PROGRAMS.clear()
        with recorded_compilations() as programs:
            result = small(blobs, trials=12, epochs=2, space=space).run(verbose=0, confirm=2)
        return without_times(result), len(programs)

    begun, real = [], Cohort.begin_compiling
    monkeypatch.setattr(Cohort, "begin_compiling", lambda cohort: begun.append(1) or real(cohort))
    ahead = searched()
    assert len(begun) == 4, "each architecture, and none again in a later rung"
    monkeypatch.setattr(climbing, "begin_compiling", lambda _job, _memory: False)
    assert searched() == ahead
    assert len(begun) == 8
    monkeypatch.setattr(climbing, "compiled_ahead", lambda _jobs, resources, _new: resources)
    assert searched() == ahead


def test_the_first_program_compiles_while_further_trials_are_made(blobs):
    known = {}

    def noting(units, **arguments):
        known.setdefault(units, len(PROGRAMS._programs))
        return build(units, **arguments)

    PROGRAMS.clear()
    small(blobs, build=noting, trials=4, epochs=2).run(verbose=0, confirm=2)
    assert sorted(known.values()) == [0, 1]


def test_the_programs_of_a_rung_are_expected_at_what_their_steps_likely_take(blobs, monkeypatch):
    told, real = [], Progress.expect

    def expect(progress, epochs, cost=1.0, part="", **more):
        told.append((part, epochs, cost))
        real(progress, epochs, cost, part, **more)

    monkeypatch.setattr(Progress, "expect", expect)
    small(blobs, space=SPACE | {"units": [4, 1000]}, trials=4, epochs=2).run(verbose=0, confirm=2)
    of_rungs = [(epochs, cost) for part, epochs, cost in told if part == "rung"]
    (_, one), (_, other) = of_rungs[:2]
    assert max(one, other) > 5 * min(one, other)
