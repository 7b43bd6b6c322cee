"""Validation parts that lack a class: what Keras counts as 0 there is no score."""

import keras
import numpy as np
import pytest

import kohort
from kohort.errors import DesignError
from kohort.runs.searches import climbing

METRICS = {
    "recall": lambda: keras.metrics.Recall(name="recall"),
    "auc": lambda: keras.metrics.AUC(name="auc"),
    "pr": lambda: keras.metrics.AUC(curve="PR", name="pr"),
    "accuracy": lambda: "accuracy",
}
OF_BOTH = {
    "auc": METRICS["auc"],
    "majoring": lambda: keras.metrics.AUC(summation_method="majoring", name="majoring"),
    "sensitivity": lambda: keras.metrics.SensitivityAtSpecificity(0.5, name="sensitivity"),
    "specificity": lambda: keras.metrics.SpecificityAtSensitivity(0.5, name="specificity"),
}


def build(metrics=tuple(METRICS), units=2):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1, "sigmoid")]
    )
    made = [(METRICS | OF_BOTH)[name]() for name in metrics]
    model.compile("adam", "binary_crossentropy", metrics=made)
    return model


def people(ill_of, dtype=int):
    """Ten people, ten rows of each, of whom some are ill in half of their rows."""
    person = np.repeat(np.arange(10), 10)
    y = np.isin(person, ill_of) & (np.arange(100) % 2 == 0)
    x = np.random.default_rng(0).normal(size=(100, 3)) + y[:, None]
    return kohort.Dataset(x, y.astype(dtype), groups=person)


def study(data, metric, build=build, folds=5):
    variants, replicates = [kohort.Variant("net", build)], kohort.KFold(folds)
    return kohort.Study("ill", variants, data, replicates=replicates, epochs=1, metric=metric)


@pytest.mark.parametrize("metric", ["recall", "auc", "pr"])
@pytest.mark.parametrize("dtype", [int, "float32"])
def test_a_score_that_is_0_where_a_class_is_lacking_is_refused(metric, dtype):
    data = people([3, 7], dtype)
    score = keras.metrics.AUC() if metric == "auc" else keras.metrics.Recall()
    assert float(score(np.zeros(4), np.random.default_rng(0).random(4))) == 0, "as Keras has it"
    with pytest.raises(
        DesignError, match=f"class 1 in each validation part, for .*'{metric}'"
    ) as e:
        study(data, metric).plan()
    assert "got none in 3 of 5; hold out more" in str(e.value)


@pytest.mark.parametrize("metric", OF_BOTH)
def test_an_area_under_roc_and_its_points_want_the_other_class_too(metric):
    score = OF_BOTH[metric]()
    assert float(score(np.ones(4), np.random.default_rng(0).random(4))) == 0, "as Keras has it"
    data = people(range(10))
    y = np.where(np.isin(data.groups, [0, 1, 2, 3]), data.y_train, 1)
    mostly_ill = kohort.Dataset(data.x_train, y, groups=data.groups)
    study(mostly_ill, "recall").plan()
    with pytest.raises(DesignError, match="samples of class 0 in each validation part"):
        study(mostly_ill, metric, lambda: build([metric])).plan()


def test_what_scores_and_has_a_value_is_not_refused_and_what_has_none_is_named():
    data = people([3, 7])
    told = str(study(data, None, lambda: build(["recall", "accuracy"])).plan())
    assert (
        "the metric recall is 0 in 3 of 5 validation parts, which have no sample of class 1" in told
    )
    assert "is 0 in" not in str(study(data, None, lambda: build(["accuracy"])).plan())
    assert "is 0 in" not in str(study(people(range(10)), "auc").plan())


def test_a_test_set_without_the_class_is_named():
    data, other = people(range(10)), people([])
    both = kohort.Dataset(data.x_train, data.y_train, other.x_train, other.y_train)
    told = str(study(both, "recall", lambda: build(["recall"])).plan())
    assert "the metric recall is 0 in the test set, which has no sample of class 1" in told


class TestMeansOverClasses:
    def data(self, rare_of, test=()):
        """One-hot rows of three classes, of which the last is that of some people."""
        person = np.repeat(np.arange(10), 10)
        row = np.arange(100)
        label = np.where(np.isin(person, rare_of) & (row % 3 == 0), 2, row % 2)
        x = np.random.default_rng(0).normal(size=(100, 3))
        y, tested = np.eye(3)[label], np.eye(3)[list(test)]
        names = ("blue", "green", "rare")
        return kohort.Dataset(
            x,
            y,
            x[: len(test)],
            tested,
            groups=person if not len(test) else None,
            class_names=names,
        )

    def build(self, average="macro"):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, "softmax")])
        score = keras.metrics.F1Score(average=average, name="f1")
        model.compile("adam", "categorical_crossentropy", metrics=[score, "accuracy"])
        return model

    def test_a_class_that_is_lacking_counts_with_0_and_is_refused_where_it_scores(self):
        truth = np.eye(3)[[0, 1, 0, 1]]
        score = keras.metrics.F1Score(average="macro")(truth, truth)
        assert float(score) == pytest.approx(2 / 3), "as Keras has it"
        with pytest.raises(DesignError) as e:
            study(self.data([3, 6]), "f1", self.build).plan()
        assert (
            "samples of class rare (label 2) in each validation part, for the metric 'f1', which "
            "counts it with 0 in one without" in str(e.value)
        )
        assert "none in 3 of 5" in str(e.value)
        study(self.data(range(10)), "f1", self.build).plan()

    def test_more_to_hold_out_is_not_asked_for_of_a_class_without_any_sample(self):
        with pytest.raises(DesignError, match="none in 5 of 5; leave it out, or score by"):
            study(self.data([]), "f1", self.build).plan()

    @pytest.mark.parametrize("average", ["weighted", "micro"])
    def test_a_mean_that_leaves_it_out_is_not(self, average):
        plan = study(self.data([3, 6]), "f1", lambda: self.build(average)).plan()
        assert "counts a class with 0" not in str(plan)

    def test_another_metric_and_the_test_set_are_named(self):
        told = str(study(self.data([3, 6]), "accuracy", self.build).plan())
        assert (
            "the metric f1 counts a class with 0 in 3 of 5 validation parts, which have no sample "
            "of class rare (label 2)" in told
        )
        told = str(study(self.data(range(10), test=[0, 1, 0]), "f1", self.build).plan())
        assert "counts a class with 0 in the test set, which has no sample of class rare" in told


@pytest.mark.parametrize("where", ["", " of the proof"])
def test_a_search_is_refused_before_it_trains(where, monkeypatch):
    trained = []
    monkeypatch.setattr(climbing.Climber, "climb", lambda *_: trained.append(1))
    splits = kohort.KFold(5) if not where else kohort.Race(kohort.Holdout(0.2, 12), first=4)
    # One person is ill: the search's one split has him, or not all of the proof's have.
    seed = next(s for s in range(9) if where == "" or 7 in persons_of_first(splits, s))
    search = kohort.Search(
        "ill", build, {"units": [1, 2, 3, 4]}, people([7]), trials=4, epochs=3, metric="recall",
        replicates=splits, seed=seed,
    )  # fmt: skip
    with pytest.raises(DesignError, match=f"got none in [0-9]+ of {12 if where else 5}{where};"):
        search.run(verbose=0)
    assert not trained


def persons_of_first(race, seed):
    """Who validates in the one split of a search."""
    data = people([7])
    (first,) = race.splits.resized(1).replicates(data, seed)
    return set(data.groups[first.valid])
