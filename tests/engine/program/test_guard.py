"""Logs of a step without nesting."""

import pytest
from keras.src.utils.python_utils import pythonify_logs

from kohort.engine.program.guard import flat


@pytest.mark.parametrize(
    "logs",
    [
        {"loss": 1.0, "a": 2.0},
        {"z": {"loss": 1.0, "a": 3.0}, "loss": 2.0},
        {"loss": 2.0, "a": {"loss": 1.0}, "b": {"c": {"d": 4.0}}},
    ],
)
def test_of_equal_names_at_two_depths_the_one_counts_that_counts_in_keras(logs):
    assert list(flat(logs).items()) == list(pythonify_logs(logs).items())
