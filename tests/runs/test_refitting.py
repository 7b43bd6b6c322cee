"""The winner once more on all training data: Keras's numbers, stored, and gone on with."""

import os
import shutil
import signal

import keras
import numpy as np
import pytest

import kohort
from kohort import DesignError
from kohort.design.whole_data import AllSamples
from kohort.engine.feed import resident
from kohort.evidence.store import database, files, open_store
from kohort.member import epochs_to_refit
from kohort.report import store_tables
from kohort.report.exports.study_export import of_stored
from kohort.runs import training
from tests.faults.studies import Death
from tests.marks import long
from tests.models import build_mlp


def study(data, epochs=4, name="refit", variants=None, **changes):
    variants = variants or [
        kohort.Variant("slow", build_mlp, learning_rate=1e-4),
        kohort.Variant("dropout", build_mlp, dropout=0.3),
    ]
    arguments = {"replicates": kohort.Holdout(0.2, 3), "epochs": epochs, "batch_size": 64}
    return kohort.Study(name, variants, data, **(arguments | changes))


def by_keras(member, data, epochs, batch_size=64, callbacks=()):
    """What Keras's own `fit` makes of all training samples from the same seed."""
    keras.utils.set_random_seed(member.replicate.seed)
    model = member.variant.build(**member.variant.kwargs)
    x, y = data.inputs(data.x_train), data.y_train
    model._symbolic_build(data_batch=(x[:batch_size], y[:batch_size]))
    np.random.seed(member.replicate.seed)
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return model.get_weights()


def test_a_refit_is_keras_fit_on_all_samples(blobs):
    result = study(blobs).run(verbose=0)
    refitted = result.refit(verbose=0)
    assert refitted.variant.name == result.winner == "dropout"
    assert len(refitted.replicate.train) == len(blobs.x_train)
    expected = by_keras(refitted, blobs, refitted.epoch)
    for ours, theirs in zip(refitted.weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)
    seeds = {member.replicate.seed for member in result.members.values()}
    assert refitted.replicate.seed not in seeds


@pytest.mark.parametrize(
    ("epochs", "wanted"), [([3], 3), ([2, 9], 9), ([1, 7, 2], 2), ([1, 2, 5, 8], 5)]
)
def test_it_trains_for_the_median_of_the_best_epochs(epochs, wanted, blobs):
    class OfEpoch:
        def __init__(self, epoch):
            self.epoch = epoch

    assert epochs_to_refit([OfEpoch(epoch) for epoch in epochs]) == wanted


@pytest.mark.long
def test_replicates_that_diverged_do_not_choose_the_epochs(blobs):
    def build(spoilt=()):
        model = build_mlp()
        # The first weights tell the replicates apart.
        if float(np.ravel(model.get_weights()[0])[0]) in spoilt:
            model.set_weights([w * np.nan for w in model.get_weights()])
        return model

    one = [kohort.Variant("one", build)]
    first = study(blobs, variants=one).run(verbose=0).members[0, 0]
    start = float(np.ravel(one[0].model(first.replicate.seed).get_weights()[0])[0])
    result = study(blobs, variants=[kohort.Variant("one", build, spoilt=(start,))]).run(verbose=0)
    assert result.members[0, 0].epoch == 1  # the first of epochs without a number
    best = [result.members[0, number].epoch for number in (1, 2)]
    assert result.refit(verbose=0).epoch == max(best) > 1


@pytest.fixture
def place(tmp_path):
    return tmp_path / "kohort.db"


@pytest.fixture
def untrained(monkeypatch):
    """From when it is called nothing trains any more."""

    def refuse(*arguments, **options):
        raise AssertionError("trained")

    return lambda: monkeypatch.setattr(training.Training, "train", refuse)


def same(a, b):
    return [w.tobytes() for w in a.weights] == [w.tobytes() for w in b.weights]


@pytest.mark.long
def test_it_is_stored_and_another_call_loads_it(blobs, place, untrained):
    result = study(blobs).run(place, verbose=0)
    first = result.refit(verbose=0)
    again = study(blobs).run(place, verbose=0)
    untrained()
    assert result.refit() is first
    for other in (again, kohort.open(place, "refit", blobs)):
        loaded = other.refit()
        assert same(loaded, first)
        assert (loaded.epoch, loaded.replicate.seed) == (first.epoch, first.replicate.seed)
        np.testing.assert_array_equal(
            loaded.model().predict(blobs.x_test, verbose=0),
            first.model().predict(blobs.x_test, verbose=0),
        )


