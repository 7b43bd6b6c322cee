"""The simulations run, and what they measured keeps the promises."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kohort.design.replicates import KFold
from kohort.findings.rules.above_test import FAR_POINTS, FAR_TIMES
from scripts.measured import rates
from scripts.simulation_page import page
from simulations.__main__ import QUICK, STUDIES, cells
from simulations.cell import SEED, Cell, merged, summary
from simulations.classes import COMMON
from simulations.coverage import SPLITS
from simulations.curves import draw, sound
from simulations.errors import TIMES
from simulations.grouped import KINDS, PARTS, of_test
from simulations.noise import Noise, Part, measure
from simulations.rules import QUESTIONS

ROOT = Path(__file__).parents[1]
RESULTS = json.loads((ROOT / "docs" / "simulations.json").read_text("utf-8"))["results"]
LIMIT = 2
"""Standard errors that a rate may lie beyond its promise."""
BORROWED = RESULTS["borrowed"]


def below(number, bound):
    return number["mean"] <= bound + LIMIT * number["se"]


def near(number, low, high):
    return low - LIMIT * number["se"] <= number["mean"] <= high + LIMIT * number["se"]


def by_key(results, key):
    for part in key:
        results = results[part]
    return results


@pytest.mark.long
def test_a_quick_run_writes_the_numbers_of_its_seed(tmp_path):
    out = tmp_path / "quick.json"
    command = [sys.executable, "-m", "simulations", "--quick", "--only", "coverage over seeds"]
    done = subprocess.run([*command, "--out", out], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    written = json.loads(out.read_text("utf-8"))["results"]
    run = [cell for cell in cells(QUICK) if cell.key[0] == "coverage over seeds"]
    assert run
    for cell in run:
        outcomes = [outcome for chunk in cell.chunks(SEED) for outcome in chunk()]
        assert by_key(written, cell.key) == summary(outcomes)
    assert list(written) == ["coverage over seeds"]


def test_every_cell_was_run_with_as_many_studies_as_now():
    for cell in cells(STUDIES):
        assert by_key(RESULTS, cell.key)["studies"] == cell.studies, cell.key


def test_numbers_do_not_depend_on_how_the_work_is_shared_out():
    cell = Cell(("a", "b"), lambda random: {"value": random.random()}, 600)
    chunks = [chunk() for chunk in cell.chunks(1)]
    assert list(map(len, chunks)) == [250, 250, 100]
    assert [chunk() for chunk in cell.chunks(1)] == chunks
    assert chunks[0] != next(chunk() for chunk in cell.chunks(2))
    assert len({outcome["value"] for chunk in chunks for outcome in chunk}) == 600


def test_what_is_run_alone_leaves_the_rest_as_it_was():
    old, new = {"studies": 2, "gone": {"mean": 1.0}}, {"studies": 3}
    kept = {"a": {"b": old, "c": old}, "d": old}
    assert merged(kept, {"a": {"b": new}, "e": {"f": new}}) == {
        "a": {"b": new, "c": old},
        "d": old,
        "e": {"f": new},
    }
    assert kept["a"]["b"] is old


def test_a_mean_comes_with_its_standard_error():
    told = summary([{"hit": 1.0}, {"hit": 0.0}, {"hit": 1.0}, {"hit": 0.0}])
    assert told == {"hit": {"mean": 0.5, "se": pytest.approx(0.28868)}, "studies": 4}


def test_noise_is_measured_as_it_was_put_in():
    put = Part(shared=0.06, individual=0.04, epoch=0.05, autocorrelation=0.4)
    noise = Noise(put, put, put, put)
    study = draw(np.random.default_rng(0), sound(8), noise, replicates=200)
    rows = []
    for curves in study.variants:
        values = {
            "eval_data_loss": curves.train_loss,
            "val_data_loss": curves.valid_loss,
            "eval_accuracy": 1 - curves.train_error,
            "val_accuracy": 1 - curves.valid_error,
        }
        for metric, array in values.items():
            table = pd.DataFrame(array).rename_axis("replicate").reset_index()
            melted = table.melt("replicate", var_name="epoch")
            rows.append(melted.assign(variant=curves.name, metric=metric))
    measured = measure(pd.concat(rows))
    for part in vars(measured).values():
        assert vars(part) == pytest.approx(vars(put), rel=0.15)


@pytest.mark.parametrize("case", RESULTS["false alarms"])
def test_no_more_than_a_twentieth_of_studies_report_a_difference_that_is_none(case):
    assert below(RESULTS["false alarms"][case]["any family"], 0.05)


TOLD = {"100": "spreads 1 to 16, the baseline's least"}
"""By the number of variants, where the level does not hold, as the page tells."""
RELATED = ("two kinds, half of the variance shared", "two kinds, 90 % of the variance shared")


@pytest.mark.parametrize(("variants", "n"), [(v, n) for v in BORROWED for n in BORROWED[v]])
def test_with_the_help_of_others_no_more_than_a_twentieth_of_families_err(variants, n):
    cells = BORROWED[variants][n]
    for name in set(cells) - {"power", *RELATED, TOLD.get(variants)}:
        assert below(cells[name]["moderated"], 0.05)
    if variants in TOLD:
        assert below(cells[TOLD[variants]]["moderated"], 0.07)


@pytest.mark.parametrize(("variants", "n"), [("8", "3"), ("8", "5"), ("30", "5"), ("100", "5")])
def test_with_the_help_of_others_twice_as_much_is_found(variants, n):
    found = BORROWED[variants][n]["power"]
    assert below(found["alone"], found["moderated"]["mean"] / 2)


def winners(name):
    for by_replicates in RESULTS["winner"][name].values():
        for by_kind in by_replicates.values():
            yield from by_kind.values()


@pytest.mark.parametrize("truth", RESULTS["winner"])
def test_the_winner_is_seldom_called_better_than_what_is_as_good(truth):
    for cell in winners(truth):
        assert below(cell["false"], 0.05)


@pytest.mark.parametrize("truth", [name for name in RESULTS["winner"] if name != "all alike"])
def test_the_winner_is_told_from_more_than_by_comparing_all_pairs(truth):
    for cell in winners(truth):
        assert below(cell["found by all pairs"], cell["found"]["mean"])


def axes(truth):
    for by_case in RESULTS["axes"][truth].values():
        yield from by_case.values()


@pytest.mark.parametrize("truth", RESULTS["axes"])
def test_effects_of_axes_are_covered_and_seldom_decided_where_there_are_none(truth):
    for cell in axes(truth):
        assert near(cell["covers"], 0.94, 0.96)
        assert below(cell["any false"], 0.05)
        assert below(cell.get("most is false", {"mean": 0, "se": 0}), 0.05)


def test_an_axis_that_matters_most_is_found_with_ten_replicates():
    for design, by_case in RESULTS["axes"]["one axis"].items():
        cell = by_case["10 replicates"]
        assert cell["found"]["mean"] > 0.9
        assert len(design) == 1 or cell["most is found"]["mean"] > 0.95


def test_intervals_over_seeds_cover():
    for number in RESULTS["coverage over seeds"]["normal"].values():
        assert near(number["covers"], 0.93, 0.97)


def test_the_correction_for_splits_helps():
    for by_splits in RESULTS["coverage over splits"].values():
        for cell in by_splits.values():
            assert cell["covers"]["mean"] > cell["covers without correction"]["mean"]
            assert cell["covers"]["mean"] >= 0.93 - LIMIT * cell["covers"]["se"]


@pytest.mark.parametrize("splits", [name for name in SPLITS if name.startswith("Holdout")])
def test_the_interval_of_an_error_over_holdout_splits_covers(splits):
    cell = RESULTS["coverage over splits"]["error of least squares"][splits]
    assert near(cell["covers"], 0.93, 0.97)


def test_intervals_of_proportions_and_spreads_cover():
    for by_trials in RESULTS["coverage of Wilson's interval"].values():
        for trials, cell in by_trials.items():
            lowest = 0.94 if int(trials) >= 1000 else 0.92
            assert lowest <= cell["covers"]["mean"] <= 0.97
    for cell in RESULTS["coverage of the spread"]["normal"].values():
        assert near(cell["covers"], 0.94, 0.96)


def test_what_is_as_large_as_the_margin_is_not_called_equivalent():
    for difference in ("1.0", "1.5"):
        for cell in RESULTS["equivalence"][difference].values():
            assert below(cell["alone"], 0.05)
            assert below(cell["any of seven"], 0.05)


def test_as_many_replicates_as_needed_see_the_margin():
    for cell in RESULTS["replicates needed"].values():
        assert cell["seen"]["mean"] >= 0.8 - LIMIT * cell["seen"]["se"]


POWER_LAWS = [name for name in RESULTS["learning curves"] if "no power law" not in name]


@pytest.mark.parametrize("truth", POWER_LAWS)
def test_a_forecast_by_a_true_power_law_rarely_misses(truth):
    for cell in RESULTS["learning curves"][truth].values():
        assert below(cell["misses"], 0.05)
        wrong = "helps" if cell["gain"]["mean"] < 0.01 else "does not help"
        assert below(cell[wrong], 0.025)


def test_six_sizes_see_that_no_power_law_holds():
    for truth in set(RESULTS["learning curves"]) - set(POWER_LAWS):
        assert below(RESULTS["learning curves"][truth]["6"]["claims"], 0.05)


# A one-sided error of a 95 % interval. More for KH106, which reads a spread above the median of the
# others, whose own spread comes on top.
# A rule that has two roads to a finding may err on each at its threshold (KH104).
AT_THE_THRESHOLD = {q.key: 0.025 for q in QUESTIONS if q.infers} | {
    "KH104": 0.07,
    "KH104 of a power law": 0.07,
    "KH106": 0.06,
}


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q.infers], ids=lambda q: q.key)
def test_a_rule_rarely_finds_what_is_not_there(question):
    for of_noise in RESULTS["rules"][question.key].values():
        at_most = {
            level: 0.025 if float(level) < question.threshold else AT_THE_THRESHOLD[question.key]
            for level in of_noise
            if float(level) <= question.threshold
        }
        assert question.threshold in map(float, at_most)
        for level, rate in at_most.items():
            for cell in of_noise[level].values():
                assert below(cell["found"], rate), (level, cell)


@pytest.mark.parametrize("question", QUESTIONS[:-1], ids=lambda q: q.key)
def test_a_rule_finds_what_is_clearly_there(question):
    for of_noise in RESULTS["rules"][question.key].values():
        assert of_noise[f"{question.levels[-1]:g}"]["10"]["found"]["mean"] > 0.8


def test_validation_is_rarely_called_far_above_test_where_it_is_not():
    cells = RESULTS["classes"]["KH203"]
    for points in ("0", "2"):
        assert float(points) <= FAR_POINTS
        for design, cell in cells[points].items():
            assert below(cell["found"], 0.025), (points, design)
    for design, cell in cells["20"].items():
        assert cell["found"]["mean"] > 0.6, design


def test_errors_on_test_are_rarely_called_far_above_validation_where_they_are_not():
    assert TIMES[1] == FAR_TIMES
    for kind, of_kind in RESULTS["errors"]["KH203"].items():
        for times in ("1", "1.25"):
            for design, cell in of_kind[times].items():
                # Of one training it is not known how far another would be off.
                most = 0.05 if design == "one split" else 0.025
                assert below(cell["found"], most), (kind, times, design)
        for design, cell in of_kind["5"].items():
            assert cell["found"]["mean"] > 0.95, (kind, design)


def test_the_majority_class_is_rarely_called_beaten_where_it_is_not():
    for kind, of_kind in RESULTS["classes"]["KH204"].items():
        for design, cell in of_kind["0"].items():
            # An epoch that the samples of one split choose suits these samples.
            most = 0.05 if design == "one split" else 0.025
            assert below(cell["not found"], most), (kind, design)
    for cell in RESULTS["classes"]["KH204"]["0.5"]["30"].values():
        assert cell["not found"]["mean"] > 0.95


def test_counts_by_class_show_more_often_that_the_majority_class_is_beaten():
    for kind, of_kind in RESULTS["classes"]["KH204"].items():
        for cell in (of_kind["0"]["one split"], of_kind["3.3"]["one split"]):
            assert cell["not found"] == cell["not found without counts"], kind
    better = RESULTS["classes"]["KH204"]["0.917 by class"]["3.3"]
    assert better["5 splits"]["not found"]["mean"] > 0.2
    assert better["5 splits"]["not found without counts"]["mean"] < 0.1
    assert better["5 folds"]["not found"]["mean"] > 0.5


def test_models_err_by_class_as_often_as_makes_them_so_good():
    common = COMMON["0.917 by class"]
    for points in (0.0, 3.3):
        of_common, of_others = common.rates(points)
        accuracy = common.share * of_common + (1 - common.share) * of_others
        assert accuracy == pytest.approx(common.share + points / 100)
        assert of_others == common.recall
    assert not common.can_be_beaten_by(10.0)
    assert COMMON["0.5"].rates(3.3) == (0.533, 0.533)


def test_a_class_that_is_found_every_other_time_is_rarely_called_never_found():
    for cell in RESULTS["classes"]["KH205"]["0.5"].values():
        assert cell["found"]["mean"] <= 0.025


def grouped(code, points):
    """By kind of groups, replicates and part of the variance between groups."""
    for kind, by_design in RESULTS["grouped"][code].items():
        for design, by_part in by_design.items():
            for part, by_points in by_part.items():
                yield (kind, design, part), by_points[points]


def test_of_groups_of_one_population_validation_is_rarely_called_far_above_test():
    for place, cell in grouped("KH203", "0"):
        for name in ("found", "found without groups of the test set"):
            assert below(cell[name], 0.025), (place, name)
    for (kind, design, part), cell in grouped("KH203", "20"):
        if part == "0" and kind.startswith("60"):
            assert cell["found"]["mean"] > 0.9, design


@pytest.mark.parametrize("part", PARTS)
def test_validation_and_test_of_ten_groups_each_are_seldom_told_apart(part):
    random, groups = np.random.default_rng(2), KINDS["10 even, 10 to test"]
    told = [of_test(random, KFold(5), groups, part, 0.0)["found"] for _ in range(60)]
    assert sum(told) <= 3


def test_of_groups_the_majority_class_is_rarely_called_beaten_where_it_is_not():
    for place, cell in grouped("KH204", "0"):
        assert below(cell["not found"], 0.05), place


def test_of_groups_a_steady_training_is_rarely_called_unstable_nor_an_unsteady_one_stable():
    for place, cell in grouped("KH106", "0"):
        assert below(cell["found"], 0.025), place
    for place, cell in grouped("KH106", "0.5"):
        assert below(cell["not found"], 0.025), place


def test_of_groups_what_is_told_of_the_test_set_is_as_often_right_as_it_says():
    for kind, by_part in RESULTS["grouped"]["test set"].items():
        for part, cell in by_part.items():
            assert below(cell["told apart"], 0.05), (kind, part)
            # Where groups are right or wrong as one, few of them may hold no bad one.
            assert cell["held"]["mean"] > (0.85 if part == "0.7" else 0.91), (kind, part)


SPEEDS = [
    pytest.param(learner, cell, id=f"{learner}; {noise}; {n}")
    for learner, by_noise in RESULTS["speeds"].items()
    for noise, by_n in by_noise.items()
    for n, cell in by_n.items()
]


@pytest.mark.parametrize(("learner", "cell"), SPEEDS)
def test_findings_at_all_speeds_are_true_and_do_not_contradict_each_other(learner, cell):
    assert cell["contradictions"]["mean"] == 0
    assert below(cell["told wrongly"], 0.05)
    if learner.startswith("limited"):
        assert below(cell["slow"], 0.025)
        assert below(cell["undertrained"], 0.025)
    if cell["gain"]["mean"] > 0.01:
        assert below(cell["levelled out"], 0.025)
        # Of most of what is behind; of less, in as many epochs again, in a tenth at most.
        most = cell["gain"]["mean"] > cell["behind"]["mean"] / 3
        assert below(cell["underfit"], 0.025 if most else 0.1)


def test_at_all_speeds_what_is_slow_is_found_where_noise_is_small():
    for learner in ("exponential, 1", "exponential, 2", "exponential, 3"):
        assert RESULTS["speeds"][learner]["notMNIST"]["5"]["slow"]["mean"] > 0.8
    for limit in ("0.05", "0.1", "0.3"):
        assert RESULTS["speeds"][f"limited, {limit}"]["notMNIST"]["5"]["underfit"]["mean"] > 0.8


def test_sound_studies_are_mostly_called_sound():
    for by_n in RESULTS["sound studies"].values():
        for cell in by_n.values():
            assert below(cell["anything"], 0.1)


def test_pages_tell_the_highest_of_the_rates_that_they_show():
    found = rates({"a": {"5": {"false": {"mean": 0.2}}}, "b": {"false": {"mean": 0.1}}}, "false")
    assert found == [{"mean": 0.1}, {"mean": 0.2}]
    assert rates({"a": {"false": {"mean": 0.2}, "studies": 5}}, "true") == []

    told = " ".join(page().split())
    assert f"highest of {len(rates(RESULTS['winner'], 'false'))} rates" in told
    with_help = [
        cell["power"]["moderated"]["mean"] / cell["power"]["alone"]["mean"]
        for variants in ("8", "30", "100")
        for cell in BORROWED[variants].values()
    ]
    assert f"told {min(with_help):.0f} to {max(with_help):.0f} times as often" in told
