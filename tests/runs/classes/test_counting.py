"""What a study keeps of which classes its members find, beside what `predict` of each gives."""

import keras
import numpy as np
import pytest
from keras.initializers import Constant

import kohort
from kohort.findings.conclusions import Conclusions
from kohort.runs.classes.counting import ClassCounter

CLASSES = ("many", "some", "few")


def samples(classes=3, seed=0):
    random = np.random.default_rng(seed)
    share = [0.7, 0.2, 0.1][:classes] if classes == 3 else [0.8, 0.2]
    y = random.choice(classes, 300, p=share)
    x = random.normal(size=(300, 5)).astype("float32")
    x[:, 0] += 1.5 * y
    return x, y


def net(loss="sparse_categorical_crossentropy", outputs=3, activation="softmax", **more):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(outputs, activation)])
    cuts_at_0 = keras.metrics.BinaryAccuracy("accuracy", threshold=0)
    metric = cuts_at_0 if outputs == 1 and activation is None else "accuracy"
    model.compile(keras.optimizers.Adam(0.05), loss, metrics=[metric], **more)
    return model


def learned(data):
    scaling = keras.layers.Normalization()
    scaling.adapt(data.x)
    outputs = keras.layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((5,)), scaling, outputs])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def study(data, build=net, *, replicates=2, metric=None, **arguments):
    return kohort.Study(
        "classes",
        [kohort.Variant("net", build, **arguments)],
        data,
        replicates=kohort.Holdout(0.3, repeats=replicates),
        epochs=2,
        batch_size=50,
        metric=metric,
    )


def linear(loss):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05), loss, metrics=["accuracy"])
    return model


def squares(y, predicted):
    return keras.ops.mean(keras.ops.square(y - predicted), axis=-1)


def by_hand(result, number_of):
    """Of each member the samples of each class that it finds, by its model's `predict`."""
    found = {}
    for place, member in result.members.items():
        data, rows = member.data, member.replicate.valid
        outputs = member.model().predict(data.inputs(data.x_train[rows]), verbose=0)
        answers, truth = number_of(outputs), np.asarray(data.y_train[rows])
        truth = truth.argmax(axis=1) if truth.ndim == 2 and truth.shape[1] > 1 else truth.ravel()
        names = result.record.classes.names
        found[place] = [int(((answers == c) & (truth == c)).sum()) for c in range(len(names))]
        of_class = result.record.classes.samples[member.replicate.number]
        assert of_class.tolist() == [int((truth == c).sum()) for c in range(len(names))]
    return found


def counted(result):
    return {place: found.tolist() for place, found in result.record.classes.found.items()}


def highest(outputs):
    return outputs.argmax(axis=1)


def told_beside_the_majority(result):
    """By replicate, what only the model and only the constant answer gets right; and the scores.

    These are those at the epochs whose weights are kept.
    """
    curves = Conclusions(result.record).study.variants[0]
    kept = curves.valid_loss.argmin(axis=1)
    scores = 1 - curves.valid_error[np.arange(len(kept)), kept]
    return curves.only_right, scores - result.record.majority.valid


@pytest.mark.parametrize("engine", ["fused", pytest.param("keras", marks=pytest.mark.long)])
def test_the_counts_are_those_of_predict(engine):
    x, y = samples()
    result = study(kohort.Dataset(x, y, class_names=CLASSES)).run(engine=engine, verbose=0)
    assert result.record.classes.names == CLASSES
    only_right, gains = told_beside_the_majority(result)
    assert (only_right > 0).any()
    np.testing.assert_allclose(only_right[:, 0] - only_right[:, 1], gains, atol=1e-6)
    assert counted(result) == by_hand(result, highest)
    assert 0 < sum(map(sum, counted(result).values())) < 2 * 90


@pytest.mark.parametrize(("loss", "as_column"), [(squares, False), ("mse", True)])
def test_one_linear_output_is_cut_where_the_metric_cuts_it(loss, as_column, tmp_path):
    x, y = samples(classes=2)
    targets = y.astype("float32")[:, None] if as_column else y
    data = kohort.Dataset(x[:200], targets[:200], x[200:], targets[200:])
    result = study(data, linear, loss=loss).run(verbose=0)
    assert counted(result) == by_hand(result, lambda outputs: above_half(outputs).astype(int))
    tested = result.test()[0]
    outputs = result.best().model().predict(data.x_test, verbose=0)
    assert (outputs < 0).any()
    assert tested.accuracy.mean == pytest.approx((above_half(outputs) == y[200:]).mean())
    assert not tested.has_probabilities
    if as_column:
        ensemble = result.ensemble()
        outputs = ensemble.model().predict(data.x_test, verbose=0)
        told = ensemble.test().table()["test_accuracy"].iloc[-1]
        assert told == pytest.approx((above_half(outputs) == y[200:]).mean())


def above_half(outputs):
    return outputs[:, 0] > 0.5


