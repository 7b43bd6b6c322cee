"""Whether splits give each part as many samples of a rare class, where nobody has said so."""

import math
import re

import numpy as np
import pytest
from scipy import stats

import kohort
from kohort.data import splits as splits_module
from kohort.data import strata as strata_module
from kohort.data.strata import FEW, IMBALANCED, Strata, strata
from kohort.design.spec import StudySpec
from tests.design.test_weights import study
from tests.doors.refusals import assert_refused


def rare(samples, of_class, groups=None, y=None):
    """Data of two classes; so many samples are of the class "yes"."""
    labels = np.zeros(samples, int)
    labels[:of_class] = 1
    labels = np.random.default_rng(0).permutation(labels)
    x = np.arange(samples, dtype=float).reshape(-1, 1)
    names = None if y else ["no", "yes"]
    return kohort.Dataset(x, y(labels) if y else labels, class_names=names, groups=groups)


def positives(replicates, data):
    return [int(data.y_train[r.valid].sum()) for r in replicates]


def test_a_class_that_has_no_sample_is_not_the_smallest():
    even = kohort.Dataset(np.zeros((60, 1)), np.arange(60) % 2, class_names=["a", "b", "unused"])
    assert strata(even, 0.1, drawn_anew=False) == Strata(stratifies=False)
    uneven = np.repeat([0, 1], [980, 20])
    few = kohort.Dataset(np.zeros((1000, 1)), uneven, class_names=["a", "b", "unused"])
    assert strata(few, 0.1, drawn_anew=True).why.startswith("stratified by class: class b, the")


def test_a_part_that_would_hold_all_of_a_class_is_drawn_at_random():
    found = strata(rare(1000, 3), 0.9, drawn_anew=True)
    assert not found.stratifies
    assert "too few for a part of 0.9 to hold one and leave one" in found.why


@pytest.mark.parametrize("splits", [kohort.Holdout(0.1, 20), kohort.KFold(10, repeats=2)])
def test_two_percent_positives_are_in_every_part(splits):
    data = rare(1000, 20)
    assert set(positives(splits.replicates(data, 0), data)) == {2}
    at_random = type(splits)(**vars(splits) | {"stratify": False}).replicates(data, 0)
    assert len(set(positives(at_random, data))) > 2, "else this test tells nothing"


