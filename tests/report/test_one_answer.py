"""A winner that is no better than one answer for all samples is told: in all that is read first."""

import keras
import numpy as np
import pytest

import kohort

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 3))
RARE = RANDOM.permutation(np.arange(300) < 15).astype(int)
NUMBERS = X[:, 0] + 0.1 * RANDOM.normal(size=300)
SUMS = X @ [1.0, 1.2, 1.0]
UNTOLD = RANDOM.permutation(NUMBERS)


def net(loss, metric=None, rate=0.0, reduction=""):
    """A model of one layer, which learns nothing without a learning rate."""
    metrics = {
        "auc": lambda: keras.metrics.AUC(name="auc"),
        "pr": lambda: keras.metrics.AUC(curve="PR", name="pr"),
    }
    end = "softplus" if loss == "poisson" else "sigmoid" if "crossentropy" in loss else None
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, end)])
    given = [metrics.get(metric, lambda: metric)()] if metric else []
    if reduction:
        loss = keras.losses.MeanSquaredError(reduction=reduction)
    model.compile(keras.optimizers.SGD(rate), loss, metrics=given)
    return model


def study(targets, metric=None, weights=None, **arguments):
    data = kohort.Dataset(X[:240], targets[:240], X[240:], targets[240:])
    variants = [kohort.Variant("net", net, metric=metric, **arguments)]
    splits = kohort.Holdout(0.2, 3)
    more = {"replicates": splits, "epochs": 3, "batch_size": 48, "sample_weight": weights}
    return kohort.Study("one", variants, data, metric=metric, **more)


def run(targets, metric=None, store=None, weights=None, **arguments):
    return study(targets, metric, weights, **arguments).run(store, verbose=0)


def verdict(result):
    (finding,) = (f for f in result.findings() if f.code == "KH207")
    return finding.verdict


@pytest.mark.long
def test_a_winner_at_chance_is_told_in_the_answer_the_table_and_the_report(tmp_path):
    result = run(RARE, "auc", tmp_path / "k.db", loss="binary_crossentropy")
    told = (
        "No variant is shown to beat always answering one score (chance), whose auc is 50.0 % on "
        "validation."
    )
    assert result.answer().startswith(f"{told} net ")
    assert verdict(result) in ("found", "inconclusive")
    row = result.table().loc["always one score (chance)"]
    assert (row["val_auc"], row["train_auc"], row["gap"]) == (0.5, 0.5, 0.0)
    page = " ".join(result.report(tmp_path / "r.html").read_text("utf-8").split())
    assert told in page
    assert "One answer not beaten (KH207)" in page
    assert '<tr class="reference"><th scope="row">always one score (chance)</th>' in page
    kept = kohort.open(tmp_path / "k.db", "one", result.data)
    assert kept.answer() == result.answer()
    assert kept.table().equals(result.table())


@pytest.mark.long
@pytest.mark.parametrize(
    ("metric", "name", "score"),
    [
        (None, "mean", "val_data_loss"),
        ("r2_score", "mean", "val_r2_score"),
        ("mae", "median", "val_mae"),
    ],
)
def test_numbers_are_held_against_their_mean_and_the_line_of_an_input(metric, name, score):
    knows_nothing = run(UNTOLD, metric, loss="mse")
    assert knows_nothing.answer().startswith(
        f"No variant is shown to beat always answering the {name} of the training targets, whose "
    )
    assert f"always the {name} of the training targets" in knows_nothing.table().index
    learned = run(SUMS, metric, loss="mse", rate=0.1)
    assert learned.answer().startswith("net scores on validation data: ")
    assert verdict(learned) == "not found"
    table = learned.table().loc["a straight line of column 1"]
    worse = table["train" + score[3:]] - table[score]
    assert table["gap"] == pytest.approx(worse if metric == "r2_score" else -worse)


@pytest.mark.long
def test_classes_that_are_scored_by_the_loss_are_held_against_their_shares():
    knows_nothing = run(RARE, loss="binary_crossentropy")
    assert knows_nothing.answer().startswith(
        "Even the best variant is worse than always answering the share of each class, whose loss "
    )
    parts = study(RARE, loss="binary_crossentropy").spec.whole_replicates
    entropy = keras.losses.BinaryCrossentropy()
    share = [RARE[part.train].mean() for part in parts]
    by_keras = [
        float(entropy(RARE[part.valid][:, None], np.full((48, 1), p)))
        for p, part in zip(share, parts, strict=True)
    ]
    row = knows_nothing.table().loc["always the share of each class"]
    assert row["val_data_loss"] == pytest.approx(np.mean(by_keras), rel=1e-5)
    signs = (NUMBERS > 0).astype(int)
    learned = run(signs, loss="binary_crossentropy", rate=1.0)
    assert verdict(learned) == "not found"