@pytest.mark.long
def test_without_a_store_it_is_trained_once_for_a_result(blobs, untrained):
    result = study(blobs).run(verbose=0)
    first = result.refit(verbose=0)
    assert same(first, study(blobs).run("sqlite://", verbose=0).refit(verbose=0))
    untrained()
    assert result.refit() is first


@pytest.mark.long
def test_a_store_has_no_build_function_to_train_it_by(blobs, place):
    study(blobs).run(place, verbose=0)
    opened = kohort.open(place, "refit", blobs)
    with pytest.raises(kohort.DesignError, match=r"has neither; call study.run\(store\).refit"):
        opened.refit()
    with pytest.raises(kohort.DesignError, match="the data of the study"):
        kohort.open(place, "refit").refit()


@pytest.mark.long
def test_a_result_that_was_put_together_by_hand_has_none(blobs):
    ran = study(blobs).run(verbose=0)
    by_hand = kohort.Result(ran.record, ran.variants, ran.data, ran.members)
    with pytest.raises(kohort.DesignError, match="put together by hand; run the study"):
        by_hand.refit()


@pytest.mark.long
def test_what_the_study_measured_does_not_change(blobs, place, tmp_path):
    ran = study(blobs).run(place, verbose=0)
    before = kohort.open(place, "refit", blobs)
    with open_store(place) as store:
        shown = store_tables.study(store.study("refit"))["variants"], store_tables.studies(store)
        exported = of_stored(store.study("refit")).members
    ran.refit(verbose=0)
    after = kohort.open(place, "refit", blobs)
    assert after.curves().equals(before.curves())
    assert after.table().equals(before.table())
    assert sorted(after.members) == sorted(before.members) == sorted(ran.members)
    with open_store(place) as store:
        kept = store.study("refit")
        assert len(kept.members()) == 7, "it is stored"
        assert (store_tables.study(kept)["variants"], store_tables.studies(store)) == shown
        assert [one.key for one in of_stored(kept).members] == [one.key for one in exported]


@pytest.fixture
def dying(monkeypatch):
    """Ends a process at a number of writes, as SIGKILL does: nothing is written any more."""
    state = {"count": 0, "at": None, "dead": False}

    def deadly(real):
        def write(*arguments, **options):
            state["count"] += 1
            if state["dead"] or state["count"] == state["at"]:
                state["dead"] = True
                raise Death
            return real(*arguments, **options)

        return write

    monkeypatch.setattr(database.Database, "write", deadly(database.Database.write))
    monkeypatch.setattr(files, "keep", deadly(files.keep))

    def at(number):
        state.update(count=0, at=number, dead=False)
        return state

    return at


def checkpoints(place):
    return sorted(path.name for path in place.with_suffix(".files").rglob("checkpoint-*"))


def epochs_of(place):
    with open_store(place) as store:
        return [r.epoch for r in store.study("refit").epochs() if r.member.is_refit]


def copied(place, name):
    """A copy of a store."""
    copy = place.with_name(f"{name}.db")
    shutil.copy(place, copy)
    shutil.copytree(place.with_suffix(".files"), copy.with_suffix(".files"))
    return copy


@pytest.mark.parametrize("step", [*long(9, 1)])
def test_killed_at_any_write_it_goes_on_to_the_same_bits(step, blobs, place, dying):
    def ran(where):
        return study(blobs).run(where, checkpoint_seconds=0, verbose=0)

    ran(place)
    before, whole = checkpoints(place), copied(place, "whole")
    finished = ran(whole)
    count = dying(None)
    expected = finished.refit(verbose=0)
    total = count["count"]
    assert total > 2 * expected.epoch
    for number in range(1, total + 1, step):
        copy = copied(place, number)
        result = ran(copy)
        dying(number)
        with pytest.raises(Death):
            result.refit(verbose=0)
        dying(None)
        assert same(ran(copy).refit(verbose=0), expected)
        assert epochs_of(copy) == list(range(expected.epoch))
        assert checkpoints(copy) == before, "those of a refit are of no more use"


