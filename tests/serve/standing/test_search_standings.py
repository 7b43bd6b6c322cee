"""The page of a search tells its trials in the order of `kohort show`, while it runs and after."""

import pytest

from kohort.evidence.store import MemberKey, VariantRecord
from kohort.evidence.trials import Facts, search_to_json
from kohort.evidence.trials_so_far import trials_in
from kohort.serve.follower import Follower
from tests.serve.test_follower import news
from tests.serve.test_pages import opened, page_of, wait

NAME = "small (search)"
RECALLS = [0.6, 0.9, 0.8, 0.7]
"""Of the trials after their first epoch; the best two, 1 and 2, climb on, and score less then."""


@pytest.fixture
def searched(store):
    """A search by recall whose accuracy, which it measures too, is another order; it runs."""
    trials = [VariantRecord(f"trial {n}", model=Facts(9, "").kept(whole=False)) for n in range(4)]
    ladder = {"epochs": [1, 2], "reduction": 2, "brackets": 1, "begun": [1, 2]}
    description = {
        "kind": "search", "schedule": {"ladder": ladder, "parts": [4]}, "done": [], "seconds": {},
        "sampler": "random", "trials": 4, "epochs": 2, "scoring": ["recall", True, True, ""],
    }  # fmt: skip
    members = [MemberKey(trial.name, 0) for trial in trials]
    kept = store.create(NAME, description | {"blocks": []}, trials, members)
    with kept.claim():
        kept.begin_run({})
        measure(kept, members, 0, RECALLS)
        yield kept, members


def measure(kept, members, epoch, recalls):
    kept.append(
        (member, epoch, {"val_data_loss": 1 / (epoch + 1), "val_accuracy": 1 - recall,
                         "val_recall": recall, "eval_recall": recall})
        for member, recall in zip(members, recalls, strict=True)
    )  # fmt: skip


def end(kept, members):
    """Let the best two climb to the last rung, and the search end."""
    measure(kept, members[1:3], 1, [0.5, 0.55])
    kept.extend(kept.description | {"done": [[0, 1], [0, 2]]}, [], [])
    done_with = {"trials": 4, "epochs": 2}
    record = search_to_json(trials_in(kept))
    kept.extend(kept.description | {"record": record, "done_with": done_with}, [], [])
    kept.end_run("done")


def stands(told):
    return [(told["variants"][row[0]], row[2]) for row in told["judged"]["standings"]]


def test_trials_are_scored_by_what_scores_the_search_those_that_climbed_higher_first(
    searched, store, place
):
    kept, members = searched
    follower = Follower(store, place, NAME)
    told, _ = news(follower, None)
    assert told["head"]["metrics"] == ["loss", "recall"]
    judged = told["judged"]
    assert (judged["final"], judged["metric"], judged["proportion"]) == (False, "recall", True)
    assert stands(told) == [("trial 1", 0.9), ("trial 2", 0.8), ("trial 3", 0.7), ("trial 0", 0.6)]
    assert "So far trial 1 leads: validation recall 90.0 % after 1 epoch." in judged["answer"]

    end(kept, members)
    told, _ = news(follower, None)
    assert told["judged"]["final"]
    order = [f"trial {trial.number}" for trial in trials_in(kept).best_to_worst()]
    assert [name for name, _ in stands(told)] == order == follower.order
    assert order == ["trial 2", "trial 1", "trial 3", "trial 0"]
    best = "trial 2 is the search's own best: validation recall 55.0 % after 2 epochs."
    assert best in told["judged"]["answer"]


def test_a_search_of_an_earlier_version_that_did_not_end_says_so(store, place):
    kept = store.create(NAME, {"kind": "search", "blocks": []}, [], [])
    told, _ = news(Follower(store, place, kept.name), None)
    assert "an earlier version" in told["judged"]["answer"]


@pytest.mark.long
def test_its_page_has_scores_without_intervals_and_findings(browser, live, searched):
    kept, members = searched
    with opened(browser, live, page_of(NAME)) as tab:
        wait(tab, "So far trial 1 leads", "#answer")
        rows = tab.locator("#variants tbody tr").all_inner_texts()
        assert [row.split()[1] for row in rows] == ["1", "2", "3", "0"]
        assert "90.0 %" in rows[0]
        assert not tab.get_by_role("columnheader", name="interval").is_visible()
        assert not tab.get_by_role("heading", name="Findings").is_visible()
        end(kept, members)
        wait(tab, "trial 2 is the search's own best", "#answer")
        first = tab.locator("#variants tbody tr").first
        assert "55.0 %" in first.inner_text()
        drawn = tab.locator("#shown li").all_inner_texts()
        assert drawn == ["trial 2", "trial 1", "trial 3", "trial 0"]
