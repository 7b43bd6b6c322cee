"""Studies of real letters whose answer is known before they are trained."""

import keras
import numpy as np
import pytest

import kohort

pytestmark = pytest.mark.long

REPLICATES = kohort.Holdout(0.25, 4)


def build(data, l1=0.0, optimizer="adam", rate=1e-3):
    penalty = keras.regularizers.L1(l1) if l1 else None
    model = keras.Sequential(
        [
            keras.Input(data.input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(64, "relu", kernel_regularizer=penalty),
            keras.layers.Dense(data.classes, "softmax"),
        ]
    )
    kinds = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
    model.compile(kinds[optimizer](rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def letters():
    """A tenth of the built-in letters, whole fonts."""
    whole = kohort.load("letters")
    rows = np.flatnonzero(whole.groups % 10 == 0)
    return kohort.Dataset(
        whole.x_train[rows], whole.y_train[rows], whole.x_test[:500], whole.y_test[:500],
        class_names=whole.class_names, groups=whole.groups[rows], name="some letters",
    )  # fmt: skip


@pytest.fixture(scope="module")
def result(letters):
    variants = [
        kohort.Variant("plain", build, data=letters),
        kohort.Variant("plain again", build, data=letters),
        kohort.Variant("L1 of 1", build, data=letters, l1=1.0),
        kohort.Variant("slow", build, data=letters, optimizer="sgd", rate=1e-3),
        kohort.Variant("hot", build, data=letters, optimizer="sgd", rate=1e3),
        kohort.Variant("cold", build, data=letters, rate=1e-5),
    ]
    epochs = {variant.name: 2 if variant.name == "slow" else 12 for variant in variants}
    return kohort.Study(
        "known answers", variants, letters, replicates=REPLICATES, epochs=epochs, batch_size=64
    ).run(verbose=0)  # fmt: skip


def verdicts(result, code):
    return {f.variant: f.verdict for f in result.findings() if f.code == code}


def test_an_l1_penalty_of_1_underfits(result):
    assert verdicts(result, "KH103") | {"slow": "", "hot": "", "cold": ""} == {
        "plain": "not found",
        "plain again": "not found",
        "L1 of 1": "found",
        "slow": "",
        "hot": "",
        "cold": "",
    }


def test_two_epochs_of_a_slow_learning_rate_are_undertrained(result):
    assert verdicts(result, "KH104")["slow"] == "found"


def test_a_hundredth_of_a_good_learning_rate_is_slow_and_no_lack_of_capacity(result):
    found = {f.code: f for f in result.findings() if f.variant == "cold"}
    assert found["KH107"].verdict == "found"
    assert "would need more than " in found["KH107"].sentence
    assert found["KH104"].verdict != "not found"
    assert found["KH103"].verdict == "inconclusive"
    assert "it learns slowly (KH107)" in found["KH103"].sentence
    # A good rate is not slow, and neither is a penalty that leaves nothing to learn.
    assert verdicts(result, "KH107")["plain"] == "not found"
    assert verdicts(result, "KH107")["L1 of 1"] == "not found"


def regression(optimizer="sgd", rate=3e-4, l2=0.0):
    inputs, regularizer = keras.Input((10,)), keras.regularizers.L2(l2) if l2 else None
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_regularizer=regularizer)(inputs))
    kinds = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
    model.compile(kinds[optimizer](rate), "mse")
    return model


def test_a_linear_regression_by_small_steps_is_slow_and_one_that_is_held_back_underfits():
    random = np.random.default_rng(0)
    x = random.standard_normal((440, 10)).astype("float32")
    y = (x @ np.linspace(5, 30, 10) + 50 * random.standard_normal(440)).astype("float32")
    data = kohort.Dataset(x, y, x[:40], y[:40])
    result = kohort.Study(
        "regression",
        [
            kohort.Variant("good", regression, rate=0.05),
            kohort.Variant("small steps", regression),
            kohort.Variant("smallest steps", regression, rate=1e-5),
            kohort.Variant("small steps of Adam", regression, optimizer="adam", rate=1e-2),
            kohort.Variant("held back", regression, rate=2e-3, l2=4.0),
        ],
        data, replicates=REPLICATES, epochs=40, batch_size=32,
    ).run(verbose=0)  # fmt: skip
    slow = ["small steps", "smallest steps", "small steps of Adam"]
    assert [n for n, v in verdicts(result, "KH107").items() if v == "found"] == slow
    assert [n for n, v in verdicts(result, "KH103").items() if v == "found"] == ["held back"]
    assert [n for n, v in verdicts(result, "KH104").items() if v == "not found"] == [
        "good",
        "held back",
    ]


def test_a_learning_rate_of_1000_diverges(result):
    found = [name for name, verdict in verdicts(result, "KH105").items() if verdict == "found"]
    assert found == ["hot"]


def test_one_variant_under_two_names_does_not_differ_from_itself(result):
    step = result.compare("plain again", "plain")
    assert not step.is_decided
    assert step.is_equivalent
    assert step.difference.mean == pytest.approx(0, abs=2e-3)


def test_an_l1_penalty_of_1_is_worse(result):
    step = next(c for c in result.comparisons()["baseline"] if c.b == "L1 of 1")
    assert step.is_decided
    assert step.difference.high < 0
    assert result.best().variant.name in ("plain", "plain again")


def test_labels_shuffled_at_random_are_overfit(letters):
    shuffled = kohort.Dataset(
        letters.x_train, np.random.default_rng(0).permutation(letters.y_train),
        letters.x_test, letters.y_test,
    )  # fmt: skip
    result = kohort.Study(
        "shuffled", [kohort.Variant("plain", build, data=shuffled)], shuffled,
        replicates=REPLICATES, epochs=12, batch_size=64,
    ).run(verbose=0)  # fmt: skip
    assert verdicts(result, "KH101") == {"plain": "found"}
    assert verdicts(result, "KH102") == {"plain": "found"}
    assert result.table()["high"].iloc[0] < 0.2


def test_a_test_set_with_copied_training_rows_leaks(letters, result):
    """Ten of 500 rows are copied, half of them with a little noise; without them nothing leaks."""
    (clean,) = (f for f in result.findings() if f.code == "KH201")
    assert clean.verdict == "not found"
    assert clean.evidence["test samples with a copy in the training data"] < 5
    x_test, y_test = letters.x_test.copy(), letters.y_test.copy()
    x_test[:10], y_test[:10] = letters.x_train[:10], letters.y_train[:10]
    x_test[5:10] ^= 1  # the last bit of each pixel
    leaky = kohort.Dataset(letters.x_train, letters.y_train, x_test, y_test, groups=letters.groups)
    tested = kohort.Study(
        "leaky", [kohort.Variant("plain", build, data=leaky)], leaky,
        replicates=REPLICATES, epochs=1, batch_size=64,
    ).run(verbose=0)  # fmt: skip
    (leak,) = (f for f in tested.findings() if f.code == "KH201")
    assert leak.verdict == "found"
    assert leak.evidence["of them exact"] == clean.evidence["of them exact"] + 5
    assert "have a copy, exact or near, among the training samples" in leak.sentence


def test_a_net_that_does_not_move_has_not_diverged(blobs):
    """Wide initial weights: each replicate begins with a loss of its own, and ends with it."""

    def build(rate):
        wide = keras.initializers.RandomNormal(stddev=3.0)
        model = keras.Sequential(
            [keras.Input((5,)), keras.layers.Dense(3, "softmax", kernel_initializer=wide)]
        )
        model.compile(
            keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    study = kohort.Study(
        "still", kohort.grid(build, rate=[1e-9, 1e30]), blobs,
        replicates=kohort.Holdout(0.2, repeats=6), epochs=2, batch_size=100,
    )  # fmt: skip
    result = study.run(verbose=0)
    losses = result.curves().query("metric == 'eval_loss' and variant == 'rate=1e-09'")
    ends = losses[losses["epoch"] == 2]["value"]
    assert ends.max() > 1.25 * ends.iloc[0], "the replicates must begin differently"
    said = {f.variant: f.verdict for f in result.findings() if f.code == "KH105"}
    assert said == {"rate=1e-09": "not found", "rate=1e+30": "found"}
