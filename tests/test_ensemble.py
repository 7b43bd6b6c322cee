"""Ensembles: one plain Keras file that averages members, and how it does beside one of them."""

import subprocess
import sys

import keras
import ml_dtypes
import numpy as np
import pytest

import kohort
from kohort.evidence.store import open_store, schema
from kohort.keras_api.averaging import link_of
from kohort.member import Ensemble
from tests.models import build_mlp


def net(last, loss, metrics=("accuracy",), units=3, shape=(5,), rate=0.02, **compiled):
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Flatten(),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(units, last),
        ]
    )
    model.compile(keras.optimizers.Adam(rate), loss, metrics=list(metrics), **compiled)
    return model


def run(data, *variants, repeats=3, epochs=4, store=None, **changes):
    arguments = {"replicates": kohort.Holdout(0.2, repeats), "epochs": epochs, "batch_size": 50}
    study = kohort.Study("e", variants, data, **(arguments | changes))
    return study.run(store, verbose=0)


def variant(name="one", build=net, **arguments):
    return kohort.Variant(name, build, **arguments)


def outputs(ensemble, x):
    return np.stack([member.model().predict(x, verbose=0) for member in ensemble.members])


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


Sparse, Binary = keras.losses.SparseCategoricalCrossentropy, keras.losses.BinaryCrossentropy


def own_cross_entropy(y, p):
    return keras.losses.sparse_categorical_crossentropy(y, p)


def nothing(array):
    return array


LINKS = {
    "softmax": ("softmax", "sparse_categorical_crossentropy", nothing),
    "a loss object": ("softmax", Sparse(), nothing),
    "logits": (None, Sparse(from_logits=True), softmax),
    "a loss of its own": ("softmax", own_cross_entropy, nothing),
}


@pytest.mark.long
@pytest.mark.parametrize(("last", "loss", "link"), LINKS.values(), ids=LINKS)
def test_probabilities_are_averaged(last, loss, link, blobs):
    ensemble = run(blobs, variant(last=last, loss=loss)).ensemble()
    expected = link(outputs(ensemble, blobs.x_test)).mean(axis=0)
    given = ensemble.model().predict(blobs.x_test, verbose=0)
    np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(given.sum(axis=1), 1, rtol=1e-5)


@pytest.fixture
def rare(blobs):
    """Two classes, of which one has 4 % of the samples."""
    random = np.random.default_rng(1)
    y = (np.arange(600) % 25 == 0).astype(int)
    x = random.normal(size=(600, 5)) + 2 * y[:, None]
    return kohort.Dataset(x[:450], y[:450], x[450:], y[450:], class_names=["no", "yes"])


@pytest.mark.long
@pytest.mark.parametrize(
    ("last", "loss", "link"),
    [("sigmoid", "binary_crossentropy", nothing), (None, Binary(from_logits=True), sigmoid)],
)
def test_one_output_for_two_classes_of_which_one_is_rare(last, loss, link, rare):
    metrics = [keras.metrics.BinaryAccuracy(threshold=0.5 if last else 0.0)]
    build = variant(last=last, loss=loss, metrics=metrics, units=1)
    ensemble = run(rare, build, epochs=8).ensemble()
    expected = link(outputs(ensemble, rare.x_test)).mean(axis=0)
    given = ensemble.model().predict(rare.x_test, verbose=0)
    np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-6)
    row = ensemble.test().table().iloc[1]
    right = (expected[:, 0] > 0.5) == rare.y_test
    recalls = [right[rare.y_test == label].mean() for label in (0, 1)]
    np.testing.assert_allclose(row["test_accuracy"], right.mean())
    np.testing.assert_allclose(row["balanced_accuracy"], np.mean(recalls))
    of_truth = np.where(rare.y_test == 1, expected[:, 0], 1 - expected[:, 0])
    np.testing.assert_allclose(row["log_loss"], -np.log(of_truth).mean(), rtol=1e-5)


