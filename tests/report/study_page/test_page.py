"""The report, as a file and in a real browser."""

import base64
import hashlib
import html.parser
import re
from dataclasses import replace

import numpy as np
import pytest
from markupsafe import escape

import kohort
from kohort.findings.conclusions import Conclusions
from tests.findings.factorial.records import grid_of, record_of
from tests.models import build_mlp
from tests.report.browsing import assert_whole, brightness, opened_whole
from tests.report.race.race_records import noisy, race_record, rendered
from tests.test_member import build_image_model, own_loss

EVIL = '<script>alert("x")</script> & "quotes"'


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    random = np.random.default_rng(0)
    y = np.arange(240) % 3
    pixels = random.integers(0, 60, (240, 6, 6)).astype(np.uint8)
    pixels[np.arange(240), y, y] += 150
    data = kohort.Dataset(
        pixels[:180], y[:180], pixels[180:], y[180:],
        class_names=["a", "b", "<i>c</i>"], name=EVIL, unreadable=("x/<b>.png",),
    )  # fmt: skip
    variants = [
        kohort.Variant(EVIL, build_image_model, input_shape=(6, 6)),
        kohort.Variant("other", build_other, input_shape=(6, 6)),
        kohort.Variant("other dropped", build_other, input_shape=(6, 6), dropout=0.5),
        kohort.Variant("other squared", build_other, input_shape=(6, 6), loss=own_loss),
    ]
    study = kohort.Study(
        EVIL, variants, data, replicates=kohort.Holdout(0.2, 3), epochs=4, batch_size=30
    )
    folder = tmp_path_factory.mktemp("report")
    result = study.run(verbose=0)
    path = result.report(folder / "deep" / "report.html", command="kohort run 'a & b.py'")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    return path


def build_other(input_shape, dropout=0.0, loss="sparse_categorical_crossentropy"):
    import keras

    flat = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten()])
    inner = build_mlp(features=36, dropout=dropout)
    model = keras.Sequential([*flat.layers, *inner.layers])
    model.compile("adam", loss, metrics=["accuracy"])
    return model


class Page(html.parser.HTMLParser):
    """What a page refers to, its headings, and its text."""

    def __init__(self, text):
        super().__init__()
        self.references, self.tags, self.headings, self.text = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.references += [
            value for name, value in attrs if name in ("src", "href", "xlink:href", "action")
        ]

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())
        self.text.append(data)


@pytest.fixture(scope="module")
def page(report):
    return Page(report.read_text("utf-8"))


def test_it_asks_nothing_of_any_other_place(report, page):
    assert all(r.startswith(("data:image/png;base64,", "#")) for r in page.references)
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object")]
    assert "@import" not in report.read_text("utf-8")
    assert "url(" not in report.read_text("utf-8").replace("url(#", "")


def test_losses_of_two_kinds_are_not_compared(page):
    text = " ".join("".join(page.text).split())
    rises = text.split("What each addition does against late overfitting")[1]
    table = rises.split("Paired differences of rise of validation loss after the best epoch")[0]
    assert "other dropped" in table
    assert "other squared" not in table


def test_it_runs_its_own_script_and_no_other(report, page):
    text = report.read_text("utf-8")
    (policy,) = (a["content"] for tag, a in page.tags if a.get("http-equiv"))
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (digest,) = (hashlib.sha256(script.encode()).digest() for script in scripts)
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    # What is not run holds the numbers of curves.
    assert [a for tag, a in page.tags if tag == "script"] == [{"type": "application/json"}, {}]


def test_names_are_escaped(report, page):
    text = "".join(page.text)
    assert EVIL in text
    assert "<i>c</i>" in text
    assert "x/<b>.png" in text
    assert "<script>alert" not in report.read_text("utf-8")


def test_what_one_types_is_set_as_code(report):
    text = re.sub(r"<script.*?</script>", "", report.read_text("utf-8"), flags=re.DOTALL)
    assert "by default (<code>margin=</code>)" in text
    assert "`" not in text


def test_it_tells_in_this_order(page):
    told = page.headings[1:]
    assert told[:3] == ["The answer in full", "The variants", "Findings and curves"]
    assert told[3:5] == ["What each axis does", "Comparisons"]
    assert told[5].startswith("What would help ")
    assert told[5].endswith(" next")
    assert told[6].endswith(" gets wrong")
    assert told[7:] == ["How it was run", "What this report does not know"]
    text = " ".join("".join(page.text).split())
    for part in (
        "does best on validation data: accuracy",
        "On the test set, read once and never to choose",
        "These are scores of one model of each variant, the one of lowest validation loss",
        "against other",
        "difference (95 % interval, not corrected)",
        "corrected for",
        "Overfit (KH101)",
        "fewer errors in 1,000",
        "each corrected p-value is raised to that of Simes's test where this",
        "has in all of them the largest of its p-values, that of the strictest",
        "being splits of one data set; only a score on a test set is free of both",
        "kohort run 'a & b.py'",
        "test set readonce, on 20",
        "files that could not be read",
        "How training went",
        "What to do next",
        "Findings and curves",
        "Most confused",
        " is taken for ",
    ):
        assert part in text, part


