"""Processes that are killed or asked to end, at moments of which nobody thought."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kohort.evidence.store import open_store
from tests.faults.signalled import SAY, ends
from tests.faults.studies import calling, kept_numbers, numbers, run, study

ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("what", ["study", "search"])
def test_what_is_killed_at_random_moments_ends_with_the_same_numbers(what):
    done = subprocess.run(
        [sys.executable, "-m", "scripts.kills", "--kills", "2", "--what", what, "--quick"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(rf"^{what} 1: \d+ lives, the same numbers$", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines()[-1].startswith("2 kills")


@pytest.mark.long
def test_a_second_signal_ends_a_run_at_once(kohort, folder, undisturbed):
    (folder / "act").write_text(
        "pathlib.Path('here').touch()\n"
        "for _ in range(60_000): time.sleep(0.01)"
    )  # fmt: skip
    code, err = ends(folder, "", signals=[signal.SIGINT, signal.SIGINT])
    assert code == 130, err
    assert err.splitlines()[-1] == "kohort: interrupted"
    assert "Traceback" not in err
    (folder / "act").unlink()
    assert kohort("run", "study.py").code in (0, None)
    assert kept_numbers("kohort.db") == undisturbed


@pytest.mark.long
def test_a_signal_while_the_report_is_written_leaves_no_half_of_it(kohort, folder, undisturbed):
    code = (
        "import kohort.report.templates.rendering as rendering\n"
        "real = rendering.written_whole\n"
        "import contextlib\n"
        "@contextlib.contextmanager\n"
        "def slowly(path):\n"
        "    with real(path) as new:\n"
        "        new.write_text('half')\n"
        f"        {SAY}\n"
        "        yield new\n"
        "rendering.written_whole = slowly"
    )
    code, err = ends(folder, code, signals=[signal.SIGTERM])
    assert code == 130, err
    assert "Traceback" not in err
    assert [path.name for path in (folder / "study-report").iterdir()] == ["winner.keras"]
    on = kohort("run", "study.py")
    assert on.code in (0, None)
    assert not any("cohort" in line for line in on.lines), "trained again"
    assert kept_numbers("kohort.db") == undisturbed


@pytest.mark.long
def test_a_signal_before_the_first_epoch_ends_the_command(kohort, folder, undisturbed):
    code = (
        "import kohort.runs.work as module\n"
        f"def slowly(*given, **options):\n    {SAY}\n"
        "module.make_plan = slowly"
    )
    code, err = ends(folder, code, signals=[signal.SIGTERM])
    assert code == 130, err
    assert "Traceback" not in err
    assert not (folder / "study-report").exists()
    assert kohort("run", "study.py").code in (0, None)
    assert kept_numbers("kohort.db") == undisturbed


@pytest.mark.long
@pytest.mark.parametrize("slow", ["plans_to_train", "kept_members"])
def test_a_signal_before_or_after_training_ends_the_run_at_once(kohort, folder, undisturbed, slow):
    code = (
        f"import kohort.study as module\ndef slowly(*given, **options):\n    {SAY}\n"
        f"module.{slow} = slowly"
    )
    code, err = ends(folder, code, signals=[signal.SIGTERM])
    assert code == 130, err
    assert err.splitlines()[-1].endswith("what was done is kept: the same command goes on")
    assert "Traceback" not in err
    assert not (folder / "study-report").exists()
    with open_store("kohort.db", make=False) as store:
        (found,) = store.studies()
        assert [run.outcome for run in store.study(found.name).runs()] == ["interrupted"]
    assert kohort("run", "study.py").code in (0, None)
    assert kept_numbers("kohort.db") == undisturbed


@pytest.mark.long
def test_a_signal_that_who_started_it_has_ignored_is_ignored(blobs, tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        struck = calling(lambda: os.kill(os.getpid(), signal.SIGINT))
        result = run(study(blobs, callbacks=[struck]), tmp_path / "kohort.db")
    except KeyboardInterrupt:  # It would end all tests.
        pytest.fail("the signal was heard")
    finally:
        signal.signal(signal.SIGINT, before)
    assert numbers(result) == numbers(run(study(blobs, callbacks=[calling(int)])))
