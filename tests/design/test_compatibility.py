"""Models that do not take the data of their study, and what to change."""

import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from tests.doors.refusals import assert_refused

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)


def build(outputs, loss, metrics=(), features=4):
    activation = "softmax" if outputs > 1 else "sigmoid"
    model = keras.Sequential([keras.Input((features,)), keras.layers.Dense(outputs, activation)])
    model.compile("sgd", loss, metrics=metrics)
    return model


def study_on(data, outputs, loss, metrics=(), features=4):
    variant = kohort.Variant(
        "a", build, outputs=outputs, loss=loss, metrics=list(metrics), features=features
    )
    return kohort.Study("s", [variant], data, replicates=kohort.Holdout(0.25, 2), epochs=1)


def planned(y, outputs=10, loss="sparse_categorical_crossentropy", metrics=(), features=4):
    return study_on(kohort.Dataset(X, y), outputs, loss, metrics, features).plan()


FROM_1 = np.arange(40) % 10 + 1
FROM_2 = FROM_1 + 1


@pytest.mark.parametrize("dtype", ["int64", "float32", "uint8"])
def test_labels_from_1_are_classes_of_these_names(dtype):
    data = kohort.Dataset(X, FROM_1.astype(dtype))
    assert data.class_names == tuple(map(str, range(1, 11)))
    assert data.y_train.tolist() == (FROM_1 - 1).tolist()
    assert planned(FROM_1.astype(dtype))


SPARSE = [
    "sparse_categorical_crossentropy",
    "SparseCategoricalCrossentropy",
    keras.losses.SparseCategoricalCrossentropy(name="of_mine"),
    keras.losses.sparse_categorical_crossentropy,
]


@pytest.mark.parametrize("loss", SPARSE)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_labels_that_are_not_numbered_from_0_are_told_apart_from_an_output_too_few(dtype, loss):
    told = "labels from 0 to 9, for the 10 outputs of variant 'a', got labels from 2 to 11; .*y - 2"
    assert_refused(lambda: planned(FROM_2.astype(dtype), loss=loss), told)
    assert_refused(
        lambda: planned(FROM_1 - 1, 9, loss), "an output for each of 10 classes, got .* 9"
    )
    told = "for each of 12 classes, .*; or, if the targets are numbers, one unit and .* mse"
    assert_refused(lambda: planned(FROM_2.astype(dtype), 9, loss), told)
    assert len(planned(FROM_2.astype(dtype), 12, loss).every_member) == 2


def test_floats_that_are_no_labels_are_refused_for_a_loss_of_labels():
    told = "class labels, for the loss sparse_.*of variant 'a', got targets such as 1.5; .* mse"
    assert_refused(lambda: planned(FROM_1 + 0.5), told)
    assert_refused(lambda: planned(FROM_1 - 3.0), "from 0 to 9, .*from -2 to 7; .*y [+] 2")


def test_labels_that_a_loss_leaves_out_may_be_any():
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=11)
    assert planned(FROM_2 % 12, loss=loss)


@keras.saving.register_keras_serializable("of_mine")
def squares(y, outputs):
    return (y - outputs) ** 2


LOSSES = ["mse", "MeanAbsoluteError", keras.losses.Huber(), keras.losses.log_cosh]


@pytest.mark.long
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_numbers_that_became_classes_are_not_predicted_as_numbers(dtype, loss):
    """Else a model of ratings from 1 to 10 would say one less than it was taught."""
    told = "targets 1 to 10 are taken as numbers to predict, not as classes: the loss "
    study = study_on(kohort.Dataset(X, FROM_1.astype(dtype)), 1, loss)
    assert study.data.classes is None
    assert study.data.y_train.tolist() == FROM_1[:, None].tolist()
    assert told in str(study.plan())
    assert told in study.data.notes[-1]
    # Numbers that cannot be classes stay what they are.
    column = FROM_1.astype("float32")[:, None]
    for y in (column, FROM_1 - 1, FROM_1 + 0.5, FROM_1 * 3.0, np.arange(1.0, 41.0)):
        assert kohort.Dataset(X, y).y_train.tolist() == y.tolist()
        assert planned(y, 1, loss)


