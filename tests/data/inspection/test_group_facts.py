"""What suggests that samples belong together."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.copies import find_copies
from kohort.data.inspection.group_facts import group_columns, group_facts
from tests.data.inspection.test_copy_facts import images


def facts_of(data):
    return group_facts(data, find_copies(data))


def patients(seed=0):
    """Rows of 40 patients, five each: a number, a year of birth, a visit, and two measurements."""
    random = np.random.default_rng(seed)
    number = np.repeat(np.arange(40), 5)
    born = random.integers(1930, 2000, 40)[number]
    visit = np.tile(np.arange(5), 40)
    return np.column_stack([number, born, visit, random.normal(size=(200, 2))])


def test_groups_on_both_sides_are_counted():
    x = np.random.default_rng(0).normal(size=(9, 2))
    sides = (x[:5], np.arange(5) % 2, x[5:], np.arange(4) % 2)
    facts = facts_of(kohort.Dataset(*sides, groups=list("aabbc"), test_groups=list("dbbc")))
    assert (facts.across, facts.across_groups, facts.fewer) == (3, 2, 3)
    # A negative number says nothing of what belongs together.
    numbers = {"groups": np.array([-1, 0, 0, 1, 1]), "test_groups": np.array([-1, -1, 2, 1])}
    facts = facts_of(kohort.Dataset(*sides, **numbers))
    assert (facts.across, facts.across_groups, facts.fewer) == (1, 1, 3)
    assert facts_of(kohort.Dataset(*sides, groups=list("aabbc"))).across is None


def test_a_column_of_patients_fixes_their_year_of_birth():
    data = kohort.Dataset(patients(), np.arange(200) % 2)
    assert group_columns(data) == ("column 0",)


@pytest.mark.parametrize("shape", [(200,), (200, 1)])
def test_a_column_of_patients_fixes_what_is_to_be_predicted(shape):
    x = patients()
    x[:, 1] = np.random.default_rng(1).integers(1930, 2000, 200)
    ill = np.random.default_rng(2).integers(0, 2, int(x[:, 0].max()) + 1)
    assert group_columns(kohort.Dataset(x, ill[x[:, 0].astype(int)].reshape(shape))) == (
        "column 0",
    )


def test_the_words_of_texts_are_no_groups():
    word = np.random.default_rng(0).integers(2, 12, 200)
    words = np.stack([word, word % 3, word // 2], axis=1)
    told = np.arange(200) % 2
    assert group_columns(kohort.Dataset(words, told)) == ()
    measured = np.column_stack([words, word / 7])
    assert "column 0" in group_columns(kohort.Dataset(measured, told))


def test_whole_numbers_that_fix_nothing_are_no_groups():
    x = patients()
    x[:, 1] = np.random.default_rng(1).integers(1930, 2000, 200)
    assert group_columns(kohort.Dataset(x, np.arange(200) % 2)) == ()


def test_a_column_that_fixes_none_but_constant_ones_is_none():
    x = patients()
    x[:, 1] = 7
    assert group_columns(kohort.Dataset(x, np.arange(200) % 2)) == ()


def test_wide_tables_are_not_searched():
    x = np.column_stack([patients(), np.zeros((200, 252))])
    assert group_columns(kohort.Dataset(x[:, :256], np.arange(200) % 2)) == ("column 0",)
    assert group_columns(kohort.Dataset(x, np.arange(200) % 2)) == ()


def test_a_column_with_a_number_for_each_row_is_none():
    x = patients()
    x[:, 0] = np.arange(200)
    data = kohort.Dataset(x, np.arange(200) % 2)
    assert "column 0" not in group_columns(data)


def test_columns_are_not_looked_for_in_images_or_where_groups_are_given():
    pixels = kohort.Dataset(images(20).reshape(20, 64), np.arange(20) % 2)
    assert group_columns(pixels) == ()
    x = patients()
    given = kohort.Dataset(x, np.arange(200) % 2, groups=x[:, 0].astype(int))
    assert facts_of(given).columns == ()
    assert facts_of(given).given


def test_copies_are_counted_outside_their_group():
    x = images(30)
    x[1], x[6], x[9] = x[0], x[5], x[8] ^ 1
    y = np.arange(30) % 2
    assert facts_of(kohort.Dataset(x, y)).copied == 6
    groups = np.arange(30)
    groups[1] = 0
    assert facts_of(kohort.Dataset(x, y, groups=groups)).copied == 4
    groups[9] = groups[8]
    assert facts_of(kohort.Dataset(x, y, groups=groups)).copied == 2
    groups[6] = -1
    assert facts_of(kohort.Dataset(x, y, groups=groups)).copied == 0


def test_the_part_is_of_all_training_samples():
    x = images(40)
    x[1] = x[0]
    assert facts_of(kohort.Dataset(x, np.arange(40) % 2)).percent == 5.0


@pytest.mark.parametrize("form", ["{}", "p{}"], ids=["numbers", "text"])
def test_patients_of_a_table_are_seen_in_numbers_and_in_text(form):
    """Text became an input of 0 and 1 for each, of which none numbers anything by itself."""
    number, born, visit, *_ = patients().T
    frame = pd.DataFrame(
        {
            "patient": [form.format(int(n)) for n in number],
            "born": born,
            "visit": visit,
            "ward": np.where(np.arange(200) % 3, "A", "B"),
            "ill": np.arange(200) % 2,
        }
    )
    frame.loc[::50, "ward"] = None
    if form == "{}":
        frame["patient"] = number
    data = kohort.Dataset.from_frame(frame, target="ill", test=0)
    assert group_columns(data) == ("patient",)


def test_patients_of_too_many_texts_for_inputs_are_seen():
    number = np.repeat(np.arange(120), 3)
    born = np.random.default_rng(0).integers(1930, 2000, 120)[number]
    patient = [f"p{n}" for n in number]
    frame = pd.DataFrame({"patient": patient, "born": born, "ill": np.arange(360) % 2})
    data = kohort.Dataset.from_frame(frame, target="ill", test=0.25)
    assert data.feature_names == ("born",)
    assert group_columns(data) == ("patient",)
    # Rows are found by their place in the table, also where some are left out.
    kept = np.flatnonzero(data.source_rows[: len(data.x_train)] < 270)
    sides = {"x_train": data.x_train[kept], "y_train": data.y_train[kept]}
    rows = np.concatenate([data.source_rows[kept], data.source_rows[len(data.x_train) :]])
    assert group_columns(replace(data, **sides, source_rows=rows)) == ("patient",)
    # One that fixes nothing numbers no groups.
    frame["born"] = np.random.default_rng(1).normal(size=360).round(1)
    assert group_columns(kohort.Dataset.from_frame(frame, target="ill", test=0)) == ()


@pytest.mark.parametrize("form", ["numbers", "text"])
@pytest.mark.parametrize("target", ["number", "class"])
def test_a_column_whose_values_tell_most_of_the_target_may_number_groups(form, target):
    """Persons, of whom nothing else is known, and a target that is mostly theirs."""
    random = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 12)
    level = random.normal(0, 4, 40)[person] + random.normal(size=480)
    y = level if target == "number" else np.where(level > 0, "ill", "well")
    named = person if form == "numbers" else [f"P{number:03}" for number in person]
    frame = pd.DataFrame({"person": named, "t": random.normal(size=480), "y": y})
    frame = frame.sample(frac=1, random_state=0)
    assert facts_of(kohort.load(frame, target="y", test=0)).columns == ("person",)
    chance = frame.assign(y=random.permutation(frame["y"]))
    assert facts_of(kohort.load(chance, target="y", test=0)).columns == ()


def test_a_number_that_the_target_is_a_function_of_numbers_no_groups():
    random = np.random.default_rng(0)
    age = random.integers(18, 80, 600)
    for y in (age + 5 * random.normal(size=600), 5 * np.sin(age / 6) + random.normal(size=600)):
        frame = pd.DataFrame({"age": age, "t": random.normal(size=600), "y": y})
        assert facts_of(kohort.load(frame, target="y", test=0)).columns == ()
