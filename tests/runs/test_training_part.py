"""Build functions that take `data` learn from the training part of their replicate alone."""

import functools

import keras
import numpy as np
import pytest

import kohort
from kohort.design.building import batch_of
from kohort.design.replicates import Replicate
from kohort.design.training_part import TrainingParts
from kohort.keras_api.models import prepare
from tests.marks import long
from tests.runs.test_racing import die_at
from tests.runs.test_resume import Death, numbers

__all__ = ["die_at"]

SCALES = np.array([1.0, 100.0, 0.01, 5.0], np.float32)


def table(samples=120, groups=None, **changes):
    """Two classes in columns of unequal scales, whose means differ much between rows."""
    random = np.random.default_rng(3)
    y = random.integers(0, 2, samples)
    x = (random.normal(size=(samples, 4)) + y[:, None]) * SCALES + 10 * SCALES
    test = samples // 4
    return kohort.Dataset(
        *(x[test:].astype(np.float32), y[test:], x[:test].astype(np.float32), y[:test]),
        groups=groups,
        **changes,
    )


def classifier(first, units, shape=(4,), rate=0.02):
    model = keras.Sequential(
        [
            keras.Input(shape),
            *first,
            keras.layers.Flatten(),
            keras.layers.Dense(units, "tanh"),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def normalized(data, units=4, axis=-1, rate=0.02):
    layer = keras.layers.Normalization(axis=axis)
    layer.adapt(data.x)
    return classifier([layer], units, data.input_shape, rate)


def binned(data, units=4):
    edges = np.quantile(data.x, [0.2, 0.4, 0.6, 0.8]).tolist()
    return classifier([keras.layers.Discretization(edges), keras.layers.Rescaling(1 / 4)], units)


def by_hand(data, units=4):
    """Statistics that are no weights: they stand in the configuration."""
    layer = keras.layers.Normalization(mean=data.x.mean(axis=0), variance=data.x.var(axis=0))
    return classifier([layer], units)


BUILDS = [normalized, *long(binned), by_hand]


def study(data, build=normalized, replicates=None, **changes):
    arguments = {"epochs": 3, "batch_size": 25, "replicates": replicates or kohort.Holdout(0.2, 3)}
    variants = kohort.grid(build, units=[4], rate=[0.02, 0.05]) if build is normalized else (
        [kohort.Variant("binned", build)]
    )  # fmt: skip
    return kohort.Study("parts", variants, data, **(arguments | changes))


def run(made, store=None, **options):
    return made.run(store, verbose=0, **({"checkpoint_seconds": 0.0} | options))


def close(one, other):
    rows = [r.curves().set_index(["variant", "replicate", "epoch", "metric"]) for r in (one, other)]
    assert rows[0].index.equals(rows[1].index)
    np.testing.assert_allclose(rows[0]["value"], rows[1]["value"], rtol=2e-4, atol=2e-5)


GROUPS = np.arange(90) // 7
SPLITS = {
    "hold-out": (None, kohort.Holdout(0.2, 3)),
    "one split": (None, kohort.Holdout(0.2, 3, same_split=True)),
    "folds": (None, kohort.KFold(3)),
    "groups": (GROUPS, kohort.Holdout(0.2, 3)),
    "folds of groups": (GROUPS, kohort.KFold(3)),
}


@pytest.mark.long
@pytest.mark.parametrize(("groups", "replicates"), SPLITS.values(), ids=SPLITS)
def test_a_build_function_sees_the_rows_of_its_training_part_alone(groups, replicates):
    data, seen = table(groups=groups), []

    def build(data):
        seen.append(data)
        return normalized(data)

    made = study(data, build, replicates)
    made.plan()
    parts = made.spec.whole_replicates
    assert len(seen) == len(parts) == 3
    for part, replicate in zip(seen, parts, strict=True):
        np.testing.assert_array_equal(part.x, data.x_train[replicate.train])
        np.testing.assert_array_equal(part.y, data.y_train[replicate.train])
        assert not set(part.rows) & set(replicate.valid)
        assert (len(part), part.class_names, part.classes) == (len(replicate.train), ("0", "1"), 2)
        assert (part.input_shape, part.feature_names) == ((4,), None)
        with pytest.raises(ValueError, match="read-only"):
            part.x[0] = 0


@pytest.mark.long
def test_pixels_are_seen_as_the_model_sees_them():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    data = kohort.Dataset(pixels, np.arange(60) % 2)
    result = run(study(data, functools.partial(normalized, axis=None)))
    for (_, number), member in result.members.items():
        rows = data.inputs(pixels[member.replicate.train])
        layer = member.model().layers[0]
        np.testing.assert_allclose(layer.adapt_mean.numpy(), rows.mean(), rtol=1e-5)
        np.testing.assert_allclose(layer.adapt_variance.numpy(), rows.var(), rtol=1e-5)
        assert number == member.replicate.number


@pytest.mark.long
@pytest.mark.parametrize("build", BUILDS)
def test_members_that_learned_other_numbers_are_one_program_with_keras_numbers(
    build, count_compilations
):
    made = study(table(), build)
    assert len(made.plan().cohorts) == 1
    fused = run(made)
    assert len(count_compilations) <= 2  # an epoch; and one to measure how many train at once
    close(fused, run(study(table(), build), engine="keras"))


@pytest.mark.long
def test_the_numbers_are_those_of_a_fit_by_hand():
    data = table()
    result = run(study(data, functools.partial(normalized, units=4)))
    for (_, number), member in result.members.items():
        train, valid = member.replicate.train, member.replicate.valid
        keras.utils.set_random_seed(member.replicate.seed)
        layer = keras.layers.Normalization()
        layer.adapt(data.x_train[train])
        model = classifier([layer], 4)
        # Keras builds metrics by a batch that it draws, which would turn the order of the others.
        prepare(model, batch_of(data, 25))
        np.random.seed(member.replicate.seed)
        history = model.fit(
            data.x_train[train],
            data.y_train[train],
            batch_size=25,
            epochs=3,
            verbose=0,
            validation_data=(data.x_train[valid], data.y_train[valid]),
        ).history
        kept = result.record.whole
        for name in ("loss", "val_loss"):
            np.testing.assert_allclose(kept.of(name)[0, number], history[name], rtol=2e-4)


@pytest.mark.long
@pytest.mark.parametrize("build", [normalized, *long(binned)])
def test_parts_of_the_samples_are_learned_from_alone(build):
    data = table()
    sizes = {"sizes": [0.3], "replicates": kohort.Holdout(0.2, 2)}
    fused, keras_alone = (
        run(study(data, build, **sizes), engine=engine) for engine in ("fused", "keras")
    )
    close(fused, keras_alone)
    for one, other in zip(
        *(result.record.curves[0.3].of("val_loss") for result in (fused, keras_alone)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=2e-4)


@pytest.mark.long
@pytest.mark.parametrize("build", BUILDS)
def test_what_was_learned_is_kept_saved_and_takes_raw_rows(build, tmp_path):
    data = table()
    result = run(study(data, build), tmp_path / "kept.db")
    opened = kohort.open(tmp_path / "kept.db", "parts", data)
    every = []
    for place, member in result.members.items():
        predicted = member.model().predict(data.x_test, verbose=0)
        every.append(predicted)
        np.testing.assert_array_equal(
            opened.members[place].model().predict(data.x_test, verbose=0), predicted
        )
        np.testing.assert_allclose(
            member.deployable().predict(data.x_test, verbose=0), predicted, rtol=1e-5
        )
        saved = keras.saving.load_model(member.save(tmp_path / f"{place[1]}.keras"))
        np.testing.assert_allclose(saved.predict(data.x_test, verbose=0), predicted, rtol=1e-5)
    assert len({predicted.tobytes() for predicted in every}) == len(every)


@pytest.mark.long
def test_a_model_of_a_closure_is_opened_with_what_it_learned(tmp_path):
    data = table()

    def build(units):
        layer = keras.layers.Normalization()
        layer.adapt(data.x_train)
        return classifier([layer], units)

    made = kohort.Study(
        *("closure", kohort.grid(build, units=[2, 4]), data),
        replicates=kohort.Holdout(0.2, 2),
        epochs=2,
    )
    best = run(made, tmp_path / "kept.db").best()
    opened = kohort.open(tmp_path / "kept.db", "closure", data).best()
    predicted = best.model().predict(data.x_test, verbose=0)
    for model in (best.deployable(), opened.model(), opened.deployable()):
        np.testing.assert_allclose(model.predict(data.x_test, verbose=0), predicted, rtol=1e-5)


@pytest.mark.parametrize("replicates", [kohort.Holdout(0.2, 3), kohort.Race(
    kohort.Holdout(0.2, repeats=5), first=2, looks=2
)], ids=["fixed", "race"])  # fmt: skip
@pytest.mark.long
def test_a_study_that_was_killed_goes_on_to_the_same_bits(replicates, tmp_path, die_at):
    whole = run(study(table(), replicates=replicates))
    die_at(12)
    with pytest.raises(Death):
        run(study(table(), replicates=replicates), tmp_path / "kept.db")
    die_at(None)
    resumed = run(study(table(), replicates=replicates), tmp_path / "kept.db")
    assert numbers(resumed) == numbers(whole)
    again = run(study(table(), replicates=replicates), tmp_path / "kept.db")
    assert numbers(again) == numbers(whole)


@pytest.mark.long
def test_a_race_has_keras_numbers():
    race = kohort.Race(kohort.Holdout(0.2, repeats=4), first=2, looks=2)
    fused, alone = (run(study(table(), replicates=race), engine=e) for e in ("fused", "keras"))
    close(fused, alone)


def test_rows_are_made_once_for_all_variants_while_there_is_room():
    data = table()
    replicates = [Replicate(n, n, np.arange(n, 60), np.arange(n)) for n in range(1, 4)]
    size = 59 * 4 * 4
    roomy, tight = TrainingParts(data), TrainingParts(data, room=2 * size)
    assert [roomy.of(r) is roomy.of(r) for r in replicates] == [True] * 3
    first = [roomy.of(r).x for r in replicates]
    assert all(roomy.of(r).x is x for r, x in zip(replicates, first, strict=True))
    none = TrainingParts(data, room=0)
    assert none.of(replicates[0]) is none.of(replicates[0]), "the last one is kept anyway"
    kept = [tight.of(r) for r in replicates]
    assert [tight.of(r) is part for r, part in zip(replicates[::-1], kept[::-1], strict=True)] == [
        True,
        True,
        False,
    ]


def test_a_part_of_a_replicate_has_rows_of_its_own():
    data = table()
    whole = Replicate(1, 1, np.arange(60), np.arange(60, 80))
    half = Replicate(1, 1, np.arange(30), np.arange(60, 80), share=0.5)
    parts = TrainingParts(data)
    for _ in range(2):
        assert [len(parts.of(replicate)) for replicate in (half, whole)] == [30, 60]
    np.testing.assert_array_equal(parts.of(half).y, data.y_train[:30])