def test_positives_are_the_reference_of_a_precision_recall_area():
    table = run(RARE, "pr", loss="binary_crossentropy").table()
    assert table.loc["always one score (chance)"]["val_pr"] == pytest.approx(0.05, abs=0.03)


def pixels(rate):
    """A net of one convolution, and of a threshold that calls no pixel an object at first."""
    layers = [keras.layers.Conv2D(1, 1, activation="sigmoid", bias_initializer="zeros")]
    model = keras.Sequential([keras.Input((4, 4, 1)), *layers])
    model.layers[0].bias.assign([-3.0])
    model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def test_masks_are_held_against_what_is_most_common_in_each_pixel():
    images = RANDOM.normal(size=(120, 4, 4, 1)) / 10
    masks = RANDOM.random((120, 4, 4, 1)) < 0.1
    data = kohort.Dataset(images, masks.astype(int))
    variants = [kohort.Variant("no object", pixels, rate=0.0)]
    splits = kohort.Holdout(0.25, 3)
    result = kohort.Study("masks", variants, data, replicates=splits, epochs=1).run(verbose=0)
    share = 100 * result.record.constant.valid.mean()
    assert result.answer().startswith(
        "No variant is shown to beat always answering the most common value in each place, whose "
        f"accuracy is {share:.1f} % on validation."
    )
    (finding,) = (f for f in result.findings() if f.code == "KH207")
    assert finding.verdict == "found"
    assert finding.sentence.endswith("no object, scores the same.")
    row = result.table().loc["always the most common value in each place"]
    assert row["val_accuracy"] == pytest.approx(result.table()["val_accuracy"].iloc[0], abs=1e-6)


def test_a_metric_that_does_not_weigh_samples_has_its_reference_beside_weights():
    weights = RANDOM.uniform(1, 3, 240)
    result = run(RARE, "auc", loss="binary_crossentropy", weights=weights)
    assert result.table().loc["always one score (chance)"]["val_auc"] == 0.5


@pytest.mark.parametrize(("loss", "middle"), [("mse", "mean"), ("mae", "median")])
def test_a_loss_of_weighted_samples_is_held_against_a_weighted_answer(loss, middle):
    weights = RANDOM.integers(1, 9, 240)
    result = run(UNTOLD, loss=loss, weights=weights)
    name = f"the weighted {middle} of the training targets"
    assert f"always answering {name}, whose loss is " in result.answer()
    by_keras, measure = [], keras.losses.get(loss)
    for part in study(UNTOLD, loss=loss).spec.whole_replicates:
        copies = np.repeat(UNTOLD[part.train], weights[part.train])
        off = measure(UNTOLD[part.valid][:, None], np.full((48, 1), getattr(np, middle)(copies)))
        by_keras.append((np.asarray(off) * weights[part.valid]).mean())
    row = result.table().loc[f"always {name}"]
    assert row["val_data_loss"] == pytest.approx(np.mean(by_keras), rel=1e-4)
    # That of the variants is Keras's: of one and the same answer both are one number.
    member = result.best()
    rows = member.replicate.valid
    kept = member.model().evaluate(X[rows], UNTOLD[rows], sample_weight=weights[rows], verbose=0)
    curves = result.curves()
    told = curves[(curves.metric == "val_data_loss") & (curves.epoch == member.epoch)]
    told = told[told.replicate == member.replicate.number]["value"].item()
    assert kept == pytest.approx(told, rel=1e-4)
    assert "do not hold one against the other" in result.test_text()


def test_a_score_that_weighs_no_samples_compares_with_that_on_test():
    result = run(NUMBERS, "mae", loss="mse", weights=RANDOM.uniform(1, 3, 240))
    assert "do not hold one against the other" not in result.test_text()


def test_an_input_that_holds_the_target_is_no_reference():
    table = run(X[:, 0], loss="mse", rate=0.1).table()
    assert list(table.index) == ["net", "always the mean of the training targets"]


@pytest.mark.parametrize(
    ("loss", "told"),
    [("huber", "the number of lowest error for"), ("poisson", "the mean of")],
)
def test_other_losses_of_numbers_have_a_reference_too(loss, told):
    counts = np.random.default_rng(1).poisson(np.e, 300).astype("float32")
    result = run(counts, loss=loss)
    # The Poisson loss of counts near e is near zero: a part of it would say nothing.
    assert result.record.constant.from_zero is (loss == "huber")
    answer = result.answer()
    assert answer.startswith("Even the best variant is worse than always answering ")
    assert f"always answering {told} the training targets, whose loss is " in answer