def test_numbers_of_a_table_that_became_classes_are_not_predicted_as_numbers():
    frame = pd.DataFrame(X).assign(quality=FROM_2 % 3 + 5.0)
    data = kohort.Dataset.from_frame(frame, target="quality")
    study = study_on(data, 1, "mse")
    rows = frame["quality"].to_numpy()[data.source_rows]
    assert study.data.y_train[:, 0].tolist() == rows[: len(data.y_train)].tolist()
    assert study.data.y_test[:, 0].tolist() == rows[len(data.y_train) :].tolist()


def test_ages_that_nobody_counts_as_classes_are_numbers_to_a_loss_of_numbers():
    ages = np.append(np.arange(36) % 6 * 10, [71, 3, 3, 3])
    data = kohort.Dataset(X, ages)
    assert any("no sample" in note for note in data.notes)
    study = study_on(data, 1, "mse")
    assert study.data.classes is None
    (note,) = study.data.notes
    assert note.startswith("targets 0 to 71 are taken as numbers to predict, not as classes: the")
    assert study_on(data, 72, "sparse_categorical_crossentropy").data is data
    # Classes of two samples or more are what their numbers say.
    assert study_on(kohort.Dataset(X, FROM_1 - 1), 1, "mse").data.classes == 10


def test_names_are_no_numbers_to_predict():
    words = np.array(["low", "mid", "high", "top"] * 10)
    (told,) = planned(words, 1, "mse").slips
    assert told.startswith("a: the loss mean_squared_error takes classes for their numbers: high ")
    assert planned(words, 4).slips == ()
    written = np.array([f"{number / 8}" for number in range(40)])
    assert_refused(lambda: planned(written, 1, "mse"), r"make numbers of them, y.astype\('float32")


@pytest.mark.parametrize("loss", ["mse", keras.losses.Huber()])
def test_one_output_is_not_held_against_several_numbers(loss):
    """Keras would broadcast it."""
    targets = np.zeros((40, 2), "float32")
    targets[::3] = 1
    assert_refused(lambda: planned(targets, 1, loss), "2 outputs, one for each number of a target")
    assert planned(targets, 2, loss)


