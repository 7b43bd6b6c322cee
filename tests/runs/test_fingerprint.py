"""What of a build function must stay as it was for its study to go on."""

import importlib.util

import pytest

import kohort
from kohort.runs.fingerprint import code_of

BUILD = """
import keras

def build(units):
    hidden = keras.layers.Dense(units, "relu")
    model = keras.Sequential([keras.Input((5,)), hidden, keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def callbacks(variant, replicate):
    return [keras.callbacks.TerminateOnNaN()]
"""
TOLD = BUILD.replace(
    "(units):\n",
    '(units):\n    """Builds a small one."""\n    # as wide as\n    # you like\n\n',
).replace("replicate):\n", "replicate):  # for each member\n")
LAID_OUT = BUILD.replace("Dense(units, ", "Dense(\n        units,\n        ")
SAID_OTHERWISE = BUILD.replace("    return model", "    built = model\n    return built")
OTHER_SEED = BUILD.replace("    hidden", "    keras.random.normal((2,))\n    hidden", 1)
OTHER_CALLBACKS = BUILD.replace("TerminateOnNaN()]", "TerminateOnNaN()] * 1")


@pytest.fixture
def run(blobs, tmp_path):
    """Runs the study of a file with this text, in one store."""
    numbers = iter(range(9))

    def study(text):
        path = tmp_path / f"text{next(numbers)}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return kohort.Study(
            "told", kohort.grid(module.build, units=[4]), blobs, batch_size=50, epochs=1,
            replicates=kohort.Holdout(0.2, 2), callbacks=module.callbacks,
        ).run(tmp_path / "kohort.db", verbose=0)  # fmt: skip

    return study


@pytest.mark.long
def test_comments_docstrings_and_layout_may_change(run):
    first = run(BUILD)
    for text in (TOLD, LAID_OUT, BUILD):
        assert text == BUILD or code_of(text) == code_of(BUILD) != ""
        assert run(text).curves().equals(first.curves())


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SAID_OTHERWISE, "its build function"),
        (OTHER_SEED, "its build function"),
        (OTHER_CALLBACKS, "the callbacks"),
    ],
    ids=["said otherwise", "other random numbers", "callbacks"],
)
def test_code_may_not_also_where_the_model_is_configured_alike(run, text, told):
    run(BUILD)
    with pytest.raises(kohort.StoreError, match=told):
        run(text)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("def f():\n  'a'\n  return 1", "    def f():\n        return (1)  # one", True),
        ("class A:\n  'a'\n  def f(self):\n    'b'", "class A:\n  def f(self):\n    'c'", True),
        ("def f():\n  return 'a'", "def f():\n  return 'b'", False),
        ("def f():\n  x = 1\n  'a'", "def f():\n  x = 1\n  'b'", False),
        ("def f(): return 1", "def g(): return 1", False),
        ("Variant('a', lambda: 1),  # one", "Variant('a', lambda: 1),", True),
        ("build=lambda: f(1)),  # one", "build=lambda: f(1)),", False),
        ("", "", True),
    ],
    ids=["layout", "nested", "texts", "no docstring", "names", "a lambda", "a part", "none"],
)
def test_what_a_source_says(one, other, alike):
    assert (code_of(one) == code_of(other)) == alike
