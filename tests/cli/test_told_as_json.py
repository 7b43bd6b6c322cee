"""What programs are told of the test set."""

from types import SimpleNamespace

import numpy as np

from kohort.cli.told_as_json import of_test, of_winner
from kohort.errors import DesignError
from kohort.findings.numbers.number_errors import NumberErrors
from kohort.findings.probabilities.areas import Areas
from kohort.findings.probabilities.calibration import Calibration
from kohort.findings.statistics.interval import Interval
from kohort.report import tested_scores

INTERVAL = Interval(0.9, 0.8, 0.95, 10, np.nan)
TOLD = {"mean": 0.9, "low": 0.8, "high": 0.95}


CLASSES = {
    "answers": SimpleNamespace(names=("no", "yes", "never")),
    "balanced_accuracy": INTERVAL,
    "recalls": (INTERVAL, INTERVAL, None),
    "confusion": np.array([[5, 1, 0], [1, 3, 0], [0, 0, 0]]),
    "has_probabilities": True,
    "losses": np.array([0.1, 0.3]),
    "calibration": Calibration(0.05, 0.06),
}


def of(held, errors=(), **classes):
    def test():
        if held is None:
            raise DesignError("classes", "numbers", "ask for scores")
        return [SimpleNamespace(variant="v", accuracy=INTERVAL, areas=held, **CLASSES | classes)]

    score = tested_scores.TestScore("v", "m", INTERVAL, np.zeros(10), errors=errors)
    (told,) = of_test(SimpleNamespace(test_scores=lambda: [score], test=test))
    return told


def test_the_winner_is_told_with_the_arguments_that_all_variants_share():
    given = {"units": "(8, 4)", "rate": "0.1", "act": "<function relu at 0x1>", "clip": "None"}
    variants = [SimpleNamespace(name="a", arguments={}), SimpleNamespace(name="b", arguments=given)]
    result = SimpleNamespace(winner="b", record=SimpleNamespace(variants=variants))
    assert of_winner(result) == {
        "units": "(8, 4)", "rate": 0.1, "act": "<function relu at 0x1>", "clip": None,
    }  # fmt: skip
    assert of_winner(SimpleNamespace(winner=None, record=result.record)) is None


def test_of_two_classes_areas_are_told():
    told = of(Areas(INTERVAL, 0.7, 0.25))
    assert told["areas"] == {"roc": TOLD, "average_precision": 0.7, "share": 0.25}
    assert told["accuracy"] == TOLD
    assert told["errors"] == []


def test_of_classes_it_is_told_which_are_found_and_how_far_probabilities_can_be_believed():
    told = of(Areas(INTERVAL, 0.7, 0.25))["classes"]
    assert told == {
        "names": ["no", "yes", "never"],
        "balanced_accuracy": TOLD,
        "recalls": [TOLD, TOLD, None],
        "confusion": [[5, 1, 0], [1, 3, 0], [0, 0, 0]],
        "log_loss": 0.2,
        "ece": 0.05,
        "ece_by_chance": 0.06,
    }
    margins = of(Areas(INTERVAL, 0.7, 0.25), has_probabilities=False)["classes"]
    assert margins["log_loss"] is margins["ece"] is margins["ece_by_chance"] is None


def test_of_numbers_errors_are_told_and_what_is_not_defined_is_null():
    undefined = Interval(np.nan, np.nan, np.nan, 3, np.nan)
    told = of(
        None,
        (
            NumberErrors(INTERVAL, INTERVAL, INTERVAL),
            NumberErrors(INTERVAL, INTERVAL, undefined, "all targets are the same"),
        ),
    )
    assert told["errors"] == [
        {"rmse": TOLD, "mae": TOLD, "r2": TOLD},
        {"rmse": TOLD, "mae": TOLD, "r2": None},
    ]
    assert told["accuracy"] is told["areas"] is None