def test_one_output_of_each_step_is_held_against_a_number_of_each():
    """Keras drops the last axis there."""

    def build():
        model = keras.Sequential([keras.Input((7, 3)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    x = np.random.default_rng(0).normal(size=(40, 7, 3))
    data = kohort.Dataset(x, x[..., 0])
    splits = {"replicates": kohort.Holdout(0.25, 2), "epochs": 1}
    assert kohort.Study("s", [kohort.Variant("a", build)], data, **splits).plan().slips == ()


class OfLabels(keras.metrics.Recall):
    """A recall of the user's own, which makes rows of labels itself."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        rows = keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32"), 3)
        super().update_state(rows, y_pred, sample_weight)


def test_a_metric_of_the_users_own_may_take_labels():
    loss = "sparse_categorical_crossentropy"
    assert ending(loss, "softmax", metrics=[OfLabels(class_id=1, name="r")]).slips == ()


def test_metrics_of_several_numbers_are_refused_and_said_how_to_average():
    rows = np.eye(3)[FROM_1 % 3]
    told = r"'f1_score' of 3, one for each class or column; average them: keras.metrics.F1Score\(av"
    assert_refused(
        lambda: ending("categorical_crossentropy", "softmax", y=rows, metrics=["f1_score"]), told
    )
    averaged = keras.metrics.F1Score(average="macro")
    assert ending("categorical_crossentropy", "softmax", y=rows, metrics=[averaged])


def test_a_metric_of_one_output_that_gives_an_array_is_kept_as_a_number():
    y = (np.arange(40) % 2).astype("float32")[:, None]

    def score():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
        metric = keras.metrics.F1Score(threshold=0.5, name="f1")
        model.compile("sgd", "binary_crossentropy", metrics=[metric])
        return model

    result = kohort.Study(
        "s", [kohort.Variant("a", score)], kohort.Dataset(X, y),
        replicates=kohort.Holdout(0.25, 2), epochs=2, metric="f1",
    ).run(verbose=0)  # fmt: skip
    assert result.record.whole.of("val_f1").shape == (1, 2, 2)
    assert np.isfinite(result.record.whole.of("val_f1")).all()


def test_a_metric_of_one_hot_rows_does_not_get_labels():
    """Of labels Keras takes the one in the place of the class: that of another sample."""
    recall = keras.metrics.Recall(class_id=1)
    told = "one-hot targets, for the metric 'recall.*result.recalls"
    loss = "sparse_categorical_crossentropy"
    assert_refused(lambda: ending(loss, "softmax", metrics=[recall]), told)
    rows = np.eye(3)[FROM_1 % 3]
    assert ending("categorical_crossentropy", "softmax", y=rows, metrics=[recall]).slips == ()


def test_a_recall_of_all_columns_is_told_to_be_nearly_the_accuracy():
    rows, loss = np.eye(3)[FROM_1 % 3], "categorical_crossentropy"
    plan = ending(loss, "softmax", y=rows, metrics=[keras.metrics.Recall(name="rec")])
    assert "the metric rec counts all columns of one-hot rows together" in str(plan)
    labels = ending("binary_crossentropy", "sigmoid", y=rows, metrics=[keras.metrics.Recall()])
    assert labels.slips == ()


def test_probabilities_that_are_taken_for_logits_are_told():
    told = "ends in {}, and the loss {} takes logits (from_logits=True) and does the same again"
    sparse = ending(keras.losses.SparseCategoricalCrossentropy(from_logits=True), "softmax")
    assert told.format("softmax", "sparse_categorical_crossentropy") in str(sparse)
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    assert told.format("sigmoid", "binary_crossentropy") in str(
        ending(binary, "sigmoid", 1, ONE_LABEL, wrapped=True)
    )


def test_targets_of_one_number_are_told():
    same = np.full((40, 1), 7.25, "float32")
    assert "all training targets are 7.25: look at how they are made" in str(
        ending("mse", y=same, outputs=1)
    )


def test_a_column_that_is_still_in_a_training_part_is_told():
    """Keras's Normalization would make 10 million of the row that has the rare category."""
    city = np.zeros(40)
    city[[3, 17]] = 1
    frame = pd.DataFrame({"x": X[:, 0], "city": city, "y": X[:, 1]})
    data = kohort.Dataset.from_frame(frame, target="y", test=0)

    def behind(layer):
        model = keras.Sequential([keras.Input((2,)), layer, keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    def adapted(rows):
        layer = keras.layers.Normalization()
        layer.adapt(rows)
        return behind(layer)

    def scaled(data):
        return adapted(data.x)

    def outside():
        return adapted(data.x_train)

    def given(data):
        variance = data.x.var(0) + 1
        return behind(keras.layers.Normalization(mean=data.x.mean(0), variance=variance))

    def beside(data):
        inputs, layer = keras.Input((2,)), keras.layers.Normalization()
        layer.adapt(data.x[:, :1])
        joined = keras.layers.Concatenate()([layer(inputs[:, :1]), inputs[:, 1:]])
        model = keras.Model(inputs, keras.layers.Dense(1)(joined))
        model.compile("sgd", "mse")
        return model

    def slips(build, data):
        splits = {"replicates": kohort.Holdout(0.5, 8), "epochs": 1}
        return kohort.Study("s", [kohort.Variant("a", build)], data, **splits).plan().slips

    (told,) = slips(scaled, data)
    assert told.startswith("a: city has one value in the training part of 2 of 8 replicates, an")
    # Of given numbers, of all rows, and of another column, the layer divides by no zero.
    assert slips(given, data) == slips(outside, data) == slips(beside, data) == ()
    varied = kohort.Dataset.from_frame(frame.assign(city=X[:, 2]), target="y", test=0)
    assert slips(scaled, varied) == ()


def test_a_study_of_losses_of_both_kinds_is_refused_for_targets_of_either():
    """Its variants are compared on the same targets."""
    data = kohort.Dataset(X, FROM_1)
    variants = [
        kohort.Variant("classes", build, outputs=10, loss="sparse_categorical_crossentropy"),
        kohort.Variant("numbers", build, outputs=1, loss="mse"),
    ]
    for order in (variants, variants[::-1]):
        study = kohort.Study("s", order, data, replicates=kohort.Holdout(0.25, 2), epochs=1)
        assert study.data is data
        assert_refused(study.plan, "an output for each of the classes 1 to 10, .*got the loss mean")


def test_a_loss_that_is_not_known_to_be_of_numbers_is_refused_for_classes():
    told = (
        r"an output for each of the classes 1 to 10, .*got the loss squares .*float32'\)\[:, None\]"
    )
    assert_refused(lambda: planned(FROM_1, 1, squares), told)


def test_ratings_are_predicted_as_they_were_given(tmp_path):
    """By a net that cannot but learn a line: its bias is the mean of ratings, and not one less."""

    def constant(loss):
        x = keras.Input((4,))
        mean = keras.layers.Dense(1, kernel_initializer="zeros")(keras.layers.Rescaling(0.0)(x))
        model = keras.Model(x, mean)
        model.compile(keras.optimizers.SGD(0.5), loss)
        return model

    ratings = np.resize([1.0, 2, 2, 3, 4, 5, 5], 40)
    data = kohort.Dataset(X[:30], ratings[:30], X[30:], ratings[30:])
    splits = kohort.Holdout(0.2, 2)
    study = kohort.Study(
        "ratings", kohort.grid(constant, loss=["mse"]), data,
        replicates=splits, epochs=20, batch_size=24,
    )  # fmt: skip
    result = study.run(tmp_path / "kohort.db", verbose=0)
    train = ratings[:30][result.best().replicate.train]
    guess = result.best().model().predict(X[:1], verbose=0)
    assert guess[0, 0] == pytest.approx(train.mean(), abs=1e-3)
    kept = kohort.open(tmp_path / "kohort.db", "ratings", data)
    assert kept.best().model().predict(X[:1], verbose=0)[0, 0] == guess[0, 0]


def test_two_classes_from_1_are_those_of_a_binary_loss():
    assert planned(1.0 + (FROM_1 > 5), 1, "binary_crossentropy")
    assert kohort.Dataset(X, 1.0 + (FROM_1 > 5)).y_train.tolist() == (FROM_1 > 5).tolist()


def test_a_stray_label_is_named_before_the_outputs_it_would_take():
    y = np.arange(520) % 2
    y[17] = 7
    data = kohort.Dataset(np.resize(X, (520, 4)), y)
    stray = r"got label 7 in row 17 \(from 0\), all others 0 to 1"
    told = rf"{stray}, and outputs \(None, 2\); mend or drop such rows, or give its last layer"
    assert_refused(study_on(data, 2, SPARSE[0]).plan, told)
    told = f"two classes, .*{stray}; mend or drop such rows, or give its last layer 8 units"
    assert_refused(study_on(data, 1, "binary_crossentropy").plan, told)


THREE = np.arange(40) % 3


@pytest.mark.parametrize("y", [THREE, THREE + 1.0, np.array(["a", "b", "c"])[THREE]])
@pytest.mark.parametrize("loss", ["hinge", keras.losses.BinaryCrossentropy()])
def test_three_classes_are_not_those_of_one_output(y, loss):
    told = (
        "two classes, for the one output of variant 'a' and its loss .*, got 3 classes; .*softmax"
    )
    assert_refused(lambda: planned(y, 1, loss), told)


@pytest.mark.parametrize("y", [FROM_1 % 2 * 2.0 - 1, FROM_1[:, None] % 2 * 3.0])
def test_targets_of_which_a_binary_crossentropy_has_no_least_value_are_refused(y):
    told = "targets from 0 to 1, .*binary_crossentropy of variant 'a', got targets from .*; number"
    assert_refused(lambda: planned(y, 1, "binary_crossentropy"), told)


def test_what_losses_of_two_classes_take_is_not_refused():
    assert planned(FROM_1 % 2 * 2.0 - 1, 1, "hinge")
    assert planned(FROM_1[:, None] / 10.0, 1, "binary_crossentropy")
    assert planned(keras.utils.to_categorical(THREE), 3, "binary_crossentropy")


def test_one_hot_rows_for_a_loss_of_labels_are_told_the_other_loss():
    told = "compile with categorical_crossentropy for one-hot rows, or give labels, y.argmax"
    assert_refused(lambda: planned(keras.utils.to_categorical(THREE), 3), told)


def test_the_way_to_an_f1_score_is_told():
    score = keras.metrics.F1Score("macro")
    told = "FBetaScore take a column for each class: give one-hot targets, keras.utils.to_categor"
    assert_refused(lambda: planned(FROM_1 - 1, metrics=[score]), told)
    # What is told works.
    one_hot = keras.utils.to_categorical(FROM_1 - 1)
    assert planned(one_hot, loss="categorical_crossentropy", metrics=[score])
    binary = (FROM_1 > 5).astype("float32")[:, None]
    assert planned(binary, 1, "binary_crossentropy", [keras.metrics.F1Score(threshold=0.5)])


def test_a_loss_that_does_not_take_the_targets_is_not_blamed_on_the_inputs():
    told = r"takes the inputs, and gives outputs \(10,\): compile it with a loss .*such as sparse_"
    assert_refused(lambda: planned(FROM_1 - 1, loss="categorical_crossentropy"), told)


def test_a_model_of_several_outputs_is_told_that_targets_are_one_array():
    def build():
        inputs = keras.Input((4,))
        outputs = [keras.layers.Dense(1)(inputs) for _ in range(2)]
        model = keras.Model(inputs, outputs)
        model.compile("adam", ["mse", "mse"], loss_weights=[1.0, 0.1])
        return model

    data = kohort.Dataset(X, np.stack([FROM_1, FROM_1 / 2], axis=1))
    told = "the model gives 2 outputs, and a study has one array of targets: join them .*kohort.fit"
    splits = {"replicates": kohort.Holdout(0.2, 2), "epochs": 1}
    study = kohort.Study("two", [kohort.Variant("a", build)], data, **splits)
    assert_refused(study.plan, told)


def test_inputs_that_the_model_does_not_take_are_blamed_on_them():
    told = r"inputs \(4,\) .*; give the model keras.Input\(data.input_shape\)$"
    assert_refused(lambda: planned(FROM_1 - 1, features=5), told)


def test_a_number_without_bounds_is_no_probability_of_one_of_two_classes():
    """Else it would be taken for a logit, and cut at 0 where 0.5 is meant."""

    def linear(loss, activation=None):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation)])
        model.compile("sgd", loss)
        return model

    def plan_of(y, **arguments):
        variants = [kohort.Variant("a", linear, **arguments)]
        return kohort.Study("s", variants, y, replicates=kohort.Holdout(0.25, 2), epochs=1).plan()

    classes = kohort.Dataset(X, np.arange(40) % 2, class_names=("benign", "malignant"))
    told = "the probability of class malignant, one of two, got an output without bounds, .*sigmoid"
    for loss in LOSSES:
        assert_refused(lambda loss=loss: plan_of(classes, loss=loss), told)
    assert plan_of(classes, loss="mse", activation="sigmoid")
    assert plan_of(classes, loss=keras.losses.BinaryCrossentropy(from_logits=True))
    numbers = kohort.Dataset(X, (np.arange(40) % 2).astype("float32")[:, None])
    assert plan_of(numbers, loss="mse")


def ending(loss, activation=None, outputs=3, y=FROM_1 % 3, wrapped=False, metrics=()):
    """The plan of a study of a model that ends with this activation."""

    def build():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(outputs, activation)])
        if wrapped:
            model = keras.Sequential([keras.Input((4,)), model])
        model.compile("sgd", loss, metrics=list(metrics))
        return model

    splits = {"replicates": kohort.Holdout(0.25, 2), "epochs": 1}
    return kohort.Study("s", [kohort.Variant("a", build)], kohort.Dataset(X, y), **splits).plan()