def test_pictures_and_tables_speak_to_a_screen_reader(page):
    images = [attrs for tag, attrs in page.tags if tag == "img"]
    assert images
    assert all(attrs.get("alt") for attrs in images)
    pictures = [attrs for tag, attrs in page.tags if attrs.get("role") == "img"]
    assert len([p for p in pictures if p.get("aria-label")]) >= 6
    assert ("html", {"lang": "en"}) in page.tags
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    described = [attrs["aria-describedby"] for _, attrs in page.tags if "aria-describedby" in attrs]
    assert set(described) <= set(ids)
    assert len(described) == len(set(described)) >= 8


@pytest.mark.long
def test_of_many_variants_the_best_and_the_baseline_are_drawn(blobs, tmp_path, monkeypatch):
    monkeypatch.setattr("kohort.report.study_page.curve_panels.SHOWN_PANELS", 1)
    variants = kohort.grid(build_mlp, learning_rate=[1e-5, 1e-4, 0.03, 0.1])
    result = kohort.Study(
        "many", variants, blobs, replicates=kohort.Holdout(0.2, 3), epochs=3, batch_size=50
    ).run(verbose=0)
    ranked = result.table().index.to_list()
    drawn = [ranked[0], variants[0].name]
    assert drawn[0] != drawn[1]
    text = result.report(tmp_path / "report.html").read_text("utf-8")
    captions = re.findall("<figcaption><strong>(.*?)</strong>", text)
    assert captions == [*drawn, "learning_rate"]
    assert "Drawn are 2 of the 4 variants: the " in text
    shown, folded = text.split("Findings of variants that are not drawn")
    folded = folded.split("</details>")[0]
    for finding in result.findings():
        if finding.verdict in ("found", "inconclusive"):
            part = shown if finding.variant in [None, *drawn] else folded
            assert str(escape(finding.sentence)) in part
            assert finding.variant is None or finding.variant in part


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 768, 1400])
def test_a_browser_shows_it_whole(browser, report, width, scheme):
    with opened_whole(browser, report, width, scheme) as tab:
        ink = tab.evaluate("getComputedStyle(document.body).color")
        label = tab.locator("figure svg text").first.evaluate("e => getComputedStyle(e).fill")
        assert abs(brightness(label) - brightness(ink)) < 120
        # The answer, the picture and the facts are there without a click, and nothing else.
        assert tab.locator(".answer").is_visible()
        assert tab.locator(".wide").is_visible() == (width > 704)
        assert tab.locator(".narrow").is_visible() == (width <= 704)
        assert tab.locator(".facts dd").count() == 3
        assert not tab.locator("table").first.is_visible()
        tab.get_by_role("button", name="Open all").click()
        assert tab.locator("table").first.is_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert_whole(tab, width)


def test_a_cell_of_the_matrix_opens_its_evidence(browser, report):
    with opened_whole(browser, report, 1400, "light") as tab:
        tab.get_by_role("heading", name="Findings and curves").click()
        cell = tab.locator(".matrix a").first
        evidence = tab.locator(cell.get_attribute("href"))
        assert not evidence.is_visible()
        cell.focus()
        tab.keyboard.press("Enter")
        assert evidence.is_visible()


def test_curves_are_laid_over_each_other_as_chosen(browser, report):
    with opened_whole(browser, report, 1400, "light") as tab:
        tab.get_by_role("heading", name="Findings and curves").click()
        drawn = tab.locator(".stack:visible .of:visible")
        names = tab.locator(".overlay tbody th")
        assert drawn.count() == names.count() == 3
        tab.get_by_role("checkbox", name="other squared").check()
        assert drawn.count() == names.count() == 4
        assert tab.locator(".overlay output").inner_text() == "4"
        before = tab.locator(".overlay tbody").inner_text()
        tab.get_by_role("slider").press("ArrowLeft")
        assert tab.locator(".overlay output").inner_text() == "3"
        assert tab.locator(".overlay tbody").inner_text() != before
        tab.get_by_label("Shown").select_option("loss, log scale")
        assert tab.locator(".stack:visible").get_attribute("data-metric") == "data_loss"
        box = tab.locator(".stack:visible").bounding_box()
        tab.mouse.move(box["x"] + 0.09 * box["width"], box["y"] + 50)
        assert tab.locator(".overlay output").inner_text() == "1"


