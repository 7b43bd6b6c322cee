"""Copies that are moved, resized or saved anew."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import convolve1d

import kohort
from kohort.data.preparing.moved import FEWEST_PIXELS, MOVED, moved_pairs
from tests.marks import long


@pytest.fixture(scope="module")
def glyphs():
    """Letters `[image, 28, 28]`, with their labels, among which no copies are."""
    data = kohort.load("letters")
    chosen = np.random.default_rng(0).permutation(len(data.x_train))[:400]
    x, y = data.x_train[chosen].reshape(-1, 28, 28), data.y_train[chosen]
    pairs = moved_pairs(x, y, np.arange(400))
    kept = np.setdiff1d(np.arange(400), pairs)
    assert len(kept) > 350
    return x[kept], y[kept]


def moved(image, down, across):
    """The image some pixels further; black comes in."""
    height, width = image.shape[:2]
    wide = np.pad(image, [(1, 1), (1, 1)] + [(0, 0)] * (image.ndim - 2))
    return wide[1 - down : 1 - down + height, 1 - across : 1 - across + width]


def resized(image, side, how=Image.Resampling.BICUBIC):
    wide = np.pad(np.asarray(Image.fromarray(image).resize((side, side), how)), 2)
    at = (side + 4 - 28) // 2
    return wide[at : at + 28, at : at + 28]


def as_jpeg(image, quality):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def found(x, y, copies, labels=None):
    """Which of the copies are found as one of their image, and how many other pairs."""
    n = len(copies)
    together = np.concatenate([x, copies])
    pairs = moved_pairs(together, np.concatenate([y, y[:n] if labels is None else labels]),
                        np.arange(len(together)))  # fmt: skip
    is_planted = pairs[:, 1] - pairs[:, 0] == len(x)
    return np.isin(np.arange(n), pairs[is_planted, 0]), int((~is_planted).sum())


EVERY_WAY = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across]
KINDS = {
    "rolled": (lambda image: np.roll(image, 1, 0), 0.85),
    "JPEG of quality 75": (lambda image: as_jpeg(image, 75), 0.9),
    "JPEG of quality 50": (lambda image: as_jpeg(image, 50), 0.85),
    "moved and JPEG": (lambda image: as_jpeg(moved(image, 0, 1), 75), 0.75),
    "26": (lambda image: resized(image, 26), 0.85),
    "27": (lambda image: resized(image, 27), 0.85),
    "29": (lambda image: resized(image, 29), 0.8),
    "30": (lambda image: resized(image, 30), 0.7),
    "30, bilinear": (lambda image: resized(image, 30, Image.Resampling.BILINEAR), 0.7),
}


@pytest.mark.parametrize("way", [(-1, 1), *long(*((way,) for way in EVERY_WAY))])
def test_each_way_to_move_by_a_pixel_is_found(glyphs, way):
    x, y = glyphs
    is_found, others = found(x, y, np.stack([moved(image, *way) for image in x[:150]]))
    assert is_found.mean() >= 0.85
    assert others == 0


@pytest.mark.parametrize("kind", ["JPEG of quality 50", *long(*KINDS)])
def test_most_planted_copies_are_found_and_nothing_else(glyphs, kind):
    x, y = glyphs
    change, least = KINDS[kind]
    is_found, others = found(x, y, np.stack([change(image) for image in x[:150]]))
    assert is_found.mean() >= least
    assert others == 0


def test_the_bound_is_that_of_smooth_images_away_from_the_edge(glyphs):
    x, y = glyphs
    random = np.random.default_rng(1)
    noise = random.normal(size=(200, 28, 28)) * np.linspace(0, 12, 200)[:, None, None]
    copies = np.stack([moved(image, 1, 1) for image in x[:200]]) + noise
    copies = np.clip(copies.round(), 0, 255).astype(np.uint8)
    is_found, _ = found(x, y, copies)

    def smooth(images):
        inside = images[:, 1:-1, 1:-1].astype(float)
        for axis in (1, 2):
            inside = convolve1d(inside, [0.25, 0.5, 0.25], axis, mode="nearest")
        return inside.reshape(len(images), -1)

    apart = np.linalg.norm(smooth(np.roll(x[:200], (1, 1), (1, 2))) - smooth(copies), axis=1)
    usual = np.median(np.linalg.norm(smooth(x[:200]) - smooth(x[100:300]), axis=1))
    by = apart / (MOVED * usual)
    assert not is_found[by > 1.1].any()
    assert is_found[by < 0.9].mean() > 0.85
    assert (by < 0.9).sum() > 30
    assert (by > 1.1).sum() > 30


def test_images_of_several_labels_are_no_pair(glyphs):
    x, y = glyphs
    copies = np.stack([moved(image, 0, 1) for image in x[:100]])
    assert found(x, y, copies, y[:100] + 1) == (pytest.approx(np.zeros(100)), 0)


def test_blank_images_and_bars_lie_nowhere(glyphs):
    x, y = glyphs
    bars = np.zeros((20, 28, 28), np.uint8)
    for at, bar in enumerate(bars):
        bar[:, at : at + 5] = 255
        bar[at, :] += at > 15  # all differ
    blank = np.full((10, 28, 28), 200, np.uint8) + np.arange(10, dtype=np.uint8)[:, None, None]
    more = np.concatenate([bars, bars.swapaxes(1, 2)[::-1], blank])
    labels = np.zeros(len(more), int)
    pairs = moved_pairs(np.concatenate([x, more]), np.concatenate([y, labels]),
                        np.arange(len(x) + len(more)))  # fmt: skip
    assert len(pairs) == 0


@pytest.mark.parametrize("shape", [(24, 40, 3), *long(*(((28, 28, 3),), ((40, 24),), ((96, 96),)))])
def test_colour_and_other_shapes(shape):
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (300, 8, 8, *shape[2:]), np.uint8)
    x = np.stack([
        np.asarray(Image.fromarray(image).resize((shape[1], shape[0]))) for image in coarse
    ])  # fmt: skip
    copies = np.stack([moved(image, -1, 1) for image in x[:50]])
    is_found, others = found(x, np.zeros(300, int), copies)
    assert is_found.all()
    assert others == 0


def test_more_copies_than_neighbours_are_one_chain(glyphs):
    x, y = glyphs
    random = np.random.default_rng(4)
    noisy = np.clip(x[0] + random.integers(-2, 3, (40, 28, 28)), 0, 255).astype(np.uint8)
    further = np.clip(moved(x[0], 0, 1) + random.integers(-2, 3, (40, 28, 28)), 0, 255)
    crowd = np.concatenate([noisy, further.astype(np.uint8)])
    together = np.concatenate([x[1:], crowd])
    labels = np.concatenate([y[1:], np.full(80, y[0])])
    pairs = moved_pairs(together, labels, np.arange(len(together)))
    assert set(np.unique(pairs)) == set(range(len(x) - 1, len(x) + 79))
    sides = (pairs - (len(x) - 1)) // 40
    assert (sides[:, 0] != sides[:, 1]).any()


def test_only_the_given_rows_are_compared(glyphs):
    x, y = glyphs
    together = np.concatenate([x, [moved(image, 1, 0) for image in x[:20]]])
    labels = np.concatenate([y, y[:20]])
    rows = np.setdiff1d(np.arange(len(together)), [3])
    pairs = moved_pairs(together, labels, rows)
    assert 3 not in pairs
    whole = moved_pairs(together, labels, np.arange(len(together)))
    assert pairs.tolist() == [pair for pair in whole.tolist() if 3 not in pair]
    assert 3 in whole


def test_how_far_it_is_is_told(glyphs):
    told = []
    moved_pairs(*glyphs, np.arange(100), told.append)
    assert told == sorted(told)
    assert (len(told), told[-1]) == (37, 1.0)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 28, 28), np.uint8),
        np.random.default_rng(0).integers(0, 256, (50, 28, FEWEST_PIXELS - 1), np.uint8),
        # All but two numbers are the same: chance makes such copies.
        np.arange(300, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8),
    ],
    ids=["one image", "small images", "images of one number"],
)
def test_where_they_mean_nothing_none_are_looked_for(images):
    assert moved_pairs(images, np.zeros(len(images), int), np.arange(len(images))) is None


@pytest.mark.long
def test_letters_of_like_fonts_are_hardly_joined_even_where_labels_do_not_tell(shared_data):
    with np.load(shared_data("rendered_glyphs.npz")) as arrays:
        x, y = arrays["images"], arrays["labels"]
    first = np.sort(np.unique(x.reshape(len(x), -1), axis=0, return_index=True)[1])
    pairs = moved_pairs(x, np.zeros(len(x), int), first)
    assert len(pairs) > 5000  # faces of one family
    assert (y[pairs[:, 0]] != y[pairs[:, 1]]).sum() <= 7  # an E without its lowest line is an F
    labelled = moved_pairs(x, y, first)
    assert (y[labelled[:, 0]] == y[labelled[:, 1]]).all()
    assert len(labelled) >= len(pairs) - 7
