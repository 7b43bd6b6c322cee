"""Weights of classes and of samples, and what members measure that train with them."""

import json
import sqlite3

import keras
import numpy as np
import pytest

import kohort
from kohort.data.labels import ClassLabels
from kohort.data.tables.row_weights import checked_weights
from kohort.design.weights import balanced, class_table
from kohort.keras_api.models import prepare
from kohort.keras_api.seeding import ordered_by
from kohort.tracing.signature import first_batch
from tests.doors.refusals import assert_refused
from tests.faults.studies import calling
from tests.models import build_mlp

SO_LITTLE = 15_000
"""Bytes of memory: the data, which take 12,000, stream to the device."""
SOME = {"a": 5, 2: 0.5}
MIXED = {"balanced": "balanced", "faster": {"b": 9}}
RANDOM = np.random.default_rng(3).random(500)


def labels(*names, form="integers"):
    return ClassLabels(np.zeros(3, int), np.zeros(3, int), names, form)


def build_weighted(**arguments):
    """Measures a metric that samples' weights count in, and one that they do not."""
    model = build_mlp(**arguments)
    model.compile(
        keras.optimizers.Adam(1e-2),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="weighted")],
    )
    return model


def study(data, build=build_mlp, **changes):
    variants = [
        kohort.Variant("plain", build),
        kohort.Variant("balanced", build),
        kohort.Variant("faster", build, learning_rate=0.1) if build is build_mlp else None,
    ]
    arguments = {"replicates": kohort.Holdout(0.2, 2), "epochs": 3, "batch_size": 33} | changes
    return kohort.Study("weighted", list(filter(None, variants)), data, **arguments)


def pivot(result):
    return result.curves().set_index(["variant", "replicate", "epoch", "metric"])["value"]


def by_keras(variant, replicate, data, weights=None, **given):
    """The history of `keras.Model.fit`, with train metrics measured as validation is."""
    arrays = [part for part in (data.x_train, data.y_train, weights) if part is not None]
    train, valid = (
        tuple(part[rows] for part in arrays) for rows in (replicate.train, replicate.valid)
    )
    names = ("x", "y", "sample_weight")
    of_train = dict(zip(names, train, strict=False)) | {"batch_size": 33, "verbose": 0}
    model, evaluated = variant.model(replicate.seed), []
    prepare(model, first_batch(train, 33))
    measure = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: evaluated.append(model.evaluate(**of_train, return_dict=True))
    )
    with ordered_by(replicate.seed):
        history = model.fit(
            **of_train, **given, validation_data=valid, epochs=3, callbacks=[measure]
        ).history
    return history | {f"eval_{name}": [epoch[name] for epoch in evaluated] for name in evaluated[0]}


@pytest.mark.long
@pytest.mark.parametrize("engine", ["fused", "keras"])
@pytest.mark.parametrize(
    ("given", "by_number"),
    [
        ({"class_weight": SOME}, {0: 5, 2: 0.5}),
        ({"class_weight": {"balanced": {"c": 0.1}, "plain": "balanced"}}, {2: 0.1}),
        ({"sample_weight": RANDOM}, None),
    ],
    ids=["classes", "by variant", "samples"],
)
def test_a_member_measures_what_keras_does_with_the_same_weights(blobs, given, by_number, engine):
    small = study(blobs, build_weighted, **given)
    found = pivot(small.run(verbose=0, engine=engine))
    fitted = {} if by_number is None else {"class_weight": by_number}
    for replicate in small.spec.whole_replicates:
        history = by_keras(
            small.variants[1], replicate, blobs, given.get("sample_weight"), **fitted
        )
        assert {"loss", "eval_loss", "val_loss", "weighted", "val_weighted"} <= set(history)
        for name, values in history.items():
            ours = found.loc["balanced", replicate.number, :, name]
            np.testing.assert_allclose(ours, values, rtol=2e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    "given",
    [
        {"class_weight": SOME},
        {"class_weight": MIXED, "replicates": kohort.KFold(3)},
        {"sample_weight": RANDOM},
    ],
    ids=["classes", "by variant", "samples"],
)
@pytest.mark.long
def test_engines_and_streams_measure_the_same(blobs, given):
    runs = [
        pivot(study(blobs, **given).run(verbose=0, **how))
        for how in ({}, {"engine": "keras"}, {"memory": SO_LITTLE}, {"chunk_size": 1})
    ]
    for other in runs[1:]:
        np.testing.assert_allclose(runs[0], other, rtol=1e-3, atol=1e-4)