@pytest.mark.long
def test_it_goes_on_from_its_checkpoint(blobs, place):
    """Ctrl-C lets the epoch end; none of its epochs is trained twice."""
    at = []

    def interrupts(epoch, rate):
        at.append(epoch)
        if at.count(1) == asked and epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return rate

    asked = 0  # in the study, which trains three members
    scheduled = [keras.callbacks.LearningRateScheduler(interrupts)]
    ran = study(blobs, callbacks=scheduled).run(place, verbose=0)
    at.clear()
    asked = 1
    with pytest.raises(kohort.Interrupted):
        ran.refit(verbose=0)
    assert at == [0, 1]
    refitted = ran.refit(verbose=0)
    assert at == list(range(refitted.epoch))
    assert same(refitted, study(blobs).run(verbose=0).refit(verbose=0))


@pytest.mark.long
def test_a_study_that_went_on_has_another_refit(blobs, place):
    short = study(blobs, epochs=2).run(place, verbose=0)
    first = short.refit(verbose=0)
    longer = study(blobs, epochs=6).run(place, verbose=0)
    with pytest.raises(kohort.DesignError, match="has neither"):
        kohort.open(place, "refit", blobs).refit()
    second = longer.refit(verbose=0)
    assert second.epoch > first.epoch
    assert same(second, study(blobs, epochs=6).run(verbose=0).refit(verbose=0))
    assert same(kohort.open(place, "refit", blobs).refit(), second)


@pytest.mark.long
def test_another_study_of_the_name_does_not_give_its_refit(blobs, place):
    first = study(blobs).run(place, verbose=0)
    other = study(blobs, seed=5).run(place, fresh=True, verbose=0)
    refitted = other.refit(verbose=0)
    assert not same(first.refit(verbose=0), refitted)
    assert same(study(blobs, seed=5).run(place, verbose=0).refit(verbose=0), refitted)


@pytest.mark.long
def test_damaged_weights_are_trained_again(blobs, place):
    result = study(blobs).run(place, verbose=0)
    first = result.refit(verbose=0)
    with open_store(place) as store:
        (record,) = [one for one in store.study("refit").members() if one.key.is_refit]
    (path,) = place.with_suffix(".files").rglob(record.weights)
    path.write_bytes(path.read_bytes()[:-1])
    again = study(blobs).run(place, verbose=0).refit(verbose=0)
    assert same(again, first)
    with open_store(place) as store:
        assert [event.kind for event in store.study("refit").events()] == ["damaged"]


@pytest.mark.long
def test_one_that_diverges_is_refused_and_not_stored(blobs, place):
    def build(breaks):
        model = build_mlp()
        if breaks == float(np.ravel(model.get_weights()[0])[0]):
            model.set_weights([w * np.nan for w in model.get_weights()])
        return model

    (replicate,) = AllSamples().replicates(blobs, seed=0)
    variant = kohort.Variant("one", build, breaks=0.0)
    start = float(np.ravel(variant.model(replicate.seed).get_weights()[0])[0])
    breaking = study(blobs, variants=[kohort.Variant("one", build, breaks=start)])
    for result in (breaking.run(place, verbose=0), breaking.run(place, verbose=0)):
        with pytest.raises(kohort.DesignError, match="NaN or infinite in epoch 1; lower the"):
            result.refit(verbose=0)


STOPPING = [keras.callbacks.EarlyStopping(monitor="val_loss", patience=0)]
FALLING = [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)]


@pytest.mark.long
def test_callbacks_that_choose_an_epoch_by_validation_do_not_act(blobs):
    stopped = study(blobs, epochs=9, callbacks=STOPPING).run(verbose=0)
    refitted = stopped.refit(verbose=0)
    assert refitted.epoch == epochs_to_refit([stopped.members[1, n] for n in range(3)])


@pytest.mark.long
@pytest.mark.parametrize("callbacks", [FALLING, lambda variant, replicate: FALLING])
def test_other_callbacks_do_as_in_keras(blobs, callbacks):
    refitted = study(blobs, callbacks=callbacks).run(verbose=0).refit(verbose=0)
    expected = by_keras(refitted, blobs, refitted.epoch, callbacks=FALLING)
    for ours, theirs in zip(refitted.weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)


@pytest.mark.long
def test_callbacks_that_need_validation_are_refused(blobs):
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="val_loss")
    result = study(blobs, callbacks=[plateau]).run(verbose=0)
    with pytest.raises(kohort.DesignError, match="ReduceLROnPlateau with monitor='val_loss'; give"):
        result.refit(verbose=0)


