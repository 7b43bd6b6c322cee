"""Study files that define no study."""

import sys

import numpy as np
import pytest

from kohort import Dataset, DesignError
from kohort.cli.study_files import read_study
from kohort.cli.training.search_files import read_search
from tests.doors.refusals import assert_refused

RANDOM = np.random.default_rng(5)
DATA = Dataset(
    RANDOM.normal(size=(40, 5)), np.arange(40) % 3, RANDOM.normal(size=(9, 5)), np.arange(9) % 3
)
HEAD = """
import functools, keras, kohort
from kohort import Holdout, KFold

def build(units=2, loss="sparse_categorical_crossentropy", features=5, classes=3, compiled=True):
    layers = [keras.Input((features,)), keras.layers.Dense(units), keras.layers.Dense(classes)]
    model = keras.Sequential(layers)
    if compiled:
        model.compile("adam", loss, metrics=["accuracy"])
    return model

def made(data, *variants, name="tiny", **options):
    options = {"replicates": Holdout(0.2, 2), "epochs": 2} | options
    return kohort.Study(name, variants or [kohort.Variant("a", build)], data, **options)
"""
LINES = HEAD.count("\n")

TO_RUN = r"expected .*study\.py to run, got "
NO_STUDY = r"'study' in .*study\.py: a kohort\.Study, or a function from a Dataset to one, got "
RAISES = "class Mute(BaseException):\n    def __str__(self):\n        raise ValueError\nraise Mute"
FILES = {
    # Not Python.
    "no Python": ("this is no Python", TO_RUN + "SyntaxError at line 1: invalid syntax"),
    "a bracket left open": ("study = (\n", TO_RUN + "SyntaxError at line 1: .*never closed"),
    "a block missing": ("if 1:\nx = 1", TO_RUN + "IndentationError at line 2"),
    "tabs and blanks": ("if 1:\n\tx = 1\n        y = 2\n", TO_RUN + "TabError at line 3"),
    "brackets without end": ("x = " + "(" * 500 + ")" * 500, "too many nested parentheses"),
    "signs without end": ("x = " + "-" * 100_000 + "1", TO_RUN + "(Memory|Recursion)Error"),
    "a null": (b"x = 1\0", TO_RUN + ".*null bytes"),
    "Latin-1": (b"x = '\xe9'", TO_RUN + r"SyntaxError.*utf-8"),
    "UTF-16": ("study = 1".encode("utf-16"), TO_RUN + "SyntaxError"),
    "an unknown encoding": (b"# coding: nonsense\nx = 1", "unknown encoding: nonsense"),
    "a notebook": (
        '{"cells": [], "metadata": {}, "nbformat": 4}',
        NO_STUDY + "nothing of that name",
    ),
    # It fails.
    "an error": ("x = 1\n1 / 0", TO_RUN + "ZeroDivisionError at line 2: division by zero"),
    "an error of many lines": (r"raise ValueError('a\nb')", TO_RUN + "ValueError at line 1: a;"),
    "an error without words": ("raise ValueError", TO_RUN + "ValueError at line 1; mend the file"),
    "an error of a page": ("raise ValueError('x' * 10**6)", TO_RUN + r"ValueError.*x\.\.\.;"),
    "an error with lines of its own": (
        "import json\n\njson.loads('\\n\\n\\n{')",
        TO_RUN + "JSONDecodeError at line 3",
    ),
    "an error that cannot be told": (RAISES, TO_RUN + "Mute at line 4; mend the file"),
    "several errors": (
        "raise ExceptionGroup('all', [ValueError()])",
        "ExceptionGroup at line 1: all",
    ),
    "an import of nothing": ("import nothing_of_this", "ModuleNotFoundError at line 1: No module"),
    "an import of a missing name": ("from keras import Nothing", "ImportError at line 1"),
    "an end": ("import sys; sys.exit()", TO_RUN + "SystemExit at line 1; mend"),
    "an end with a code": ("exit(0)", TO_RUN + "SystemExit at line 1: 0"),
    "an end with words": ("import sys; sys.exit('bye')", TO_RUN + "SystemExit at line 1: bye"),
    "the end of a generator": ("raise GeneratorExit", TO_RUN + "GeneratorExit at line 1"),
    "an error outside of all": ("class E(BaseException): pass\nraise E('x')", "E at line 2: x"),
    "recursion without end": ("def f(): f()\nf()", TO_RUN + "RecursionError at line 1"),
    "no memory": ("raise MemoryError", TO_RUN + "MemoryError at line 1"),
    # It defines none.
    "nothing in it": ("", NO_STUDY + "nothing of that name; define it at the top level"),
    "another name": ("studies = 1", NO_STUDY + "nothing of that name"),
    "a search": (
        "search = 1",
        NO_STUDY + "nothing of that name; it defines 'search', which kohort",
    ),
    "none": ("study = None", NO_STUDY + "nothing of that name"),
    "a number": ("study = 5", NO_STUDY + "int"),
    "a text": ("study = 'letters'", NO_STUDY + "str"),
    "a list": ("study = []", NO_STUDY + "list"),
    "a module": ("import keras as study", NO_STUDY + "module"),
    # Its function gives none.
    "a function of nothing": ("def study(): pass", "a kohort.Study .*got NoneType; return a St"),
    "a function of two": ("def study(a, b): pass", TO_RUN + "TypeError: .*missing 1 required"),
    "a function to nothing": (
        "def study(data): pass",
        "a kohort.Study .*got NoneType; return a St",
    ),
    "a function to its data": ("def study(data): return data", "got Dataset; return a Study"),
    "a function to a plan": ("def study(data): return [data]", "got list; return a Study"),
    "a generator": ("def study(data): yield 1", "got generator; return a Study"),
    "a class": ("class study: pass", "got study; return a Study"),
    "a class of another kind": (
        "class study:\n    def __init__(self, data): pass",
        "got study; return a Study",
    ),
    "a function that fails": ("def study(data):\n    return data.x", "AttributeError at line 2"),
    "a function that ends all": ("def study(data): exit(3)", TO_RUN + "SystemExit at line 1: 3"),
    "a function without end": ("def study(data): return study(data)", "RecursionError at line 1"),
}


