"""Studies that are kept: they go on where they were left, and end as if nothing had happened."""

import os
import re
import signal
import sqlite3
from dataclasses import replace

import keras
import numpy as np
import pytest

import kohort
from kohort.evidence.store import database, files, open_store
from kohort.runs import checkpointing
from kohort.runs.retention import told_run
from kohort.tracing import from_seeds
from tests.faults.studies import Death, calling
from tests.marks import long
from tests.models import build_mlp

VARIANTS = {
    "plain": {},
    "dropout": {"dropout": 0.4},
    "less dropout": {"dropout": 0.1},
    "hot": {"learning_rate": 1e30},
}
STEADY = [
    keras.callbacks.ReduceLROnPlateau(patience=1, monitor="val_loss", min_delta=0.05),
    keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True, min_delta=0.02),
    keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
]


class Counting(keras.callbacks.Callback):
    """Remembers, so that nobody can go on from the middle of a training with it."""

    epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        logs["counted"] = float(self.epochs)


def study(data, names=tuple(VARIANTS), repeats=2, epochs=4, **changes):
    variants = [kohort.Variant(name, build_mlp, **VARIANTS[name]) for name in names]
    arguments = {
        "replicates": kohort.Holdout(0.2, repeats),
        "epochs": epochs,
        "batch_size": 50,
    } | changes
    return kohort.Study("kept", variants, data, **arguments)


def run(kept_study, store=None, **options):
    options = {"checkpoint_seconds": 0.0} | options
    return kept_study.run(store, verbose=0, **options)


def numbers(result):
    """Curves by row, and weights by member, to the last bit."""
    rows = result.curves().set_index(["variant", "replicate", "epoch", "metric"])["value"]
    curves = {key: repr(value) for key, value in rows.items()}  # All digits; one kind of NaN.
    weights = {
        (member.variant.name, member.replicate.number): [w.tobytes() for w in member.weights]
        for member in result.members.values()
    }
    return curves, weights


@pytest.fixture
def die_at(monkeypatch):
    """Dies at a number of writes to the store, before or after it; counts the writes."""
    state = {"count": 0, "at": None, "after": False, "dead": False}

    def deadly(real):
        def write(*arguments, **options):
            if state["dead"]:
                raise Death
            state["count"] += 1
            is_now = state["count"] == state["at"]
            if is_now and not state["after"]:
                state["dead"] = True
                raise Death
            done = real(*arguments, **options)
            if is_now:
                state["dead"] = True
                raise Death
            return done

        return write

    monkeypatch.setattr(database.Database, "write", deadly(database.Database.write))
    monkeypatch.setattr(files, "keep", deadly(files.keep))
    # What is written by the clock would make a write another one in another run.
    monkeypatch.setattr(told_run, "_SECONDS", float("inf"))

    def at(number, *, after=False):
        state.update(count=0, at=number, after=after, dead=False)
        return state

    return at


@pytest.mark.long
@pytest.mark.parametrize("callbacks", [(), STEADY, [Counting()]], ids=["none", "keras", "own"])
def test_a_study_that_dies_at_any_write_ends_with_the_numbers_that_it_would_have_had(
    blobs, tmp_path, die_at, callbacks
):
    wanted = numbers(run(study(blobs, callbacks=callbacks)))
    count = die_at(None)
    assert numbers(run(study(blobs, callbacks=callbacks), tmp_path / "whole.db")) == wanted
    total, lives = count["count"], 0
    assert total > 20
    for number in range(1, total + 1, 11):
        place = tmp_path / f"{number}.db"
        die_at(number, after=bool(number % 3))
        with pytest.raises(Death):
            run(study(blobs, callbacks=callbacks), place)
        lives += 1
        die_at(None)
        assert numbers(run(study(blobs, callbacks=callbacks), place)) == wanted
    assert lives > 2


@pytest.mark.long
def test_so_does_one_whose_members_are_not_all_built(blobs, tmp_path, die_at, monkeypatch):
    def train(place=None):
        return run(study(blobs, ("plain", "dropout", "hot"), repeats=7), place, chunk_size=4)

    wanted = numbers(train())
    for number in (10, 23):
        place = tmp_path / f"{number}.db"
        die_at(number, after=bool(number % 2))
        with pytest.raises(Death):
            train(place)
        die_at(None)
        assert numbers(train(place)) == wanted
    monkeypatch.setattr(from_seeds, "PROOFS", 100)
    assert numbers(train()) == wanted