def test_it_prints_all_parts_on_few_pages(browser, report, tmp_path):
    with opened_whole(browser, report, 1400, "light") as tab:
        paper = tmp_path / "report.pdf"
        tab.pdf(path=paper, format="A4")
        assert 3 <= len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())) <= 6
        assert not tab.locator("table").first.is_visible()  # what was folded is folded again


def test_it_tells_where_replicates_stopped_at_different_epochs():
    record = record_of(grid_of(units=[1, 2]), noisy(0.6, 0.8))
    values = np.repeat(record.whole.values, 3, axis=2)
    lengths = np.full(values.shape[:2], 3)

    def text():
        curves = {1.0: replace(record.whole, values=values, lengths=lengths)}
        return rendered(Conclusions(replace(record, curves=curves)))

    told = "Where replicates stopped at different epochs"
    assert told not in text()
    lengths[1, 0], values[1, 0, 2] = 2, np.nan
    assert text().count(told) == 1


@pytest.mark.long
def test_a_long_table_shows_the_best_filters_and_sorts(browser, tmp_path):
    page = tmp_path / "many.html"
    scores = noisy(*np.linspace(0.5, 0.9, 30))
    arguments = grid_of(units=list(range(30)))
    page.write_text(rendered(Conclusions(record_of(arguments, scores))), "utf-8")
    with opened_whole(browser, page, 768, "light") as tab:
        tab.get_by_role("heading", name="The variants").click()
        rows = tab.locator("table.variants tbody tr:visible th")
        assert rows.all_inner_texts() == [f"v{n}" for n in range(29, 19, -1)]
        tab.get_by_role("button", name="Show 20 others").click()
        assert rows.count() == 30
        tab.get_by_role("button", name="validation accuracy").click()
        assert rows.first.inner_text() == "v0"
        assert tab.locator("[aria-sort=ascending]").count() == 1
        tab.get_by_role("button", name="Show 10").click()
        tab.get_by_role("searchbox").fill("V12")
        assert rows.all_inner_texts() == ["v12"]


@pytest.mark.long
def test_the_verdicts_of_a_race_are_seen_without_scrolling(browser, tmp_path):
    scores = noisy(0.6, 0.8, 0.803, 0.71)
    scores[0, 4:] = np.nan
    arguments = grid_of(units=[(600, 400, 200), (400, 200)], dropout=[0.0, 0.5])
    page = tmp_path / "race.html"
    page.write_text(rendered(Conclusions(race_record(scores, (4, 8), arguments))), "utf-8")
    with opened_whole(browser, page, 1100, "light") as tab:
        tab.get_by_role("heading", name="The variants").click()
        widths = "e => [e.scrollWidth, e.parentElement.clientWidth]"
        table, room = tab.locator("table.variants").evaluate(widths)
        assert table <= room
        assert tab.locator("table.variants thead th").count() == 14


@pytest.mark.long
def test_arguments_are_columns_where_names_do_not_tell_them_and_they_are_few(blobs, tmp_path):
    def columns(*variants):
        study = kohort.Study(
            "few", list(variants), blobs, replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=99
        )
        text = study.run(verbose=0).report(tmp_path / "report.html").read_text("utf-8")
        head = re.search("<thead>(.*?)</thead>", text, re.DOTALL)[1]
        rows = re.findall(
            '<tr.*?<th scope="row">.*?</tr>', text.partition("</tfoot>")[0], re.DOTALL
        )
        titles = re.findall(r'<th scope="col".*?>(.*?)</th>', head)
        assert {row.count("<td") for row in rows} == {len(titles) - 1}
        return titles[12:-1], [re.findall("<td[^>]*>(.*?)</td>", row)[11:-1] for row in rows]

    plain = kohort.Variant("plain", build_mlp)
    titles, cells = columns(plain, kohort.Variant("dropped", build_mlp, dropout=0.5))
    assert titles == ["dropout"]
    assert sorted(cells) == [[""], ["0.0"], ["0.5"]]  # one is the majority class
    assert columns(*kohort.grid(build_mlp, units=[(4,), (8,)]))[0] == []
    many = {"dropout": 0.1, "l2": 0.1}
    assert columns(plain, kohort.Variant("all", build_mlp, **many))[0] == list(many)
    assert columns(plain, kohort.Variant("all", build_mlp, **many, units=(2,)))[0] == []