@pytest.mark.parametrize(
    "arguments",
    [
        {"loss": "cosine_similarity"},
        {"loss": "mse", "reduction": "sum"},
        {"loss": "binary_focal_crossentropy", "targets": RARE},
    ],
    ids=["another loss", "a sum", "a loss of classes"],
)
def test_what_has_no_known_reference_has_none(arguments, tmp_path):
    result = run(**{"targets": NUMBERS} | arguments)
    assert result.record.constant is None
    assert verdict(result) == "not applicable"
    assert len(result.table()) == 1
    # In the report a rule about other metrics than the one that scores is no line.
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert "KH204" not in page
    assert "KH207" not in page


def tagger(mask, task="tags"):
    inputs = keras.Input((12,), dtype="int32")
    read = keras.layers.Embedding(9, 4, mask_zero=mask)(inputs)
    if task == "text":
        read = keras.layers.GRU(2)(read)
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(read))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


class Subclassed(keras.Model):
    def __init__(self, mask):
        super().__init__()
        self.read = keras.layers.Embedding(9, 4, mask_zero=mask)
        self.end = keras.layers.Dense(1, "sigmoid")

    def call(self, tokens):
        return self.end(self.read(tokens))


def subclassed(mask):
    model = Subclassed(mask)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
@pytest.mark.parametrize(
    ("build", "mask", "is_known"),
    [
        (tagger, True, False),
        (tagger, False, True),
        (subclassed, True, False),
        (subclassed, False, True),
    ],
)
def test_where_padding_is_masked_nothing_is_held_against_an_answer_to_it(
    build, mask, is_known, metric
):
    random = np.random.default_rng(2)
    is_there = np.arange(12) < random.integers(1, 4, 90)[:, None]
    tokens = random.integers(1, 9, (90, 12)) * is_there
    tags = (tokens % 2)[..., None]
    result = kohort.Study(
        "tags", [kohort.Variant("net", build, mask=mask)], kohort.Dataset(tokens, tags),
        replicates=kohort.Holdout(0.2, 2), epochs=1, metric=metric,
    ).run(verbose=0)  # fmt: skip
    assert (result.record.constant is not None) == is_known
    assert ("most common" in result.answer() or "the mean" in result.answer()) <= is_known


def test_text_that_is_read_to_one_answer_has_its_reference():
    random = np.random.default_rng(2)
    tokens, liked = random.integers(0, 9, (90, 12)), random.integers(0, 2, 90)
    variants = [kohort.Variant("net", tagger, mask=True, task="text")]
    splits = kohort.Holdout(0.2, 2)
    result = kohort.Study(
        "text", variants, kohort.Dataset(tokens, liked), replicates=splits, epochs=1, metric="loss"
    ).run(verbose=0)
    assert result.record.constant is not None


def test_a_mean_of_areas_without_one_of_its_labels_is_told_before_training():
    random = np.random.default_rng(2)
    x = random.normal(size=(300, 3)).astype(np.float32)
    y = np.stack([x[:, 0] > 0, np.isin(np.arange(300), [5, 9])], axis=1).astype(np.float32)

    def build(multi, weights):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "sigmoid")])
        more = {"num_labels": 2, "label_weights": weights} if weights else {}
        metric = keras.metrics.AUC(multi_label=multi, name="auc", **more)
        model.compile("adam", "binary_crossentropy", metrics=[metric])
        return model

    def study(multi, names=None, weights=None):
        data = kohort.Dataset(x[:200], y[:200], x[200:], y[200:], class_names=names)
        variants = [kohort.Variant("net", build, multi=multi, weights=weights)]
        splits = kohort.Holdout(0.05, 6)
        return kohort.Study("areas", variants, data, replicates=splits, epochs=1, metric="auc")

    metric = keras.metrics.AUC(multi_label=True)
    metric.update_state(y[200:], x[200:, :2])
    alone = keras.metrics.AUC()
    alone.update_state(y[200:, 0], x[200:, 0])
    assert float(metric.result()) == pytest.approx(float(alone.result()) / 2)  # so Keras does
    assert "all samples are alike in label 1 in " in str(study(multi=True).plan())
    assert "area for each label" not in str(study(multi=False).plan())
    assert "area for each label" not in str(study(multi=True, weights=[1.0, 0.0]).plan())
    named = study(multi=True, names=["sun", "fog"])
    lacking = sum(not y[:200][each.valid, 1].any() for each in named.spec.whole_replicates)
    assert 0 < lacking < 6
    told = f"in label fog in {lacking} of 6 validation parts and in the test set: Keras counts"
    assert told in str(named.plan())
    assert "(Keras counts 0 for 1, in which all" in named.run(verbose=0).test_text()
