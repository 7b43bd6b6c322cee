"""Finding copies of training samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.data import copies
from kohort.data.checking import CENTRED
from kohort.data.copies import find_copies
from kohort.data.dataset import Dataset
from kohort.data.nearness import neighbours
from kohort.data.nearness.chance import principal_axes
from kohort.data.nearness.equal_rows import may_be_chance
from kohort.data.nearness.neighbours import NEIGHBOURS
from kohort.data.readers.images import load_images

lawful = settings(derandomize=True)


def data(x_train, x_test, **options):
    return Dataset(
        x_train, np.zeros(len(x_train), int), x_test, np.zeros(len(x_test), int), **options
    )


def images(n, seed=0, shape=(8, 8)):
    """Unrelated images `[n, *shape]`, uint8, with room to add and subtract a few levels."""
    return np.random.default_rng(seed).integers(10, 240, (n, *shape)).astype(np.uint8)


def off_by(levels, image):
    """The image with one pixel off."""
    changed = image.copy()
    changed.flat[5] += levels
    return changed


def rounded(image):
    """The image in 32 grey levels and not 256."""
    return image // 8 * 8 + 4


def as_floats(x):
    return x.astype(np.float32) / 255 - 0.5


KINDS = {
    "images": lambda x: (x, {}),
    "images with channels": lambda x: (x.reshape(-1, 4, 4, 4), {}),
    "flat pixels": lambda x: (x.reshape(-1, 64), {}),
    "float pixels": lambda x: (as_floats(x), {}),
    "flat float pixels": lambda x: (as_floats(x).reshape(-1, 64), {"pixels": CENTRED}),
    "floats of 0 to 255": lambda x: (x.astype(np.float32), {}),
    "a table": lambda x: (as_floats(x).reshape(-1, 64) * np.logspace(-6, 6, 64), {}),
    "Fortran's order": lambda x: (np.asfortranarray(x), {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_exact_and_near_copies_are_told_from_unrelated_samples(kind):
    train = images(50)
    planted = [train[3], off_by(4, train[7]), rounded(train[9]), *images(6, seed=1)]
    x, options = KINDS[kind](np.stack([*train, *planted]))

    found = find_copies(data(x[:50], x[50:], **options))

    assert found.near_sought
    assert found.test_exact.tolist() == [True] + 8 * [False]
    assert found.test.tolist() == 3 * [True] + 6 * [False]
    assert found.pattern.tolist() == list(range(50))
    assert found.near.tolist() == []


def test_a_moved_image_is_no_copy():
    smooth = np.cumsum(np.cumsum(images(50).astype(float) - 124, axis=1), axis=2)
    train = (smooth / np.abs(smooth).max() * 120 + 128).astype(np.uint8)

    assert not find_copies(data(train, np.roll(train, 1, axis=2))).test.any()


def test_training_copies_are_counted_between_parts():
    x = images(60)
    x[1], x[2], x[3] = x[0], off_by(3, x[0]), x[59]
    found = find_copies(data(x, images(1, seed=1)))

    assert found.near.tolist() == [[0, 1]]
    assert found.count_between(np.array([0, 1, 3, 4]), np.arange(10, 60)) == 1
    assert found.count_between(np.array([0, 1, 3, 4]), np.array([2, 5])) == 2
    assert found.count_between(np.array([2]), np.array([1])) == 1
    assert found.count_between(np.arange(4, 59), np.array([0, 1, 2, 3, 59])) == 0
    assert found.count_between(np.array([], int), np.arange(60)) == 0


ORIGINALS = images(5, seed=2)
UNRELATED = images(40, seed=3)
# An original, and by how much a pixel of it is off.
SAMPLES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=25)


@pytest.mark.long
@lawful
@given(train=SAMPLES, test=SAMPLES, seed=st.integers(0, 2**32 - 1))
def test_copies_are_those_that_comparing_all_pairs_finds(train, test, seed):
    x_train = np.stack([*UNRELATED, *(off_by(by, ORIGINALS[which]) for which, by in train)])
    x_test = np.stack([off_by(by, ORIGINALS[which]) for which, by in test])
    rows, others = np.split(np.random.default_rng(seed).permutation(len(x_train)), [20])

    found = find_copies(data(x_train, x_test))

    def equal(one, other):
        return (one[:, None] == other).all(axis=(2, 3))

    def alike(one, other):
        # Unrelated images differ by 94 on average, a pixel off by 3 of 64 is 0.4.
        apart = one[:, None].astype(float) - other
        return np.sqrt((apart**2).mean(axis=(2, 3))) < 1

    assert np.array_equal(found.test_exact, equal(x_test, x_train).any(axis=1))
    assert np.array_equal(found.test, alike(x_test, x_train).any(axis=1))
    assert np.array_equal(found.pattern[:, None] == found.pattern, equal(x_train, x_train))
    between = alike(x_train[rows], x_train[others]).any(axis=1).sum()
    assert found.count_between(rows, others) == between


@lawful
@given(
    rows=st.lists(st.tuples(*[st.sampled_from([-1.0, -0.0, 0.0, 0.5])] * 2), min_size=2),
    cut=st.integers(1, 3),
)
def test_exact_copies_are_equal_as_numbers(rows, cut):
    cut = min(cut, len(rows) - 1)
    found = find_copies(data(np.array(rows[:cut]), np.array(rows[cut:])))

    assert not found.near_sought
    assert found.test.tolist() == [row in rows[:cut] for row in rows[cut:]]
    expected = sum(row in rows[1:cut] for row in rows[:1])
    assert found.count_between(np.arange(1), np.arange(1, cut)) == expected


def test_more_copies_than_neighbours_are_all_counted():
    random = np.random.default_rng(4)
    many = 4 * NEIGHBOURS
    noisy = UNRELATED[0] + random.integers(0, 4, (2 * many, 8, 8)).astype(np.uint8)
    found = find_copies(data(np.concatenate([UNRELATED, noisy[:many]]), noisy[many:]))

    assert found.test.all()
    assert not found.test_exact.any()
    rows = 40 + random.permutation(many)
    assert found.count_between(rows[: many // 2], rows[many // 2 :]) == many // 2


def test_a_crowd_is_found_by_a_part_of_it(monkeypatch):
    monkeypatch.setattr(neighbours, "CROWD", 64)
    random = np.random.default_rng(5)
    crowd = UNRELATED[0] + random.integers(0, 4, (300, 8, 8)).astype(np.uint8)
    train = np.concatenate([crowd, images(600, seed=6)])
    test = np.stack([off_by(2, crowd[7]), off_by(2, train[800]), *images(3, seed=7)])

    found = find_copies(data(train, test))

    assert found.test.tolist() == [True, True, False, False, False]
    assert len(np.unique(found.near)) == 300
    assert found.near.max() < 300
    assert found.count_between(np.arange(50), np.arange(50, 900)) == 50


def test_a_picture_repeated_many_times_is_one_pattern():
    blank = np.zeros((3000, 8, 8), np.uint8)
    train = np.concatenate([blank, images(50)])
    found = find_copies(data(train, np.stack([blank[0], off_by(3, blank[0]), images(1, 1)[0]])))

    assert found.test.tolist() == [True, True, False]
    assert found.test_exact.tolist() == [True, False, False]
    assert found.pattern.max() == 50
    assert found.near.tolist() == []
    assert found.count_between(np.arange(100), np.arange(2990, 3050)) == 100


def test_training_samples_that_are_all_equal_have_exact_copies_only():
    blank = np.zeros((9, 8, 8), np.uint8)
    found = find_copies(data(blank, np.stack([blank[0], blank[0] + 1])))

    assert not found.near_sought
    assert found.test.tolist() == [True, False]
    assert found.count_between(np.arange(4), np.arange(4, 9)) == 4


def test_token_ids_that_are_near_are_not_alike():
    tokens = np.random.default_rng(0).integers(0, 30_000, (100, 50))
    other = tokens[1] + (np.arange(50) == 7)
    found = find_copies(data(tokens, np.stack([tokens[0], other])))

    assert not found.near_sought
    assert found.test.tolist() == [True, False]


def table(n, columns, seed=0):
    """Unrelated rows whose columns have scales from a millionth to a million."""
    return np.random.default_rng(seed).normal(size=(n, columns)) * np.logspace(-6, 6, columns)


def test_each_column_of_a_table_counts_in_its_own_unit():
    train = table(500, 20)
    near, far = train[0] * 1.001, train[1].copy()
    far[0] += 2e-6  # two standard deviations of the least column
    found = find_copies(data(train, np.stack([near, far])))

    assert found.near_sought
    assert found.test.tolist() == [True, False]


@pytest.mark.parametrize("columns", [1, 3, 6])
def test_rows_of_few_columns_are_near_by_chance(columns):
    train = table(500, columns)
    found = find_copies(data(train, np.stack([train[0], train[1] * 1.001])))

    assert not found.near_sought
    assert found.test.tolist() == [True, False]


def test_neither_columns_that_follow_others_nor_categories_make_near_copies_mean_more():
    few = table(500, 3)
    categories = np.random.default_rng(1).integers(0, 2, (500, 30)) - 0.5
    for x in (np.tile(few, 10), np.hstack([few, categories])):
        assert not find_copies(data(x[:400], x[400:])).near_sought


def test_a_constant_column_of_a_table_tells_a_sample_that_differs_in_it():
    train = table(500, 20)
    train[:, 19] = 7
    other = train[1].copy()
    other[19] = 8
    found = find_copies(data(train, np.stack([train[0] * (np.arange(20) < 19), other])))

    assert found.near_sought
    assert not found.test.any()


def test_the_order_of_samples_does_not_matter():
    train = images(60)
    test = np.stack([train[3], *images(5, seed=1), off_by(3, train[9]), train[3]])
    order = np.random.default_rng(0).permutation(len(test))

    one, other = find_copies(data(train, test)), find_copies(data(train, test[order]))

    assert np.array_equal(one.test[order], other.test)
    assert np.array_equal(one.test_exact[order], other.test_exact)
    assert np.array_equal(one.test, find_copies(data(train[::-1], test)).test)


def test_of_too_many_samples_a_random_part_is_searched_for_near_copies(monkeypatch):
    train = images(200)
    test = np.stack([*train[:100], *(off_by(3, image) for image in train[100:])])
    assert find_copies(data(train, test)).test.all()
    monkeypatch.setattr(copies, "MOST_ROWS", 50)

    found = find_copies(data(train, test))

    # Of 100 near ones 50 are looked at, each with a chance of a quarter that its image is known.
    assert found.test[:100].all()
    assert 5 <= found.test[100:].sum() <= 20


def test_numbers_in_samples_are_limited_too(monkeypatch):
    train = images(200)
    monkeypatch.setattr(copies, "MOST_NUMBERS", 50 * 64)
    near = np.stack([off_by(3, image) for image in train])

    # Each of 50 with a chance of a quarter, as above.
    assert 5 <= find_copies(data(train, near)).test.sum() <= 20


@pytest.mark.long
def test_the_real_notmnist_small_holds_fonts_that_are_drawn_alike(shared_data):
    data = load_images(shared_data("notMNIST_small.tar.gz"))
    found = find_copies(data)

    # Exact copies are on one side of the split. The others were counted by comparing all pairs.
    assert not found.test_exact.any()
    assert found.test.sum() == 79


def half_rounded(x):
    """The first half of the rows in halves, as prices are, the others as they are."""
    return np.where(np.arange(len(x))[:, None] < len(x) // 2, np.round(2 * x) / 2, x)


@pytest.mark.parametrize(
    ("made", "by_chance"),
    [
        (lambda random: random.normal(size=(800, 6)), False),
        (lambda random: random.normal(size=(800, 2)), False),
        (lambda random: random.normal(size=(800, 6)).round(1), True),
        (lambda random: random.integers(0, 8, (800, 3)), True),
        (lambda random: random.normal(size=(800, 1)) * np.ones(6), True),
        (lambda random: random.normal(size=(250, 4))[random.integers(0, 250, 800)], True),
        (lambda random: np.log(random.integers(1, 90, (800, 1))) * (1, 2), True),
        (lambda random: random.normal(size=(400, 5))[random.permutation(800) // 2], False),
        (lambda random: random.integers(0, 10, (800, 3)) / 10, True),
        (lambda random: random.normal(size=(800, 1)).round(3), True),
        (lambda random: half_rounded(random.lognormal(size=(800, 2))), True),
    ],
)
def test_equal_rows_are_chance_unless_continuous_columns_rule_it_out(made, by_chance):
    x = made(np.random.default_rng(0)).astype(float)
    x[700:] = x[:100]
    found = find_copies(data(x[:600], x[600:]))
    assert not found.near_sought
    assert found.test_exact.sum() >= 100
    assert found.by_chance == by_chance


@pytest.mark.parametrize("columns", [3, 5])
@pytest.mark.parametrize("times", [2, 3, 4])
def test_rows_that_are_all_there_equally_often_are_copies_whatever_their_targets(times, columns):
    random = np.random.default_rng(0)
    x = random.normal(size=(1200 // times, columns))[random.permutation(1200) // times]
    found = find_copies(data(x[:900], x[900:]))
    assert (found.test_exact.mean() > 0.7, found.by_chance) == (True, False)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_where_few_rows_differ_targets_tell_copies_from_states(kind):
    random = np.random.default_rng(0)
    which = random.integers(0, 250, 800)
    x = random.normal(size=(250, 4))[which]
    of_state, of_row = random.normal(size=250)[which], random.normal(size=800)

    def is_chance(y):
        y = (y > 0).astype(int) if kind == "classes" else y
        return find_copies(Dataset(x[:600], y[:600], x[600:], y[600:])).by_chance

    assert not is_chance(of_state)
    assert is_chance(of_row)
    assert is_chance(of_state + of_row)
    slips = np.where(random.random(800) < 0.01, of_row, of_state)
    assert not is_chance(slips)


def test_a_table_without_a_test_set_is_judged_too():
    random = np.random.default_rng(0)
    rows = random.permutation(800) // 4
    x, y = random.normal(size=(200, 5))[rows], random.normal(size=200)[rows]
    assert not find_copies(Dataset(x, y)).by_chance


def test_pairs_by_chance_are_those_of_all_rows():
    sample = np.random.default_rng(0).normal(size=(300, 3))
    few, many = (np.tile(np.arange(300), times) for times in (3, 3000))
    assert not may_be_chance(sample, sample, few, few, len(few))
    assert may_be_chance(sample, sample, many, many, len(many))


@pytest.mark.parametrize(("rows", "columns"), [(200, 5), (40, 40), (30, 90)])
def test_principal_axes_are_those_of_the_singular_values(rows, columns, monkeypatch):
    solved, eigh = [], np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda a: solved.append(a.shape) or eigh(a))
    sample = np.random.default_rng(1).normal(size=(rows, columns)) * np.geomspace(1, 9, columns)
    variances, axes = principal_axes(sample)
    _, values, vectors = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)
    found = min(rows - 1, columns)
    np.testing.assert_allclose(variances, values[:found] ** 2 / (rows - 1), rtol=1e-6)
    turned = np.abs((axes * vectors[:found].T).sum(axis=0))  # an axis has no direction
    np.testing.assert_allclose(turned, 1.0, rtol=1e-6)
    assert solved == [(min(rows, columns),) * 2]  # of 200 rows in 5 columns no matrix of 200