@pytest.mark.parametrize("case", FILES)
def test_refuses_a_file(case, tmp_path):
    content, told = FILES[case]
    path = tmp_path / "study.py"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert_refused(lambda: read_study(str(path), DATA), told, tmp_path)


def test_a_search_or_a_study_that_is_named_is_told_the_command_that_takes_it(tmp_path):
    path = tmp_path / "study.py"
    rows = "([[0.0], [1.0]] * 9, [0, 1] * 9)"
    path.write_text(
        "import kohort, numpy as np\n"
        "build = lambda units=2: None\n"
        f"data = tuple(map(np.array, {rows}))\n"
        "wide = kohort.Search('s', build, {'units': [2, 4]}, data, trials=2, epochs=1)\n"
        "plain = kohort.Study('p', [kohort.Variant('a', build)], data,\n"
        "    replicates=kohort.KFold(2), epochs=1)\n"
    )
    with pytest.raises(DesignError, match="got Search; kohort search takes it"):
        read_study(f"{path}::wide", None)
    with pytest.raises(DesignError, match="got Study; kohort run takes it"):
        read_search(f"{path}::plain", None, trials=None, epochs=None)


def test_a_module_beside_a_file_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_it.py").write_text("EPOCHS = 7\n")
    made = "def study(data): return kohort.Study('s', [kohort.Variant('a', print)], data, "
    made += "replicates=kohort.KFold(2), epochs=EPOCHS)"
    (tmp_path / "study.py").write_text(f"import kohort\nfrom beside_it import EPOCHS\n{made}\n")
    assert read_study(str(tmp_path / "study.py"), DATA).epochs == 7
    assert sys.path[-1] == str(tmp_path), "it hides no other module"


def variants(*given):
    return f"study = lambda data: made(data, {', '.join(given)})"


def settings(given):
    return f"study = lambda data: made(data, {given})"


def build(body):
    """A study of a build function."""
    return f"def own():\n    {body}\n" + variants("kohort.Variant('a', own)")


def arguments(given):
    return variants(f"kohort.Variant('a', build, {given})")


