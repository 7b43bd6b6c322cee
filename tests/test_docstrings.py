"""Every public name has an example in its docstring; each runs, and prints what it shows."""

import doctest
import inspect
from functools import cached_property

import keras
import numpy as np
import pytest

import kohort
from kohort.data.cleaning.applying import cleaned
from kohort.runs.searches.search_result import SearchResult
from kohort.sklearn import KohortClassifier, KohortRegressor
from tests.data.cleaning.test_decisions import decision

NAMES = [getattr(kohort, name) for name in kohort.__all__]
CLASSES = [public for public in NAMES if inspect.isclass(public)]


def described(member):
    """The function that holds the docstring of a method or property; None for other members."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, cached_property):
        return member.func
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    return member if inspect.isfunction(member) else None


def public_members(public):
    """The public methods and properties that a class of kohort has, by name."""
    bases = [base for base in reversed(public.__mro__) if base.__module__.startswith("kohort.")]
    members = {name: described(member) for base in bases for name, member in vars(base).items()}
    return {n: function for n, function in members.items() if function and n[0] != "_"}


DESCRIBED = dict(zip(kohort.__all__, NAMES, strict=True)) | {
    f"{public.__name__}.{name}": function
    for public in CLASSES
    for name, function in public_members(public).items()
}
# Of the extra for scikit-learn, with what is kohort's.
for estimator in (KohortClassifier, KohortRegressor):
    DESCRIBED |= {estimator.__name__: estimator} | {
        f"{estimator.__name__}.{name}": function
        for name, function in public_members(estimator).items()
    }
# What `Search.run` returns has these beside what a Result has.
DESCRIBED |= {
    f"SearchResult.{name}": function
    for name, member in vars(SearchResult).items()
    if name[0] != "_" and (function := described(member))
}


def examples(name):
    """The examples of one docstring as a test of doctest's."""
    finder = doctest.DocTestFinder(recurse=False)
    (test,) = finder.find(DESCRIBED[name], name, globs={})
    return test


def build(units, learning_rate=0.03):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(units, "tanh"),
            keras.layers.Dense(5, "softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What examples may use: five far clouds of points, of which one unit tells some apart."""
    random = np.random.default_rng(0)
    y = random.integers(0, 5, 300)
    x = random.normal(size=(300, 5)) + 6 * np.eye(5)[y]
    data = kohort.Dataset(x[:240], y[:240], x[240:], y[240:], name="points", class_names="abcde")
    study = study_on(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("examples"))
        result = study.run("kohort.db", verbose=0)
        given = {"kohort": kohort, "keras": keras, "np": np, "data": data, "build": build}
        given["clean"] = study_on(clean_part(data)).run(verbose=0)
        search = small_search(data)
        given |= {"study": study, "result": result, "raced": raced_result(data)}
        yield given | {"search": search, "proved": search.run(verbose=0, confirm=2)}


def study_on(data):
    return kohort.Study(
        "width",
        kohort.grid(build, units=[1, 16]),
        data,
        replicates=kohort.Holdout(fraction=0.25, repeats=3),
        epochs=2,
        batch_size=10,
        sizes={"units=16": [0.5]},
    )


def clean_part(data):
    """The data without ten samples, as `kohort data clean` leaves them out."""
    return cleaned(data, [decision(data, sample, "leave out") for sample in range(10)])


def small_search(data):
    return kohort.Search(
        "rate and width",
        build,
        {"units": [4, 16], "learning_rate": kohort.Range(1e-3, 0.1, log=True)},
        data,
        trials=6,
        epochs=4,
        batch_size=20,
    )


def raced_result(data):
    """The same two variants in a race."""
    race = kohort.Race(kohort.Holdout(fraction=0.25, repeats=4), first=3, looks=2)
    variants = kohort.grid(build, units=[1, 16])
    return kohort.Study("race", variants, data, replicates=race, epochs=2, batch_size=10).run(
        verbose=0
    )


@pytest.mark.long
@pytest.mark.parametrize("name", DESCRIBED)
def test_examples_print_what_they_show(name, names):
    test, told = examples(name), []
    test.globs = dict(names)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    failed, _ = runner.run(test, out=told.append)
    assert not failed, "".join(told)


def test_every_public_name_has_an_example_that_shows_its_output():
    without = [n for n in DESCRIBED if not any(shown.want for shown in examples(n).examples)]
    assert not without


def test_every_example_is_under_its_heading():
    for name, function in DESCRIBED.items():
        assert "Example:" in inspect.getdoc(function), name
