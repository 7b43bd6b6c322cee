"""The parts of a report: which there are, and what their titles say that they have."""

from pathlib import Path

import numpy as np

import kohort.report.templates
from kohort.findings.conclusions import Conclusions
from kohort.report.study_page.parts import parts
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy, race_record

NEVER = {"is_search": False, "is_cleaned": False, "has_axes": False}


def of(conclusions, **has):
    return parts(conclusions, conclusions.findings, (), (), **{**NEVER, **has})


def test_a_part_is_there_where_it_has_something():
    plain = Conclusions(record_of(grid_of(units=[1, 2]), noisy(0.6, 0.8)))
    assert [part.name for part in of(plain)] == [
        "answer", "table", "findings", "comparisons", "next", "run", "limits",
    ]  # fmt: skip
    every = {part.name for part in of(plain, **dict.fromkeys(NEVER, True))}
    assert every >= {"search", "turns", "axes"}
    race = Conclusions(race_record(noisy(0.6, 0.8), (4, 8)))
    assert "race" in {part.name for part in of(race)}
    nobody = Conclusions(record_of(grid_of(units=[1, 2]), np.full((2, 3), np.nan)))
    assert "next" not in {part.name for part in of(nobody)}


def test_each_has_its_template():
    plain = Conclusions(record_of(grid_of(units=[1, 2]), noisy(0.6, 0.8)))
    folder = Path(kohort.report.templates.__path__[0])
    for part in of(plain, **dict.fromkeys(NEVER, True)):
        assert (folder / part.template).is_file()


def test_gists_count_what_is_inside():
    gists = {
        part.name: part.gist
        for part in of(Conclusions(record_of(grid_of(units=[1, 2, 3]), noisy(0.6, 0.8, 0.9))))
    }
    assert gists["table"] == "3 variants by accuracy"
    assert gists["comparisons"] == "3 paired differences"
    assert "more data: cannot tell" in gists["next"]
    assert gists["findings"].startswith("nothing found; ")


def test_what_was_found_is_named():
    study = Conclusions(record_of(grid_of(units=[1, 2]), noisy(0.8, 0.8, spread=0.05)))
    assert {f.title for f in study.findings if f.verdict == "found"} == {"unstable"}
    (gist,) = (part.gist for part in of(study) if part.name == "findings")
    unsure = sum(f.verdict == "inconclusive" for f in study.findings)
    assert gist == f"found: unstable; {unsure} inconclusive"
