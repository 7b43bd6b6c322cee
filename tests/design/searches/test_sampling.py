import math

import keras
import numpy as np
import optuna
import pytest

from kohort import DesignError, Range
from kohort.design.searches.quiet import quiet
from kohort.design.searches.sampling import Asking, check_sampler, check_seed, learns
from kohort.design.searches.space import WrittenSpace
from kohort.design.searches.tuner_space import TunedSpace

RATES = WrittenSpace({"rate": Range(1e-5, 1.0, log=True), "units": [8, 16, 32]})


def error(arguments):
    return abs(math.log10(arguments["rate"]) + 3)


def asked(sampler, parts=3, size=16, space=RATES, seed=0):
    asking = Asking(space, sampler, seed)
    found = []
    for _ in range(parts):
        draws = [asking.ask() for _ in range(size)]
        for draw in draws:
            last = draw.number % 3 == 0
            errors = {1: error(draw.arguments) + 1, **({3: error(draw.arguments)} if last else {})}
            asking.tell(draw.number, errors, is_whole=last)
        found.append([draw.arguments for draw in draws])
    return found


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_a_part_is_diverse_and_the_same_seed_draws_the_same(sampler):
    parts = asked(sampler)
    assert parts == asked(sampler)
    assert parts != asked(sampler, seed=1)
    for part in parts:
        rates = [math.log10(arguments["rate"]) for arguments in part]
        # Drawn one after another without an answer, they must not fall upon one another.
        assert len(set(rates)) == len(rates)
        assert np.ptp(rates) > 1


def test_tpe_comes_nearer_to_what_is_good_and_random_does_not():
    nearer, not_nearer = (asked(sampler, parts=5) for sampler in ("tpe", "random"))
    first, last = ([error(a) for a in nearer[part]] for part in (0, -1))
    assert np.median(last) < np.median(first) / 2
    assert np.median([error(a) for a in not_nearer[-1]]) > np.median(last)


def test_a_sampler_of_optunas_is_taken():
    parts = asked(optuna.samplers.RandomSampler(seed=5))
    assert parts == asked(optuna.samplers.RandomSampler(seed=5))
    assert learns(optuna.samplers.TPESampler())
    assert not learns(optuna.samplers.RandomSampler())


def test_no_trial_comes_twice_and_a_small_space_ends():
    asking = Asking(WrittenSpace({"a": [1, 2], "b": [3, 4]}), "tpe", 0)
    drawn = [asking.ask() for _ in range(6)]
    assert sorted(tuple(d.arguments.values()) for d in drawn[:4]) == [
        (1, 3),
        (1, 4),
        (2, 3),
        (2, 4),
    ]
    assert drawn[4:] == [None, None]


@pytest.mark.parametrize("is_grid", [True, False], ids=["grid", "brute force"])
def test_a_sampler_that_has_drawn_its_whole_grid_ends_as_a_small_space_does(is_grid):
    space = {"a": [1, 2], "b": [3, 4]}
    with quiet():
        brute = optuna.samplers.BruteForceSampler(seed=1)
    sampler = optuna.samplers.GridSampler(space, seed=1) if is_grid else brute
    asking = Asking(WrittenSpace(space), sampler, 0)
    for _ in range(4):
        asking.tell(asking.ask().number, {1: 0.5}, is_whole=True)
    assert not asking.is_used_up
    assert asking.ask() is None
    assert asking.is_used_up


def test_what_a_sampler_lacks_is_told_in_one_line():
    class Lacks(optuna.samplers.RandomSampler):
        def infer_relative_search_space(self, study, trial):
            raise ModuleNotFoundError("No module named 'cmaes'\nand more")

    with pytest.raises(DesignError) as caught:
        Asking(RATES, Lacks(), 0).ask()
    assert str(caught.value) == (
        "expected what Lacks needs to draw trials, got No module named 'cmaes'; install it, or use "
        "another sampler"
    )


def test_a_trial_that_cannot_be_drawn_is_told_as_such():
    def build(hp):
        hp.Int("n", 1, 9)
        raise RuntimeError("no such layer")

    asking = Asking(TunedSpace(build), "random", 0)
    draw = asking.ask()
    assert "no such layer" in draw.failure
    assert set(draw.arguments) == {"n"}
    asking.tell(draw.number, {}, is_whole=False)
    assert asking.ask().number == 1


def test_what_failed_is_not_drawn_again():
    def build(hp):
        if hp.Choice("kind", ["good", "bad"]) == "bad":
            raise RuntimeError("never")
        hp.Float("rate", 1e-3, 1.0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    asking = Asking(TunedSpace(build), "random", 0)
    draws = [asking.ask() for _ in range(8)]
    assert [draw.arguments["kind"] for draw in draws if draw.failure] == ["bad"]


def test_a_trial_that_diverged_is_the_worst():
    asking = Asking(RATES, "tpe", 0)
    for _ in range(60):
        draw = asking.ask()
        bad = draw.arguments["rate"] > 1e-2
        asking.tell(draw.number, {1: math.nan if bad else error(draw.arguments)}, is_whole=False)
    later = [asking.ask().arguments["rate"] for _ in range(16)]
    assert sum(rate > 1e-2 for rate in later) <= 2, "two fifths of the range"


def test_what_is_no_sampler_is_refused():
    with pytest.raises(DesignError, match=r"sampler 'tpe', 'random', 'qmc', or one of optuna"):
        check_sampler("grid")


@pytest.mark.parametrize(
    "kind", [optuna.samplers.TPESampler, optuna.samplers.RandomSampler, optuna.samplers.GPSampler]
)
def test_a_sampler_without_a_seed_is_known(kind):
    check_seed(kind(seed=0))
    with pytest.raises(DesignError, match=rf"{kind.__name__} without one; give it one"):
        check_seed(kind())


def test_samplers_of_a_grid_or_by_name_need_no_number_of_their_own():
    check_seed(optuna.samplers.GridSampler({"units": [4, 8]}))
    check_seed("tpe")


def test_a_sampler_learns_from_what_a_trial_had_in_the_end_and_at_each_rung():
    asking = Asking(RATES, "random", 0)
    for _ in range(2):
        asking.ask()
    asking.tell(0, {1: 0.9, 3: 0.4, 9: 0.5}, is_whole=True)
    asking.tell(1, {1: 0.7}, is_whole=False)
    whole, left = asking._study.get_trials()
    assert (whole.value, whole.intermediate_values) == (0.5, {1: 0.9, 3: 0.4, 9: 0.5})
    assert (left.state, left.intermediate_values) == (optuna.trial.TrialState.PRUNED, {1: 0.7})


@pytest.mark.parametrize("grid", [{"units": [4, 8]}, {"units": [4, 16], "rate": [0.1]}])
def test_a_grid_of_another_space_is_refused_in_one_line(grid):
    space = WrittenSpace({"units": [4, 8], "rate": [0.1, 0.2]})
    asking = Asking(space, optuna.samplers.GridSampler(grid, seed=0), 0)
    with pytest.raises(DesignError, match="draws all arguments of the space") as caught:
        list(map(Asking.ask, [asking] * 4))
    assert "got GridSampler: " in str(caught.value)
    assert "\n" not in str(caught.value)