class Softened(keras.losses.SparseCategoricalCrossentropy):
    """A loss of the user's, which makes probabilities itself."""

    def call(self, y_true, y_pred):
        return super().call(y_true, keras.ops.softmax(y_pred))


ONE_LABEL = np.arange(40) % 2


@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_loss_of_probabilities_that_gets_other_numbers_is_told(activation, wrapped):
    """It is the commonest slip: Keras cuts them off, and learns little, or comes to NaN."""
    loss = "sparse_categorical_crossentropy"
    assert (
        f"\n  a: the last layer has the activation {activation or 'linear'}, and the loss {loss} "
        "takes probabilities: end with softmax, or compile the loss with from_logits=True\n"
    ) in str(ending(loss, activation, wrapped=wrapped))
    binary = ending(keras.losses.BinaryCrossentropy(), activation, 1, ONE_LABEL)
    assert "the loss binary_crossentropy takes probabilities: end with sigmoid" in str(binary)


@pytest.mark.parametrize("loss", ["poisson", keras.losses.Poisson(), keras.losses.poisson])
def test_the_logarithm_of_a_rate_below_zero_is_told(loss):
    counts = (np.arange(40) % 5).astype("float32")[:, None]
    told = "and the loss poisson takes the logarithm of its outputs: end with softplus or exp"
    assert told in str(ending(loss, None, 1, counts))
    assert told in str(ending(loss, "tanh", 1, counts))
    for activation in ("softplus", "exponential", "relu"):
        assert ending(loss, activation, 1, counts).slips == ()