@pytest.mark.parametrize(
    "data",
    [
        rare(1000, 100),  # one to nine
        rare(30, 10),
        rare(20_000, 400),  # a tenth of them holds 40
        rare(1000, 20, groups=np.arange(1000) // 2),
        rare(1000, 20, y=lambda labels: labels + 0.5),
        rare(1000, 3),  # a tenth of them is none
        kohort.Dataset(np.zeros((60, 1)), np.zeros(60, int)),
    ],
    ids=["even enough", "small", "large", "groups", "numbers", "too few", "one class"],
)
def test_other_data_are_split_as_ever(data):
    for splits in (kohort.Holdout(0.1, 3), kohort.Holdout(0.1, 3, stratify=False)):
        ours = splits.replicates(data, 5)
        valid = np.random.default_rng([5, 0]).permutation(len(data.x_train))
        if data.groups is None:
            chosen = np.sort(valid[: round(0.1 * len(valid))])
            np.testing.assert_array_equal(ours[0].valid, chosen)
        else:
            assert not np.intersect1d(data.groups[ours[0].train], data.groups[ours[0].valid]).size


def test_it_begins_where_classes_are_imbalanced_and_parts_hold_few():
    least = math.ceil(FEW / 0.1)
    large = int(IMBALANCED * least)
    few, enough = rare(large + least, least - 1), rare(large + least, least)
    assert strata(few, 0.1, drawn_anew=True).stratifies
    assert not strata(enough, 0.1, drawn_anew=True).stratifies
    even = rare(110, 11)  # 99 of the other class
    assert not strata(even, 0.1, drawn_anew=True).stratifies
    assert strata(rare(110, 10), 0.1, drawn_anew=True).stratifies


def test_how_often_a_random_part_would_hold_none_is_told():
    told = strata(rare(1000, 20), 0.1, drawn_anew=True).why
    none = stats.hypergeom(1000, 20, 100).pmf(0)
    assert none == pytest.approx(0.119, abs=1e-3)
    assert told == (
        "stratified by class: class yes, the smallest, has 20 of 1,000 samples; a random "
        "validation part would hold 2 of them on average, and none in 12 % of splits"
    )
    # Where nearly all validates it is the training part that would lack a class.
    assert "a random training part would hold 2" in strata(rare(1000, 20), 0.9, drawn_anew=True).why
    assert "hardly ever none" in strata(rare(1000, 50), 0.4, drawn_anew=True).why


def test_what_cannot_be_stratified_is_told():
    groups = rare(1000, 20, groups=np.arange(1000) // 2)
    assert "since groups stay whole: class yes" in strata(groups, 0.1, drawn_anew=True).why
    few = strata(rare(1000, 3), 0.1, drawn_anew=True)
    assert "too few for a part of 0.1 to hold one and leave one" in few.why
    assert not few.stratifies
    dealt = rare(1000, 3)
    assert strata(dealt, 0.1, drawn_anew=False).stratifies
    folds = positives(kohort.KFold(10).replicates(dealt, 0), dealt)
    assert sorted(folds) == [0] * 7 + [1] * 3, "each of them validates once"


def test_of_groups_that_hold_several_classes_those_with_the_class_are_counted():
    """15 samples of a class are in 5 of 60 groups, of which a part holds 9."""
    labels, groups = np.zeros(600, int), np.repeat(np.arange(60), 10)
    for ill in (3, 17, 24, 41, 58):
        labels[10 * ill : 10 * ill + 3] = 1
    data = kohort.Dataset(np.zeros((600, 1)), labels, groups=groups)
    assert strata(data, 0.15, drawn_anew=True).why == (
        "not stratified, since groups stay whole: class 1, the smallest, has 15 of 600 samples, in "
        "5 of 60 groups; a random validation part would hold 0.75 of them on average, and none in "
        "43 % of splits"
    )
    assert math.comb(55, 9) / math.comb(60, 9) == pytest.approx(0.43, abs=0.005)
    drawn = positives(kohort.Holdout(0.15, 200).replicates(data, 0), data)
    assert np.mean([of_class == 0 for of_class in drawn]) == pytest.approx(0.43, abs=0.08)


def test_a_class_of_groups_that_never_validate_is_in_no_part():
    data = kohort.Dataset(
        np.zeros((110, 1)), np.repeat([1, 0], [10, 100]), groups=np.arange(110) // 2 - 5
    )
    assert strata(data, 0.1, drawn_anew=True).why.endswith(
        "would hold 0 of them on average, and none in 100 % of splits"
    )


def test_groups_that_are_larger_than_a_validation_part_are_told(blobs):
    """Six patients: of those with more rows than a fifth of all none ever validates."""
    groups = np.repeat(np.arange(6), [45, 45, 110, 110, 95, 95])
    data = kohort.Dataset(blobs.x_train, blobs.y_train, groups=groups)

    def told(splits, data=data):
        variant = kohort.Variant("linear", lambda: None)
        return StudySpec("s", (variant,), data, splits, 1).splits_told

    for splits in (kohort.Holdout(0.2, 5), kohort.Race(kohort.Holdout(0.2, 8), looks=2)):
        words = "2 of 6 groups never validate, .* more than the 100 samples .*KFold"
        assert re.search(words, told(splits))
    validating = [groups[of.valid] for of in kohort.Holdout(0.2, 50).replicates(data, 0)]
    assert set(np.concatenate(validating)) == {0, 1, 4, 5}
    assert told(kohort.KFold(3)) == ""
    assert told(kohort.Holdout(0.3, 5)) == ""
    assert told(kohort.Holdout(0.2, 5), kohort.Dataset(blobs.x_train, blobs.y_train)) == ""


SPLITS = [kohort.Holdout(0.1, 20), kohort.KFold(10, repeats=2)]


def assert_whole(data, replicates):
    for replicate in replicates:
        sides = (data.groups[rows] for rows in (replicate.train, replicate.valid))
        assert not set.intersection(*(set(side[side >= 0]) for side in sides))


@pytest.mark.parametrize("splits", SPLITS)
def test_groups_of_one_sample_each_are_stratified_as_samples_are(splits):
    alone, grouped = rare(1000, 20), rare(1000, 20, groups=np.arange(1000)[::-1])
    assert strata(grouped, 0.1, drawn_anew=True) == strata(alone, 0.1, drawn_anew=True)
    for ours, other in zip(*(splits.replicates(d, 3) for d in (alone, grouped)), strict=True):
        assert int(alone.y_train[ours.valid].sum()) == int(grouped.y_train[other.valid].sum()) == 2


def in_groups(of_class, of_other, size, never=0):
    """Data of groups of a size, of one class each; before them samples that always train."""
    labels = np.repeat([0, 1, 0], [never, size * of_class, size * of_other])
    groups = np.repeat(np.arange(of_class + of_other), size)
    groups = np.concatenate([np.full(never, -1), groups])
    return kohort.Dataset(np.zeros((len(labels), 1)), labels, groups=groups)


@pytest.mark.parametrize("splits", SPLITS)
@pytest.mark.parametrize("never", [0, 5])
def test_whole_groups_of_one_class_are_in_every_part(splits, never):
    data = in_groups(20, 280, 3, never)
    found = strata(data, 0.1, drawn_anew=True)
    assert "has 60 of " in found.why
    assert "in 20 of 300 groups; a random validation part would hold 2 of them" in found.why
    assert f"none in {100 * stats.hypergeom(300, 20, 30).pmf(0):.2g} %" in found.why
    ours = splits.replicates(data, 0)
    assert set(positives(ours, data)) == {6}
    assert_whole(data, ours)
    at_random = type(splits)(**vars(splits) | {"stratify": False}).replicates(data, 0)
    assert len(set(positives(at_random, data))) > 2, "else this test tells nothing"


def test_groups_larger_than_the_part_of_their_class_are_drawn_at_random():
    found = strata(in_groups(2, 100, 20), 0.1, drawn_anew=True)
    assert not found.stratifies
    assert found.why.startswith("not stratified, since groups stay whole: class 1, the smallest")


def test_one_hot_rows_have_classes_too():
    data = rare(1000, 20, y=lambda labels: np.eye(2)[labels])
    for splits in (kohort.Holdout(0.1, 5), kohort.KFold(10), kohort.KFold(10, stratify=True)):
        assert {int(data.y_train[r.valid, 1].sum()) for r in splits.replicates(data, 0)} == {2}


def imbalanced(blobs):
    """100 training points, of which 8 are of one class and 92 of another."""
    y = np.zeros(len(blobs.x_train), int)
    y[::12] = 1
    rows = slice(96)
    return kohort.Dataset(blobs.x_train[rows], y[rows], class_names=["no", "yes"])


@pytest.mark.long
def test_plan_report_and_store_tell_how_it_was_split(blobs, tmp_path):
    data, place = imbalanced(blobs), tmp_path / "kohort.db"
    small = study(data, epochs=1, replicates=kohort.Holdout(0.25, 2))
    told = "stratified by class: class yes, the smallest, has 8 of 96 samples"
    assert told in str(small.plan())
    result = small.run(place, verbose=0)
    facts = dict(result.settings.facts())
    assert told in facts["splits"]
    assert "stratify=True" in facts["replicates"]
    valid = [member.replicate.valid for member in result.members.values()]
    assert {int(data.y_train[rows].sum()) for rows in valid} == {2}
    opened = kohort.open(place, "weighted", data)
    assert opened.settings == result.settings
    for key, member in opened.members.items():
        np.testing.assert_array_equal(member.replicate.valid, result.members[key].replicate.valid)


@pytest.mark.long
def test_a_study_kept_with_random_splits_says_how_to_go_on(blobs, tmp_path):
    """As those that were kept before imbalanced data were stratified unasked."""
    data, place = imbalanced(blobs), tmp_path / "kohort.db"

    def run(**how):
        return study(data, epochs=1, replicates=kohort.Holdout(0.25, 2, **how)).run(
            place, verbose=0
        )

    first = run(stratify=False)
    assert "splits" not in dict(first.settings.facts())
    assert_refused(run, "stratify of replicates: False before, True now .stratify=False goes on")
    assert run(stratify=False).curves().equals(first.curves())


@pytest.mark.long
def test_a_race_is_stratified_as_its_splits_are(blobs):
    data = imbalanced(blobs)
    race = kohort.Race(kohort.Holdout(0.25, 4), first=2, looks=2)
    result = study(data, epochs=1, replicates=race).run(verbose=0)
    assert "stratify=True" in result.settings.replicates
    valid = [member.replicate.valid for member in result.members.values()]
    assert {int(data.y_train[rows].sum()) for rows in valid} == {2}


@pytest.fixture
def asked(monkeypatch):
    """How often it is asked whether groups are of one class."""
    calls, real = [], splits_module.are_of_one_class
    for module in (splits_module, strata_module):
        monkeypatch.setattr(module, "are_of_one_class", lambda *a: calls.append(1) or real(*a))
    return calls


@pytest.mark.parametrize("stratify", [None, True])
@pytest.mark.parametrize("kind", ["holdout", "folds"])
def test_groups_are_looked_at_once_whatever_the_repeats(asked, stratify, kind):
    data = rare(1000, 20, groups=np.arange(1000))
    how = {
        "holdout": kohort.Holdout(0.1, 20, stratify=stratify),
        "folds": kohort.KFold(10, repeats=3, stratify=stratify),
    }[kind]
    assert set(positives(how.replicates(data, 0), data)) == {2}
    assert len(asked) == 1


def test_a_test_set_looks_at_its_groups_once(asked):
    rows, told = splits_module.hold_out(100, np.arange(100) % 2, np.arange(100) // 2 * 2, 0.2)
    assert len(asked) == 1
    assert told == "20 of 100 samples are held out as the test set, in whole groups (10 of 50)"
    rows, told = splits_module.hold_out(100, np.arange(100) // 50, np.arange(100) // 2, 0.2)
    assert told.endswith("in whole groups (10 of 50), as large a part of each class")
    assert (np.bincount(rows // 50)).tolist() == [10, 10]
