"""What trained nets say of races, and the page that tells it."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import races
from benchmarks.races import REPLICATES, beside_fixed, earlier, main
from kohort.cli.training.letters_study import letters_study
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


ABOUT = {"epochs": 6, "variants": ["a", "b"], "replicates": REPLICATES}
WRITTEN = {**ABOUT, "seeds": [{"trained": 0.5}, {"trained": 0.6}, {"trained": 0.7}]}


def test_seeds_before_the_first_are_kept():
    assert earlier(WRITTEN, ABOUT, 2) == WRITTEN["seeds"][:2]
    assert earlier({"seeds": []}, ABOUT, 0) == []
    # Of none that is kept it does not matter how it was trained.
    assert earlier({**WRITTEN, "epochs": 4}, ABOUT, 0) == []


def test_seeds_that_are_missing_or_of_other_studies_are_refused():
    with pytest.raises(ValueError, match=r"expected seeds 0 to 3, got 3: lower --first"):
        earlier(WRITTEN, ABOUT, 4)
    for name, other in (("epochs", 4), ("variants", ["a", "c"]), ("replicates", 10)):
        with pytest.raises(ValueError, match=rf"expected {name} .*: leave --first out"):
            earlier({**WRITTEN, name: other}, ABOUT, 2)


@pytest.mark.parametrize("first", ["-1", "3", "2"])
def test_a_first_seed_that_cannot_be_is_refused_before_anything_trains(
    first, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "races.json"
    asked = ["--stores", str(tmp_path), "--out", str(out), "--seeds", "3", "--first", first]
    monkeypatch.setattr("sys.argv", ["races", *asked])
    with pytest.raises(SystemExit, match="2"):
        main()
    expected = "expected seeds 0 to 1, got 0" if first == "2" else "--first must be 0 to 2"
    assert expected in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_a_seed_gave_is_written_when_it_ends_beside_that_of_seeds_before(
    tmp_path, monkeypatch
):
    def study(_, seed):
        result = SimpleNamespace(record=seed)
        return SimpleNamespace(
            epochs=6,
            variants=[SimpleNamespace(name="a"), SimpleNamespace(name="b")],
            spec=SimpleNamespace(seed=seed),
            run=lambda *_, **__: result,
        )

    def found(seed):
        if seed == 4:
            raise KeyboardInterrupt
        return {"trained": seed}

    out = tmp_path / "races.json"
    out.write_text(json.dumps({"letters": WRITTEN, "other": {}}))
    monkeypatch.setattr(races.kohort, "load", lambda name: SimpleNamespace(name=name))
    for name, stands_for in (("built_in", study), ("study_curves", int), ("beside_fixed", found)):
        monkeypatch.setattr(races, name, stands_for)
    asked = ["--stores", str(tmp_path), "--out", str(out), "--first", "2", "--seeds", "5"]
    monkeypatch.setattr("sys.argv", ["races", *asked])

    with pytest.raises(KeyboardInterrupt):
        main()

    seeds = [*WRITTEN["seeds"][:2], {"trained": 2}, {"trained": 3}]
    assert json.loads(out.read_text()) == {"letters": {**ABOUT, "seeds": seeds}, "other": {}}


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


def test_the_built_in_study_says_of_races_what_the_page_says():
    told = " ".join(race_page.trained_nets().split())
    trained, alike, of = re.search(
        r"The race trains (\d+) and \d+ %, and has (\d+) of the (\d+) verdicts", told
    ).groups()
    said = " ".join(letters_study.__doc__.split())
    assert f"race trained {trained} % of the members for {alike} of {of} verdicts" in said
