"""The page of a check: pictures, escapes, no request to any other place, and a real browser."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from markupsafe import escape
from PIL import Image

import kohort
from kohort.data.checking import CENTRED
from kohort.data.inspection.summary import summary
from kohort.findings.checks.data_rules import check
from kohort.findings.finding import Finding
from kohort.report.checks.check_page import CheckPage, answer, render_check, write_check
from kohort.report.checks.suspect_rows import suspect_rows
from kohort.report.checks.thumbnails import Thumbnails, side_and_row
from kohort.runs.checks.data_check import inspect
from tests.report.browsing import opened_whole
from tests.report.study_page.test_page import EVIL, Page


def images(samples=300, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(samples) % 3
    pixels = random.integers(0, 80, (samples, 8, 8)).astype(np.uint8)
    pixels[np.arange(samples), y, y] += 150
    pixels[np.arange(samples), y + 1] += 90
    return pixels, y


def page_of(data, **options):
    checked = inspect(data, **options)
    return CheckPage(data, summary(data), checked, check(checked), "kohort data check 'a&b'")


@pytest.fixture(scope="module")
def data():
    pixels, y = images()
    pixels[250:256] = pixels[:6]
    pixels[1], y[1] = pixels[0], 2
    pixels[9] = 7
    y[20:32] = (y[20:32] + 1) % 3
    names = ["a", "b", "<i>c</i>"]
    return kohort.Dataset(
        pixels[:240], y[:240], pixels[240:], y[240:],
        class_names=names, name=EVIL, unreadable=("x/<b>.png",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(data):
    return page_of(data)


@pytest.fixture(scope="module")
def html(page):
    return render_check(page)


def test_it_asks_nothing_of_any_other_place(html):
    read = Page(html)
    assert all(reference.startswith("data:") for reference in read.references)
    assert "default-src 'none'" in html
    assert "@import" not in html
    assert "url(" not in html


def test_every_name_is_escaped(html):
    assert EVIL not in html
    assert str(escape(EVIL)) in html
    assert "<i>c</i>" not in html
    assert "<b>.png" not in html
    assert "kohort data check &#39;a&amp;b&#39;" in html


def test_every_finding_is_told_and_the_serious_ones_first(page, html):
    assert all(str(escape(finding.sentence)) in html for finding in page.findings)
    assert "found, serious" in html
    assert html.index("KD101") < html.index("KD107")
    assert answer(page.findings) in html.replace("&#39;", "'")


def test_suspects_copies_and_blank_samples_are_shown_with_their_places(page, html):
    suspects = {row["row"] for _, row in page.suspects if row["side"] == "train"}
    assert len(suspects & set(range(20, 32))) >= 8
    assert all(image.startswith("data:image/png;base64,") for image, _ in page.suspects)
    assert [one.place for one in page.across[0]] == ["test 10", "train 0"]
    assert {one.place for one in page.disputed[0]} == {"train 0", "train 1", "test 10"}
    assert [one.place for one in page.blank] == ["train 9"]
    for heading in ("Doubtful labels", "Copies across", "different labels", "Blank samples"):
        assert heading in html


def test_a_set_shows_a_sample_of_each_label_first(page):
    first, second, *_ = page.disputed[0]
    assert first.label != second.label


def test_each_set_of_copies_with_several_labels_is_shown():
    pixels, y = images()
    pixels[[1, 11]], pixels[[21, 31]] = pixels[0], pixels[20]
    y[[0, 1, 11]], y[[20, 21, 31]] = (0, 1, 0), (2, 1, 0)
    page = page_of(kohort.Dataset(pixels, y), trains=False)
    assert [len(one) for one in page.disputed] == [3, 3]


@pytest.mark.long
def test_a_table_has_rows_in_the_place_of_pictures():
    random = np.random.default_rng(0)
    y = np.arange(200) % 2
    x = random.normal(size=(200, 4)) + 4 * y[:, None]
    y[:20] = 1 - y[:20]
    page = page_of(kohort.Dataset(x, y))
    html = render_check(page)
    assert "<img" not in html
    assert "probability of the label" in html
    assert f'<th scope="row">train {page.suspects[0][1]["row"]}</th>' in html


def test_numbers_to_predict_have_a_page_too():
    x = np.random.default_rng(0).normal(size=(100, 3))
    html = render_check(page_of(kohort.Dataset(x, x.sum(axis=1)), trains=False))
    assert "Doubtful labels" not in html.split("What was looked for")[0]
    assert "Classes" not in Page(html).headings


def finding(code, verdict):
    return Finding(code, f"title {code}", None, verdict, {}, "")


def test_the_answer_names_what_is_serious():
    grave = [finding("KD101", "found"), finding("KD108", "found"), finding("KD107", "found")]
    assert answer(grave) == (
        "Before anything is trained on these data, see to: title KD101 (KD101) and title KD107 "
        "(KD107)."
    )
    small, none = [finding("KD108", "found")], [finding("KD101", "not found")]
    assert answer(small) == "Nothing serious was found; what is worth a look stands below."
    assert answer(small, "above").endswith("what is worth a look stands above.")
    doubtful = [finding("KD107", "inconclusive"), finding("KD105", "inconclusive"), *small]
    assert answer(doubtful) == (
        "Nothing serious is shown, but these data leave open: title KD107 (KD107)."
    )
    assert answer(none).endswith("found. What was looked for, and how, stands below.")
    assert answer(none, "above").endswith("found. What was looked for stands above.")


@pytest.mark.parametrize(
    ("shape", "dtype", "pixels", "size"),
    [
        ((5, 7), np.uint8, None, (7, 5)),
        ((5, 7, 1), np.uint8, None, (7, 5)),
        ((5, 7, 3), np.uint8, None, (7, 5)),
        ((49,), np.float32, CENTRED, (7, 7)),
        ((5, 7, 2), np.uint8, None, None),
        ((50,), np.float32, CENTRED, None),
        ((5, 7), np.float32, None, None),
        ((49,), np.float32, None, None),
    ],
)
def test_pictures_of_what_is_a_picture(shape, dtype, pixels, size):
    raw = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype(np.uint8)
    x = raw if dtype == np.uint8 else raw.astype(np.float32) / 255 - 0.5
    data = kohort.Dataset(x[:3], [0, 1, 0], x[3:], [1], pixels=pixels)
    shown = Thumbnails(data)
    assert shown.has_any == (size is not None)
    if size is None:
        assert shown.of(0) == ""
        return
    image = Image.open(io.BytesIO(base64.b64decode(shown.of(3).partition(",")[2])))
    assert image.size == size
    assert np.array_equal(np.asarray(image).ravel(), raw[3].ravel())


def test_a_sample_is_told_by_side_and_row(data):
    assert side_and_row(data, 239) == ("train", 239)
    assert side_and_row(data, 240) == ("test", 0)


@pytest.mark.long
def test_rows_of_a_table_are_told_by_their_row_there():
    random = np.random.default_rng(0)
    y = np.arange(300) % 2
    frame = pd.DataFrame({"mark": np.arange(300) + 0.5, "told": y + random.normal(0, 0.1, 300)})
    wrong = [50, 120, 233]
    frame["y"] = [f"class {n}" for n in np.where(np.isin(np.arange(300), wrong), 1 - y, y)]
    data = kohort.Dataset.from_frame(frame, target="y")
    both = np.concatenate([data.x_train, data.x_test])
    assert (both[:, 0] == frame["mark"].to_numpy()[data.source_rows]).all()

    page = page_of(data)
    rows = suspect_rows(data, page.checked)
    assert set(wrong) <= {row["source_row"] for row in rows}
    for row in rows:
        assert row["place"] == f"table row {row['source_row']} ({row['side']} {row['row']})"
        assert row["place"] in render_check(page)


@pytest.mark.long
def test_images_are_told_by_their_files(tmp_path):
    x, y = images(60)
    for number, (pixels, label) in enumerate(zip(x, y, strict=True)):
        path = tmp_path / "KLM"[label] / f"<{number}>.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    Image.fromarray(x[0]).save(tmp_path / "L" / "other.png")
    page = page_of(kohort.load(tmp_path))
    ((first, second),) = page.disputed
    assert {first.place.split(" (")[0], second.place.split(" (")[0]} == {"K/<0>.png", "L/other.png"}
    for sample, one in zip(page.checked.copies.disputed[0], (first, second), strict=True):
        side, row = side_and_row(page.data, int(sample))
        assert one.place.endswith(f" ({side} {row})")
    html = render_check(page)
    assert "K/&lt;0&gt;.png" in html
    assert "Numbers in brackets are places in the training or the test part, from 0." in html


def test_it_is_written_whole(page, tmp_path):
    path = write_check(tmp_path / "deep" / "check.html", page)
    assert [p.name for p in path.parent.iterdir()] == ["check.html"]


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_it_whole(browser, page, tmp_path, width, scheme):
    path = write_check(tmp_path / "check.html", page)
    with opened_whole(browser, path, width, scheme) as tab:
        assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