def leaning(loss):
    layer = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer=Constant(0.2))
    model = keras.Sequential([keras.Input((5,)), layer])
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model


@pytest.mark.parametrize(
    "loss",
    [keras.losses.BinaryCrossentropy(from_logits=True), keras.losses.Hinge()],
    ids=["logits", "margins"],
)
def test_outputs_that_could_be_probabilities_are_what_the_loss_takes(loss):
    x, y = samples(classes=2)
    result = study(kohort.Dataset(x, y), leaning, loss=loss).run(verbose=0)
    assert counted(result) == by_hand(result, lambda outputs: (outputs[:, 0] > 0).astype(int))
    assert all(first == 0 < second for first, second in counted(result).values())


@pytest.mark.long
def test_one_hot_rows_are_classes():
    x, y = samples()
    data = kohort.Dataset(x, np.eye(3, dtype="float32")[y])
    result = study(data, loss="categorical_crossentropy").run(verbose=0)
    assert counted(result) == by_hand(result, highest)


@pytest.mark.long
@pytest.mark.parametrize(
    ("activation", "loss", "border"),
    [
        ("sigmoid", "binary_crossentropy", 0.5),
        (None, keras.losses.BinaryCrossentropy(from_logits=True), 0.0),
    ],
    ids=["probabilities", "logits"],
)
@pytest.mark.parametrize("kind", ["int64", "float32"])
def test_one_output_tells_two_classes(activation, loss, border, kind):
    x, y = samples(classes=2)
    data = kohort.Dataset(x, y.astype(kind))
    result = study(data, outputs=1, activation=activation, loss=loss).run(verbose=0)
    assert counted(result) == by_hand(result, lambda given: (given[:, 0] > border).astype(int))


@pytest.mark.long
def test_what_each_member_has_learned_is_its_own():
    x, y = samples()
    x *= 30
    result = study(kohort.Dataset(x, y), learned).run(verbose=0)
    assert counted(result) == by_hand(result, highest)


@pytest.mark.long
def test_a_batch_that_is_not_whole_is_counted_once(monkeypatch):
    monkeypatch.setattr("kohort.runs.classes.counting._BATCH", 64)  # 90 validate
    x, y = samples()
    result = study(kohort.Dataset(x, y)).run(verbose=0)
    assert counted(result) == by_hand(result, highest)


@pytest.mark.parametrize("targets", ["numbers", pytest.param("several", marks=pytest.mark.long)])
def test_nothing_is_predicted_for_numbers(targets, monkeypatch):
    monkeypatch.setattr(ClassCounter, "_answers", lambda *_: pytest.fail("a prediction"))
    x, _ = samples()
    y = x[:, :1] if targets == "numbers" else x[:, :3]
    data = kohort.Dataset(x, y)
    asked = study(data, loss="mse", outputs=y.shape[1], activation=None, metric="loss")
    result = asked.run(verbose=0)
    assert result.record.classes is None
    with pytest.raises(kohort.DesignError, match="a study of classes"):
        result.recalls()
    assert result.recalls_text() == []
    assert "balanced_accuracy" not in result.table()


@pytest.mark.long
def test_outputs_that_tell_no_class_are_none():
    x, y = samples()
    result = study(kohort.Dataset(x, y), outputs=5).run(verbose=0)  # two outputs for nobody
    assert result.record.classes is None


@pytest.mark.long
def test_they_are_kept_and_what_is_added_alone_is_predicted(tmp_path, monkeypatch):
    data = kohort.Dataset(*samples(), class_names=CLASSES)
    wanted = study(data, replicates=3).run(verbose=0)
    first = study(data).run(tmp_path / "k.db", verbose=0)
    predicted, found = [], ClassCounter.found

    def counting(self, model, member, weights=None):
        predicted.append(member.replicate)
        return found(self, model, member, weights)

    monkeypatch.setattr(ClassCounter, "found", counting)
    again = study(data, replicates=3).run(tmp_path / "k.db", verbose=0)
    assert predicted == [2]
    assert counted(again) == counted(wanted)
    assert counted(first) == {place: n for place, n in counted(wanted).items() if place[1] < 2}
    opened = kohort.open(tmp_path / "k.db", "classes")
    assert counted(opened) == counted(wanted)
    assert opened.recalls().equals(wanted.recalls())
    kept, fresh = (told_beside_the_majority(each)[0] for each in (opened, wanted))
    assert kept.tolist() == fresh.tolist()


@pytest.mark.long
def test_studies_that_were_kept_before_have_no_recalls(tmp_path):
    data = kohort.Dataset(*samples())
    from kohort.evidence.store import open_store

    study(data).run(tmp_path / "k.db", verbose=0)
    with open_store(tmp_path / "k.db") as store:
        kept = store.study("classes")
        description = kept.description
        del description["result"]["classes"]
        with kept.claim():
            kept.extend(description, [], [])
    opened = kohort.open(tmp_path / "k.db", "classes")
    assert opened.record.classes is None
    assert told_beside_the_majority(opened)[0] is None
