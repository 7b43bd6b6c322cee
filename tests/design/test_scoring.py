"""What Keras knows of metrics, and what of a model restrains it."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import kohort
from kohort.design.building import batch_of
from kohort.design.scoring import Scoring, check_one_loss, check_score, scoring
from kohort.errors import DesignError
from kohort.keras_api.metrics import MeasuredLoss, MetricKind, measured_loss, metric_kinds
from kohort.keras_api.models import prepare, regularizer_count
from kohort.runs.searches.measure import Measure
from tests.models import build_mlp


def prepared(model, data):
    prepare(model, batch_of(data, 4))
    return model


def own_accuracy(y, predicted):
    return keras.ops.mean(predicted)


def acceleration_error(y, predicted):
    return keras.ops.mean(keras.ops.abs(y - predicted), axis=-1)


class OwnRecallOfAccuracy(keras.metrics.BinaryAccuracy):
    """In percent."""

    def result(self):
        return 100 * super().result()


def closing_over(gamma):
    def loss(y, predicted):
        return gamma * keras.ops.mean(keras.ops.square(y - predicted))

    return loss


def test_metrics_have_the_direction_that_keras_gives_them(blobs):
    model = build_mlp()
    metrics = ["accuracy", own_accuracy, keras.metrics.SparseTopKCategoricalAccuracy(2, name="top")]
    model.compile("adam", "sparse_categorical_crossentropy", metrics=metrics)
    kinds = {kind.name: kind for kind in metric_kinds(prepared(model, blobs))}
    assert set(kinds) == {"accuracy", "own_accuracy", "top"}
    assert (kinds["accuracy"].direction, kinds["accuracy"].is_proportion) == ("up", True)
    assert (kinds["own_accuracy"].direction, kinds["own_accuracy"].is_proportion) == ("", False)
    assert (kinds["top"].direction, kinds["top"].is_proportion) == ("up", True)


@pytest.mark.parametrize(
    ("metric", "direction", "is_proportion"),
    [("mae", "down", False), (keras.metrics.R2Score(name="r2"), "up", False)],
)
def test_what_is_no_part_of_a_whole_is_no_proportion(blobs, metric, direction, is_proportion):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=[metric])
    model.fit(blobs.x_train[:8], blobs.x_train[:8, :1], verbose=0)
    (kind,) = metric_kinds(model)
    assert (kind.direction, kind.is_proportion) == (direction, is_proportion)


def test_metrics_of_several_outputs_are_known_by_their_ends(blobs):
    inputs = keras.Input((5,))
    outputs = {name: keras.layers.Dense(3, name=name)(inputs) for name in ("a", "b")}
    model = keras.Model(inputs, outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", {"a": loss, "b": loss}, metrics={"a": ["accuracy"], "b": ["accuracy"]})
    targets = {"a": blobs.y_train[:8], "b": blobs.y_train[:8]}
    model.fit(blobs.x_train[:8], targets, verbose=0)
    kinds = {kind.name: kind for kind in metric_kinds(model)}
    assert kinds["a_accuracy"].direction == kinds["b_accuracy"].direction == "up"


def augmented():
    random = [keras.layers.RandomFlip(), keras.layers.RandomContrast(0.2)]
    image = [keras.layers.Reshape((5, 1, 1)), keras.Sequential([*random])]
    return [*image, keras.layers.Flatten()]


@pytest.mark.parametrize(
    ("layers", "optimizer", "count"),
    [
        (list, "adam", 0),
        (list, "adamw", 1),
        (lambda: [keras.layers.Dropout(0.5)], "adam", 1),
        (lambda: [keras.layers.Dropout(0.0)], "adam", 0),
        (lambda: [keras.layers.GaussianNoise(0.1), keras.layers.Dropout(0.2)], "adam", 2),
        (lambda: [keras.layers.ActivityRegularization(0.1)], "adam", 1),
        (augmented, "adam", 2),
        (
            lambda: [keras.layers.Dense(3, kernel_regularizer="l2", bias_regularizer="l1")],
            "adam", 2,
        ),
    ],
)  # fmt: skip
def test_restraints_are_counted(layers, optimizer, count):
    model = keras.Sequential([keras.Input((5,)), *layers(), keras.layers.Dense(3)])
    model.compile(optimizer, "mse")
    assert regularizer_count(model) == count


@pytest.mark.parametrize(
    ("threshold", "loss", "accuracy"),
    [
        (0.5, keras.losses.BinaryCrossentropy(from_logits=True), "misplaced"),
        (0.5, "hinge", "misplaced"),
        (0.0, keras.losses.BinaryCrossentropy(from_logits=True), "binary"),
        (0.3, keras.losses.BinaryCrossentropy(from_logits=True), "elsewhere"),
        (0.5, "binary_crossentropy", "binary"),
        (0.0, "binary_crossentropy", "elsewhere"),
    ],
)
def test_where_a_metric_cuts_outputs_depends_on_what_they_are(threshold, loss, accuracy):
    activation = "sigmoid" if loss == "binary_crossentropy" else None
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, activation)])
    model.compile("adam", loss, metrics=[keras.metrics.BinaryAccuracy(threshold=threshold)])
    model.evaluate(keras.ops.ones((4, 5)), keras.ops.array([[0], [1], [1], [0]]), verbose=0)
    assert [kind.accuracy for kind in metric_kinds(model)] == [accuracy]


@pytest.mark.parametrize(
    ("metric", "units", "accuracy"),
    [
        ("accuracy", 1, "binary"),
        ("accuracy", 3, "integers"),
        (keras.metrics.BinaryAccuracy(), 1, "binary"),
        (keras.metrics.BinaryAccuracy(threshold=0.3), 1, "elsewhere"),
        (keras.metrics.Accuracy(), 1, "equal"),
        ("binary_accuracy", 1, "binary"),
        (OwnRecallOfAccuracy(), 1, ""),
        (keras.metrics.SparseCategoricalAccuracy(), 3, "integers"),
        (keras.metrics.SparseTopKCategoricalAccuracy(2), 3, ""),
        (own_accuracy, 3, ""),
        ("mae", 1, ""),
    ],
)
def test_of_which_targets_a_metric_counts_right_answers(metric, units, accuracy):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(units, "sigmoid")])
    model.compile("adam", "mse", metrics=[metric])
    model.fit(keras.ops.ones((4, 5)), keras.ops.array([[0], [1], [1], [0]]), verbose=0)
    (kind,) = metric_kinds(model)
    assert kind.accuracy == accuracy


@pytest.mark.parametrize(
    ("accuracies", "form", "classes", "counts"),
    [
        ([("integers",), ("integers",)], "integers", 10, True),
        ([("binary",), ("integers",)], "integers", 2, True),
        ([("binary",), ("binary",)], "integers", 3, False),
        ([("one-hot",), ("one-hot",)], "one-hot", 2, True),
        ([("binary",), ("one-hot",)], "one-hot", 2, False),
        ([("integers",), ("elsewhere",)], "integers", 2, False),
        ([("equal",), ("equal",)], "integers", 2, False),
    ],
)
def test_a_score_is_an_accuracy_of_classes_where_all_members_count_those(
    accuracies, form, classes, counts
):
    metrics = [[MetricKind("accuracy", "up", True, *given)] for given in accuracies]
    score = scoring(None, "auto", metrics)
    assert (score.metric, score.counts_right_answers(form, classes)) == ("accuracy", counts)
    assert not scoring("loss", "auto", metrics).counts_right_answers(form, classes)


def of_numbers(measured, *, y=None, activation=None, loss="mse", units=1, **more):
    """A study of one net on numbers, `[sample, 1]`, or on other targets."""

    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, activation)])
        model.compile("adam", loss, metrics=[measured])
        return model

    x = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
    data = kohort.Dataset(x, x @ [[7], [5]] if y is None else y)
    splits = kohort.Holdout(0.2, repeats=2)
    variants = [kohort.Variant("a", build)]
    return kohort.Study("n", variants, data, replicates=splits, epochs=1, batch_size=30, **more)


@pytest.mark.parametrize("metric", [acceleration_error, own_accuracy, OwnRecallOfAccuracy()])
def test_what_is_only_called_an_accuracy_does_not_score_unless_it_is_named(metric):
    result = of_numbers(
        metric, y=np.arange(60) % 2, loss="binary_crossentropy", activation="sigmoid"
    ).run(verbose=0)
    assert (result.metric, result.record.settings.higher_is_better) == ("data_loss", False)


def test_a_metric_of_ones_own_scores_where_it_is_named_and_is_in_no_percent():
    result = of_numbers(acceleration_error, metric="acceleration_error", mode="min").run(verbose=0)
    settings = result.record.settings
    assert (settings.higher_is_better, settings.is_proportion) == (False, False)
    assert "%" not in result.answer().partition("acceleration error")[2]


@pytest.mark.parametrize("more", [{}, {"metric": "loss"}])
def test_a_loss_of_which_more_would_be_better_is_refused(more):
    with pytest.raises(DesignError, match=r"the loss, of which less is.*name the metric"):
        of_numbers(own_accuracy, mode="max", **more).plan()


def test_where_only_some_have_an_accuracy_of_keras_it_scores_where_it_is_named():
    own = MetricKind("accuracy", "up", is_proportion=True)
    metrics = [[own], [own._replace(accuracy="integers")]]
    assert scoring(None, "auto", metrics).metric == "data_loss"
    assert scoring("accuracy", "auto", metrics).metric == "accuracy"


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        (("mse", "huber"), r"mean_squared_error \(of 'a'\) and huber \(of 'b'\); .*metric='mae'"),
        (("mse", keras.losses.MeanAbsoluteError()), "mean_absolute_error"),
        ((keras.losses.KLDivergence(), "mse"), "kl_divergence"),
        (
            (
                keras.losses.CategoricalCrossentropy(),
                keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
            ),
            r"crossentropy\(label_smoothing=0.1\)",
        ),
        ((keras.losses.Huber(), keras.losses.Huber(delta=3.0)), r"huber\(delta=3.0\)"),
        (("mse", keras.losses.MeanSquaredError(reduction="sum")), r"\(reduction='sum'\)"),
        ((closing_over(1.0), closing_over(2.0)), r"loss\(gamma=1.0\).*loss\(gamma=2.0\)"),
        (("mse", own_accuracy), "own_accuracy"),
        (("mse", None), "none but the model's own"),
    ],
)
def test_losses_of_two_kinds_are_not_held_against_each_other(losses, told):
    names = dict(zip("ab", map(loss_name, losses), strict=True))
    with pytest.raises(DesignError, match=told):
        check_one_loss(scoring(None, "auto", [[]]), names)
    metrics = [[MetricKind("mae", "down", is_proportion=False)]] * 2
    check_one_loss(scoring("mae", "auto", metrics), names)


@pytest.mark.parametrize(
    "losses",
    [
        ("mse", keras.losses.MeanSquaredError(), keras.losses.mean_squared_error),
        ("kld", keras.losses.KLDivergence()),
        ("binary_crossentropy", keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        ("huber", keras.losses.Huber(name="own")),
        (closing_over(1.0), closing_over(1.0)),
        ("mse", {"out": "mse"}, ["mse"]),
    ],
)
def test_losses_that_measure_the_same_are_held_against_each_other(losses):
    names = {str(number): loss_name(loss) for number, loss in enumerate(losses)}
    check_one_loss(scoring("loss", "auto", [[]]), names)


def test_a_crossentropy_of_many_columns_is_no_crossentropy_of_classes():
    assert loss_name("binary_crossentropy", units=3) == "binary_crossentropy"
    assert loss_name("categorical_crossentropy", units=3) == "crossentropy"


def test_losses_of_several_outputs_are_those_of_each_with_their_weights():
    inputs = keras.Input((5,))
    outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"a": "mse", "b": "mae"}, loss_weights={"a": 1.0, "b": 0.5})
    (name, constant) = measured_loss(model)
    assert name.startswith("a: mean_squared_error, b: mean_absolute_error, weighted by")
    assert constant is None
    model.compile("adam", "mse")
    assert measured_loss(model) == ("mean_squared_error", None)


def loss_name(loss, units=1):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(units, name="out")])
    model.compile("adam", loss)
    return measured_loss(model).name


def two_losses():
    def build(loss):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("adam", loss, metrics=["mae"])
        return model

    x = np.arange(40, dtype="float32").reshape(20, 2)
    return build, kohort.Dataset(x, x.sum(axis=1, keepdims=True) / 7)


def test_a_study_refuses_two_losses_before_it_trains():
    build, data = two_losses()
    grid, splits = kohort.grid(build, loss=["mse", "huber"]), kohort.Holdout(0.2, repeats=2)
    with pytest.raises(DesignError, match="one loss of all that are scored by it"):
        kohort.Study("two", grid, data, replicates=splits, epochs=1).plan()
    kohort.Study("two", grid, data, replicates=splits, epochs=1, metric="mae").plan()


@pytest.mark.long
def test_a_search_refuses_two_losses_before_it_trains():
    build, data = two_losses()
    search = kohort.Search("two", build, {"loss": ["mse", "huber"]}, data, trials=2, epochs=2)
    with pytest.raises(DesignError, match="one loss of all that are scored by it"):
        search.run(verbose=0)


@pytest.mark.parametrize(
    ("labels", "metric", "is_refused"),
    [
        ([[1, 1, 0], [0, 0, 1], [0, 0, 0]], "accuracy", True),
        ([[1, 1, 0], [0, 0, 1], [0, 0, 0]], "loss", False),
        ([[1, 0, 0], [0, 0, 1], [0, 1, 0]], "accuracy", False),
        ([[0.5, 0.5, 0], [0, 0.1, 0.9], [0, 1, 0]], "accuracy", False),
    ],
    ids=["several labels", "by the loss", "one-hot", "shares"],
)
def test_an_accuracy_of_the_largest_column_needs_one_label_in_each_row(labels, metric, is_refused):
    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    data = kohort.Dataset(np.ones((60, 2), "float32"), np.array(labels * 20, "float32"))
    study = kohort.Study(
        "labels",
        [kohort.Variant("a", build)],
        data,
        replicates=kohort.Holdout(0.2, repeats=2),
        epochs=1,
        metric=metric,
    )
    if not is_refused:
        study.plan()
        return
    with pytest.raises(DesignError, match=r"several labels or none; .*BinaryAccuracy\(\)"):
        study.plan()


@pytest.mark.parametrize(("threshold", "is_refused"), [(0.5, True), (0.0, False)])
def test_an_accuracy_that_cuts_logits_beside_the_border_of_classes_is_refused(
    threshold, is_refused
):
    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        metric = keras.metrics.BinaryAccuracy("accuracy", threshold=threshold)
        model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=[metric])
        return model

    data = kohort.Dataset(np.ones((60, 2), "float32"), np.arange(60) % 2)
    splits = kohort.Holdout(0.2, repeats=2)
    study = kohort.Study("cut", [kohort.Variant("a", build)], data, replicates=splits, epochs=1)
    if not is_refused:
        study.plan()
        return
    with pytest.raises(DesignError, match=r"logits or margins, .*BinaryAccuracy\('accuracy', thr"):
        study.plan()


@pytest.mark.parametrize(("margin", "told"), [(1, "give 0.01 for 1 point$"), (250, "use 0.01")])
def test_a_margin_of_all_that_an_accuracy_can_differ_by_is_refused(margin, told):
    score = Scoring("accuracy", higher_is_better=True, is_proportion=True)
    data = kohort.Dataset(np.ones((60, 2), "float32"), np.arange(60) % 2)
    with pytest.raises(DesignError, match=rf"a margin below 1 for 'accuracy', .*; {told}"):
        check_score(score, {}, data, margin)
    check_score(score, {}, data, 0.99)
    check_score(Scoring("mae", higher_is_better=False, is_proportion=False), {}, data, margin)


NUMBERS = np.linspace(-2, 3, 60).astype("float32")[:, None]
RATINGS = np.arange(60) % 5 + 1


@pytest.mark.parametrize(
    ("measured", "targets", "units", "told"),
    [
        ("accuracy", NUMBERS, 1, "targets that are all 0 or 1, for 'accuracy'.*from -2 to 3; "),
        ("acc", RATINGS, 1, r"all 0 or 1, for 'acc'.*targets from 1 to 5; .*metrics=\['mae'\]"),
        ("accuracy", (NUMBERS > 0.5).astype("float32"), 1, None),
        (keras.metrics.BinaryAccuracy(threshold=1.0), NUMBERS, 1, "all 0 or 1"),
        (keras.metrics.Accuracy(), NUMBERS, 1, "targets that are whole numbers"),
        ("accuracy", np.hstack([NUMBERS, NUMBERS]), 2, "each row of sum 1"),
        (keras.metrics.BinaryAccuracy(), np.hstack([NUMBERS, NUMBERS]), 2, "all 0 or 1"),
        ("accuracy", np.hstack([NUMBERS > 0, NUMBERS <= 0]).astype("float32"), 2, None),
        ("mae", NUMBERS, 1, None),
    ],
)  # fmt: skip
def test_an_accuracy_of_numbers_is_refused_where_it_would_score(measured, targets, units, told):
    study = of_numbers(measured, y=targets, units=units, loss=keras.losses.LogCosh())
    if told is None:
        study.plan()
        return
    with pytest.raises(DesignError, match=told) as refused:
        study.plan()
    assert "or score by metric='loss'" in str(refused.value)
    assert "\n" not in str(refused.value)
    of_numbers(measured, y=targets, units=units, loss=keras.losses.LogCosh(), metric="loss").plan()


def plan_of(build):
    data = kohort.Dataset(np.ones((60, 2), "float32"), NUMBERS)
    splits = kohort.Holdout(0.2, repeats=2)
    return kohort.Study(
        "own", [kohort.Variant("a", build)], data, replicates=splits, epochs=1
    ).plan()


def test_what_a_train_step_gives_the_metrics_is_not_checked():
    class Own(keras.Model):
        def train_step(self, state, data):
            return super().train_step(state, (data[0], keras.ops.cast(data[1] > 0, "float32")))

        def test_step(self, state, data):
            return super().test_step(state, (data[0], keras.ops.cast(data[1] > 0, "float32")))

    def build():
        inputs = keras.Input((2,))
        model = Own(inputs, keras.layers.Dense(1)(inputs))
        model.compile("adam", "mse", metrics=["accuracy"])
        return model

    assert len(plan_of(build).every_member) == 2


def test_what_metrics_of_ones_own_count_is_not_checked():
    class Own(keras.Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            self.second.update_state(y > 0, y_pred)
            return {"second": self.second.result()}

        @property
        def metrics(self):
            return [*super().metrics, self.second]

    def build():
        inputs = keras.Input((2,))
        model = Own(inputs, keras.layers.Dense(1)(inputs))
        model.second = keras.metrics.BinaryAccuracy(name="second")
        model.compile("adam", "mse")
        return model

    assert len(plan_of(build).every_member) == 2


def test_fit_takes_an_accuracy_of_numbers():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["accuracy"])
    history = kohort.fit(model, np.ones((60, 2), "float32"), NUMBERS, verbose=0)
    assert history.history["accuracy"] == [0.0]


class Kept(dict):
    def __getitem__(self, key):
        return self.get(key)

    def note(self, **what):
        self |= what


@pytest.mark.parametrize("kept", [Kept(), Kept(scoring=["data_loss", False, False, "huber"])])
def test_later_trials_of_a_search_are_scored_by_the_loss_of_the_first(kept):
    plans = {
        number: SimpleNamespace(metrics=(), measured=MeasuredLoss(name), slip="")
        for number, name in enumerate(["huber", "huber", "mean_squared_error"])
    }
    spec = SimpleNamespace(metric=None, mode="auto", data=None, margin=None)
    measure = Measure(spec, kept, print)
    measure.choose([0, 1], plans.get)
    assert kept["scoring"] == ["data_loss", False, False, "huber"]
    assert measure.lack(1, plans[1]) == ""
    assert "its loss is mean_squared_error, and trials are scored by huber" in measure.lack(
        2, plans[2]
    )


def test_the_first_trial_whose_outputs_are_not_what_its_loss_takes_is_told_of():
    told = []
    kept = Kept(scoring=["data_loss", False, False, "huber"])
    measure = Measure(SimpleNamespace(metric=None, mode="auto"), kept, told.append)
    for number, slip in enumerate(["", "no softmax", "no softmax", "", "no sigmoid"]):
        plan = SimpleNamespace(metrics=(), measured=MeasuredLoss("huber"), slip=slip)
        assert measure.lack(number, plan) == ""
    assert told == [
        "trial 1, and all that are built so: no softmax",
        "trial 4, and all that are built so: no sigmoid",
    ]


@pytest.mark.parametrize(("cut", "lacks"), [("binary", False), ("misplaced", True)])
def test_a_later_trial_whose_accuracy_cuts_logits_elsewhere_fails(cut, lacks):
    plans = {
        number: SimpleNamespace(
            metrics=(MetricKind("accuracy", "up", is_proportion=True, accuracy=accuracy),),
            measured=MeasuredLoss(),
            slip="",
        )
        for number, accuracy in enumerate(["binary", cut])
    }
    kept = Kept()

    def measure_of(targets):
        data = SimpleNamespace(y_train=targets)
        spec = SimpleNamespace(metric=None, mode="auto", data=data, margin=None)
        return Measure(spec, kept, print)

    measure = measure_of(np.arange(4) % 2)
    measure.choose([0], plans.get)
    assert ("logits or margins" in measure.lack(1, plans[1])) == lacks
    assert "needs targets that are all 0 or 1" in measure_of(np.arange(4) / 3).lack(1, plans[1])


def test_a_search_refuses_to_score_numbers_by_an_accuracy():
    def build(units):
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1)]
        )
        model.compile("adam", "mse", metrics=["accuracy"])
        return model

    data = kohort.Dataset(np.ones((60, 2), "float32"), NUMBERS)
    search = kohort.Search("n", build, {"units": [1, 2]}, data, trials=2, epochs=2)
    with pytest.raises(DesignError, match="targets that are all 0 or 1"):
        search.run(verbose=0)


@pytest.mark.parametrize("of_earlier", [["data_loss", False], ["data_loss", False, False]])
def test_a_search_of_an_earlier_version_has_no_loss_to_hold_trials_against(of_earlier):
    measure = Measure(SimpleNamespace(metric=None, mode="auto"), Kept(scoring=of_earlier), print)
    assert not measure.lack(1, SimpleNamespace(metrics=(), measured=MeasuredLoss("huber"), slip=""))
    assert not measure.scoring.is_proportion
