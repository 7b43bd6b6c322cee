"""The best score while a study trains."""

from kohort.design.scoring import Scoring
from kohort.report.following.best_so_far import Best, BestSoFar, best_of_trials

ACCURACY = Scoring("accuracy", higher_is_better=True, is_proportion=True)
LOSS = Scoring("data_loss", higher_is_better=False, is_proportion=False)


def test_it_is_the_best_mean_over_replicates_after_an_epoch():
    best = BestSoFar(ACCURACY)
    assert best() is None
    best.add("a", 0, {"val_accuracy": 0.9})
    assert best() == Best("accuracy", "90.0 %", "a")
    best.add("a", 0, {"val_accuracy": 0.7})  # another replicate
    best.add("b", 1, {"val_accuracy": 0.85})
    assert best() == Best("accuracy", "85.0 %", "b")
    best.add("a", 1, {"val_accuracy": float("nan"), "accuracy": 1.0})
    assert best().variant == "b"


def test_of_a_loss_it_is_the_lowest():
    best = BestSoFar(LOSS)
    for variant, loss in (("a", 0.5), ("b", 0.25), ("c", 0.75)):
        best.add(variant, 0, {"val_data_loss": loss})
    assert best() == Best("loss", "0.25", "b")


def test_of_a_search_it_is_the_best_of_its_trials():
    logs = {3: {}, 4: {0: {"val_accuracy": 0.8}, 1: {"val_accuracy": 0.7}}}
    assert best_of_trials(ACCURACY, {3: {}}) is None
    assert best_of_trials(ACCURACY, logs) == Best("accuracy", "80.0 %", "trial 4")
