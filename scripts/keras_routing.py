"""A plugin of pytest: each `fit` of Keras's tests goes through `kohort.fit`, and is kept.

    python -m pytest -p scripts.keras_routing --kept FILE --engine auto --pyargs keras.src.models

`scripts.keras_suite` calls it. With `--engine none` Keras's own `fit` trains, from the same seeds
and in the same order of samples, so that the numbers of the two can be compared.
"""

import inspect
import json
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest
from keras.src.backend.jax.trainer import JAXTrainer
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

import kohort
from kohort.runs import fitting
from scripts.keras_suite import ENDED, FUSED, UNSAID

PLAIN: Callable[..., Any] = JAXTrainer.fit
SIGNATURE = inspect.signature(PLAIN)
SEED = 0
RESEED = np.random.seed


class Kept:
    """What the tests did: of each its outcome, why it failed, and each `fit` that it called.

    Args:
        path: The JSON file that is written at the end.
        engine: Of `kohort.fit`; "none" for Keras's own `fit`.
        only: The tests to run; None for all.
    """

    def __init__(self, path: Path, engine: Any, only: set[str] | None) -> None:
        self._path, self._engine, self._only = path, engine, only
        self._tests: dict[str, dict[str, Any]] = {}
        self._fits: list[dict[str, Any]] = []
        self._running: list[Any] = []
        self._left = ""
        self._by = "Keras" if engine == "none" else FUSED

    def fit(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """In the place of `JAXTrainer.fit`."""
        if any(model is running for running in self._running):
            self._fits[-1]["by"] = self._left or UNSAID
            return PLAIN(model, *args, **kwargs)
        kept: dict[str, Any] = {"by": self._by, "raised": "", "numbers": {}}
        self._fits.append(kept)
        self._left = ""
        self._running.append(model)
        try:
            with _generators_restored():
                history = self._trained(model, args, kwargs)
            kept["numbers"] = _numbers(model, history)
        except BaseException as error:
            kept["raised"] = type(error).__name__
            if kept["by"] == FUSED:
                kept["by"] = ENDED + kept["raised"]
            raise
        finally:
            self._running.pop()
        return history

    def _trained(self, model: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if self._engine == "none":
            with _ordered_as_by_kohort():
                return PLAIN(model, *args, **kwargs)
        SIGNATURE.bind(model, *args, **kwargs)  # Keras's complaint about unknown arguments.
        return kohort.fit(model, *args, seed=SEED, engine=self._engine, **kwargs)

    def tell(self, _models: Any, left: dict[int, str]) -> None:
        """Note why models are left to Keras."""
        (self._left,) = left.values()

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Keep the tests that are asked for."""
        if self._only is not None:
            dropped = [item for item in items if item.nodeid not in self._only]
            config.hook.pytest_deselected(items=dropped)
            items[:] = [item for item in items if item.nodeid in self._only]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        """Each test starts from the same numbers in both runs."""
        keras.utils.set_random_seed(SEED)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note how a part of a test ended."""
        test = self._tests.setdefault(report.nodeid, {"outcome": "passed", "why": "", "fits": []})
        test["fits"] += self._fits
        self._fits.clear()
        if report.failed or (report.skipped and test["outcome"] == "passed"):
            test["outcome"] = report.outcome
        if report.failed and not test["why"]:
            crash = getattr(report.longrepr, "reprcrash", None)
            test["why"] = crash.message if crash else str(report.longrepr)

    @pytest.hookimpl
    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        self._path.write_text(json.dumps(self._tests), encoding="utf-8")


@contextmanager
def _generators_restored() -> Iterator[None]:
    """Keras's `fit` draws from the global generators, and `kohort.fit` does not."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def _ordered_as_by_kohort() -> Iterator[None]:
    """Seed orders of samples after the batch that builds the model is drawn: once."""
    build = JAXTrainer._symbolic_build

    def seeded(model: Any, iterator: Any = None, **kwargs: Any) -> None:
        JAXTrainer._symbolic_build = build
        build(model, iterator=iterator, **kwargs)
        adapter = getattr(iterator, "data_adapter", None)
        if isinstance(adapter, ArrayDataAdapter):
            RESEED(SEED)
        elif isinstance(adapter, PyDatasetAdapter):
            random.seed(SEED)

    JAXTrainer._symbolic_build = seeded
    try:
        yield
    finally:
        JAXTrainer._symbolic_build = build


def _numbers(model: Any, history: Any) -> dict[str, Any]:
    """What can be compared of a training: the history, and sums of all variables after it."""
    parts = (model.variables, getattr(model.optimizer, "variables", []), model.metrics_variables)
    return {
        "epochs": list(history.epoch),
        "history": {name: [_sum(value) for value in of] for name, of in history.history.items()},
        "variables": [_sum(np.abs(_array(v))) for part in parts for v in part],
        "stopped": bool(model.stop_training),
    }


def _array(variable: Any) -> Any:
    value = keras.ops.convert_to_numpy(variable.value)
    return value.astype("float64") if value.dtype.kind in "fiubV" else np.zeros(())


def _sum(value: Any) -> float:
    return float(np.sum(np.asarray(value, "float64")))


def pytest_addoption(parser: Any) -> None:
    """The options of this plugin."""
    parser.addoption("--kept", help="where to write what came of the tests")
    parser.addoption("--engine", default="none", help="of kohort.fit, or none")
    parser.addoption("--only", help="a JSON list of the tests to run")


def pytest_configure(config: Any) -> None:
    """Route `fit`, and stand in for the conftest.py that Keras's wheel lacks."""
    only = config.getoption("--only")
    tests = None if only is None else set(json.loads(Path(only).read_text("utf-8")))
    kept = Kept(Path(config.getoption("--kept")), config.getoption("--engine"), tests)
    config.pluginmanager.register(kept)

    def fit(model: Any, *args: Any, **kwargs: Any) -> Any:  # A function becomes a method.
        return kept.fit(model, *args, **kwargs)

    JAXTrainer.fit = fit
    mock.patch.object(fitting, "_tell", kept.tell).start()
    # Data that tests draw without a seed are the same in both runs.
    np.random.seed = lambda seed=None: RESEED(SEED if seed is None else seed)
    for marker in ("requires_trainable_backend", "multi_device"):
        config.addinivalue_line("markers", f"{marker}: of Keras")
    stand_in = ModuleType("conftest")
    stand_in.skip_if_backend = lambda name, reason: pytest.mark.skipif(  # type: ignore[attr-defined]
        keras.backend.backend() == name, reason=reason
    )
    sys.modules["conftest"] = stand_in
