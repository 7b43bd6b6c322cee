"""Memory that is full, clocks that are set, and code of the user's that fails."""

import itertools
from datetime import UTC, datetime, timedelta

import jax
import keras
import pytest

from kohort.design.replicates import Holdout
from kohort.engine import memory
from kohort.engine.loop import cohort
from kohort.errors import StoreError
from kohort.evidence.store import open_store, rows
from kohort.runs import recording, work
from tests.faults.studies import FILE, Death, calling, kept_numbers, numbers, run, study


@pytest.fixture
def small_device(monkeypatch):
    """A device on which no more than two members train side by side."""
    real, failed = cohort.ResidentRunner.begin, []

    def begin(self, spec, state, members, *steps):
        if len(set(members)) > 2:
            failed.append(len(members))
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return real(self, spec, state, members, *steps)

    monkeypatch.setattr(cohort.ResidentRunner, "begin", begin)
    return failed


def four_members(data, callback):
    return study(data, units=[8], callbacks=[callback], replicates=Holdout(0.2, 4), epochs=4)


@pytest.mark.long
@pytest.mark.parametrize("moment", [7, 13])
def test_smaller_blocks_are_kept_where_memory_is_full(
    blobs, tmp_path, small_device, monkeypatch, moment
):
    wanted = numbers(run(four_members(blobs, calling(int))))
    assert small_device == [4]
    store = tmp_path / "kohort.db"

    def die():
        raise Death

    with pytest.raises(Death):
        run(four_members(blobs, calling(die, moment)), store)
    with open_store(store) as opened:
        blocks = opened.study("struck").description["blocks"]
    assert [len(block) for block in blocks] == [2, 2]
    before = len(small_device)
    assert numbers(run(four_members(blobs, calling(int)), store)) == wanted
    assert len(small_device) == before, "what had begun in small blocks was tried in a large one"


@pytest.mark.long
@pytest.mark.parametrize("epoch", [1, 2])
def test_members_that_fail_late_begin_again_from_their_first_weights(blobs, monkeypatch, epoch):
    def weights(fails_at):
        real, begun = cohort.ResidentRunner.begin, []

        def begin(self, spec, state, members, *steps):
            begun.append(len(members))
            if len(members) > 2 and len(begun) > fails_at:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
            return real(self, spec, state, members, *steps)

        with monkeypatch.context() as patched:
            patched.setattr(cohort.ResidentRunner, "begin", begin)
            wanted = study(blobs, units=[8], replicates=Holdout(0.2, 4), epochs=4)
            return numbers(run(wanted))[1]

    assert weights(epoch) == weights(0)


class Backwards(datetime):
    """A clock that is set back by an hour at each look."""

    looks = itertools.count()

    @classmethod
    def now(cls, zone=None):
        return datetime(2030, 1, 1, tzinfo=UTC) - timedelta(hours=next(cls.looks))


@pytest.mark.long
def test_a_clock_that_goes_backwards_changes_no_order(
    kohort, folder, monkeypatch, undisturbed, capsys
):
    for module in (rows, recording):
        monkeypatch.setattr(module, "datetime", Backwards)
    (folder / "act").write_text("raise OSError('stop here')")
    for _ in range(2):
        kohort("run", "study.py").refused("OSError: stop here")
    (folder / "act").unlink()
    for path in folder.rglob("checkpoint-*"):
        path.write_bytes(b"")
    assert kohort("run", "study.py", "--out", "out").code in (0, None)
    assert kept_numbers("kohort.db") == undisturbed
    with open_store("kohort.db") as store:
        runs = store.study("one").runs()
        assert [record.outcome for record in runs] == ["failed", "failed", "done"]
        assert all(a.started > b.started for a, b in itertools.pairwise(runs))
    told = (folder / "out" / "report.html").read_text()
    assert "UTC, for -" not in told
    assert "UTC, for " in told
    assert kohort("list").code in (0, None)
    assert kohort("show", "one").code in (0, None)


@pytest.mark.long
def test_an_own_callback_that_fails_is_named_and_the_same_command_goes_on(
    kohort, folder, undisturbed
):
    (folder / "act").write_text("raise ValueError('no such\\nrate')")
    kohort("run", "study.py").refused("ValueError: no such from act, study.py line", "mend that")
    assert not (folder / "study-report").exists()
    (folder / "act").unlink()
    assert kohort("run", "study.py").code in (0, None)
    assert kept_numbers("kohort.db") == undisturbed


@pytest.mark.long
@pytest.mark.parametrize("engine", ["fused", "keras"])
def test_what_had_finished_stays_where_a_callback_fails(kohort, folder, engine):
    arguments = ["run", "study.py", "--engine", engine]
    (folder / "act").write_text(
        "import pathlib\n"
        "with open('epochs', 'a') as file: file.write('.')\n"
        "if pathlib.Path('epochs').stat().st_size > 2: raise SystemExit('enough')"
    )
    kohort(*arguments).refused("SystemExit: enough from act")
    with open_store("kohort.db") as store:
        kept = [r for r in store.study("one").members() if r.finished]
        weights = [r.weights for r in kept]
    assert len(kept) == 2
    (folder / "act").unlink()
    assert kohort(*arguments).code in (0, None)
    with open_store("kohort.db") as store:
        assert [r.weights for r in store.study("one").members()][:2] == weights


def test_a_callback_of_keras_that_fails_is_named(kohort, folder):
    given = "[keras.callbacks.LearningRateScheduler(act)]"
    other = "lambda name, r: [keras.callbacks.ModelCheckpoint('gone/a.keras')]"
    (folder / "study.py").write_text(FILE.replace(given, other))
    (folder / "gone").write_text("")
    kohort("run", "study.py").refused("from the callback ModelCheckpoint")


@pytest.mark.long
def test_python_gets_the_error_itself_and_the_mend_may_not_change_settings(blobs, tmp_path):
    def fail():
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(study(blobs, callbacks=[calling(fail)]), tmp_path / "kohort.db")
    stopping = keras.callbacks.EarlyStopping(patience=1)
    with pytest.raises(StoreError, match="the callbacks"):
        run(study(blobs, callbacks=[stopping]), tmp_path / "kohort.db")


@pytest.mark.long
def test_a_build_function_that_fails_in_the_middle_is_named(
    kohort, folder, undisturbed, monkeypatch
):
    monkeypatch.setattr(memory, "_FOR_MODELS", 0.0)  # Models find no room, and are built again,
    monkeypatch.setattr(work, "_BESIDE", 0.0)  # and each in its turn.
    (folder / "act").write_text("pathlib.Path('no-build').touch()")
    kohort("run", "study.py").refused("variant 'units=8'", "OSError: no weights to begin from")
    with open_store("kohort.db") as store:
        assert sum(r.finished is not None for r in store.study("one").members()) == 2
        assert store.study("one").runs()[0].outcome == "failed"
    (folder / "no-build").unlink()
    (folder / "act").unlink()
    assert kohort("run", "study.py").code in (0, None)
    assert kept_numbers("kohort.db") == undisturbed
