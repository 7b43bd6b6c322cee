"""The best score while a study trains: that of the table, over the replicates that count so far."""

import numpy as np
import pytest

from kohort.design.scoring import Scoring
from kohort.report.following.best_so_far import Best, BestSoFar, best_of, counted
from kohort.serve.live_curves import LiveCurves
from kohort.serve.standing.so_far import so_far
from tests.serve.serving import logs, outset

ACCURACY = Scoring("accuracy", higher_is_better=True, is_proportion=True)
LOSS = Scoring("data_loss", higher_is_better=False, is_proportion=False)


def added(best, variant, *replicates):
    """Each replicate a list of (loss, accuracy) by epoch."""
    for replicate, epochs in enumerate(replicates):
        for epoch, measured in enumerate(epochs):
            best.add(variant, replicate, epoch, logs(*measured))
    return best


def test_one_that_lost_a_replicate_leads_only_while_all_others_did_too():
    best = BestSoFar(ACCURACY)
    added(best, "a", [(0.4, 0.9)], [(float("nan"), 0.5)])
    assert best() == Best("accuracy", "90.0 %", "a")
    added(best, "b", [(0.5, 0.8)], [(0.5, 0.8)])
    assert best() == Best("accuracy", "80.0 %", "b")
    added(best, "a", [(0.4, 0.9)], [(0.4, 0.9)])  # it begins again
    assert best() == Best("accuracy", "90.0 %", "a")


def test_each_replicate_counts_at_the_epoch_of_lowest_loss_of_the_others():
    best = BestSoFar(ACCURACY)
    assert best() is None
    # The first is best after its first epoch, the second after its second; each chooses for the
    # other. 95 %, which was luck, is nobody's.
    added(best, "a", [(0.4, 0.95), (0.45, 0.9)], [(0.45, 0.8), (0.4, 0.7)])
    assert best() == Best("accuracy", "85.0 %", "a")
    added(best, "b", [(0.3, 0.86)])
    assert best() == Best("accuracy", "86.0 %", "b")


def test_those_that_have_finished_count_alone_and_before_them_all_up_to_the_same_epoch():
    assert counted({0: 3, 1: 2, 2: 4}, ()) == {0: 2, 1: 2, 2: 2}
    assert counted({0: 3, 1: 2, 2: 4}, {2}) == {2: 4}
    assert counted({}, {2}) == {}
    best = added(BestSoFar(ACCURACY), "a", [(0.5, 0.6), (0.4, 0.8)], [(0.5, 0.7)])
    assert best().score == "65.0 %"
    best.end("a", 0)
    assert best().score == "80.0 %"


def test_of_a_loss_it_is_the_lowest_and_what_diverged_has_none():
    best = BestSoFar(LOSS)
    for variant, loss in (("a", 0.5), ("b", 0.25), ("c", 0.75), ("d", np.nan)):
        added(best, variant, [(loss, 0.5)])
    assert best() == Best("loss", "0.25", "b")
    assert best_of({"d": np.nan}, LOSS) is None


def test_the_leader_of_a_race_is_one_of_those_that_go_on():
    best = BestSoFar(ACCURACY)
    for variant, accuracy in (("left", 0.9), ("better", 0.8), ("worse", 0.7)):
        added(best, variant, [(0.5, accuracy)])
    assert best().variant == "left"
    best.among(["worse", "better"])
    assert best() == Best("accuracy", "80.0 %", "better")


def test_of_equal_scores_the_first_leads_as_others_come():
    names, best = [f"v{number}" for number in range(32)], BestSoFar(ACCURACY)
    best.among(names)
    for variant in names:
        added(best, variant, [(0.5, 0.5)])
        assert best().variant == "v0"


def test_a_member_that_begins_again_is_known_by_what_it_measures_then():
    best = added(BestSoFar(ACCURACY), "a", [(0.5, 0.6), (0.4, 0.8)])
    best.add("a", 0, 0, logs(0.5, 0.7))
    assert best().score == "70.0 %"


@pytest.mark.parametrize("finished", [(), ((0, 1), (1, 0))])
def test_the_terminal_and_the_live_page_tell_the_same_number(finished):
    random, best, page = np.random.default_rng(3), BestSoFar(ACCURACY), LiveCurves("accuracy")
    for number, name in enumerate("ab"):
        for replicate, epochs in enumerate((4, 5, 3)):
            for epoch in range(epochs):
                measured = logs(*random.uniform(0.2, 0.8, 2), apart=-0.01)
                best.add(name, replicate, epoch, measured)
                page.record(number, replicate, epoch, measured)
    for number, replicate in finished:
        best.end("ab"[number], replicate)
    told = so_far(outset(["a", "b"]), page, ["a", "b"], set(finished), {0: 3, 1: 3})
    first = max(told.standings, key=lambda one: one.score)
    assert best() == Best("accuracy", f"{100 * first.score:.1f} %", first.variant)