@pytest.mark.long
def test_what_dies_again_and_again_ends_all_the_same(blobs, tmp_path, die_at):
    wanted = numbers(run(study(blobs)))
    for life in range(100):
        die_at(12, after=bool(life % 2))
        try:
            result = run(study(blobs), tmp_path / "kohort.db")
        except Death:
            continue
        break
    assert life > 3
    assert numbers(result) == wanted


def test_a_study_that_is_finished_trains_nothing_again(blobs, tmp_path, monkeypatch):
    first = run(study(blobs), tmp_path / "kohort.db")

    def forbidden(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr("kohort.runs.training.train", forbidden)
    again = run(study(blobs), tmp_path / "kohort.db")
    assert numbers(again) == numbers(first)
    assert again.table()["seconds"].to_dict() == pytest.approx(first.table()["seconds"].to_dict())


def trained_epochs(monkeypatch):
    """A list that grows by the number of members in each epoch that trains."""
    from kohort.runs import training

    seen = []
    real = training.train

    def watched(*arguments):
        for event in real(*arguments):
            seen.append(sum(len(epoch.logs) for epoch in getattr(event, "epochs", ())))
            yield event

    monkeypatch.setattr(training, "train", watched)
    return seen


@pytest.mark.long
def test_variants_replicates_and_epochs_that_are_added_are_all_that_trains(
    blobs, tmp_path, monkeypatch
):
    place = tmp_path / "kohort.db"
    run(study(blobs, ["plain"], epochs=2), place, keep="all")
    seen = trained_epochs(monkeypatch)
    run(study(blobs, ["plain", "dropout"], epochs=2), place)
    assert sum(seen) == 2 * 2  # one variant more, two replicates, two epochs
    seen.clear()
    run(study(blobs, ["plain", "dropout"], repeats=3, epochs=2), place)
    assert sum(seen) == 2 * 2  # two variants, one replicate more, two epochs
    seen.clear()
    longer = run(study(blobs, ["plain", "dropout"], repeats=3, epochs=5), place)
    assert sum(seen) == 2 * 3 * 3  # three epochs more of each
    np.testing.assert_allclose(
        longer.curves()["value"],
        run(study(blobs, ["plain", "dropout"], repeats=3, epochs=5)).curves()["value"],
        rtol=1e-4,
        atol=1e-5,
    )
    seen.clear()
    with_sizes = study(blobs, ["plain", "dropout"], repeats=3, epochs=5, sizes={"plain": [0.5]})
    assert set(run(with_sizes, place).record.curves) == {0.5, 1.0}
    assert sum(seen) == 3 * 5


def test_longer_training_goes_on_bit_for_bit(blobs, tmp_path):
    run(study(blobs, epochs=2, callbacks=STEADY[:1]), tmp_path / "kohort.db", keep="all")
    longer = run(study(blobs, epochs=4, callbacks=STEADY[:1]), tmp_path / "kohort.db")
    assert numbers(longer) == numbers(run(study(blobs, epochs=4, callbacks=STEADY[:1])))


def final_bytes(place):
    """Bytes of the weights of members, and of the checkpoints at their ends."""
    files = list(place.with_suffix(".files").rglob("*.safetensors"))
    return [sum(f.stat().st_size for f in files if f.name.startswith(kind)) for kind in "mc"]


@pytest.mark.long
def test_weights_are_not_kept_twice(blobs, tmp_path):
    wide = study(blobs, ["plain", "dropout"], epochs=3)
    for variant in wide.variants:
        variant.kwargs = variant.kwargs | {"units": (300, 100)}
    run(wide, tmp_path / "kohort.db", keep="all")
    weights, checkpoints = final_bytes(tmp_path / "kohort.db")
    assert checkpoints < 3.1 * weights, "the last weights and two moments of Adam's, and no best"


@pytest.mark.long
def test_what_dies_in_a_last_write_and_trains_longer_has_the_same_numbers(blobs, tmp_path, die_at):
    def of(epochs):
        return study(blobs, ["plain", "dropout"], epochs=epochs)

    wanted, count = numbers(run(of(3))), die_at(None)
    run(of(2), tmp_path / "whole.db", keep="all")
    total = count["count"]
    for number in range(total - 10, total + 1, 2):
        place = tmp_path / f"{number}.db"
        die_at(number, after=bool(number % 2))
        with pytest.raises(Death):
            run(of(2), place, keep="all")
        die_at(None)
        assert numbers(run(of(3), place)) == wanted


@pytest.mark.long
@pytest.mark.parametrize("spoil", ["weights", "other weights"])
def test_more_epochs_start_over_where_weights_are_not_what_the_checkpoint_goes_with(
    blobs, tmp_path, spoil
):
    place = tmp_path / "kohort.db"
    run(study(blobs, ["dropout"], epochs=2), place, keep="all")
    with open_store(place) as store, store.study("kept").claim() as kept:
        key = kept.members()[0].key
        if spoil == "weights":
            damage(next((tmp_path / "kohort.files").rglob("member-1-*")))
        else:
            kept.finish(key, [w + 1 for w in kept.weights(key)], 1.0)
    longer = run(study(blobs, ["dropout"], epochs=3), place)
    assert numbers(longer) == numbers(run(study(blobs, ["dropout"], epochs=3)))
    with open_store(place) as store:
        assert "its block starts over" in store.study("kept").events()[-1].text


@pytest.fixture(scope="module")
def trained(blobs, tmp_path_factory):
    """A store with a study that has trained, and its result."""
    place = tmp_path_factory.mktemp("trained") / "kohort.db"
    return place, run(study(blobs, ["plain", "dropout"]), place)


def other_build(**arguments):
    return build_mlp(**arguments)


@pytest.mark.long
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"epochs": 3}, "epochs of 'plain' and 'dropout': 4 before, 3 now"),
        ({"names": ["plain"]}, "'dropout' is not among them"),
        ({"repeats": 1}, "repeats of replicates: 2 before, 1 now"),
        ({"replicates": kohort.KFold(3)}, "kind of replicates: Holdout before, KFold now"),
        ({"replicates": kohort.Holdout(0.3, 2)}, "fraction of replicates: 0.2 before, 0.3 now"),
        ({"batch_size": 25}, "batch size: 50 before, 25 now"),
        ({"seed": 1}, "seed: 0 before, 1 now"),
        ({"callbacks": STEADY}, "callbacks"),
    ],
)
def test_another_study_of_the_same_name_is_refused_with_the_difference(
    blobs, trained, changed, told
):
    place, first = trained
    with pytest.raises(kohort.StoreError, match=told):
        run(study(blobs, **({"names": ["plain", "dropout"]} | changed)), place)
    assert numbers(run(study(blobs, ["plain", "dropout"]), place)) == numbers(first)


