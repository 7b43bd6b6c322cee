"""KH207: no variant is shown to beat one answer for all samples, by an area or by an error."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.findings.rules.references.constant import RULE, advantages, opens_the_answer
from kohort.findings.statistics.scale import Scale
from tests.findings.curve_builders import study_of

AREA = Scale("auc")
LOSS = Scale("loss", higher_is_better=False, reference=1.0)
R2 = Scale("r2 score", higher_is_better=True, reference=0.5)


def study(errors, score=0.5, ones=0.05, **more):
    shares = np.full(len(errors[0]), score)
    given = {
        "constant": ConstantAnswer("one score (chance)", shares, shares, ones),
        "valid_samples": 100,
        "test_to_train": 0.25,
        "kind": "splits",
        "scale": AREA,
    }
    return study_of(errors, **(given | more))


def test_a_winner_at_chance_is_told():
    of_study = study([[0.5, 0.6, 0.2, 0.42], [0.5] * 4])
    found = RULE.judge(of_study)
    assert (found.code, found.title, found.variant) == ("KH207", "one answer not beaten", None)
    assert found.verdict == "inconclusive"
    assert found.sentence.startswith(
        "No variant is shown to beat always answering one score (chance), whose auc is 50.0 % on "
        "validation: the best, a, scores 7.0 points better ("
    )
    assert " worse to " in found.sentence
    assert opens_the_answer(of_study, found)
    assert RULE.judge(study([[0.5, 0.51, 0.5, 0.5]])).verdict == "found"
    assert "scores the same" in RULE.judge(study([[0.5] * 4])).sentence


def test_is_silent_where_a_variant_beats_it():
    of_study = study([[0.5] * 4, [0.1, 0.12, 0.08, 0.1]])
    found = RULE.judge(of_study)
    assert (found.verdict, found.advice) == ("not found", "")
    assert found.sentence.startswith("b scores 40.0 points (")
    assert found.sentence.endswith(
        "better than always answering one score (chance), whose auc is 50.0 % on validation."
    )
    assert not opens_the_answer(of_study, found)


def test_seeds_on_one_split_do_not_hide_how_few_positives_it_has():
    """Of five positives an area of 70 % is chance, however alike the seeds are."""
    alike = [[0.30, 0.301, 0.299, 0.3]]
    seeds = {"kind": "seeds", "test_to_train": 0.0}
    assert RULE.judge(study(alike, **seeds)).verdict == "inconclusive"
    assert RULE.judge(study(alike, valid_samples=10_000, **seeds)).verdict == "not found"
    assert RULE.judge(study(alike, valid_samples=10_000, group_size=100.0, **seeds)).verdict == (
        "inconclusive"
    )


@pytest.mark.parametrize("areas", [[0.7], [0.7, 0.71], [0.7, np.nan, np.nan, np.nan]])
def test_an_area_of_few_sound_replicates_says_nothing_however_many_samples_it_is_of(areas):
    few = 1 - np.array(areas)
    of_study = study([few], valid_samples=10_000, kind="seeds", test_to_train=0.0)
    found = RULE.judge(of_study)
    assert found.verdict == "inconclusive"
    assert "replicates" in found.advice.lower()
    assert not opens_the_answer(of_study, found)
    assert ("(no interval)" in found.sentence) == (np.isfinite(few).sum() == 1)


def test_a_variant_of_few_sound_replicates_does_not_beat_it_for_the_others():
    """Two seeds on five positives agree to the last digit; a third would as well."""
    errors = [[0.40, 0.42, 0.38, 0.41], [0.41, 0.4101, np.nan, np.nan]]
    found = RULE.judge(study(errors, kind="seeds", test_to_train=0.0))
    assert found.verdict == "inconclusive"
    assert "the best, a, " in found.sentence


def test_a_variant_that_lost_most_replicates_does_not_hide_one_that_beats_it():
    """What is left of one that diverged may be an easy replicate, and look best."""
    errors = [[0.1, np.nan, np.nan, np.nan], [0.4, 0.5, 0.45, 0.5]]
    answer = ConstantAnswer("the mean", np.ones(4), np.ones(4))
    found = RULE.judge(study(errors, constant=answer, scale=LOSS))
    assert found.verdict == "not found"
    assert found.sentence.startswith("b scores ")
    level = RULE.judge(study([errors[0], [0.9, 1.2, 0.8, 1.1]], constant=answer, scale=LOSS))
    assert level.verdict != "not found"
    assert "b, the best replicate by replicate, scores " in level.sentence


@pytest.mark.parametrize("scale", [LOSS, R2])
def test_errors_of_numbers_are_compared_replicate_by_replicate(scale):
    constant = np.array([1.0, 1.25, 0.8, 1.0])
    sign = -1 if scale.higher_is_better else 1
    answer = ConstantAnswer("the mean of the training targets", constant, constant)

    def judged(*differences):
        errors = [sign * constant + np.array(each) for each in differences]
        return RULE.judge(study(errors, constant=answer, scale=scale, margin=0.05))

    better, noise = [-0.4, -0.5, -0.6, -0.5], [-0.8, 0.6, -0.7, 0.6]
    assert judged(noise, better).verdict == "not found"
    assert judged(noise).verdict == "inconclusive"
    assert judged([0.1, 0.2, 0.1, 0.2]).verdict == "found"
    gain = judged(better).evidence["score of the best variant, better by"]
    assert gain.mean == pytest.approx(0.5 if sign < 0 else np.mean([0.4, 0.4, 0.75, 0.5]))


def test_an_answer_without_an_error_is_no_division_by_zero():
    """An input that holds the target: what models miss is told as many times as much."""
    line = ConstantAnswer("a straight line of c", np.zeros(4), np.zeros(4), is_line=True)
    found = RULE.judge(study([[0.5, 0.4, 0.6, 0.5]], constant=line, scale=LOSS))
    assert found.verdict == "found"
    assert found.sentence == (
        "No variant is shown to beat a straight line of c, whose loss is 0 on validation: a, "
        "the best replicate by replicate, scores over 10 times worse (no interval)."
    )
    as_good = RULE.judge(study([[0.0] * 4], constant=line, scale=LOSS))
    assert as_good.sentence.endswith("a, the best replicate by replicate, scores the same.")
    some = replace(line, valid=np.array([0.0, 0.1, 0.1, 0.1]))
    assert (
        RULE.judge(study([[0.0, 0.05, 0.04, 0.05]], constant=some, scale=LOSS)).verdict != "found"
    )


def test_a_line_that_seems_beaten_does_not_open_the_answer():
    errors = [[0.5, 1.4, 0.3, 0.2]]
    for is_line in (False, True):
        answer = ConstantAnswer("it", np.ones(4), np.ones(4), is_line=is_line)
        of_study = study(errors, constant=answer, scale=LOSS, margin=0.05)
        found = RULE.judge(of_study)
        assert found.verdict == "inconclusive"
        assert opens_the_answer(of_study, found) is not is_line
        worse = study([[1.5, 1.4, 1.3, 1.2]], constant=answer, scale=LOSS, margin=0.05)
        assert opens_the_answer(worse, RULE.judge(worse))


def test_no_error_is_lower_by_more_than_all_of_it():
    answer = ConstantAnswer("the mean", np.ones(3), np.ones(3))
    found = RULE.judge(study([[1.9, 0.4, 1.1]], constant=answer, scale=LOSS))
    assert "(100.0 better to " in found.sentence


def test_errors_are_told_in_parts_of_those_of_one_answer():
    """What numbers are spread by differs between replicates; a share of it need not."""
    spread = np.array([0.6, 1.0, 1.6])
    answer = ConstantAnswer("the mean of the training targets", spread, spread)
    found = RULE.judge(study([spread * [0.03, 0.02, 0.03]], constant=answer, scale=LOSS))
    assert found.verdict == "not found"
    assert "a scores 97.3 % (95." in found.sentence
    assert "whose loss is 1.07 on validation" in found.sentence


def test_many_variants_that_all_beat_it_are_not_drowned_by_their_number():
    """Bonferroni's interval of one of 30, over three replicates, holds zero; Simes's test sees."""
    random = np.random.default_rng(0)
    errors = 0.1 + 0.05 * random.standard_normal((30, 3))
    answer = ConstantAnswer("the mean", np.ones(3), np.ones(3))
    all_better = study(errors, constant=answer, scale=LOSS, names=[f"v{n}" for n in range(30)])
    assert RULE.judge(all_better).verdict == "not found"
    whole = advantages(all_better, 1 - 0.05 / 30)
    assert not all(gain.lies_above(0.0) for gain in whole.values())


def test_few_replicates_say_nothing_and_do_not_open_the_answer():
    answer = ConstantAnswer("the mean", np.ones(1), np.ones(1))
    of_study = study([[0.1]], constant=answer, scale=LOSS)
    found = RULE.judge(of_study)
    assert found.verdict == "inconclusive"
    assert "(no interval)" in found.sentence
    assert "replicates" in found.advice
    assert not opens_the_answer(of_study, found)


def test_does_not_apply_where_nothing_is_known_or_trained():
    assert RULE.judge(study([[0.1] * 4], constant=None)).verdict == "not applicable"
    assert RULE.judge(study([[np.nan] * 4])).verdict == "not applicable"


def test_variants_at_chance_beat_it_in_few_studies():
    """Areas of normal scores that know nothing, of 6 positives in 120, eight variants at once."""
    random = np.random.default_rng(1)
    beaten = 0
    for _ in range(300):
        # The same samples in each replicate: the seeds of a model that knows nothing agree.
        ranks = random.permuted(np.tile(np.arange(120), (8, 1)), axis=1)[:, :6]
        areas = (np.sort(ranks, axis=1) - np.arange(6)).mean(axis=1) / 114
        errors = np.repeat(1 - areas[:, None], 3, axis=1)
        chance = study(errors, kind="seeds", test_to_train=0.0, valid_samples=120)
        beaten += RULE.judge(chance).verdict == "not found"
    assert beaten <= 0.05 * 300
