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