NAMES = "variants with names of their own, got "
FROM_BUILD = "from the build function of variant 'a', got "
TAKES = r"variant 'a' to take inputs \(5,\) and targets \(\) int32, got "
COUNTS = "a batch size and epochs of 1 or more, got "
STUDIES = {
    # Variants.
    "no variants": (
        "study = lambda d: kohort.Study('s', [], d, replicates=KFold(2), epochs=1)",
        "a list of at least one variant, got none; give kohort.Variant",
    ),
    "one variant in no list": (
        "study = lambda d: kohort.Study('', kohort.Variant('a', print), d, replicates=3, epochs=1)",
        "a list of variants, got Variant",
    ),
    "variants that are none": (
        variants("build"),
        r"each variant as a kohort.Variant, got 'build'; give kohort.Variant\('name', build\)",
    ),
    "a model as variant": (variants("build()"), "each variant as a kohort.Variant"),
    "names twice": (variants(*["kohort.Variant('a', build)"] * 2), NAMES + r"\['a', 'a'\]"),
    "an empty name": (variants("kohort.Variant('', build)"), NAMES),
    "a blank name": (variants("kohort.Variant(' ', build)"), NAMES),
    "a number as name": (variants("kohort.Variant(5, build)"), NAMES + r"\[5\]"),
    "half a character as name": (variants(r"kohort.Variant('\udcff', build)"), NAMES),
    "a grid without axes": (variants("*kohort.grid(build, units=2)"), "an axis at least"),
    "a grid of nothing": (variants("*kohort.grid(build, units=[])"), "an axis at least"),
    # Build functions.
    "it raises": (
        build("raise ValueError('no')"),
        FROM_BUILD + "ValueError: no; mend the function",
    ),
    "it ends all": (build("raise SystemExit(4)"), FROM_BUILD + "SystemExit: 4"),
    "it recurses": (build("return own()"), FROM_BUILD + "RecursionError"),
    "it returns nothing": (build("pass"), FROM_BUILD + r"NoneType; call model\.compile"),
    "it returns a layer": (build("return keras.layers.Dense(3)"), FROM_BUILD + "Dense"),
    "it does not compile": (arguments("compiled=False"), FROM_BUILD + "Sequential, not compiled"),
    "it takes no such argument": (
        arguments("depth=2"),
        r"arguments that the build function takes \(.*\), got 'depth' in variant",
    ),
    "it lacks an argument": (
        "def own(depth): return build()\n" + variants("kohort.Variant('a', own)"),
        "a value in variant 'a' for 'depth', which the build function needs, got none",
    ),
    "it is none": (
        variants("kohort.Variant('a', None)"),
        "a function that builds the model of variant 'a', got None",
    ),
    "it is partial and fails": (
        variants("kohort.Variant('a', functools.partial(build, units=0))"),
        FROM_BUILD + "ValueError: .*units=0",
    ),
    # Models.
    "a layer of no units": (arguments("units=0"), FROM_BUILD + "ValueError: .*units=0"),
    "inputs of another width": (arguments("features=7"), TAKES + ".*(7|incompatible|Invalid)"),
    "an output too few": (
        arguments("classes=2"),
        r"output for each of 3 classes, got .*\(None, 2\)",
    ),
    "one output": (arguments("classes=1"), "an output for each of 3 classes"),
    "an unknown loss": (arguments("loss='none such'"), TAKES + ".*none such"),
    "a loss of other targets": (
        arguments("loss='categorical_crossentropy'"),
        TAKES + ".*same shape",
    ),
    # Settings.
    "no epochs": (settings("epochs=0"), COUNTS + r"\[32, 0\]; use whole numbers"),
    "epochs as text": (settings("epochs='3'"), COUNTS),
    "half an epoch": (settings("epochs=1.5"), COUNTS),
    "epochs of nothing": (settings("epochs=None"), COUNTS),
    "epochs without end": (
        settings("epochs=10**12"),
        "at most 1,000,000 epochs, got 1,000,000,000,0",
    ),
    "epochs of another variant": (
        settings("epochs={'b': 1}"),
        r"the variants \['a'\], got .*\['b'\]",
    ),
    "epochs of names of all kinds": (
        settings("epochs={'b': 1, 2: 3}"),
        r"got epochs for \['b', 2\]",
    ),
    "no batch": (settings("batch_size=0"), COUNTS),
    "a batch as text": (settings("batch_size='32'"), COUNTS),
    "a negative seed": (settings("seed=-1"), "a seed of 0 or more, got -1"),
    "a seed as text": (settings("seed='x'"), "a seed of 0 or more, got 'x'"),
    "confidence of all": (settings("confidence=1"), "a confidence between 0 and 1, got 1"),
    "confidence of none": (settings("confidence=float('nan')"), "between 0 and 1, got nan"),
    "confidence as text": (settings("confidence='95%'"), "confidence as a number, got '95%'"),
    "no margin": (settings("margin=0"), "a margin above 0, got 0"),
    "a margin as text": (settings("margin='a'"), "margin as a number, got 'a'"),
    "a metric as Keras logs it": (
        settings("metric='val_accuracy'"),
        "leave val_ out, metric='accuracy'",
    ),
    "an unknown metric": (settings("metric='f1'"), "a metric that all variants are compiled with"),
    "a metric as a number": (settings("metric=5"), "a metric that all variants are compiled with"),
    "an unknown mode": (settings("mode='up'"), "'auto', 'min' or 'max', got 'up'"),
    "sizes above all": (settings("sizes=(2,)"), "between 0 and 1, got"),
    "sizes as a number": (settings("sizes=0.5"), "sizes as a list of numbers, got 0.5"),
    "sizes as text": (settings("sizes='half'"), "sizes as a list of numbers, got 'half'"),
    "sizes of a variant as a number": (settings("sizes={'a': 1}"), "sizes as a list of numbers"),
    "sizes of another variant": (settings("sizes={'b': (0.5,)}"), r"got sizes for \['b'\]"),
    "callbacks that are none": (settings("callbacks=[5]"), r"callbacks of Keras, got \[5\]"),
    "callbacks as a number": (settings("callbacks=5"), "callbacks of Keras, got 5"),
    "an empty name of the study": (settings("name=''"), "a name of the study as text, got ''"),
    "a number as name of the study": (settings("name=5"), "a name of the study as text, got 5"),
    "replicates as a number": (settings("replicates=5"), "replicates as a kohort.Holdout | KFold"),
    "nothing held out": (settings("replicates=Holdout(0)"), "a fraction between 0 and 1, got 0"),
    "a part as text": (settings("replicates=Holdout('a')"), "a fraction between 0 and 1, got 'a'"),
    "no repeats": (settings("replicates=Holdout(0.1, 0)"), "repeats from 1 to 10,000, got 0"),
    "repeats without end": (
        settings("replicates=Holdout(0.1, 10**9)"),
        "from 1 to 10,000, got 1,000",
    ),
    "one fold": (settings("replicates=KFold(1)"), "folds from 2 to 10,000, got 1"),
    "folds without end": (settings("replicates=KFold(10**9)"), "folds from 2 to 10,000"),
    "half a fold": (settings("replicates=KFold(2.5)"), "folds from 2 to 10,000, got 2.5"),
    "more folds than samples": (
        settings("replicates=KFold(41)"),
        "each of the 41 folds, got 40 group",
    ),
    "a race of one variant": (
        settings("replicates=kohort.Race(Holdout(0.2, 8), looks=2)"),
        "two variants or more for a race, got a; give another one",
    ),
    "a race with a first look above all": (
        settings("replicates=kohort.Race(Holdout(0.2, 3))"),
        "first from 2 to the 3 repeats, got 4",
    ),
    "a race of more looks than folds": (
        settings("replicates=kohort.Race(KFold(5), first=3)"),
        "2 to 3 looks at 5 folds, of which 3 come first, got 5",
    ),
    "too small a part": (
        settings("replicates=Holdout(0.001)"),
        "40 training samples, of which 0 validate",
    ),
}