@pytest.mark.long
def test_of_a_regression_it_is_the_mean(blobs):
    y = blobs.x_train @ np.arange(5, dtype=np.float32)
    data = kohort.Dataset(
        blobs.x_train, y[:, None], blobs.x_test, blobs.x_test @ np.arange(5)[:, None]
    )
    result = run(data, variant(last=None, loss="mse", metrics=["mae"], units=1), metric="mae")
    ensemble = result.ensemble()
    mean = outputs(ensemble, data.x_test).mean(axis=0)
    np.testing.assert_allclose(
        ensemble.model().predict(data.x_test, verbose=0), mean, rtol=1e-4, atol=1e-5
    )
    tested = ensemble.test()
    errors = np.abs(mean - data.y_test)[:, 0]
    assert tested.table()["test_mae"].iloc[1] == pytest.approx(errors.mean(), rel=1e-5)
    alone = np.abs(result.best().model().predict(data.x_test, verbose=0) - data.y_test)[:, 0]
    assert tested.scores.mean == pytest.approx((errors - alone).mean(), rel=1e-4)
    assert tested.scores.low < tested.scores.mean < tested.scores.high
    assert "scores" in str(tested)
    assert tested.accuracies is tested.losses is None


@pytest.mark.long
def test_logits_of_several_labels_are_scored_as_the_study_scores(blobs):
    y = (blobs.x_train[:, :2] > 0).astype(np.float32)
    data = kohort.Dataset(
        blobs.x_train, y, blobs.x_test, (blobs.x_test[:, :2] > 0).astype(np.float32)
    )
    metric = keras.metrics.BinaryAccuracy(name="hits", threshold=0.0)  # of logits
    model = variant(last=None, loss=Binary(from_logits=True), metrics=[metric], units=2)
    ensemble = run(data, model, metric="hits").ensemble()
    mean = sigmoid(outputs(ensemble, data.x_test)).mean(axis=0)
    np.testing.assert_allclose(
        ensemble.model().predict(data.x_test, verbose=0), mean, rtol=1e-5, atol=1e-6
    )
    hits = ((mean > 0.5) == data.y_test).mean()
    assert ensemble.test().table()["test_hits"].iloc[1] == pytest.approx(hits, abs=1e-6)


LOAD = """
import sys, keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[2], model.predict(np.load(sys.argv[3]), verbose=0))
assert "kohort" not in sys.modules
"""


@pytest.mark.long
def test_one_file_takes_raw_pixels_and_loads_without_kohort(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    y = np.arange(60) % 3
    data = kohort.Dataset(x[:50], y[:50], x[50:], y[50:], class_names="XYZ")
    built = variant(last=None, loss=Sparse(from_logits=True), shape=(4, 4))
    ensemble = run(data, built).ensemble()
    path = ensemble.save(tmp_path / "new" / "ensemble.keras")
    np.save(tmp_path / "x.npy", x)
    subprocess.run(
        [sys.executable, "-c", LOAD, path, tmp_path / "y.npy", tmp_path / "x.npy"],
        check=True,
        cwd=tmp_path,
    )
    expected = softmax(outputs(ensemble, data.inputs(x))).mean(axis=0)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-4, atol=1e-6)
    loaded = keras.saving.load_model(path)
    assert loaded.inputs[0].dtype == "uint8"
    assert sum("rescaling" in layer.name for layer in loaded._flatten_layers()) == 1
    assert not any(layer.compiled for layer in loaded._flatten_layers() if hasattr(layer, "loss"))


