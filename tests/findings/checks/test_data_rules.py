"""Each rule about data: it fires, it stays silent, it leaves open, it does not apply."""

import re
from dataclasses import replace

import numpy as np
import pytest

from kohort.data.inspection.time_facts import OrderInTime
from kohort.findings.checks import data_rules
from kohort.findings.checks.checked import OutOfFold
from kohort.findings.checks.data_rules import DATA_RULES, SERIOUS
from kohort.findings.checks.doubtful_labels import learned_part
from tests.findings.checks.checked_data import (
    alone,
    checked,
    columns,
    copies,
    groups,
    in_time,
    interval,
    labels,
    predicted,
)

WELL = [[470, 30], [30, 470]]
CASES = {
    "KD101": {
        "found": [
            {"copies": copies(exact=10)},
            {"copies": copies(near=50)},
            {"copies": copies(exact=10, sought=False)},
            {"copies": copies(exact=10, sought=False), "columns": columns()},
        ],
        "inconclusive": [
            {"copies": copies(near=10)},
            {"copies": copies(near=49)},
            {"copies": copies(exact=100, sought=False, chance=True), "columns": columns()},
        ],
        "not found": [{}, {"copies": copies(exact=9)}],
        "not applicable": [{"test": 0}],
    },
    "KD102": {
        "found": [
            {"groups": groups(given=True, copied=50, across=0)},
            {"groups": groups(given=True, across=10)},
        ],
        "inconclusive": [
            {"groups": groups(given=True, copied=10, across=0)},
            {"groups": groups(given=True)},
            {"groups": groups(given=True, copied=9)},
            {"groups": groups(given=True, across=1)},
            {"groups": groups(given=True, across=9)},
            {"groups": groups(given=True, across=500, made_of="names")},
            {"groups": groups(given=True, copied=10, made_of="names")},
            {"groups": groups(copied=500)},
            {"groups": groups(copied=10)},
            {"groups": groups(columns=("column 4",)), "columns": columns()},
        ],
        "not found": [
            {"groups": groups(given=True, copied=9, across=0)},
            {"groups": groups(given=True, across=0)},
            {"groups": groups(given=True), "test": 0},
        ],
        "not applicable": [
            {},
            {"groups": groups(copied=9)},
            {"groups": groups(given=True, made_of="names")},
            {"groups": groups(given=True, copied=9, made_of="names")},
            {
                "groups": groups(copied=500),
                "copies": copies(sought=False, chance=True),
                "columns": columns(),
            },
        ],
    },
    "KD103": {
        "found": [{"copies": copies(disputed=(2,))}, {"copies": copies(disputed=(3, 2))}],
        "inconclusive": [
            {"copies": copies(near_disputed=1)},
            {"copies": copies(disputed=(500,), sought=False, chance=True), "columns": columns()},
        ],
        "not found": [{}, {"copies": copies(test=3000, disputed=(3,)), "test": 3000}],
        "not applicable": [{"labels": None}],
    },
    "KD104": {
        "found": [{"predicted": predicted([[480, 20], [20, 480]])}, {"predicted": predicted(WELL)}],
        "inconclusive": [
            {"predicted": predicted([[481, 19], [20, 480]])},
            {"predicted": predicted([[450, 50], [51, 449]])},
        ],
        "not found": [{"predicted": predicted([[500, 0], [0, 500]])}],
        "not applicable": [{}, {"labels": None}],
    },
    "KD105": {
        "found": [{"predicted": predicted([[800, 200], [0, 1000]])}],
        "inconclusive": [{"predicted": predicted([[90, 10], [0, 100]])}],
        "not found": [{"predicted": predicted([[950, 50], [0, 1000]])}],
        "not applicable": [{}, {"labels": None}],
    },
    "KD106": {
        "found": [
            {"labels": labels((1000, 100))},
            {"labels": labels((500, 500), (1000, 0))},
            {"labels": labels((500, 0, 500), (400, 200, 400))},
        ],
        "inconclusive": [],
        "not found": [{}, {"labels": labels((999, 100))}],
        "not applicable": [{"labels": None}, {"labels": labels((1000,), (10,))}],
    },
    "KD107": {
        "found": [
            {"told": alone(2, right=[[500, 500], [250, 250]], of_class=[500, 500])},
            {"told": alone(2, right=[[970, 9990], [0, 9900]], of_class=[1000, 10000])},
            {"told": alone(2, explained=[0.98, 0.1])},
            {"told": alone(2, explained=[0.8, 0.1], ranked=[0.3, 0.999])},
            {"told": alone(2, explained=[0.98, 0.99], earlier=[1], in_time=True)},
        ],
        "inconclusive": [
            {"told": alone(2, right=[[48, 48], [0, 0]], of_class=[50, 50])},
            {"told": alone(2, explained=[0.98, 0.1], earlier=[0])},
        ],
        "not found": [
            {"told": alone(2, right=[[0, 9900], [50, 9000]], of_class=[100, 9900])},
            {"told": alone(2, explained=[0.97, -0.1])},
            {"told": alone(2, explained=[0.97, -0.1], ranked=[0.9989, 0.9])},
            {"told": alone(2, explained=[0.98, 0.1], earlier=[0], in_time=True)},
        ],
        "not applicable": [
            {},
            {"columns": columns(2)},
            {"told": alone(2, right=[[5, 0], [5, 0]], of_class=[9, 0])},
        ],
    },
    "KD108": {
        "found": [{"columns": columns(constant=(1,))}, {"columns": columns(copies=((2, 0),))}],
        "inconclusive": [],
        "not found": [{"columns": columns()}],
        "not applicable": [{}],
    },
    "KD109": {
        "found": [
            {"shift": interval(0.61, 0.7)},
            {"shift": interval(0.61, 0.7), "groups": groups(given=True, across=0, fewer=10)},
        ],
        "inconclusive": [
            {"shift": interval(0.59, 0.7)},
            {"shift": interval(0.8, 0.9), "groups": groups(given=True)},
            {"shift": interval(0.8, 0.9), "groups": groups(given=True, across=0, fewer=9)},
        ],
        "not found": [{"shift": interval(0.45, 0.6)}],
        "not applicable": [{}, {"shift": interval(np.nan, np.nan)}, {"test": 0}],
    },
    "KD110": {
        "found": [{"blank": np.arange(2)}, {"columns": columns(outweighed=(1,))}],
        "inconclusive": [],
        "not found": [{}, {"blank": np.arange(1)}, {"columns": columns()}],
        "not applicable": [],
    },
    "KD111": {
        "found": [
            {"times": (in_time(0.1),)},
            {"times": (in_time(0.9, p=0.01),)},
            {"times": (in_time(0.9, in_order=0.9),), "test": 0},
            {"times": (in_time(0.9, in_order=0.1, later=True),)},
            {"times": (in_time(0.5, in_order=0.1), in_time(0.4, name="seen", p=0.005))},
            {"times": (in_time(0.9, groups=True),), "labels": None},
        ],
        "inconclusive": [{"times": (in_time(0.9, in_order=0.89),)}],
        "not found": [
            {"times": (in_time(0.099),)},
            {"times": (in_time(0.9, p=0.011),)},
            {"times": (in_time(0.9, p=0.006), in_time(0.0, name="seen", p=0.5))},
            {"times": (in_time(-0.9, p=1.0),), "labels": None},
        ],
        "not applicable": [
            {},
            {"times": (OrderInTime("day", 49, of_groups=False),)},
            {"times": (OrderInTime("day", 49, of_groups=True),)},
            {"times": (OrderInTime("day", 400, of_groups=False),)},
        ],
    },
}
EVERY = [
    (code, verdict, number)
    for code, verdicts in CASES.items()
    for verdict, cases in verdicts.items()
    for number in range(len(cases))
]


