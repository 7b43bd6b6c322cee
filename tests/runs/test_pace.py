"""When a run that was asked to end does."""

import pytest

from kohort import Interrupted
from kohort.runs.pace import EndRequest


def test_a_run_that_does_not_train_ends_at_once():
    request = EndRequest()
    with pytest.raises(Interrupted):
        request.ask()
    with request.training():
        pass
    with pytest.raises(Interrupted):
        request.ask()
    assert not request.is_asked


def trains(request, error=None):
    """Train, and be asked to end meanwhile."""
    with request.training():
        request.ask()
        if error is not None:
            raise error


def test_one_that_trains_ends_when_its_members_have():
    request = EndRequest()
    with pytest.raises(Interrupted):
        trains(request)
    assert request.is_asked


def test_an_error_of_what_trains_is_raised_and_no_other():
    with pytest.raises(OSError, match="no room"):
        trains(EndRequest(), OSError("no room"))
