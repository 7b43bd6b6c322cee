"""SIGTERM to a driver that does not train: while Ray starts, it plans, concludes or reports."""

import signal
from uuid import uuid4

import pytest

from tests.faults.signalled import SAY, ends
from tests.faults.studies import FILE
from tests.runs.cluster.killing import alive

pytestmark = pytest.mark.long

KEPT = "kohort: interrupted; what was done is kept: the same command goes on"
STARTS = (
    "import time\nimport ray._private.node as module\nreal = module.Node.start_ray_processes\n"
    "def starting(*given, **options):\n"
    "    pathlib.Path('here').touch()\n    real(*given, **options)\n    time.sleep(1)\n"
    "module.Node.start_ray_processes = starting"
)


def slow(module, name):
    """Code that stops a process in a function."""
    return (
        f"import {module} as module\ndef slowly(*given, **options):\n    {SAY}\n"
        f"module.{name} = slowly"
    )


@pytest.mark.parametrize(
    ("code", "line"),
    [
        pytest.param(STARTS, "kohort: interrupted", id="starts"),
        pytest.param(slow("kohort.runs.training", "job_of"), KEPT, id="plans"),
        pytest.param(slow("kohort.study", "kept_members"), KEPT, id="concludes"),
        pytest.param(
            slow("kohort.cli.training.outcome", "print_scores"), "kohort: interrupted", id="reports"
        ),
    ],
)
def test_a_signal_ends_the_driver_and_ray_and_leaves_a_study_that_goes_on(
    tmp_path, monkeypatch, code, line
):
    mark = f"KOHORT_TEST={uuid4()}"
    monkeypatch.setenv(*mark.split("="))
    monkeypatch.setenv("RAY_ADDRESS", "")
    (tmp_path / "study.py").write_text(FILE)
    ended, err = ends(tmp_path, code, "--executor", "ray", signals=[signal.SIGTERM])
    assert (ended, err.splitlines()[-1]) == (130, line)
    assert not alive(mark)
