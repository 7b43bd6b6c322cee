"""docs/keras-suite.md: Keras's own tests through `kohort.fit`, and why some differ."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from scripts.finding_pages import NOTE
from scripts.keras_suite import ENDED, FILE, FUSED, reason_of
from scripts.measured import table

HEAD = """# Keras's own tests, through kohort

Keras's wheel holds Keras's tests. `make keras-suite` runs those that call `fit`, on the JAX
backend, twice: once as they are, and once with each `fit` of a model routed through
`kohort.fit(..., engine="auto")` (`scripts/keras_routing.py`). Both runs begin each test from the
same seeds and visit samples in the same order. A test *differs* where it passes by itself and
fails through kohort; or where a call of `fit` ends otherwise: with another error, other epochs,
another history, or other weights, optimizer or metrics. Keras's assertions alone would not do:
where kohort was made to take samples in a wrong order, those of `trainer_test.py` and
`model_test.py` all passed, and the numbers of 32 of these tests differed.
"""

COUNTS = """A test counts as fused where each of its calls of `fit` was one program of kohort's.
What `engine="auto"` left to Keras's own `fit`, saying why, shows that nothing is lost on the way
there and back; it does not test the fused engine. Many tests import TensorFlow for their data
alone, so they are counted where it is installed beside JAX (`make tensorflow`).
"""

LEFT = """## What is left to `model.fit`

Calls of `fit` in these tests; of those left to Keras, by the reason that the warning gives.
"""

DIFFER = """## Tests that differ
"""

_GROUPS = (
    (r"its callback \w+ overrides \w+", "a callback overrides a hook of batches"),
    (r"its layer '\w+'", "a layer"),
    (r"its class \w+", "its class"),
)
"""What stands in for names in a reason."""


def page() -> str:
    """The page, from docs/keras-suite.json."""
    return page_of(json.loads(FILE.read_text("utf-8")))


def page_of(counts: Mapping[str, Any]) -> str:
    """The page of some counts: by environment, what `scripts.keras_suite.counted` gives."""
    columns = [_column(count) for count in counts.values()]
    rows = [(name, *(f"{column[name]}" for column in columns)) for name in columns[0]]
    return "\n".join(
        [
            NOTE,
            HEAD,
            table(("", *counts), rows),
            COUNTS,
            LEFT,
            _left(counts),
            DIFFER,
            _differ(counts),
        ]
    )


def _column(count: Mapping[str, Any]) -> dict[str, str]:
    tests = count["tests"].values()
    same = [told for told in tests if not told["differs"]]
    fused = sum(set(told["by"]) == {FUSED} for told in same)
    left = sum(any(why != FUSED and not why.startswith(ENDED) for why in t["by"]) for t in same)
    return dict(count["versions"]) | {
        "tests that call `fit` and pass by themselves": f"{len(tests)}",
        "of these the same through kohort": f"{len(same)} ({100 * len(same) / len(tests):.1f} %)",
        "of these fused": f"{fused}",
        "of these about a call that ends with an error": f"{len(same) - fused - left}",
        "of these left to `model.fit`, all or in part": f"{left}",
        "that differ": f"{len(tests) - len(same)}",
    }


def _left(counts: Mapping[str, Any]) -> str:
    calls: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(counts, 0))
    example: dict[str, str] = {}
    for name, count in counts.items():
        for test, told in count["tests"].items():
            for why, times in told["by"].items():
                calls[_group(why)][name] += times
                example.setdefault(_group(why), test.rpartition("::")[2])
    ordered = sorted(calls.items(), key=lambda item: (item[0] != FUSED, -sum(item[1].values())))
    rows = [(why, *map(str, of.values()), f"`{example[why]}`") for why, of in ordered]
    return table(("reason", *counts, "such as"), rows)


def _group(why: str) -> str:
    for pattern, instead in _GROUPS:
        why = re.sub(pattern, instead, why)
    return " ".join(why.split())[:160].replace("|", "\\|")


def _differ(counts: Mapping[str, Any]) -> str:
    places: dict[str, list[str]] = defaultdict(list)
    for name, count in counts.items():
        for test, told in count["tests"].items():
            if told["differs"]:
                places[test].append(name)
    rows = [
        (
            f"`{test.removeprefix('keras/src/')}`",
            ", ".join(where),
            reason_of(test) or "not known yet",
        )
        for test, where in places.items()
    ]
    return table(("test", "where", "why"), rows).replace("--:", "---") if rows else "None.\n"
