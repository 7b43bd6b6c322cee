"""What `make keras-suite` runs, compares and tells; and the quick part of it."""

import json
import sys

import jax
import pytest

from scripts import keras_suite
from scripts.keras_suite import (
    ENDED,
    FILE,
    FUSED,
    UNSAID,
    WITHOUT,
    asked,
    compared,
    complaints,
    files_with_fit,
    idle_reasons,
    near,
    run_tests,
)
from scripts.keras_suite_page import page_of

QUICK = (
    "keras/src/trainers/trainer_test.py",
    "keras/src/callbacks/early_stopping_test.py",
    "keras/src/callbacks/callback_test.py",
    "keras/src/callbacks/csv_logger_test.py",
    "keras/src/models/model_test.py",
)
"""Files of tests for each test run: models of all kinds, each argument of `fit`, callbacks."""
TOLD = json.loads(FILE.read_text("utf-8"))


def fit(by=FUSED, raised="", **numbers):
    return {"by": by, "raised": raised, "numbers": numbers}


def kept(*fits, outcome="passed", why=""):
    return {"outcome": outcome, "why": why, "fits": list(fits)}


@pytest.mark.parametrize("ours", [1.0, 1.00009, 0.9999])
def test_rounding_is_no_difference(ours):
    assert near({"history": {"loss": [ours]}}, {"history": {"loss": [1.0]}})


@pytest.mark.parametrize("both", [float("nan"), float("inf"), "ValueError", 3, [], {}])
def test_what_is_equal_is_near(both):
    assert near([both], [both])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (1.001, 1.0),
        (float("nan"), 1.0),
        (1.0, float("nan")),
        (float("inf"), 1e9),
        ([1.0], [1.0, 1.0]),
        ({"loss": 1.0}, {"loss": 1.0, "accuracy": 1.0}),
        ({"loss": 1.0, "accuracy": 1.0}, {"accuracy": 1.0, "loss": 1.0}),
        ("ModelError", "ValueError"),
        ([0, 1], [0, 1, 2]),
    ],
)
def test_a_difference_is_seen(ours, theirs):
    assert not near(ours, theirs)


def test_tests_that_fail_alone_or_call_no_fit_do_not_count():
    alone = {
        "fails": kept(fit(), outcome="failed", why="no TensorFlow"),
        "skips": kept(fit(), outcome="skipped"),
        "calls none": kept(),
        "counts": kept(fit(loss=1.0), fit(loss=2.0)),
    }
    through = {"counts": kept(fit(loss=1.0), fit("it is compiled with run_eagerly=True", loss=2.0))}
    by = {FUSED: 1, "it is compiled with run_eagerly=True": 1}
    assert compared(alone, through) == {"counts": {"by": by, "differs": ""}}


@pytest.mark.parametrize(
    ("through", "told"),
    [
        (
            kept(fit(loss=1.0), outcome="failed", why="AssertionError: 1 != 2"),
            "AssertionError: 1 != 2",
        ),
        (kept(fit(loss=1.1)), "numbers of call 1 of fit: {'loss': 1.1} for {'loss': 1.0}"),
        (kept(fit(raised="ModelError")), "raised of call 1 of fit: ModelError for "),
        (kept(), "fit is called 0 times for 1"),
    ],
    ids=["failure", "number", "error", "calls"],
)
def test_each_way_to_differ_is_told(through, told):
    found = compared({"a": kept(fit(loss=1.0))}, {"a": through})
    assert found["a"]["differs"] == told


def counts(**tests):
    return {WITHOUT: {"versions": {"keras": "3.15.1"}, "tests": tests}}


def test_a_difference_needs_a_reason_and_a_reason_a_difference(monkeypatch):
    monkeypatch.setattr(keras_suite, "REASONS", {"^known": "as documented", "^gone": "no more"})
    found = counts(
        known={"by": {FUSED: 1}, "differs": "numbers"},
        new={"by": {FUSED: 1}, "differs": "numbers"},
        silent={"by": {UNSAID: 1}, "differs": ""},
    )
    assert complaints(found) == ["new: numbers", f"silent: {UNSAID}"]
    assert idle_reasons(found) == ["^gone"]


def test_the_page_tells_apart_what_was_fused_and_what_was_left(monkeypatch):
    monkeypatch.setattr(keras_suite, "REASONS", {"^differs": "as documented"})
    hook = "its callback Stopper overrides on_batch_end, which acts inside epochs"
    page = page_of(
        counts(
            fused={"by": {FUSED: 2}, "differs": ""},
            partly={"by": {FUSED: 1, hook: 3}, "differs": ""},
            left={"by": {hook: 1}, "differs": ""},
            ends={"by": {FUSED: 1, ENDED + "ValueError": 1}, "differs": ""},
            differs={"by": {FUSED: 1}, "differs": "numbers"},
        )
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    assert ["tests that call `fit` and pass by themselves", "5"] in rows
    assert ["of these the same through kohort", "4 (80.0 %)"] in rows
    assert ["of these fused", "1"] in rows
    assert ["of these left to `model.fit`, all or in part", "2"] in rows
    assert ["of these about a call that ends with an error", "1"] in rows
    told = "a callback overrides a hook of batches, which acts inside epochs"
    assert [told, "4", "`partly`"] in rows
    assert ["`differs`", WITHOUT, "as documented"] in rows


def test_what_the_page_tells_needs_no_further_look():
    assert complaints(TOLD) == []
    assert idle_reasons(TOLD) == []
    for count in TOLD.values():
        differ = sum(bool(told["differs"]) for told in count["tests"].values())
        assert differ <= 0.05 * len(count["tests"])


def test_the_files_of_the_quick_part_call_fit():
    assert set(QUICK) <= set(files_with_fit(asked(sys.executable)[0]))


@pytest.fixture
def _keep_programs(monkeypatch):
    """The processes of tests keep what they compile where these tests do."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", jax.config.jax_compilation_cache_dir)
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


@pytest.mark.long
@pytest.mark.usefixtures("_keep_programs")
def test_the_quick_part_is_as_the_page_tells():
    told = TOLD[WITHOUT]["tests"]
    only = [test for test in told if test.startswith(QUICK)]
    alone, through = (
        run_tests(sys.executable, QUICK, engine=engine, only=only) for engine in ("none", "auto")
    )
    found = compared(alone, through)
    assert [test for test in only if test not in found] == []
    assert {test: bool(of["differs"]) for test, of in found.items()} == {
        test: bool(told[test]["differs"]) for test in only
    }
    fused = [test for test in only if set(told[test]["by"]) == {FUSED}]
    assert len(fused) > 20
    assert [test for test in fused if set(found[test]["by"]) != {FUSED}] == []
    assert complaints(counts(**found)) == []