@pytest.mark.long
def test_pixels_have_weights_too(blobs):
    pixels = np.clip(blobs.x_train * 40 + 120, 0, 255).astype(np.uint8)
    data = kohort.Dataset(np.tile(pixels, (8, 1)), np.tile(blobs.y_train, 8), class_names="abc")
    runs = [
        pivot(study(data, class_weight=MIXED).run(verbose=0, **how))
        for how in ({}, {"engine": "keras"}, {"memory": 40_000})
    ]
    for other in runs[1:]:
        np.testing.assert_allclose(runs[0], other, rtol=1e-3, atol=1e-4)


@pytest.mark.long
def test_weights_move_what_is_learned_and_not_what_is_measured(blobs):
    plain, weighted = (
        study(blobs, class_weight=given).run(verbose=0) for given in (None, {"a": 100})
    )
    member = weighted.members[0, 0]
    rows = member.replicate.valid
    x, y = blobs.x_train[rows], blobs.y_train[rows]
    loss = member.model().evaluate(x, y, verbose=0)[0]
    at_best = pivot(weighted).loc["plain", 0, member.epoch]
    assert at_best["val_loss"] == pytest.approx(loss, rel=1e-4)
    said = [
        (result.members[0, 0].model().predict(x, verbose=0).argmax(1) == 0).mean()
        for result in (plain, weighted)
    ]
    assert said[1] > said[0] + 0.3


@pytest.mark.long
def test_samples_of_weight_zero_teach_nothing(blobs):
    kept = RANDOM > 0.5
    nonsense = replace_targets(blobs, np.where(kept, blobs.y_train, 0))
    one, other = (
        study(data, sample_weight=kept.astype(float)).run(verbose=0) for data in (blobs, nonsense)
    )
    for key, member in one.members.items():
        for mine, yours in zip(member.weights, other.members[key].weights, strict=True):
            np.testing.assert_array_equal(mine, yours)


def replace_targets(data, y):
    return kohort.Dataset(data.x_train, y, data.x_test, data.y_test, class_names="abc")


def test_weights_are_inputs_of_one_program(blobs, count_compilations):
    small = study(blobs, class_weight={name: {"a": n} for n, name in enumerate(NAMES, 2)})
    assert len(small.plan().cohorts) == 1
    small.run(verbose=0)
    assert len(count_compilations) == 1


NAMES = ("plain", "balanced", "faster")


@pytest.mark.long
def test_a_variant_without_weights_trains_as_where_none_has_any(blobs):
    small = study(blobs, class_weight=MIXED)
    plan = small.plan()
    assert "apart because it trains with weights of classes" in str(plan)
    assert [member.is_weighted for member in plan.every_member] == [False] * 2 + [True] * 4
    alone = kohort.Study(
        "weighted",
        small.variants[:1],
        blobs,
        replicates=kohort.Holdout(0.2, 2),
        epochs=3,
        batch_size=33,
    )
    ours, theirs = pivot(small.run(verbose=0)), pivot(alone.run(verbose=0))
    np.testing.assert_array_equal(ours.loc[["plain"]], theirs)


@pytest.mark.long
def test_a_race_trains_the_members_of_the_fixed_design(blobs):
    splits = kohort.Holdout(0.2, 4)
    for given in ({"class_weight": MIXED}, {"sample_weight": RANDOM}):
        race = study(blobs, replicates=kohort.Race(splits, first=2, looks=2), **given)
        fixed = study(blobs, replicates=splits, **given)
        ours, theirs = (pivot(each.run(verbose=0)) for each in (race, fixed))
        np.testing.assert_allclose(ours, theirs.loc[ours.index], rtol=2e-3, atol=2e-5)


@pytest.mark.long
def test_parts_of_the_samples_are_balanced_by_what_they_hold(blobs):
    small = study(blobs, class_weight="balanced", sizes=(0.1,))
    variant = small.variants[0]
    for share in (1.0, 0.1):
        part = small.spec.replicate(0, share)
        counts = np.bincount(blobs.y_train[part.train], minlength=3)
        table = small.spec.weights([(variant, part)]).of_classes[0]
        np.testing.assert_allclose(table, counts.sum() / (3 * counts), rtol=1e-6)
    curves = [pivot(small.run(verbose=0, engine=engine)) for engine in ("fused", "keras")]
    np.testing.assert_allclose(*curves, rtol=1e-3, atol=1e-4)


def test_members_of_one_variant_and_replicate_share_a_table_that_is_computed_once(
    blobs, monkeypatch
):
    counted = []

    def count(classes, of):
        counted.append(len(classes))
        return balanced(classes, of)

    monkeypatch.setattr("kohort.design.spec.balanced", count)
    spec = study(blobs, class_weight=MIXED).spec
    _, even, faster = spec.variants
    first, part, second = spec.replicate(0, 1.0), spec.replicate(0, 0.5), spec.replicate(1, 1.0)
    members = [(even, first), (faster, first), (even, second), (even, part), (even, first)]
    found = spec.weights(members * 2).of_classes
    assert len(counted) == 3
    np.testing.assert_array_equal(
        found, np.concatenate([spec.weights([member]).of_classes for member in members] * 2)
    )


