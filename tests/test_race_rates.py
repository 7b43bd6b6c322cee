"""What trained nets say of races, and the page that tells it."""

import json

import numpy as np
import pytest

from benchmarks.races import REPLICATES, beside_fixed
from scripts import race_page
from tests.findings.curve_builders import study_of

NOISE = np.random.default_rng(5).normal(0, 0.002, (4, REPLICATES))


def beside(*means, margin=0.01):
    return beside_fixed(study_of(np.array(means)[:, None] + NOISE[: len(means)], margin=margin))


def test_a_clear_race_says_what_the_fixed_design_says_after_the_first_look():
    found = beside(0.3, 0.1, 0.2)
    assert found["trained"] == found["oracle"] == pytest.approx(4 / REPLICATES)
    assert (found["ends"], found["winner"]) == ("decided", "the same")
    assert found["verdicts"] == {"worse, worse": 2}


def test_an_oracle_waits_for_verdicts_and_for_nothing_else():
    # Nobody can tell these two apart: there is nothing to wait for.
    found = beside(0.1, 0.1, margin=0.0)
    assert found["oracle"] == pytest.approx(4 / REPLICATES)
    assert found["winner"] in ("the same", "undecided")

    # The third is worse, as more replicates tell: the winner trains as long, the second does not.
    found = beside(0.1, 0.1, 0.1022, margin=0.0)
    assert found["oracle"] > 4 / REPLICATES
    assert any(pair.startswith("worse") for pair in found["verdicts"])


def test_the_page_tells_the_numbers_of_the_file():
    written = json.loads(race_page.FILE.read_text("utf-8"))
    told = race_page.trained_nets()
    for key in race_page.KEYS:
        seeds = written[key]["seeds"]
        trained = 100 * np.array([seed["trained"] for seed in seeds])
        assert f"{trained.mean():.0f} ± {trained.std(ddof=1):.0f}" in told
        # No pair of verdicts is left out.
        known = {pair for pairs in race_page.VERDICTS.values() for pair in pairs}
        assert {pair for seed in seeds for pair in seed["verdicts"]} <= known
        assert {seed["winner"] for seed in seeds} <= set(race_page.WINNERS)
        assert len(written[key]["variants"]) == len(set(written[key]["variants"])) == 8
    assert f"{written['letters']['epochs']}\nepochs" in told
