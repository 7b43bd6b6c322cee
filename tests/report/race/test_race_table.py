"""The table of a race, and the picture of who left it when."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from kohort.findings.conclusions import Conclusions
from kohort.findings.race import RaceState
from kohort.report.race.race_picture import LETTERS, race_svg
from kohort.report.race.race_table import race_table
from kohort.report.race.race_words import race_text
from tests.report.race.race_records import noisy, race_record


def picture(names, verdict="worse"):
    state = RaceState((), (), None, (4, 8, 12))
    rows = {"variant": names, "replicates": 4, "look": 1, "verdict": verdict}
    return race_svg(pd.DataFrame(rows).set_index("variant"), state)


def told(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_each_variant_has_a_bar_its_name_and_why_it_left():
    texts = told(picture(["a", "b & <c>"]))
    assert {"a", "b &amp; &lt;c&gt;", "0", "4", "8", "12"} <= set(texts)
    assert texts.count("worse, look 1") == 2
    assert "leader" in told(picture(["a"], "leader"))


def test_long_names_are_cut_in_the_middle_and_stay_apart():
    long = [f"units=(600, 400, 20{n}), learning_rate=0.00{n}, dropout={n / 10}" for n in range(3)]
    same = ["x" * 50 + middle + "y" * 50 for middle in "ab"]
    names = [text for text in told(picture([*long, *same])) if "…" in text]
    assert len(set(names)) == 5
    assert max(map(len, names)) <= LETTERS + len(" (2)")


def lost_its_leader(looks):
    """Two leave at the first look, and the leader that they lost to diverges at the second."""
    scores = noisy(0.9, 0.898, 0.6, 0.6, spread=0.01)
    scores[2:, 4:] = np.nan
    trained = np.isfinite(scores).astype(int)
    scores[0, 6] = np.nan
    record = race_record(scores, looks)
    whole = replace(record.whole, lengths=trained)
    return Conclusions(replace(record, curves={1.0: whole}))


def test_one_that_is_back_while_the_race_goes_on_is_open_and_no_leader():
    table = race_table(lost_its_leader((4, 8, 12)))
    assert table["verdict"].to_dict() == {
        "v1": "leader", "v0": "diverged", "v2": "open", "v3": "open",
    }  # fmt: skip
    assert table["replicates"].to_dict() == {"v1": 8, "v0": 8, "v2": 4, "v3": 4}


def test_one_that_is_back_at_the_last_look_is_no_leader_and_has_the_replicates_that_it_trained():
    conclusions = lost_its_leader((4, 8))
    table = race_table(conclusions)
    assert table["verdict"].to_dict() == {
        "v1": "leader", "v0": "diverged", "v2": "worse", "v3": "worse",
    }  # fmt: skip
    assert table["replicates"].to_dict() == {"v1": 8, "v0": 8, "v2": 4, "v3": 4}
    ended, _, last, *_ = race_text(conclusions)
    assert ended == (
        "The race was decided at look 2 of 2, after 8 replicates, but for v0, which left since "
        "training diverged."
    )
    assert "v1 leads; v2 and v3 are back, since the leader then diverged; v" in last


def test_the_words_of_a_race_that_goes_on_do_not_end_it():
    scores = noisy(0.9, 0.898, 0.6, 0.6, spread=0.01)
    scores[:, 4:] = np.nan
    told = race_text(Conclusions(race_record(scores, (4, 8))))
    assert told[0] == "The race has not ended: it is at look 1 of 2, after 4 replicates."