def judged(code, **given):
    (rule,) = (rule for rule in DATA_RULES if rule.code == code)
    return rule.judge(checked(**given))


def test_every_rule_has_cases_and_a_code_of_its_own():
    assert [rule.code for rule in DATA_RULES] == list(CASES) == sorted(CASES)


@pytest.mark.parametrize(("code", "verdict", "number"), EVERY)
def test_the_verdict(code, verdict, number):
    found = judged(code, **CASES[code][verdict][number])
    assert (found.code, found.verdict) == (code, verdict), found.sentence
    assert re.fullmatch(r"[A-Z0-9].*\.", found.sentence)
    assert "nan" not in found.sentence
    assert found.advice or found.verdict != "found"
    assert found.evidence or found.verdict == "not applicable"


def test_serious_is_what_is_found_and_makes_scores_wrong():
    findings = data_rules.check(checked(copies=copies(exact=100), columns=columns(constant=(1,))))
    assert [f.code for f in findings if f.verdict == "found"] == ["KD101", "KD108"]
    assert [f.code for f in data_rules.serious(findings)] == ["KD101"]
    assert set(SERIOUS) < set(CASES)


def test_copies_are_told_in_numbers():
    assert judged("KD101", copies=copies(exact=31, near=21)).sentence == (
        "52 of 1,000 test samples (5.2 %) have a copy, exact or near, among the training samples, "
        "31 of them an exact one."
    )
    unsought = judged("KD101", copies=copies(exact=31, sought=False)).sentence
    assert "have an exact copy among" in unsought
    assert "near copies were not looked for" in unsought