def test_targets_that_an_error_has_no_use_for_are_told():
    """One zero among them, and errors in percent tell of nothing else."""
    targets = np.linspace(0, 1, 40, dtype="float32")[:, None]
    zero = "mape divides by the size of each target, and 1 of 40 is 0, where Keras divides by"
    assert zero in str(ending("mape", None, 1, targets))
    assert zero in str(ending("mse", None, 1, targets, metrics=["mape"]))
    below = "takes targets below 0 for 0, and 20 of 40 are below 0: take mse, or leave them out"
    assert f"a: msle {below}" in str(ending("msle", None, 1, targets - 0.5))
    assert "poisson is of counts" in str(ending("poisson", "softplus", 1, targets - 0.5))
    for loss, activation in (("mape", None), ("msle", None), ("poisson", "softplus")):
        assert ending(loss, activation, 1, targets + 1).slips == ()
    assert ending("mse", None, 1, targets - 0.5).slips == ()


def test_a_loss_of_logits_or_of_the_users_may_get_any_numbers():
    plans = [
        ending("sparse_categorical_crossentropy", "softmax"),
        ending(keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        ending(keras.losses.BinaryCrossentropy(from_logits=True), None, 1, ONE_LABEL),
        ending(Softened()),
        ending("mse", None, 1, X[:, 0].copy()),
    ]
    assert [plan.slips for plan in plans] == [()] * 5


def test_outputs_of_another_shape_than_the_targets_are_told_what_to_do():
    numbers = X[:, 0].copy()
    assert_refused(
        lambda: ending("mse", None, 2, numbers),
        r"gives outputs \(2,\): the targets are one number for each sample, so give its last "
        "layer one unit$",
    )

    def build():
        model = keras.Sequential([keras.Input((4, 2)), keras.layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    data = kohort.Dataset(np.stack([X, X], axis=-1), FROM_1 % 3)
    splits = {"replicates": kohort.Holdout(0.25, 2), "epochs": 1}
    study = kohort.Study("s", [kohort.Variant("a", build)], data, **splits)
    assert_refused(study.plan, r"gives outputs \(4, 3\): the targets are one for each sample, .*Fl")


TOKENS = np.random.default_rng(0).integers(0, 60, (40, 6)).astype(np.uint8)


def embedding(graph=None, scaled_back=False):
    """A model of tokens: a stack, with a graph, or one that makes numbers of pixels again."""
    head = [keras.layers.Embedding(60, 2), keras.layers.Flatten(), keras.layers.Dense(2)]
    if scaled_back:
        head.insert(0, keras.layers.Rescaling(255, 127.5))
    if graph:
        out = tokens = keras.Input((6,))
        for layer in head:
            out = layer(out)
        model = keras.Model(tokens, out)
    else:
        model = keras.Sequential([keras.Input((6,)), *head])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def plan_of_tokens(tokens, **arguments):
    variant = kohort.Variant("a", embedding, **arguments)
    splits = kohort.Holdout(0.25, 2)
    return kohort.Study(
        "s", [variant], kohort.Dataset(tokens, Y2), replicates=splits, epochs=1
    ).plan()


Y2 = np.arange(40) % 2


@pytest.mark.parametrize("graph", [False, True])
def test_scaled_bytes_number_no_rows_of_an_embedding(graph):
    words = "whole numbers, for the Embedding of variant 'a', got bytes .*astype.'int32'"
    assert_refused(lambda: plan_of_tokens(TOKENS, graph=graph), words)
    assert plan_of_tokens(TOKENS.astype(np.int32), graph=graph)
    assert plan_of_tokens(TOKENS % 2, graph=graph), "0 and 1 are no pixels"
    assert plan_of_tokens(TOKENS, graph=graph, scaled_back=True)


def test_a_plan_tells_that_rows_of_bytes_are_scaled():
    def told(x):
        return str(study_on(kohort.Dataset(x, Y2), 2, SPARSE[0], features=6).plan())

    assert "which are read as pixels and scaled from 0 .. 255 to -0.5 .. 0.5" in told(TOKENS)
    assert "pixels" not in told(TOKENS.astype(np.float32))
