"""HDF5 files on a disk that is full, and where the process is asked to end."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from kohort.data.preparing.hdf5_files import compressed, new_hdf5, put_json

ROWS, COLUMNS = 20_000, 50

WRITES = f"""
import resource, signal, sys
from pathlib import Path
import numpy as np
from kohort.data.preparing.hdf5_files import compressed, new_hdf5, put_json

path, most, ends_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
random, blocks = np.random.default_rng(0), 0
try:
    with new_hdf5(path) as (file, disk):
        put_json(file, "about", ["a"] * 1000)
        for name in ("one", "other"):
            table = compressed(file, name, ({ROWS}, {COLUMNS}), np.dtype(np.uint8))
            for start in range(0, {ROWS}, 4096):
                rows = min(4096, {ROWS} - start)
                table[start : start + rows] = random.integers(0, 256, (rows, {COLUMNS}))
                if blocks == ends_at:
                    signal.raise_signal(signal.SIGTERM if ends_at % 2 else signal.SIGINT)
                disk.check()
                blocks += 1
        file["labels"] = np.arange({ROWS})
except BaseException as error:
    print(type(error).__name__, getattr(error, "strerror", ""), blocks)
else:
    print("written", blocks)
# What measures coverage writes a file of its own at the end.
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
signal.raise_signal(signal.SIGINT)
"""
ASKS = "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"


def written(path, most=2**40, ends_at=-1):
    """What a process of its own tells of writing a file of two megabytes, and how it ends."""
    program = WRITES.replace("random, blocks", ASKS + "random, blocks", 1)
    arguments = [sys.executable, "-c", program, str(path), str(most), str(ends_at)]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert "KeyboardInterrupt" in ended.stderr.splitlines()[-1]  # its handlers are as they were
    return ended.stdout.strip(), ended.returncode


@pytest.fixture(scope="module")
def size(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.h5"
    written(path)
    return path.stat().st_size


# In the first bytes, in blocks of both tables, in the last array, and at the last byte.
@pytest.mark.parametrize("part", [1e-4, 0.02, 0.3, 0.49, 0.8, 0.95, 1 - 1e-9])
def test_a_full_disk_is_an_error_and_the_process_does_not_crash(tmp_path, size, part):
    told, code = written(tmp_path / "a.h5", int(part * size))
    assert told.startswith("OSError File too large")
    assert code == -2  # of the interrupt that it sends itself


@pytest.mark.parametrize("block", [0, 5])
def test_a_process_that_is_asked_to_end_does_so_after_a_block(tmp_path, block):
    assert written(tmp_path / "a.h5", ends_at=block) == (f"KeyboardInterrupt  {block}", -2)


def test_what_is_written_is_read_again(tmp_path):
    assert written(tmp_path / "a.h5") == ("written 10", -2)
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5") as file:
        for name in ("one", "other"):
            blocks = [
                random.integers(0, 256, (min(4096, ROWS - start), COLUMNS))
                for start in range(0, ROWS, 4096)
            ]
            np.testing.assert_array_equal(file[name][:], np.concatenate(blocks))
        np.testing.assert_array_equal(file["labels"][:], np.arange(ROWS))


def test_the_same_content_makes_the_same_bytes(tmp_path):
    for name in "ab":
        with new_hdf5(tmp_path / name) as (file, _):
            put_json(file, "about", {"a": 1})
            compressed(file, "x", (9, 3), np.dtype(np.uint8))[:] = 7
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