def build_scaled(data):
    scaling = keras.layers.Normalization()
    scaling.adapt(data.x)
    layers = [keras.Input(data.input_shape), scaling, keras.layers.Dense(data.classes, "softmax")]
    model = keras.Sequential(layers)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.long
def test_of_other_data_what_follows_from_them_is_not_told(blobs, tmp_path):
    rare = (np.arange(len(blobs.y_train)) % 20 == 0).astype(np.uint8)
    alone = kohort.Dataset(blobs.x_train, rare, blobs.x_test, rare[: len(blobs.x_test)])
    grouped = replace(alone, x_train=blobs.x_train + 1, groups=np.arange(len(rare)) // 4)

    def scaled(data):
        return kohort.Study(
            "kept", [kohort.Variant("scaled", build_scaled)], data,
            replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=50,
        )  # fmt: skip

    run(scaled(alone), tmp_path / "kohort.db")
    with pytest.raises(kohort.StoreError) as refused:
        run(scaled(grouped), tmp_path / "kohort.db")
    assert re.search(r"another one \(data: [0-9a-f]+ before, [0-9a-f]+ now\)", str(refused.value))


@pytest.mark.long
def test_other_data_models_and_engines_are_refused(blobs, tmp_path):
    place = tmp_path / "kohort.db"
    run(study(blobs, ["plain"]), place)
    other = kohort.Dataset(blobs.x_train + 1, blobs.y_train, blobs.x_test, blobs.y_test)
    with pytest.raises(kohort.StoreError, match="data: "):
        run(study(other, ["plain"]), place)
    with pytest.raises(kohort.StoreError, match="engine: fused before, keras now"):
        run(study(blobs, ["plain"]), place, engine="keras")
    rebuilt = study(blobs, ["plain"])
    rebuilt.variants[0].build = other_build
    with pytest.raises(kohort.StoreError, match="variant 'plain': its build function"):
        run(rebuilt, place)
    rebuilt.variants[0].build = build_mlp
    rebuilt.variants[0].kwargs = {"units": (9,)}
    with pytest.raises(kohort.StoreError, match="variant 'plain': its build function"):
        run(rebuilt, place)


@pytest.mark.long
def test_what_only_judges_may_change(blobs, tmp_path, monkeypatch):
    run(study(blobs, ["plain", "dropout"]), tmp_path / "kohort.db")
    seen = trained_epochs(monkeypatch)
    other = study(blobs, ["plain", "dropout"], confidence=0.8, margin=0.05, metric="loss")
    assert run(other, tmp_path / "kohort.db").metric == "data_loss"
    assert not seen


@pytest.mark.long
def test_fresh_forgets_what_was_kept(blobs, tmp_path):
    run(study(blobs, ["plain"]), tmp_path / "kohort.db")
    anew = run(study(blobs, ["dropout"], epochs=2, seed=3), tmp_path / "kohort.db", fresh=True)
    assert [variant.name for variant in anew.variants] == ["dropout"]


@pytest.mark.long
def test_other_versions_are_told_and_noted(blobs, tmp_path, monkeypatch, capsys):
    place = tmp_path / "kohort.db"
    run(study(blobs, ["plain"], epochs=2), place)
    from kohort import study as module

    real = module.environment
    monkeypatch.setattr(module, "environment", lambda: real() | {"keras": "4.0.0"})
    study(blobs, ["plain"], epochs=2).run(place)
    assert f"goes on with another keras: {keras.__version__} before, 4.0.0 now" in (
        " ".join(capsys.readouterr().err.split())
    )
    with open_store(place) as store:
        assert [e.kind for e in store.study("kept").events()] == ["changed"]
        assert store.study("kept").runs()[-1].environment["keras"] == "4.0.0"


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.long
@pytest.mark.parametrize("spoil", [damage, os.unlink, lambda path: os.truncate(path, 10)])
def test_members_whose_weights_are_damaged_train_again(blobs, tmp_path, spoil):
    place = tmp_path / "kohort.db"
    first = run(study(blobs, ["plain"]), place, keep="all")
    for path in (tmp_path / "kohort.files").rglob("member-*"):
        spoil(path)
    assert numbers(run(study(blobs, ["plain"]), place)) == numbers(first)
    with open_store(place) as store:
        assert {e.kind for e in store.study("kept").events()} == {"damaged", "checkpoint"}
    for path in (tmp_path / "kohort.files").rglob("*.safetensors"):
        spoil(path)
    assert numbers(run(study(blobs, ["plain"]), place)) == numbers(first)


@pytest.mark.long
def test_another_process_that_runs_the_study_is_named(blobs, tmp_path):
    place = tmp_path / "kohort.db"
    run(study(blobs, ["plain"], epochs=1), place)
    refused = pytest.raises(kohort.StoreError, match=f"process {os.getpid()}")
    with open_store(place) as store, store.study("kept").claim(), refused:
        run(study(blobs, ["plain"], epochs=1), place)


def die():
    raise Death


@pytest.mark.long
@pytest.mark.parametrize("call", [5, *long(1)])
def test_splits_that_stood_side_by_side_are_never_mixed_up_where_the_data_stream(
    blobs, tmp_path, call
):
    """Members of a block read different samples, which only data on the device allow."""
    place, little, small = tmp_path / "kohort.db", "15KB", {"batch_size": 10, "epochs": 3}
    wanted = run(study(blobs, ["plain"], **small, callbacks=[calling(int)]))
    with pytest.raises(Death):
        run(study(blobs, ["plain"], **small, callbacks=[calling(die, call)]), place)
    again = study(blobs, ["plain"], **small, callbacks=[calling(int)])
    if call == 1:  # Nothing is kept yet, and they begin one by one.
        found = run(again, place, memory=little).curves()["value"]
        np.testing.assert_allclose(found, wanted.curves()["value"], rtol=1e-4)
        return
    with pytest.raises(kohort.DesignError, match="several splits read side by side"):
        run(again, place, memory=little)
    assert numbers(run(again, place)) == numbers(wanted)


@pytest.mark.long
def test_an_added_variant_goes_on_in_the_program_that_it_began_in(
    blobs, tmp_path, count_compilations
):
    """What it was added to is trained already, and still tells which constants are inputs."""
    place, names = tmp_path / "kohort.db", ["dropout", "less dropout"]
    run(study(blobs, names[:1], callbacks=[calling(int)]), place)
    assert len(count_compilations) == 1
    with pytest.raises(Death):
        run(study(blobs, names, callbacks=[calling(die, 5)]), place)
    assert len(count_compilations) == 2
    run(study(blobs, names, callbacks=[calling(int)]), place)
    assert len(count_compilations) == 2


@pytest.mark.long
@pytest.mark.parametrize("call", [1, 4, 5])
def test_a_signal_ends_a_member_that_keras_trains_after_its_epoch(blobs, tmp_path, call):
    place, epochs = tmp_path / "kohort.db", 4
    begun = []

    def asks(_, rate):
        begun.append(rate)
        if len(begun) == call:
            os.kill(os.getpid(), signal.SIGINT)
        return rate

    def scheduled(function):
        callbacks = [keras.callbacks.LearningRateScheduler(function)]
        return study(blobs, ["plain"], epochs=epochs, callbacks=callbacks)

    with pytest.raises(kohort.Interrupted):
        run(scheduled(asks), place, engine="keras")
    assert len(begun) == call
    with open_store(place) as store:
        finished = [bool(member.finished) for member in store.study("kept").members()]
    assert finished == [call >= epochs, False], "what has trained is kept"
    again = run(scheduled(lambda _, rate: rate), place, engine="keras")
    assert numbers(again) == numbers(run(scheduled(lambda _, rate: rate), engine="keras"))


@pytest.mark.long
def test_members_trained_by_keras_are_kept_one_by_one(blobs, tmp_path, die_at):
    wanted = numbers(run(study(blobs, ["plain", "dropout"]), engine="keras"))
    place = tmp_path / "kohort.db"
    die_at(18)  # Some have ended, not all.
    with pytest.raises(Death):
        run(study(blobs, ["plain", "dropout"]), place, engine="keras")
    die_at(None)
    with sqlite3.connect(place) as connection:
        kept = connection.execute("SELECT count(finished) FROM member").fetchone()[0]
    connection.close()
    assert 0 < kept < 4
    again = run(study(blobs, ["plain", "dropout"]), place, engine="keras")
    assert numbers(again) == wanted


@pytest.mark.long
def test_curves_can_be_read_while_members_train(blobs, tmp_path, monkeypatch):

    place, seen = tmp_path / "kohort.db", []
    real = checkpointing.Checkpointer.take

    def looked_at(self, *arguments):
        real(self, *arguments)
        with open_store(place) as other:
            seen.append(len(other.study("kept").epochs()))

    monkeypatch.setattr(checkpointing.Checkpointer, "take", looked_at)
    run(study(blobs, ["plain"], epochs=3), place)
    assert seen == [0, 2, 4, 6]  # two members; the first event is how they are laid out


@pytest.mark.long
def test_findings_and_runs_are_kept(blobs, tmp_path):
    result = run(study(blobs, ["plain", "dropout"]), tmp_path / "kohort.db")
    with open_store(tmp_path / "kohort.db") as store:
        kept = store.study("kept")
        assert [f.sentence for f in kept.findings()] == [f.sentence for f in result.findings()]
        assert [r.outcome for r in kept.runs()] == ["done"]
        assert {record.name for record in kept.variants()} == {"plain", "dropout"}
        assert "def build_mlp" in kept.variants()[0].source


@pytest.mark.long
def test_the_result_tells_of_all_runs(blobs, tmp_path):
    first = run(study(blobs), tmp_path / "kohort.db").settings
    again = run(study(blobs), tmp_path / "kohort.db").settings
    assert again.side_by_side == first.side_by_side
    assert len(first.side_by_side) > 1
    assert (first.runs, again.runs) == (1, 2)
    assert dict(again.facts())["ran"].endswith("; the last of 2 runs")
    assert "runs" not in dict(first.facts())["ran"]


@pytest.mark.long
def test_a_run_says_where_it_resumes(blobs, tmp_path, die_at, capsys):
    place = tmp_path / "kohort.db"
    one = {"names": ["plain"], "repeats": 2}
    study(blobs, **one).run(place, checkpoint_seconds=0.0)
    assert "trained before" not in capsys.readouterr().err
    study(blobs, **one | {"repeats": 3}).run(place, checkpoint_seconds=0.0)
    assert "resumes: 2 of 3 members had trained before\n" in capsys.readouterr().err
    study(blobs, **one | {"repeats": 3}).run(place)
    told = "all 3 members had trained before: nothing is left to train\n"
    assert told in capsys.readouterr().err
    die_at(14)
    with pytest.raises(Death):
        run(study(blobs, **one, seed=1), tmp_path / "begun.db")
    die_at(None)
    study(blobs, **one, seed=1).run(tmp_path / "begun.db", checkpoint_seconds=0.0)
    assert re.search(r"plain: resumes after [2-6] of 8 member epochs\n", capsys.readouterr().err)
