import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kohort
from kohort.design.races import until_decided
from tests.models import build_mlp


@pytest.mark.parametrize(
    ("repeats", "first", "looks", "sizes"),
    [
        (20, 4, 5, (4, 8, 12, 16, 20)),
        (20, 3, 4, (3, 9, 14, 20)),
        (6, 2, 5, (2, 3, 4, 5, 6)),
        (3, 3, 1, (3,)),
        (10_000, 2, 2, (2, 10_000)),
    ],
)
def test_looks_rise_evenly_from_the_first_to_all(repeats, first, looks, sizes):
    race = kohort.Race(kohort.Holdout(0.2, repeats), first=first, looks=looks)
    assert race.sizes == sizes
    assert race.count == repeats


def test_folds_come_in_looks_too():
    race = kohort.Race(kohort.KFold(5, repeats=3), first=5, looks=3)
    assert race.sizes == (5, 10, 15)
    assert race.kind == "folds"


REFUSED = {
    "first above repeats": (
        (kohort.Holdout(0.2, 5), 6, 2),
        "5 repeats, got 6; give first=4, or take 6 repeats",
    ),
    "one first": ((kohort.Holdout(0.2, 5), 1, 2), "first from 2 to the 5 repeats, got 1"),
    "half a first": ((kohort.Holdout(0.2, 5), 2.5, 2), "first from 2 to the 5 repeats, got 2.5"),
    "more looks than repeats": (
        (kohort.Holdout(0.2, 5), 4, 3),
        "2 looks at 5 repeats, of which 4 come first, got 3; give looks=2, or take 6 repeats",
    ),
    "no looks": ((kohort.Holdout(0.2, 9), 4, 0), "2 to 6 looks at 9 repeats.*got 0"),
    "looks as true": ((kohort.Holdout(0.2, 9), 4, True), "got True"),
    "one look too early": ((kohort.Holdout(0.2, 9), 4, 1), "2 to 6 looks .*got 1"),
    "looks after all": ((kohort.Holdout(0.2, 4), 4, 5), "1 look at 4 repeats.*got 5"),
    "folds fewer than looks": (
        (kohort.KFold(5), 3, 5),
        "2 to 3 looks at 5 folds, of which 3 come first, got 5",
    ),
    "folds fewer than first": ((kohort.KFold(3), 4, 2), "first from 2 to the 3 folds, got 4"),
    "one repeat": ((kohort.Holdout(0.2, 1), 4, 5), "2 repeats or more .*got 1; take 4 repeats"),
    "no splits": ((5, 4, 5), "a kohort.Holdout or kohort.KFold to race over, got 5"),
    "a race": ((kohort.Race(kohort.Holdout(0.2, 20)), 4, 5), "to race over, got Race"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_looks_that_cannot_be_are_refused(case):
    (splits, first, looks), told = REFUSED[case]
    with pytest.raises(kohort.DesignError, match=told):
        kohort.Race(splits, first=first, looks=looks)


COUNTS = st.integers(-2, 14) | st.none()


@pytest.mark.parametrize("which", [0, -1], ids=["the first", "the last"])
@given(st.integers(1, 12), COUNTS, COUNTS)
def test_each_mend_can_be_followed(which, repeats, first, looks):
    for splits in (kohort.Holdout(0.2, repeats), kohort.KFold(repeats + 1)):
        options = {"splits": splits, "first": first, "looks": looks}
        for _ in range(3):  # Splits, first and looks are mended one after another.
            with suppress(kohort.DesignError):
                kohort.Race(**options)
                break
            with pytest.raises(kohort.DesignError) as caught:
                kohort.Race(**options)
            mends = re.findall(r"(first|looks)=(\d+)|take (\d+)", caught.value.mend)
            name, value, count = mends[which]
            options |= {name: int(value)} if name else {"splits": splits.resized(int(count))}
        kohort.Race(**options)


@pytest.mark.parametrize(
    ("replicates", "count", "sizes"),
    [
        (kohort.Holdout(0.1, 5), None, (4, 8, 12, 16, 20)),
        (kohort.Holdout(0.1, 40), None, (4, 13, 22, 31, 40)),
        (kohort.Holdout(0.1, 5), 6, (4, 5, 6)),
        (kohort.Holdout(0.1, 5), 3, (2, 3)),
        (kohort.KFold(5), None, (4, 5)),
        (kohort.KFold(2), None, (2,)),
        (kohort.KFold(10), None, (4, 6, 7, 9, 10)),
        (kohort.Race(kohort.Holdout(0.1, 9), first=3, looks=3), None, (3, 6, 9)),
        (kohort.Race(kohort.Holdout(0.1, 9), first=3, looks=3), 5, (3, 4, 5)),
    ],
)
def test_any_study_can_train_until_it_is_decided(replicates, count, sizes):
    assert until_decided(replicates, count).sizes == sizes


def study(data, count=3, **changes):
    arguments = {
        "replicates": kohort.Race(kohort.Holdout(0.2, 12), first=4, looks=3),
        "epochs": 2,
        "batch_size": 50,
    } | changes
    variants = kohort.grid(build_mlp, learning_rate=[0.1 / n for n in range(1, 1 + count)])
    return kohort.Study("raced", variants, data, **arguments)


def test_a_model_is_built_once_when_the_look_of_its_member_comes(blobs, monkeypatch):
    built = []
    real = kohort.Variant.model
    monkeypatch.setattr(kohort.Variant, "model", lambda *a: built.append(a) or real(*a))
    raced = study(blobs)
    text = str(raced.plan())
    assert len(built) == 3, "one of each variant tells what trains together"
    assert "at most 36 members in 3 looks (4, 8, 12 replicates); programs" in text
    assert "cohort 1/1: " in text
    assert "3 variants of 75 parameters" in text
    assert "margin" not in text
    result = raced.run(verbose=0)
    assert len(built) == len(set(built)) == result.record.whole.trained.sum()


@pytest.mark.long
def test_what_cannot_be_fused_is_refused_before_it_trains(blobs):
    raced = study(blobs)
    raced.variants[1].kwargs = {"learning_rate": 0.01}
    raced.variants[1].build = not_compiled
    with pytest.raises(kohort.ModelError, match="compiled with jit_compile=False"):
        raced.run(verbose=0, engine="fused")
    assert raced.run(verbose=0).record.whole.trained.min() >= 4


def not_compiled(learning_rate):
    model = build_mlp(learning_rate=learning_rate)
    model.jit_compile = False
    return model


def test_with_a_margin_of_zero_the_plan_says_that_nothing_is_as_good(blobs):
    assert "with a margin of 0 no variant can be found as good" in str(
        study(blobs, margin=0).plan()
    )


def test_a_race_has_two_variants_and_no_sizes(blobs):
    with pytest.raises(kohort.DesignError, match="two variants or more for a race, got learning"):
        study(blobs, 1)
    with pytest.raises(kohort.DesignError, match="a race without sizes, got both"):
        study(blobs, sizes=[0.5])
    with pytest.raises(kohort.DesignError, match="a margin of 0 or more, got -1"):
        study(blobs, margin=-1)


def test_replicates_are_those_of_the_fixed_design(blobs):
    splits = kohort.Holdout(0.2, 9)
    for mine, yours in zip(
        kohort.Race(splits, first=3, looks=2).replicates(blobs, 5),
        splits.replicates(blobs, 5),
        strict=True,
    ):
        assert (mine.number, mine.seed) == (yours.number, yours.seed)
        assert (mine.train == yours.train).all()
