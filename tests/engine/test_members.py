"""Cohorts in turn, whose programs compile ahead."""

from itertools import count

import keras
import pytest

import kohort
from kohort.engine import members
from kohort.engine.loop.cohort import Cohort
from kohort.engine.members import compiling_ahead
from kohort.engine.program.compilation import PROGRAMS, recorded_compilations
from kohort.runs import work
from tests.models import build_mlp


class Told:
    """A cohort that tells what is done with it."""

    def __init__(self, name, events):
        self._name, self._events = name, events
        events.append(f"make {name}")

    @property
    def chunk(self):
        self._events.append(f"measure {self._name}")
        return 1

    def begin_compiling(self):
        self._events.append(f"compile {self._name}")


def in_turn(wanted, ahead):
    events = []
    cohorts = (Told(name, events) if name else None for name in wanted)
    for place, cohort in enumerate(compiling_ahead(cohorts, ahead)):
        assert (cohort is None) == (wanted[place] is None)
        events.append(f"train {wanted[place]}")
    return events


def test_the_next_one_compiles_while_one_trains_and_what_compiles_disturbs_no_measurement():
    assert in_turn("abc", ahead=1) == [
        *("make a", "make b", "measure a", "measure b", "compile a", "compile b", "train a"),
        *("make c", "measure c", "compile c", "train b"),
        "train c",
    ]
    assert in_turn(["a", None, "c"], ahead=1)[:4] == ["make a", "measure a", "compile a", "train a"]
    assert in_turn("a", ahead=2) == ["make a", "measure a", "compile a", "train a"]
    assert in_turn("", ahead=2) == []


def sized(units):
    return build_mlp((units,))


def study_of(blobs, build=sized, sizes=(4, 5, 6), **more):
    variants = kohort.grid(build, units=list(sizes))
    given = {"replicates": kohort.Holdout(0.2, 2), "epochs": 2, "batch_size": 50} | more
    return kohort.Study("sizes", variants, blobs, **given)


@pytest.fixture
def begun(monkeypatch):
    """The cohorts that began to compile ahead."""
    found, real = [], Cohort.begin_compiling
    monkeypatch.setattr(
        Cohort, "begin_compiling", lambda cohort: found.append(cohort) or real(cohort)
    )
    return found


def trained(study, **more):
    PROGRAMS.clear()
    with recorded_compilations() as programs:
        result = study.run(verbose=0, **more)
    return {key: member.fingerprint for key, member in result.members.items()}, len(programs)


def test_programs_of_a_study_compile_ahead_once_and_train_the_same(blobs, begun, monkeypatch):
    ahead = trained(study_of(blobs))
    assert (len(begun), ahead[1]) == (3, 3)
    monkeypatch.setattr(work, "_BESIDE", 0.0)  # None may stand by.
    assert trained(study_of(blobs)) == ahead
    assert len(begun) == 3


@pytest.mark.long
def test_one_program_alone_is_not_compiled_ahead_nor_that_of_a_race_or_of_keras(blobs, begun):
    study_of(blobs, sizes=[4]).run(verbose=0)
    study_of(blobs).run(verbose=0, engine="keras")
    race = kohort.Race(kohort.Holdout(0.2, repeats=3), first=2, looks=2)
    study_of(blobs, replicates=race).run(verbose=0)
    assert begun == []


@pytest.mark.long
@pytest.mark.parametrize("sizes", [(4, 5, 6), (4, 5)])
def test_nor_are_those_whose_build_functions_set_what_holds_for_a_process(blobs, begun, sizes):
    before = keras.config.epsilon()

    def build(units):
        keras.config.set_epsilon(1e-7 * units)
        return sized(units)

    try:
        study_of(blobs, build, sizes).run(verbose=0)
    finally:
        keras.config.set_epsilon(before)
    assert begun == []


@pytest.mark.long
def test_what_is_left_of_a_killed_study_goes_on_beside_what_compiles_ahead(
    blobs, begun, monkeypatch, tmp_path
):
    whole = trained(study_of(blobs), store=tmp_path / "whole.db")
    study, real, turns = study_of(blobs), members.train, count()

    def fails_in_second(*arguments):
        events = real(*arguments)
        if next(turns) == 1:
            yield next(events)
            raise OSError("power is cut")
        yield from events

    monkeypatch.setattr("kohort.runs.training.train", fails_in_second)
    with pytest.raises(OSError, match="power"):
        study.run(tmp_path / "cut.db", verbose=0)
    del begun[:]
    assert trained(study_of(blobs), store=tmp_path / "cut.db")[0] == whole[0]
    assert len(begun) == 1, "the third; the first is done, and the second had begun"
