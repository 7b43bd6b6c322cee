"""What notebooks and Python's prompt show: sentences and tables, and nothing that costs."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.report.notebooks.shown import (
    MOST,
    columns_html,
    facts_html,
    sentences_html,
    table_html,
)
from kohort.report.screen.score_columns import ScoreColumn, ScoreColumns
from kohort.report.study_page.interval_plot import BEST
from kohort.report.study_page.opening import headline
from tests.models import build_mlp

HOSTILE = "<script>alert('x')</script> & co"


class Tags(HTMLParser):
    """The tags and the text of a piece of HTML, which must be closed."""

    def __init__(self, html):
        super().__init__()
        self.seen, self.open, self.text = [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_hostile_names_stay_text():
    table = pd.DataFrame({"a": [HOSTILE]}, index=pd.Index([HOSTILE], name=HOSTILE))
    for html in (sentences_html([HOSTILE]), table_html(table)):
        shown = Tags(html)
        assert HOSTILE in shown.text
        assert "script" not in shown.seen


def test_what_is_empty_shows_nothing():
    assert sentences_html(["", "One."]) == "<p>One.</p>"


@pytest.mark.parametrize(("rows", "others"), [(MOST, ""), (MOST + 3, "and 3 others: table()")])
def test_of_long_tables_the_first_rows_are_shown(rows, others):
    shown = Tags(table_html(pd.DataFrame({"score": np.arange(rows) / 7.0})))
    assert shown.seen.count("tr") == MOST + 1
    assert shown.text.strip().endswith(others or f"{(MOST - 1) / 7:.4g}")


NAMES, SCORES = ScoreColumn("variant", ("a",), "left"), ScoreColumn("accuracy", ("90 %",))


@pytest.mark.parametrize(
    "html",
    [
        facts_html({"variant": "a", "epoch": "3"}),
        columns_html(ScoreColumns(NAMES, (SCORES,), (), (BEST,), (True,))),
    ],
)
def test_columns_have_room_between_them_wherever_they_are_shown(html):
    cells = re.findall(r"<t[hd][^>]*>", html)
    assert len(cells) == 4
    assert all("padding: 0.2em 0.5em" in cell for cell in cells)


@pytest.fixture(scope="module")
def study(blobs):
    rates = {HOSTILE: 1e-2, "slow": 1e-4}
    return kohort.Study(
        HOSTILE,
        [kohort.Variant(name, build_mlp, learning_rate=rate) for name, rate in rates.items()],
        blobs,
        replicates=kohort.Holdout(0.2, repeats=3),
        epochs=2,
    )


@pytest.fixture(scope="module")
def result(study):
    return study.run(verbose=0)


def test_a_study_shows_its_variants_and_builds_none(blobs):
    def build(units):
        raise AssertionError("it was built")

    variants = [kohort.Variant(f"v{units}", build, units=units) for units in (4, 8)]
    splits = kohort.Holdout(0.2, repeats=3)
    study = kohort.Study("shown", variants, blobs, replicates=splits, epochs=2)
    assert repr(study).startswith("Study('shown', 2 variants, Holdout(fraction=0.2, repeats=3")
    shown = Tags(study._repr_html_())
    assert all(name in shown.text for name in ("v4", "v8", "units", repr(study)))


def test_a_plan_shows_what_it_prints(study):
    plan = study.plan()
    assert Tags(plan._repr_html_()).text == str(plan) == repr(plan)


def test_a_result_shows_what_its_report_opens_with_and_its_table(result):
    shown = Tags(result._repr_html_())
    assert headline(result._conclusions) in shown.text
    assert {"svg", "dl", "table"} <= set(shown.seen)
    assert "script" not in shown.seen
    told = (
        HOSTILE,
        "slow",
        "95 % interval",
        "against best",
        "How training went",
        "What to do next",
        "best",
    )
    assert all(text in shown.text for text in told)
    assert result.winner in repr(result)


def test_what_is_shown_reads_no_test_set(result):
    result._repr_html_()
    assert len(result.readings()) == 0


def test_findings_and_comparisons_show_their_sentences(result):
    finding = result.findings()[0]
    assert finding.sentence in repr(finding)
    assert len(repr(finding)) < len(finding.sentence) + 80
    for each in result.findings():
        shown = Tags(each._repr_html_())
        assert each.sentence in shown.text
        assert "script" not in shown.seen
    assert any(HOSTILE in each.sentence for each in result.findings())
    comparison = result.compare(HOSTILE, "slow")
    assert repr(comparison) == str(comparison) == result.comparison_text(HOSTILE, "slow")
    assert "Comparison('" in repr(comparison.turned)


def test_what_prints_a_result_is_its_table_and_its_answer(result):
    table, answer = str(result).split("\n\n")[0], result.answer()
    assert table.startswith("variant")
    assert " ".join(str(result).split()).endswith(" ".join(answer.split()))
    assert max(map(len, str(result).splitlines())) <= 80


def test_members_data_and_comparisons_show_themselves(result, blobs):
    member = result.best()
    place = f"replicate {member.replicate.number}"
    assert repr(member) == f"Member({result.winner!r}, {place}, epoch {member.epoch})"
    comparison = result.compare(HOSTILE, "slow")
    shown = {each: Tags(each._repr_html_()) for each in (member, blobs, comparison)}
    assert all("script" not in of.seen for of in shown.values())
    train, valid = len(member.replicate.train), len(member.replicate.valid)
    for told in (result.winner, f"{train} samples train, {valid} validate", repr(blobs)):
        assert told in shown[member].text
    assert repr(blobs) in shown[blobs].text
    assert comparison.text in shown[comparison].text
    assert "on all training samples" in repr(result.refit(verbose=0))


def test_a_search_shows_what_it_searches(blobs):
    space = {"learning_rate": kohort.Range(1e-3, 1e-1, log=True)}
    search = kohort.Search("rates", build_mlp, space, blobs, trials=4, epochs=3)
    assert repr(search) == f"Search('rates', 4 trials, {blobs!r})"