@pytest.mark.long
@pytest.mark.parametrize("given", [{"class_weight": MIXED}, {"sample_weight": RANDOM}])
def test_a_study_that_was_cut_ends_with_the_same_bits(blobs, tmp_path, given):
    def die():
        raise RuntimeError("cut")

    never = [calling(die, 99)]  # It logs the rate, as the one that dies does.
    whole = study(blobs, callbacks=never, **given).run(tmp_path / "whole.db", verbose=0)
    with pytest.raises(RuntimeError, match="cut"):
        study(blobs, callbacks=[calling(die)], **given).run(
            tmp_path / "cut.db", checkpoint_seconds=0.0, verbose=0
        )
    again = study(blobs, callbacks=[calling(die, 99)], **given)
    ended = again.run(tmp_path / "cut.db", checkpoint_seconds=0.0, verbose=0)
    np.testing.assert_array_equal(pivot(whole), pivot(ended))
    opened = kohort.open(tmp_path / "cut.db", "weighted")
    assert opened.settings == ended.settings
    assert "weights" in " ".join(name for name, _ in opened.settings.facts())


@pytest.mark.long
@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"class_weight": SOME}, "class_weight of 'plain': None before"),
        ({"class_weight": SOME}, {}, "class_weight of 'plain': .*None now"),
        ({"class_weight": SOME}, {"class_weight": "balanced"}, "balanced now"),
        ({"sample_weight": RANDOM}, {}, "the sample_weight"),
        ({"sample_weight": RANDOM}, {"sample_weight": RANDOM + 1}, "the sample_weight"),
    ],
)
def test_a_kept_study_goes_on_only_with_its_weights(blobs, tmp_path, before, now, told):
    place = tmp_path / "kohort.db"
    study(blobs, epochs=1, **before).run(place, verbose=0)
    assert_refused(lambda: study(blobs, epochs=1, **now).run(place, verbose=0), told)
    study(blobs, epochs=1, **before).run(place, verbose=0)


@pytest.mark.long
def test_weights_that_are_written_otherwise_are_the_same(blobs, tmp_path):
    place = tmp_path / "kohort.db"
    study(blobs, epochs=1, class_weight={0: 5.0, "c": 0.5}).run(place, verbose=0)
    study(blobs, epochs=1, class_weight={"c": 0.5, "a": 5, "b": 1}).run(place, verbose=0)


def test_a_store_from_before_there_were_weights_goes_on(blobs, tmp_path):
    place = tmp_path / "kohort.db"
    first = study(blobs, epochs=1).run(place, verbose=0)
    with sqlite3.connect(place) as connection:
        ((text,),) = connection.execute("SELECT description FROM study")
        kept = json.loads(text)
        for name in ("class weights", "sample weights"):
            del kept[name]
        for name in ("class_weights", "has_sample_weights"):
            del kept["result"]["settings"][name]
        connection.execute("UPDATE study SET description = ?", (json.dumps(kept),))
    connection.close()
    assert kohort.open(place, "weighted").settings == first.settings
    np.testing.assert_array_equal(pivot(study(blobs, epochs=1).run(place, verbose=0)), pivot(first))


def test_balanced_is_what_scikit_learn_computes():
    # sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1], y=[0, 0, 0, 1])
    assert balanced(np.array([0, 0, 0, 1]), 2) == pytest.approx([2 / 3, 2.0])
    # Of three classes, y=[0, 0, 2]: two are there; the other one weighs no sample.
    assert balanced(np.array([0, 0, 2]), 3) == pytest.approx([0.75, 1.0, 1.5])


@pytest.mark.parametrize(
    ("names", "given", "table"),
    [
        (("no", "yes"), {"yes": 5}, [1, 5]),
        (("no", "yes"), {1: 5}, [1, 5]),
        (("no", "yes"), {np.int64(1): np.float32(5), "no": 2}, [2, 5]),
        (("no", "yes"), {1.0: 5}, [1, 5]),
        (("False", "True"), {True: 5}, [1, 5]),
        (("1", "2", "3"), {"1": 5}, [5, 1, 1]),
        (("1", "2", "3"), {3: 5}, [1, 1, 5]),
        (("1", "2", "3"), {0: 5}, [5, 1, 1]),
        (("0", "1"), {0: 0, 1: 2}, [0, 2]),
    ],
)
def test_classes_are_named_or_numbered(names, given, table):
    assert class_table(given, labels(*names)).tolist() == table


