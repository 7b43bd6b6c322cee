"""Files that are damaged at random: each is read as data or refused, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.fuzz import KINDS, Edit, attempt, changed, edits_of
from scripts.fuzz_files import READERS

EDITS = st.lists(
    st.builds(
        Edit,
        st.sampled_from(KINDS),
        st.floats(0, 1),
        st.sampled_from([1, 2, 4, 8, 64]),
        st.integers(0, 2**64 - 1),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("name", READERS)
def test_a_whole_file_is_read(name, tmp_path):
    assert attempt(READERS[name], tmp_path, []) == "read"


@pytest.mark.parametrize("name", READERS)
@settings(
    derandomize=True,
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(edits=EDITS)
def test_a_damaged_file_is_read_or_refused(name, tmp_path, edits):
    assert attempt(READERS[name], tmp_path, edits) in ("read", "refused")


@pytest.mark.parametrize(
    ("edit", "left"),
    [
        (Edit("flip", 0.5, 1, 0), b"abceef"),
        (Edit("flip", 1.0, 1, 0), b"abcdef"),
        (Edit("set", 0.5, 2, 65), b"abcAAf"),
        (Edit("insert", 0.5, 2, 0x4241), b"abcABdef"),
        (Edit("delete", 0.0, 4, 0), b"ef"),
        (Edit("copy", 0.0, 2, 4), b"efcdef"),
        (Edit("extreme", 0.5, 2, 1), b"abc\xff\xfff"),
        (Edit("cut", 0.5, 1, 0), b"abc"),
    ],
)
def test_edits(edit, left):
    assert changed(b"abcdef", [edit]) == left


def test_an_input_is_its_number():
    assert edits_of(7) == edits_of(7) != edits_of(8)
    assert {edit.kind for number in range(100) for edit in edits_of(number)} == set(KINDS)


SCRIPT = """
import os, signal, time
from pathlib import Path
from scripts import fuzz, fuzz_files

def read(path):
    number = fuzz.edits_of.number
    if number == 2: raise ZeroDivisionError("it is two")
    if number == 4: os.kill(os.getpid(), signal.SIGSEGV)
    if number == 6: time.sleep(60)

def edits_of(number):
    fuzz.edits_of.number = number
    return []

fuzz.edits_of, fuzz.SECONDS = edits_of, 1
fuzz.READERS["own"] = fuzz_files.Reader(b"x", fuzz_files._file("x"), read)
print(fuzz.fuzz("own", range(9)))
"""


def test_errors_crashes_and_hangs_are_told_and_the_rest_goes_on():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    told = done.stdout.splitlines()
    assert told[:3] == [
        "own 2: an error, told above",
        "own 4: Segmentation fault",
        "own 6: Alarm clock",
    ]
    assert told[3].startswith("own: 9 inputs, ")
    assert "6 read, 0 refused, 3 failed" in told[3]
    assert "ZeroDivisionError: it is two" in done.stderr
