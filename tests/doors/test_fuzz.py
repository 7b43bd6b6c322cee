"""Files that are damaged at random: each is read as data or refused, and nothing else."""

import os
import re
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts import fuzz
from scripts.fuzz_edits import KINDS, Edit, changed, edits_of
from scripts.fuzz_files import READERS, attempt

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
    assert attempt(READERS[name], tmp_path, READERS[name].content) == "read"


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
@settings(
    derandomize=True,
    max_examples=200,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(edits=EDITS)
def test_a_damaged_file_is_read_or_refused(name, tmp_path, edits):
    content = changed(READERS[name].content, edits)
    assert attempt(READERS[name], tmp_path, content) in ("read", "refused")


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


def test_edits_come_of_a_number():
    assert edits_of(7) == edits_of(7) != edits_of(8)
    assert {edit.kind for number in range(100) for edit in edits_of(number)} == set(KINDS)


def test_checksums_are_made_right(tmp_path):
    for name in ("png chunks", "tar headers"):
        reader = READERS[name]
        assert reader.write(tmp_path, reader.content).read_bytes() == reader.content
    assert attempt(READERS["png"], tmp_path, spoilt("png", 20)) == "refused"
    assert attempt(READERS["png chunks"], tmp_path, spoilt("png", -5)) == "read"
    assert attempt(READERS["tar"], tmp_path, spoilt("tar", 110)) == "refused"
    assert attempt(READERS["tar headers"], tmp_path, spoilt("tar", 110)) == "read"


def spoilt(name, place):
    content = bytearray(READERS[name].content)
    content[place] ^= 1
    return bytes(content)


# In the place of `scripts.fuzz_target`: a reader that fails where the first byte is above B.
TARGET = """
import os, signal, sys, time
from pathlib import Path
from scripts import fuzz_files, fuzz_target

def read(path):
    if path.read_bytes()[:1] > b"B":
        {fails}
    return "data"

fuzz_files.READERS["own"] = fuzz_files.Reader(b"B", fuzz_files._file("x"), read)
fuzz_target.INSTRUMENTED, fuzz_target.MEMORY = ["kohort"], {memory}
fuzz_target.SECONDS, fuzz_target.END = 1, {end}
_, name, inputs, seed, folder, out = sys.argv
fuzz_target.run(name, int(inputs), int(seed), Path(folder), Path(out))
"""


@pytest.mark.parametrize(
    ("fails", "told"),
    [
        ("raise ZeroDivisionError('it is more')", "ZeroDivisionError: it is more"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "deadly signal"),
        pytest.param("time.sleep(60)", "timeout", marks=pytest.mark.long),
        pytest.param(
            "end = time.process_time() + 1.1\n        while time.process_time() < end: pass",
            "took 1 s",
            marks=pytest.mark.long,
        ),
        pytest.param("len(b'x' * 2**30)", "too much memory|out-of-memory", marks=pytest.mark.long),
    ],
    ids=["error", "crash", "hang", "slow", "memory"],
)
def test_an_input_that_fails_is_kept_and_told(fails, told, tmp_path, monkeypatch, capsys):
    # What hangs is waited for; what does not may be slow on a machine with much to do.
    run_own(fails, monkeypatch, tmp_path, end=3 if told == "timeout" else 10)
    assert not fuzz.fuzz("own", 100_000, 1, tmp_path)
    output = capsys.readouterr().out
    assert output.startswith(f"own: failed, see {tmp_path / 'own'}\n")
    assert re.search(told, output)
    (kept,) = set((tmp_path / "own").iterdir()) - {tmp_path / "own" / "log"}
    assert kept.read_bytes()[:1] > b"B"


@pytest.mark.long
def test_a_reader_that_fails_nowhere_is_told_in_a_line(tmp_path, monkeypatch, capsys):
    run_own("pass", monkeypatch, tmp_path)
    assert fuzz.fuzz("own", 500, 1, tmp_path)
    assert re.fullmatch(
        r"own: 500 inputs, [\d,]+ a second; 500 read, 0 refused; at most \d+ MB\n",
        capsys.readouterr().out,
    )


def run_own(fails, monkeypatch, folder, end=10):
    pytest.importorskip("atheris", reason="there is no wheel of atheris for this machine")
    target = folder / "target.py"
    # Linux counts in a process's peak what its parent had when it was made: these tests' memory.
    memory = 1000 if "2**30" in fails else 8000
    target.write_text(TARGET.format(fails=fails, end=end, memory=memory))
    monkeypatch.setattr(fuzz, "TARGET", [sys.executable, str(target)])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