@pytest.mark.parametrize("engine", ["keras", "auto"])
@pytest.mark.long
def test_model_fit_trains_what_it_trained_in_the_study(engine, blobs, place):
    class AtBatches(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            """Acts inside epochs."""

    own = [] if engine == "keras" else [AtBatches()]
    result = study(blobs, callbacks=own).run(place, engine=engine, verbose=0)
    refitted = result.refit(verbose=0)
    expected = by_keras(refitted, blobs, refitted.epoch)
    for ours, theirs in zip(refitted.weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)
    assert same(kohort.open(place, "refit", blobs).refit(), refitted)


def build_line():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return model


@pytest.mark.long
def test_of_a_regression_in_folds_on_streamed_data(blobs, place, monkeypatch):
    y = (blobs.x_train @ np.arange(5, dtype=np.float32))[:, None]
    data = kohort.Dataset(blobs.x_train, y, blobs.x_test, y[:100])
    lines = [kohort.Variant("line", build_line)]
    folds = study(data, variants=lines, replicates=kohort.KFold(4))
    monkeypatch.setattr(resident.ResidentRunner, "begin", None)
    refitted = folds.run(place, memory="11KB", verbose=0).refit(verbose=0)
    expected = by_keras(refitted, data, refitted.epoch)
    for ours, theirs in zip(refitted.weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)


@pytest.mark.long
def test_of_a_race_and_of_pixels(place):
    random = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = random.integers(0, 200, (120, 4, 4), dtype=np.uint8) + (20 * y[:, None, None]).astype("u1")
    data = kohort.Dataset(x[:90], y[:90], x[90:], y[90:])

    def build(rate):
        model = keras.Sequential(
            [keras.Input((4, 4)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
        )
        model.compile(
            keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    race = kohort.Race(kohort.Holdout(0.2, 4), first=2, looks=2)
    raced = study(data, variants=kohort.grid(build, rate=[1e-5, 1e-2]), replicates=race)
    result = raced.run(place, verbose=0)
    refitted = result.refit(verbose=0)
    expected = by_keras(refitted, data, refitted.epoch)
    for ours, theirs in zip(refitted.weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)
    assert refitted.deployable().inputs[0].dtype == "uint8"
    assert same(kohort.open(place, "refit", data).refit(), refitted)
    assert raced.run(place, verbose=0).table().equals(result.table())


@pytest.mark.long
def test_what_a_build_learns_from_data_is_learned_from_all_samples(blobs, tmp_path):
    def learning(units, data):
        scale = keras.layers.Normalization()
        scale.adapt(data.x)
        model = keras.Sequential(
            [keras.Input((5,)), scale, keras.layers.Dense(units), keras.layers.Dense(3, "softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    study = kohort.Study(
        "learning", kohort.grid(learning, units=[2, 3]), blobs,
        replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=50,
    )  # fmt: skip
    refit = study.run(tmp_path / "kohort.db", verbose=0).refit(verbose=0)
    learned = refit.model().layers[0]
    np.testing.assert_allclose(learned.mean[0], blobs.x_train.mean(axis=0), rtol=1e-4, atol=1e-5)
    opened = kohort.open(tmp_path / "kohort.db", "learning", blobs)
    with pytest.raises(DesignError, match="whose layers learn from all samples"):
        opened.refit(verbose=0)


@pytest.mark.long
def test_a_refit_trains_with_the_weights_of_its_variant(blobs):
    counts = {"a": 5.0, "b": 1.0, "c": 0.5}
    weighted = study(blobs, class_weight={"dropout": counts}).run(verbose=0)
    plain = study(blobs).run(verbose=0)
    refitted = weighted.refit(verbose=0)
    assert refitted.variant.name == "dropout"
    assert not np.allclose(refitted.weights[0], plain.refit(verbose=0).weights[0])
    keras.utils.set_random_seed(refitted.replicate.seed)
    model = refitted.variant.build(**refitted.variant.kwargs)
    x, y = blobs.inputs(blobs.x_train), blobs.y_train
    model._symbolic_build(data_batch=(x[:64], y[:64]))
    np.random.seed(refitted.replicate.seed)
    model.fit(
        x, y, batch_size=64, epochs=refitted.epoch, verbose=0,
        class_weight=dict(enumerate(counts.values())),
    )  # fmt: skip
    for ours, theirs in zip(refitted.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)