@pytest.mark.parametrize("case", STUDIES)
def test_refuses_a_study(case, tmp_path):
    content, told = STUDIES[case]
    path = tmp_path / "study.py"
    path.write_text(HEAD + content)
    assert_refused(lambda: read_study(str(path), DATA).plan(), told, tmp_path)


def test_a_whole_study_is_planned(tmp_path):
    path = tmp_path / "study.py"
    path.write_text(HEAD + variants("kohort.Variant('a', functools.partial(build, units=3))"))
    study = read_study(str(path), DATA)
    assert study.plan().variant_names == ("a",)
    assert "functools.partial" in repr(study.variants[0])


def test_a_class_that_has_a_name_and_no_samples_needs_no_output(tmp_path):
    arrays = (DATA.x_train, DATA.y_train, DATA.x_test, DATA.y_test)
    (tmp_path / "study.py").write_text(HEAD + settings(""))
    named = Dataset(*arrays, class_names=["a", "b", "c", "never seen"])
    assert read_study(str(tmp_path / "study.py"), named).plan()


def test_an_error_of_a_file_beside_it_is_not_told_as_its_own(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_beside.py").write_text("\n\n\n\n\n\n\n(")
    (tmp_path / "study.py").write_text("x = 1\nimport broken_beside\n")
    told = "SyntaxError at line 2: .*never closed"
    assert_refused(lambda: read_study(str(tmp_path / "study.py"), DATA), told)