@pytest.mark.parametrize(
    ("names", "given", "told"),
    [
        (("no", "yes"), {"maybe": 5}, "one for 'maybe'"),
        (("no", "yes"), {2: 5}, "one for 2"),
        (("no", "yes"), {-1: 5}, "one for -1"),
        (("no", "yes"), {0.5: 5}, "one for 0.5"),
        (("no", "yes"), {"1": 5}, "one for '1'"),
        (("1", "2", "3"), {1: 5}, "got 1: the class of that name, or '2'"),
        (("no", "yes"), {"yes": 5, 1: 6}, "'yes' and 1, which are one class"),
        (
            ("no", "yes"),
            {"yes": -1},
            "class 'yes' in class_weight as a number of 0 or more, got -1",
        ),
        (("no", "yes"), {"yes": float("nan")}, "got nan"),
        (("no", "yes"), {"yes": float("inf")}, "got inf"),
        (("no", "yes"), {"yes": True}, "got True"),
        (("no", "yes"), {"yes": 0, "no": 0}, "above 0 of some class, got 0 for all"),
    ],
)
def test_weights_of_classes_that_make_no_sense_are_refused(names, given, told):
    assert_refused(lambda: class_table(given, labels(*names)), told)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([1, 2], r"each of the 3 training samples, got shape \(2,\)"),
        ([[1, 2, 3]], "got shape"),
        (2.0, r"got shape \(\)"),
        ([1, -1, 1], "0 or more, and finite, got -1 for training sample 1"),
        ([1, 1, np.nan], "got nan for training sample 2"),
        ([1, 1, np.inf], "got inf for"),
        ([0, 0, 0], "above zero of some sample, got zero for all"),
        (["a", "b", "c"], "got .'a', 'b', 'c'"),
    ],
)
def test_weights_of_samples_that_make_no_sense_are_refused(given, told):
    assert_refused(lambda: checked_weights(given, 3, kohort.DesignError), told)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"class_weight": "even"}, "class_weight as 'balanced', as weights such as .*got 'even'"),
        ({"class_weight": {}}, "got {}"),
        ({"class_weight": 3}, "got 3"),
        ({"class_weight": {"nobody": "balanced"}}, "got class_weight for .'nobody'"),
        ({"class_weight": {"plain": {"d": 2}}}, "one for 'd'"),
        ({"class_weight": {"plain": "even"}}, "got 'even'"),
        ({"class_weight": {"d": 2}}, "one for 'd'"),
        ({"class_weight": SOME, "sample_weight": RANDOM}, "both sample_weight and class_weight"),
        ({"sample_weight": RANDOM[:9]}, r"got shape \(9,\)"),
    ],
)
def test_a_study_refuses_weights_that_it_cannot_use(blobs, given, told):
    assert_refused(lambda: study(blobs, **given), told)


def test_numbers_to_predict_have_no_classes_to_weigh(blobs):
    numbers = kohort.Dataset(blobs.x_train, RANDOM)
    told = "targets that are class labels for class_weight"
    assert_refused(lambda: study(numbers, class_weight="balanced"), told)


@pytest.mark.long
@pytest.mark.parametrize("form", ["one-hot", "a column of floats"])
def test_targets_of_any_form_have_classes(blobs, form):
    """Against Keras, which reads classes from targets in its own way."""
    if form == "one-hot":
        y, loss, units, activation = (
            np.eye(3)[blobs.y_train],
            "categorical_crossentropy",
            3,
            "softmax",
        )
    else:
        y, loss, units, activation = (
            (blobs.y_train > 1)[:, None] * 1.0,
            "binary_crossentropy",
            1,
            "sigmoid",
        )

    def build():
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(units, activation)])
        model.compile("sgd", loss, metrics=["accuracy"])
        return model

    data = kohort.Dataset(blobs.x_train, y)
    small = kohort.Study(
        "form",
        [kohort.Variant("one", build)],
        data,
        replicates=kohort.Holdout(0.2, 1),
        epochs=3,
        batch_size=33,
        class_weight={1: 7},
    )
    found = pivot(small.run(verbose=0))
    history = by_keras(small.variants[0], small.spec.replicate(0, 1.0), data, class_weight={1: 7})
    for name in ("loss", "val_loss", "eval_loss"):
        np.testing.assert_allclose(found.loc["one", 0, :, name], history[name], rtol=1e-4)


@pytest.mark.long
def test_a_report_tells_the_weights(blobs):
    facts = dict(study(blobs, class_weight=MIXED, epochs=1).run(verbose=0).settings.facts())
    assert facts["class weights"] == (
        "balanced (balanced); b 9, others 1 (faster); in training alone, nothing is measured with "
        "them"
    )
    facts = dict(study(blobs, class_weight="balanced", epochs=1).run(verbose=0).settings.facts())
    assert facts["class weights"].startswith("balanced; in training alone")
    facts = dict(study(blobs, sample_weight=RANDOM, epochs=1).run(verbose=0).settings.facts())
    assert "those of test do not" in facts["sample weights"]
