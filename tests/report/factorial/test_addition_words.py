"""What additions do where they are many: those of one effect share a sentence."""

import re
from dataclasses import replace

import numpy as np
import pytest

import kohort
from kohort.cli.training.outcome import _lines
from kohort.design.variants import addition_pairs
from kohort.findings.conclusions import Conclusions
from kohort.report.factorial.addition_words import SINGLY, additions, in_short
from kohort.report.record_view import RecordView
from tests.findings.factorial.records import grid_of, record_of
from tests.models import build_mlp
from tests.report.race.race_records import noisy, rendered


def conclusions_of(scores, **axes):
    pairs = addition_pairs(kohort.grid(build_mlp, **axes))
    return Conclusions(replace(record_of(grid_of(**axes), scores), additions=tuple(pairs)))


def noise(count, **more):
    return noisy(*[0.8] * count, **{"spread": 0.02, "replicates": 3, **more})


AXES = {"units": [1, 2, 3], "dropout": [0.0, 0.2], "l2": [0.0, 1e-3, 1e-2]}


def test_a_grid_without_a_sure_difference_has_one_sentence_for_all_pairs():
    conclusions = conclusions_of(noise(18), **AXES)
    assert len(additions(conclusions)) == 21
    (told,) = in_short(conclusions).sentences
    assert told.startswith(
        "In all 21 pairs an addition shows no sure difference (undecided). Differences of "
        "validation accuracy at the best epoch: l2 0.0 to 0.001 or 0.01 in all 12, "
    )
    assert "; dropout 0.0 to 0.2 in all 9, " in told
    of_l2 = re.search(r"in all 12, (\S+) to (\S+) points \(intervals from (\S+) to (\S+)\)", told)
    low, high, lowest, highest = map(float, of_l2.groups())
    l2 = [c.difference for c in conclusions.families.additions if _adds_l2(c)]
    assert low == pytest.approx(100 * min(d.mean for d in l2), abs=0.05)
    assert high == pytest.approx(100 * max(d.mean for d in l2), abs=0.05)
    assert lowest == pytest.approx(100 * min(d.low for d in l2), abs=0.05)
    assert highest == pytest.approx(100 * max(d.high for d in l2), abs=0.05)
    assert list(in_short(conclusions).grouped) == additions(conclusions)


def _adds_l2(compared):
    a, b = (int(name[1:]) for name in (compared.a, compared.b))
    return a // len(AXES["l2"]) == b // len(AXES["l2"])


def test_pairs_that_the_correction_alone_keeps_undecided_are_counted():
    scores = noisy(*np.linspace(0.5, 0.9, 18), replicates=5, spread=0.05)
    conclusions = conclusions_of(scores, **AXES)
    *singly, told = in_short(conclusions).sentences
    assert singly
    assert all(" betters the score: " in one for one in singly)
    open_pairs = [c for c in conclusions.families.additions if not c.is_conclusive]
    alone = sum(c.excludes_zero for c in open_pairs)
    assert alone > 1
    assert told.startswith(
        f"In {len(open_pairs)} of 21 pairs an addition shows no sure difference (undecided). "
    )
    assert told.endswith(
        f" Without correction for all that is compared {alone} of them would be decided."
    )


def test_a_few_pairs_have_a_sentence_each():
    conclusions = conclusions_of(noise(SINGLY + 1), l2=[0.0, *range(1, SINGLY + 1)])
    short = in_short(conclusions)
    assert len(short.sentences) == SINGLY
    assert short.grouped == ()
    assert list(short.sentences) == additions(conclusions)
    more = conclusions_of(noise(SINGLY + 2), l2=[0.0, *range(1, SINGLY + 2)])
    assert len(in_short(more).sentences) == 1


def test_pairs_of_one_replicate_have_no_interval():
    (told,) = in_short(conclusions_of(noise(8, replicates=1), l2=[0.0, *range(1, 8)])).sentences
    assert told.endswith(" points (no interval).")
    assert "l2 0.0 to 1, 2, 3 and 4 others" not in told
    assert "l2 0.0 to 1, 2, 3 or 4 others in all 7, " in told


def test_pairs_that_did_not_train_are_told_together():
    scores = noise(8)
    scores[1:] = np.nan
    (told,) = in_short(conclusions_of(scores, l2=[0.0, *range(1, 8)])).sentences
    assert told == (
        "In all 7 pairs the two did not both train to the end in any replicate: "
        "l2 0.0 to 1, 2, 3 or 4 others."
    )


def test_what_was_not_given_is_not_told_as_a_value():
    arguments = [{}, *({"l2": repr(value)} for value in range(1, 8))]
    record = replace(record_of(arguments, noise(8)), additions=tuple((0, n) for n in range(1, 8)))
    (told,) = in_short(Conclusions(record)).sentences
    assert "l2 1, 2, 3 or 4 others where none was given in all 7, " in told
    unknown = record_of([{}] * 8, noise(8))
    unknown = replace(unknown, additions=record.additions)
    (told,) = in_short(Conclusions(unknown)).sentences
    assert ": v1 against v0, v2 against v0, v3 against v0 and 4 others in all 7, " in told


@pytest.mark.long
def test_each_pair_is_in_the_report_behind_a_summary():
    conclusions = conclusions_of(noise(8), l2=[0.0, *range(1, 8)])
    page = rendered(conclusions)
    assert "<summary>Each of these 7 pairs</summary>" in page
    assert page.count("shows no sure difference: ") == 7
    few = conclusions_of(noise(3), l2=[0.0, 1, 2])
    assert "<summary>Each of these" not in rendered(few)


class Outcome(RecordView):
    """A result that was never tested, for what the command line tells of it."""

    def __init__(self, conclusions):
        super().__init__(conclusions.record)

    def test_text(self):
        return ""

    def recalls_text(self):
        return []


def test_the_command_line_tells_pairs_together_and_where_each_is():
    where = "Each pair has a row in the report, under Comparisons."
    many = _lines(Outcome(conclusions_of(noise(8), l2=[0.0, *range(1, 8)])))
    assert sum("shows no sure difference" in line for line in many) == 1
    assert where in many
    few = _lines(Outcome(conclusions_of(noise(3), l2=[0.0, 1, 2])))
    assert sum("shows no sure difference" in line for line in few) == 2
    assert where not in few
