"""The picture of who left a race when."""

import re

import pandas as pd

from kohort.findings.race import RaceState
from kohort.report.race.race_picture import LETTERS, race_svg


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