@pytest.mark.long
def test_members_of_few_bits_are_averaged_in_float32(blobs):
    def build():
        policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
        model = keras.Sequential(
            [keras.Input((5,)), keras.layers.Dense(3, "softmax", dtype=policy)]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    ensemble = run(blobs, variant(build=build)).ensemble()
    given = ensemble.model().predict(blobs.x_test, verbose=0)
    assert given.dtype == np.float32
    expected = outputs(ensemble, blobs.x_test).astype(np.float32).mean(axis=0)
    # A program of all members rounds their last layers to float32, and not to bfloat16.
    np.testing.assert_allclose(given, expected, rtol=1e-2)
    assert (given != given.astype(ml_dtypes.bfloat16).astype(np.float32)).mean() > 0.5


@pytest.mark.long
def test_what_validation_says_of_it_depends_on_the_splits(blobs):
    notes = {
        kohort.Holdout(0.2, 3): "has trained others: no score there is fair.",
        kohort.KFold(3): "has trained others: no score there is fair.",
        kohort.Holdout(0.2, 3, same_split=True): "by which their epochs were chosen.",
    }
    for splits, note in notes.items():
        result = run(blobs, variant(build=build_mlp), epochs=2, replicates=splits)
        ensemble = result.ensemble()
        seen = {row for member in ensemble.members for row in member.replicate.train}
        parts = [set(member.replicate.valid) for member in ensemble.members]
        assert ensemble.shares_validation == (not any(part & seen for part in parts))
        assert ensemble.test().note.endswith(note)


@pytest.mark.long
def test_best_members_of_several_variants(blobs):
    named = {"one": 1e-4, "two": 0.02, "three": 0.01}
    result = run(
        blobs, *(variant(name, build_mlp, learning_rate=rate) for name, rate in named.items())
    )
    chosen = result.ensemble(["three", "one"])
    assert chosen.name == "the ensemble of three and one"
    best = [result._best_member(number) for number in (2, 0)]
    assert [member.fingerprint for member in chosen.members] == [m.fingerprint for m in best]
    np.testing.assert_allclose(
        chosen.model().predict(blobs.x_test, verbose=0),
        outputs(chosen, blobs.x_test).mean(axis=0),
        rtol=1e-5,
    )
    ranked = [name for name in result.table().index if name in named]
    assert [member.variant.name for member in result.ensemble(2).members] == ranked[:2]
    with pytest.raises(kohort.DesignError, match=r"a variant among .*got 'four'"):
        result.ensemble(["one", "four"])
    for fewer in (-1, 0, 1, "one", ["one"], ["one", "one"]):
        with pytest.raises(kohort.DesignError, match="two members or more"):
            result.ensemble(fewer)


@pytest.mark.long
def test_members_that_diverged_are_left_out(blobs):
    def build(broken=()):
        model = build_mlp()
        if float(np.ravel(model.get_weights()[0])[0]) in broken:
            model.set_weights([w * np.nan for w in model.get_weights()])
        return model

    seeds = [member.replicate.seed for member in run(blobs, variant(build=build)).members.values()]
    starts = [
        float(np.ravel(variant(build=build).model(seed).get_weights()[0])[0]) for seed in seeds
    ]
    some = run(blobs, variant(build=build, broken=starts[:1])).ensemble()
    assert [member.replicate.number for member in some.members] == [1, 2]
    assert some.name == "the ensemble of 2 members of one"
    with pytest.raises(kohort.DesignError, match="two members or more that trained to the end"):
        run(blobs, variant(build=build, broken=starts[:2])).ensemble()
    with pytest.raises(kohort.DesignError, match="a variant that trains to the end"):
        run(blobs, variant(build=build, broken=starts)).ensemble()


class Remembering(keras.layers.Layer):
    """Names itself stateful, as recurrent layers do that keep their state."""

    stateful = True

    def call(self, x):
        return x


def build_stateful():
    model = keras.Sequential([keras.Input((5,)), Remembering(), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def own_loss(y, scores):
    wanted = keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(y, (-1,)), "int32"), 3)
    return keras.ops.sum(keras.ops.relu(1 - (2 * wanted - 1) * scores), axis=-1)


REFUSED = {
    "state": (variant(build=build_stateful), "inputs alone.*stateful"),
    "unknown": (variant(last=None, loss=own_loss), "probabilities or logits.*the loss own_loss"),
}


@pytest.mark.long
@pytest.mark.parametrize(("given", "match"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_averaged_is_refused(given, match, blobs):
    result = run(blobs, given)
    with pytest.raises(kohort.ModelError, match=match) as caught:
        result.ensemble()
    assert "\n" not in str(caught.value)


def test_models_of_several_outputs_are_refused():
    x = keras.Input((5,))
    model = keras.Model(x, [keras.layers.Dense(2)(x), keras.layers.Dense(1)(x)])
    model.compile("adam", "mse")
    with pytest.raises(kohort.ModelError, match="models of one output, to average them"):
        link_of(model, has_classes=False)


def test_a_softmax_layer_tells_what_the_outputs_are():
    softmax_layer = [keras.Input((5,)), keras.layers.Dense(3), keras.layers.Softmax()]
    model = keras.Sequential(softmax_layer)
    model.compile("adam", own_loss)
    assert link_of(model, has_classes=True) == ""


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        ("sigmoid", keras.losses.BinaryCrossentropy(from_logits=True)),
        ("softmax", keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
    ],
)
def test_probabilities_are_averaged_as_they_are_whatever_the_loss_takes_them_for(activation, loss):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, activation)])
    model.compile("adam", loss)
    assert link_of(model, has_classes=True) == ""


