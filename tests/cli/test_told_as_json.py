"""What programs are told of the test set."""

from types import SimpleNamespace

import numpy as np

from kohort.cli.told_as_json import of_test
from kohort.errors import DesignError
from kohort.findings.numbers.number_errors import NumberErrors
from kohort.findings.probabilities.areas import Areas
from kohort.findings.statistics.interval import Interval
from kohort.report import tested_scores

INTERVAL = Interval(0.9, 0.8, 0.95, 10, np.nan)
TOLD = {"mean": 0.9, "low": 0.8, "high": 0.95}


def of(held, errors=()):
    def test():
        if held is None:
            raise DesignError("classes", "numbers", "ask for scores")
        return [SimpleNamespace(variant="v", accuracy=INTERVAL, areas=held)]

    score = tested_scores.TestScore("v", "m", INTERVAL, np.zeros(10), errors=errors)
    (told,) = of_test(SimpleNamespace(test_scores=lambda: [score], test=test))
    return told


def test_of_two_classes_areas_are_told():
    told = of(Areas(INTERVAL, 0.7, 0.25))
    assert told["areas"] == {"roc": TOLD, "average_precision": 0.7, "share": 0.25}
    assert told["accuracy"] == TOLD
    assert told["errors"] == []


def test_of_numbers_errors_are_told_and_what_is_not_defined_is_null():
    told = of(None, (NumberErrors(INTERVAL, INTERVAL, np.nan, "all targets are the same"),))
    assert told["errors"] == [{"rmse": TOLD, "mae": TOLD, "r2": None}]
    assert told["accuracy"] is told["areas"] is None
