"""A process that has trained ends without taking apart what it imported, and loses nothing."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

# What is registered first is called last. Python's own search for garbage comes after it.
TELLS = """
import atexit, gc
atexit.register(lambda: print("kept", gc.get_freeze_count() > 1000))
"""
ENDS = """
from kohort.engine.process_end import end_at_once
end_at_once()
class Circle:
    pass
circle = Circle()
circle.itself = circle
"""


def _told(script: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return done.stdout.strip()


def test_what_is_imported_is_left_to_the_operating_system(tmp_path: Path) -> None:
    harmless = """
import io
circle.read = open("told.txt")
circle.held = io.StringIO("text"), io.BytesIO(b"bytes")
circle.shut = open("written.txt", "w")
circle.shut.close()
circle.generator = (number for number in range(3))
next(circle.generator)
"""
    Path(tmp_path, "told.txt").write_text("told")
    assert _told(TELLS + ENDS + harmless, tmp_path) == "kept True"


@pytest.mark.parametrize(
    "held",
    [
        "circle.file = open('text', 'w'); circle.file.write('all of it')",
        "circle.file = open('text', 'wb'); circle.file.write(b'all of it')",
        """
import os
file = os.open("text", os.O_CREAT | os.O_WRONLY)
Circle.__del__ = lambda self, write=os.write, to=file: write(to, b"all of it") and None
""",
    ],
)
def test_a_file_that_only_a_circle_holds_is_written(held: str, tmp_path: Path) -> None:
    assert _told(TELLS + ENDS + held, tmp_path) == "kept False"
    assert Path(tmp_path, "text").read_text() == "all of it"


def test_so_is_an_archive(tmp_path: Path) -> None:
    held = """
import zipfile
circle.archive = zipfile.ZipFile("letters.zip", "w")
circle.archive.writestr("a", "letter")
"""
    _told(TELLS + ENDS + held, tmp_path)
    assert zipfile.ZipFile(tmp_path / "letters.zip").namelist() == ["a"]


def test_a_file_of_the_users_own_that_tells_nothing_of_itself_is_left_to_python(
    tmp_path: Path,
) -> None:
    held = """
import io
class Silent(io.RawIOBase):
    def writable(self):
        raise RuntimeError("ask somebody else")
circle.file = Silent()
"""
    assert _told(TELLS + ENDS + held, tmp_path) == "kept False"


def test_training_sees_to_it(tmp_path: Path) -> None:
    trains = """
import keras, kohort, numpy
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
kohort.fit(model, numpy.ones((4, 2)), numpy.ones((4, 1)), verbose=0)
"""
    backend = "import os; os.environ['KERAS_BACKEND'] = 'jax'\n"
    assert _told(backend + TELLS + trains, tmp_path) == "kept True"