def test_nobody_is_told_that_groups_are_sound_who_gave_none():
    told = judged("KD102").sentence
    assert "Nobody has said which samples belong together" in told
    assert "cannot tell" in told
    suggested = judged("KD102", groups=groups(copied=70, columns=("visit", "patient"))).sentence
    assert "70 of 1,000 training samples (7 %) have a copy" in suggested
    assert "visit and patient look as if they numbered what belongs together" in suggested


def test_groups_on_both_sides_are_told_in_numbers():
    told = judged("KD102", groups=groups(given=True, across=31))
    assert told.sentence == ("31 of 1,000 test samples (3.1 %) are of 7 groups that train too.")
    assert told.evidence["groups on both sides"] == 7
    unsure = judged("KD102", groups=groups(given=True, across=31, made_of="file names")).sentence
    assert unsure.endswith("But the groups were made of file names, and may mean nothing.")
    apart = judged("KD102", groups=groups(given=True, across=0)).sentence
    assert apart.endswith("No test sample is of a group that trains.")
    unknown = judged("KD102", groups=groups(given=True))
    assert "groups of test samples are not known" in unknown.sentence
    assert "test_groups" in unknown.advice


def test_groups_that_were_made_are_not_called_given():
    told = judged("KD102", groups=groups(given=True, made_of="equal file names")).sentence
    assert told.startswith("Nobody has said which samples belong together")
    assert "Groups were made of equal file names; no copies are in two of them." in told


def test_sentences_agree_in_number_and_say_why():
    found = predicted([[500, 0], [1, 499]])
    found.probabilities[0] = (0.9, 0.1)  # or the mean of its class would be what suspects need
    assert "1 of 1,000 labels (0.1 %) is suspect" in judged("KD104", predicted=found).sentence
    told = judged("KD107", told=alone(1, right=[[50, 90]], of_class=[100, 100]))
    assert told.sentence.startswith(
        "The column that tells most by itself, column 0, reaches a balanced accuracy of 70.0 % ("
    )
    rare = judged("KD107", told=alone(14, right=[[1814, 95]], of_class=[1824, 96]))
    assert rare.verdict == "inconclusive"
    assert rare.sentence.startswith("By itself column 0 may give the class away: it reaches a ")
    assert "95.0 to" not in rare.sentence  # rounding does not move it onto the threshold
    assert rare.sentence.endswith("too few to show that it lies above 95 %.")
    none = judged("KD110", columns=columns())
    assert none.sentence == "In no column do a few values outweigh all others."


@pytest.mark.parametrize("code", ["KD104", "KD105", "KD109"])
def test_why_no_models_were_trained_is_told(code):
    assert judged(code).sentence == "No models were trained for it: samples are too few."
    unasked = "No models were trained for it: they were not asked for."
    assert judged(code, trains=False).sentence == unasked


def test_a_shift_between_groups_tells_what_it_lacks():
    unknown = "those of test samples are not known"
    assert unknown in judged("KD109", shift=interval(0.5, 0.7), groups=groups(given=True)).sentence
    few = groups(given=True, across=0, fewer=9)
    told = judged("KD109", shift=interval(0.5, 0.7), groups=few).sentence
    assert "Of train and test, one side has 9 groups: " in told
    assert unknown not in told
    known = groups(given=True, across=0, fewer=10)
    told = judged("KD109", shift=interval(0.5, 0.7), groups=known).sentence
    assert "groups" not in told


def test_suspects_are_told_by_side():
    found = judged("KD104", predicted=predicted([[480, 20], [20, 480]]), test=1000)
    assert found.evidence["suspect labels"] == 40
    assert found.evidence["of them of test samples"] == 0
    assert "40 of 1,000 labels (4 %) are suspect, 0 of them in the test set" in found.sentence


def test_labels_that_models_do_not_learn_are_left_open_and_it_is_said_why():
    found = judged("KD104", predicted=predicted([[300, 200], [200, 300]]))
    assert found.verdict == "inconclusive"
    assert "the classes overlap, or these models are too simple" in found.sentence