class OwnLoss(keras.Model):
    """Computes its loss itself."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(y - y_pred))


def build_own_loss():
    x = keras.Input((5,))
    model = OwnLoss(x, keras.layers.Dense(1)(x))
    model.compile("adam", metrics=["mae"])
    return model


def test_what_cannot_be_measured_is_refused(blobs):
    y = blobs.x_train[:, :1], blobs.x_test[:, :1]
    data = kohort.Dataset(blobs.x_train, y[0], blobs.x_test, y[1])
    ensemble = run(data, variant(build=build_own_loss), metric="mae").ensemble()
    mean = outputs(ensemble, data.x_test).mean(axis=0)
    given = ensemble.model().predict(data.x_test, verbose=0)
    np.testing.assert_allclose(given, mean, rtol=1e-4, atol=1e-6)
    with pytest.raises(kohort.ModelError, match="computes its loss itself; predict"):
        ensemble.test()


@pytest.mark.long
def test_outputs_of_several_shapes_are_refused(blobs):
    wide = variant("wide", units=4, last="softmax", loss=Sparse())
    result = run(blobs, variant("narrow", last="softmax", loss=Sparse()), wide)
    with pytest.raises(kohort.ModelError, match=r"of one shape.*of \(3,\), \(4,\)"):
        result.ensemble(2).model()


class Own(keras.Model):
    """A model whose layers are not known as a graph."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


def build_subclassed():
    model = Own()
    model.compile("adam", Sparse(from_logits=True), metrics=["accuracy"])
    return model


@pytest.mark.long
def test_subclassed_models_are_averaged(blobs):
    ensemble = run(blobs, variant(build=build_subclassed)).ensemble()
    expected = softmax(outputs(ensemble, blobs.x_test)).mean(axis=0)
    given = ensemble.model().predict(blobs.x_test, verbose=0)
    np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.long
def test_the_test_set_is_read_once_for_an_ensemble_and_for_a_refit(blobs, tmp_path, monkeypatch):
    place = tmp_path / "kohort.db"
    result = run(blobs, variant("a", build_mlp), variant("b", build_mlp, l2=0.1), store=place)
    ensemble, refitted = result.ensemble(), result.refit(verbose=0)
    assert result.readings() == ()
    told = str(ensemble.test().accuracies), str(result.test_refit().accuracies)
    winner = result.winner
    names = [f"the ensemble of 3 members of {winner}", f"the refit of {winner}"]
    read = [[member.variant for member in one.members] for one in result.readings()]
    assert read == [list(dict.fromkeys([winner, "a"])), *([name] for name in names)]
    page = result.report(tmp_path / "r.html").read_text("utf-8")
    assert f"UTC for {names[0]}; again on" in page
    assert f"UTC for {names[1]} (epoch {refitted.epoch})" in page
    monkeypatch.setattr(keras.Model, "predict", None)
    opened = kohort.open(place, "e", blobs)
    assert (str(opened.ensemble().test().accuracies), str(opened.test_refit().accuracies)) == told
    assert len(opened.readings()) == 3


@pytest.mark.long
def test_readings_of_earlier_versions_are_made_again(blobs, tmp_path):
    place = tmp_path / "kohort.db"
    result = run(blobs, variant("a", build_mlp), store=place)
    result.test()
    with open_store(place) as store:
        (reading,) = store.study("e").readings()
        old = {name: array for name, array in reading.arrays.items() if "classes" in name}
        old |= {name: array for name, array in reading.arrays.items() if "probabilities" in name}
        store._database.write(lambda c: c.execute(schema.reading.delete()))
        named = ("variant", "replicate", "epoch", "weights")
        about = [{name: told[name] for name in named} | {"metric": ""} for told in reading.about]
        store.study("e").add_reading(reading.at, about, old)
    opened = kohort.open(place, "e", blobs)
    opened.test()
    assert len(opened.readings()) == 2
    table = opened.ensemble().test().table()
    assert table["log_loss"].notna().all()
    assert [len(reading.members) for reading in opened.readings()] == [1, 1, 1]


@pytest.mark.long
def test_what_it_needs_and_what_it_is(blobs, tmp_path):
    without = kohort.Dataset(blobs.x_train, blobs.y_train)
    result = run(without, variant(build=build_mlp))
    assert isinstance(result.ensemble(), Ensemble)
    for tests in (result.ensemble().test, result.test_refit):
        with pytest.raises(kohort.DesignError, match="data with a test set"):
            tests()
    run(without, variant(build=build_mlp), store=tmp_path / "k.db")
    with pytest.raises(kohort.DesignError, match="the data of the study"):
        kohort.open(tmp_path / "k.db", "e").ensemble()
