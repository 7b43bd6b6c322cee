"""The Python of the pages of the site runs, and prints what they show."""

import re
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from scripts.shown_output import PAGES, printed, shown, with_output

DOCS = Path(__file__).parents[1] / "docs"
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def in_words(text):
    """The text without its numbers, and without how it is set in lines and columns."""
    return " ".join(NUMBER.sub("#", text).split())


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


@pytest.mark.long
@pytest.mark.parametrize("name", [*PAGES, "index.md"])
def test_pages_print_what_they_show(name, tmp_path):
    page = (DOCS / name).read_text("utf-8")
    given = printed(page, tmp_path)
    if name not in PAGES:
        return
    told = shown(page)
    assert [bool(output.strip()) for output in given] == [bool(output) for output in told]
    # Rounding decides what training comes to: a close call may be told in other words.
    words = [in_words(output) for output in given], [in_words(output) for output in told]
    alike = SequenceMatcher(None, *(" ".join(of).split() for of in words), autojunk=False)
    assert alike.ratio() > 0.9, "run `python -m scripts.shown_output`"
    for given_words, told_words, output, shown_output in zip(*words, given, told, strict=True):
        if given_words == told_words:
            np.testing.assert_allclose(numbers(output), numbers(shown_output), rtol=0.2, atol=2)


GIVEN = """\
import kohort
import h5py
import keras
import numpy as np

random = np.random.default_rng(0)
y = random.integers(0, 3, 200)
x = (random.normal(size=(200, 5)) + np.eye(3, 5)[y]).astype("float32")
with h5py.File("data.h5", "w") as file:
    file["x"], file["y"] = x, y


def build(units=4):
    layers = [keras.layers.Dense(units, "relu"), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


models = [build() for _ in range(2)]
data = kohort.Dataset(x[:150], y[:150], x[150:], y[150:])
named = kohort.grid(build, units=[1, 4])
splits = kohort.Holdout(0.2, repeats=3)
study = kohort.Study("named", named, data, replicates=splits, epochs=2)
result = study.run(verbose=0)
search = kohort.Search("sought", build, {"units": [1, 4]}, data, trials=2, epochs=2, batch_size=50)
"""
"""What a reader has before the lines of pages that begin in the middle."""


def with_given(page):
    return f"```python\n{GIVEN}```\n\n{page}"


@pytest.mark.long
@pytest.mark.parametrize("name", ["engine.md", "keeping.md", "report.md"])
def test_lines_from_the_middle_of_a_session_run(name, tmp_path):
    page = (DOCS / name).read_text("utf-8")
    assert len(printed(with_given(page), tmp_path)) == 1 + page.count("```python\n")
    made = {"engine.md": "log-1.csv", "keeping.md": "kohort.db", "report.md": "study/report.html"}
    assert (tmp_path / made[name]).is_file()


PAGE = """\
```python
x = 2
```

Words.

```python
print(f"x is {x}")
```

```text
x is 3
```
"""


def test_outputs_are_read_made_and_written(tmp_path):
    assert shown(PAGE) == ["", "x is 3\n"]
    given = printed(PAGE, tmp_path)
    assert given == ["", "x is 2\n"]
    assert with_output(PAGE, given) == PAGE.replace("x is 3", "x is 2")
    assert with_output(with_output(PAGE, ["made\n", ""]), given) == PAGE.replace("is 3", "is 2")


def test_a_block_that_fails_is_told(tmp_path):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        printed("```python\n1 / 0\n```\n", tmp_path)