def of_posterior(separation, wrong=0.0, sharpness=1.0, samples=2000):
    """Bayes's answers for two normal classes so far apart, of labels of which a part is wrong."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, samples)
    x = random.normal(size=samples) + separation * (y - 0.5)
    given = np.where(random.random(samples) < wrong, 1 - y, y)
    p = np.clip(1 / (1 + np.exp(-separation * x)), wrong, 1 - wrong)
    p = 1 / (1 + ((1 - p) / p) ** sharpness)
    return OutOfFold(np.arange(samples), given, np.stack([1 - p, p], axis=1))


def test_a_tenth_of_wrong_labels_in_two_classes_is_found_though_it_caps_the_accuracy():
    wrong = of_posterior(5.0, wrong=0.1)
    assert learned_part(wrong) < 0.8
    found = judged("KD104", predicted=wrong)
    assert found.verdict == "found"


@pytest.mark.parametrize("separation", [1.0, 1.5, 2.0, 2.5])
@pytest.mark.parametrize("sharpness", [1.0, 3.0])  # calibrated, and too sure
def test_classes_that_overlap_are_no_wrong_labels(separation, sharpness):
    overlapping = of_posterior(separation, sharpness=sharpness)
    assert judged("KD104", predicted=overlapping).verdict == "inconclusive"


def test_models_that_are_too_sure_tell_no_wrong_labels():
    assert judged("KD104", predicted=of_posterior(5.0, 0.1, sharpness=2)).verdict == "inconclusive"


def test_who_mixes_classes_up_by_wrong_labels_is_told_so():
    flipped = of_posterior(5.0, wrong=0.2)
    found = judged("KD105", predicted=flipped)
    assert found.verdict == "found"
    assert found.sentence.endswith(" Wrong labels look the same: see to KD104 first.")
    overlapping = judged("KD105", predicted=of_posterior(1.5))
    assert overlapping.verdict == "found"
    assert "KD104" not in overlapping.sentence


def test_the_pairs_that_are_mixed_up_are_named_with_their_direction():
    found = judged("KD105", predicted=predicted([[800, 200], [0, 1000]]))
    assert found.sentence.startswith("Models mix up class a, of which 20.0 % (")
    assert found.sentence.endswith(") are taken for b.")


def test_the_class_of_too_few_samples_to_tell_is_named_with_what_to_do():
    counts = 1000 * np.eye(4, dtype=int)
    counts[0, :2] = 990, 10
    counts[3, 3] = 20
    named = labels((1000, 1000, 1000, 20), (1, 1, 1, 1))
    found = judged("KD105", predicted=predicted(counts), labels=named)
    assert found.verdict == "inconclusive"
    assert found.sentence == (
        "The most mixed up is class a, of which 1.0 % (0.4 to 2.4) are taken for b. The 20 of "
        "class d leave open whether it is mixed up: 0.0 % of them (0.0 to 29.1) are taken for a."
    )
    assert found.evidence["pairs that may be mixed up"] == 3
    assert found.evidence["part of d taken for a"].high > 0.29
    assert found.advice.startswith("Collect more samples of these classes;")

    few = judged("KD105", predicted=predicted(20 * np.eye(4, dtype=int)), labels=named)
    assert few.sentence.startswith("The 20 of class a leave open whether it is mixed up: 0.0 % ")
    assert few.sentence.endswith(") are taken for b. So do those of 3 more classes.")


def test_a_class_that_is_missing_is_named():
    found = judged("KD106", labels=labels((500, 0, 500), (500, 500, 0)))
    assert "no training sample of b" in found.sentence
    assert "no test sample of c" in found.sentence


def test_a_rare_class_is_what_a_column_must_tell_too():
    # Always the common class: 99 % right, and a balanced accuracy of one half.
    silent = judged("KD107", told=alone(1, right=[[0, 9900]], of_class=[100, 9900]))
    assert silent.evidence["balanced accuracy of the best one"].mean == 0.5


def test_every_column_that_gives_a_number_away_is_named():
    by_rank = alone(3, explained=[0.1, 0.9, 0.8], ranked=[0.1, 1.0, 0.9999])
    assert judged("KD107", told=by_rank).sentence == (
        "By itself column 1 and column 2 give the target away: the means in bins of column 1 "
        "explain 90.0 % of the target's variance, and its rank correlation with the target is 1."
    )


def test_what_a_column_explains_is_told_to_be_by_its_bins():
    silent = judged("KD107", told=alone(2, explained=[0.1, 0.19], ranked=[0.1, 0.2]))
    assert silent.sentence == (
        "Of columns by themselves, the means in bins of column 1 explain 19.0 % of the target's "
        "variance, and those of others less."
    )


def test_earlier_targets_are_no_giveaway_where_the_order_is_known():
    lags = alone(3, explained=[0.985, 0.1, 0.99], earlier=[0, 2])
    told = "the means in bins of column 2 explain 99.0 % of the target's variance."
    in_order = judged("KD107", told=replace(lags, in_time=True))
    assert in_order.sentence == f"Targets of earlier rows are in column 2 and column 0: {told}"
    unordered = judged("KD107", told=lags).sentence
    assert unordered.startswith(f"Targets of rows further up are in column 2 and column 0: {told} ")
    assert unordered.endswith("they are known before, else they give the target away.")
    both = alone(3, explained=[0.985, 0.99, 0.1], earlier=[0])
    assert judged("KD107", told=replace(both, in_time=True)).sentence.startswith(
        "By itself column 1 gives the target away: "
    )


def test_a_column_that_tells_no_more_than_the_row_before_may_be_known():
    smooth = alone(3, explained=[0.985, 0.99, 0.1], ranked=[0.99, 0.995, 0], earlier=[0])
    smooth = replace(smooth, in_time=True)
    left_open = judged("KD107", told=replace(smooth, before=np.array([0.995, 0.998])))
    assert left_open.verdict == "inconclusive"
    assert left_open.sentence.endswith(
        "By itself column 1 tells about as much as the target of the row before, and may be "
        "known before as well."
    )
    for less in ([0.97, 0.998], [0.995, 0.98]):
        told = replace(smooth, before=np.array(less))
        assert judged("KD107", told=told).verdict == "found"


def test_a_shift_to_a_later_test_set_is_told_as_one_over_time():
    shift = {"shift": interval(0.61, 0.7)}
    later = judged("KD109", times=(in_time(0.0, later=True),), **shift)
    assert "Every test sample is later than all training samples" in later.sentence
    assert "at random" not in later.advice
    other = judged("KD109", times=(in_time(0.0),), **shift)
    assert "later" not in other.sentence
    assert "split anew at random" in other.advice


def test_what_was_measured_over_time_is_told_with_what_follows():
    told = judged("KD111", times=(in_time(0.987),), labels=None)
    assert told.sentence == (
        "Over 400 rows in order of day the target has a serial rank correlation of 0.99; in 99 % "
        "of 1,999 random orders it is 0.10 at most (p = 0.0005). Splits are random: validation and "
        "test samples lie between training samples in time. For a model that is to predict what "
        "comes later, validation and test scores are likely too good."
    )
    assert "`time=`" in told.advice
    assert "`group=`" in told.advice
    assert told not in data_rules.serious([told])
    classes = judged("KD111", times=(in_time(0.6, groups=True),), test=0).sentence
    assert "the class of a group agrees with that of the next beyond chance by 0.60" in classes
    assert "validation groups lie between training groups in time" in classes
    later = judged("KD111", times=(in_time(0.6, later=True),)).sentence
    assert "Splits are random: validation samples lie" in later
    assert later.endswith(
        "validation scores are likely too good; the test score is not, since each test sample is "
        "later than all training samples."
    )


def test_a_column_that_does_not_order_the_rows_may_be_another_than_the_time():
    told = judged("KD111", times=(in_time(0.6, name="born", in_order=0.1),)).sentence
    assert "the rows of the table do not stand in this order" in told
    both = (in_time(0.6, name="born", in_order=0.1), in_time(0.4), in_time(0.3, name="seen"))
    told = judged("KD111", times=both).sentence
    assert told.startswith("Over 400 rows in order of day ")
    assert "So it is by seen." in told
    assert "born" not in told


def test_columns_are_named_as_they_are_spelt():
    idle = judged("KD108", columns=columns(constant=(1,), copies=((2, 0),))).sentence
    assert idle == (
        "In all training rows column 1 has one value; equal to an earlier column: column 2 (as "
        "column 0)."
    )
    assert judged("KD108", columns=columns(copies=((2, 0),))).sentence == (
        "Equal to an earlier column: column 2 (as column 0)."
    )


def test_rows_that_outweigh_the_others_are_counted():
    told = judged("KD110", columns=columns(outweighed=(1,))).sentence
    assert told == "One of 1,000 training rows makes up half of the variance of column 1, or more."
    told = judged("KD110", columns=columns(outweighed=(0, 1)), train=3000).sentence
    assert told.startswith(
        "3 of 3,000 training rows make up half of the variance of column 0 and c"
    )


def test_all_of_a_hundred_percent_is_told_without_an_exponent():
    found = judged("KD103", copies=copies(disputed=(2000,)))
    assert "2,000 samples (100 %)" in found.sentence
    assert "(100 %) are blank" in judged("KD110", blank=np.arange(2000)).sentence
    wrong = judged("KD104", predicted=predicted([[0, 1000], [1000, 0]]))
    assert "e+02" not in wrong.sentence
