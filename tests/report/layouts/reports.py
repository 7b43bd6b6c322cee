"""Reports of all kinds of studies, without training; names are as long as real ones."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    distribution_to_json,
)

import kohort
from kohort.design.searches.draws import Suggestion, trial_name
from kohort.evidence.readings import Reading, Tested
from kohort.evidence.trials import SearchRecord, Trial
from kohort.findings.conclusions import Conclusions
from kohort.findings.probabilities.calibration import log_losses
from kohort.findings.statistics.proportion import paired_proportions
from kohort.report.held_out import score
from kohort.report.searches.search_view import search_view
from kohort.report.study_page.page import Page, render
from kohort.report.tested_scores import test_score
from tests.findings.factorial.records import grid_of, record_of
from tests.findings.test_from_record import scored_by_loss
from tests.report.layouts.study_records import grid_record, named, sized_record, trained
from tests.report.race.race_records import noisy, race_record, rendered

MEANS = (0.80, 0.80, 0.90, 0.905, 0.91, 0.912, 0.902, 0.913)
"""The accuracies of `classes`' eight variants."""


def two_classes():
    """A report with ROC and precision, of patients whose groups are known."""
    conclusions = Conclusions(grid_record(0.7, 0.75, 0.82, 0.8, replicates=5))
    return _tested(conclusions, ("without complication", "with complication"), 400)


def classes(means=MEANS, names="abcdefghij", replicates=8):
    """A report of as many variants and replicates as the built-in study has, with mistakes."""
    conclusions = Conclusions(grid_record(*means, replicates=replicates))
    random = np.random.default_rng(0)
    truth = np.arange(600) % len(names)
    pixels = random.integers(0, 255, (600, 28, 28)).astype(np.uint8)
    data = kohort.Dataset(pixels, truth, pixels, truth, class_names=list(names), name="letters")
    return _tested(conclusions, tuple(names), 600, data)


def numbers():
    """A report of a regression, with its errors on the test set."""
    losses = [8.0, 2.0, 2.3] + 0.05 * np.random.default_rng(0).standard_normal((5, 3))
    record = scored_by_loss(losses.T, "'mse'")
    names = [f"units=({n}00, 100), learning_rate=0.001" for n in (2, 4, 6)]
    names[1] = "a_name_without_a_place_to_break_it_" + 30 * "x"
    conclusions = Conclusions(named(record, names))
    targets = 1000 * np.random.default_rng(1).standard_normal(300)
    found = []
    for variant in (conclusions.winner_name, names[0]):
        noise = np.random.default_rng(len(found)).normal(0, 200 * (1 + len(found)), 300)
        tested = Tested(
            variant, 0, 1, "w", "data_loss", score=np.array((noise**2).mean()), values=noise**2,
            targets=targets, predictions=targets + noise,
        )  # fmt: skip
        found.append(tested)
    reading = Reading(datetime(2026, 1, 2, tzinfo=UTC), tuple(found))
    scores = [test_score(one, 0.95) for one in found]
    return _page(conclusions, None, (), scores, None, [reading])


def searched():
    """A report of a search of 60 trials, whose four best raced."""
    random = np.random.default_rng(0)
    spaces = {
        "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
        "units": CategoricalDistribution(["(200, 100)", "(400, 200, 100)", "(600, 400, 200)"]),
        "dropout_of_the_first_layer": FloatDistribution(0.1, 0.5),
    }
    written = {name: distribution_to_json(space) for name, space in spaces.items()}
    trials = []
    for number in range(60):
        drawn = {
            "learning_rate": float(f"{10 ** random.uniform(-4, -1):.4g}"),
            "units": str(random.choice(spaces["units"].choices)),
            "dropout_of_the_first_layer": float(random.choice([0.1, 0.2, 0.3, 0.4, 0.5])),
        }
        reached = 4 if number % 9 == 0 else 1
        scores = {epochs: random.uniform(0.3, 0.6) for epochs in (1, 4) if epochs <= reached}
        state = "finished" if reached == 4 else "left"
        asked = Suggestion(drawn, written)
        trials.append(
            Trial(number, drawn, 0, 0, state, scores, 0.5, reached, 1000, 1.0, asked=asked)
        )
    finalists = (0, 9, 18, 27)
    scores = noisy(0.6, 0.8, 0.803, 0.71)
    scores[0, 4:] = np.nan
    arguments = [
        {name: repr(value) for name, value in trials[number].arguments.items()}
        for number in finalists
    ]
    record = named(race_record(scores, (4, 8), arguments), map(trial_name, finalists))
    conclusions = Conclusions(record)
    search = SearchRecord(
        "search", "accuracy", True, (1, 4), 3, "TPESampler()", tuple(trials), finalists, 60.0
    )
    return _page(conclusions, search=search_view(search, conclusions))


def raced():
    """A report of a race that three of five left."""
    scores = noisy(0.6, 0.8, 0.803, 0.71, 0.72)
    scores[[0, 3, 4], 4:] = np.nan
    arguments = grid_of(units=[(600, 400, 200), (400, 200), (200,), (100,), ()])
    record = race_record(scores, (4, 8), arguments)
    return rendered(Conclusions(named(record, [f"units={one['units']}" for one in arguments])))


def many(epochs=1):
    """A report of thirty variants: its table has a filter and a button."""
    arguments = grid_of(
        units=[(600, 400, 200), (400, 200), (200,)], l2=[n / 1e4 for n in range(10)]
    )
    names = [", ".join(f"{name}={code}" for name, code in one.items()) for one in arguments]
    record = record_of(arguments, noisy(*np.linspace(0.5, 0.9, 30)))
    # Each l2 is an addition to the same net without it.
    added = tuple((n - n % 10, n) for n in range(30) if n % 10)
    record = replace(record, additions=added)
    return rendered(Conclusions(named(trained(record, epochs), names)))


def crowded():
    """A report of thirteen variants whose curves lie over each other, and whose axes are told."""
    arguments = grid_of(units=[(600, 400, 200), (400, 200)], l2=[n / 1e4 for n in range(7)])[:13]
    record = record_of(arguments, noisy(*np.linspace(0.5, 0.9, 13)))
    return rendered(Conclusions(trained(record, 4)))


def sized():
    """A report of a study that trained on parts of the samples, too."""
    return rendered(Conclusions(sized_record(0.7, 0.8, 0.9)))


def _tested(conclusions, names, samples, data=None):
    """The report with how right winner and baseline are on a test set."""
    random = np.random.default_rng(2)
    truth = np.arange(samples) % len(names)
    found = []
    for variant, hits in ((conclusions.winner_name, 3.0), (conclusions.record.variant_names[0], 2)):
        outputs = random.standard_normal((samples, len(names))) + hits * np.eye(len(names))[truth]
        outputs[:, 0] += truth == 2  # the third class is taken for the first, rather
        chances = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        given = chances.argmax(axis=1)
        right = (given == truth).astype(float)
        tested = Tested(
            variant, 0, 1, "w", "accuracy", names, 0, score=np.array(right.mean()), values=right,
            truth=truth, classes=given, probabilities=chances.max(axis=1),
            losses=log_losses(chances, truth), second=chances[:, 1] if len(names) == 2 else None,
        )  # fmt: skip
        found.append(tested)
    tests, scores = [score(one, 0.95) for one in found], [test_score(one, 0.95) for one in found]
    paired = paired_proportions(tests[1].right, tests[0].right)
    reading = Reading(datetime(2026, 1, 2, tzinfo=UTC), tuple(found))
    return _page(conclusions, data, tests, scores, paired, [reading])


def _page(conclusions, data=None, tests=(), scores=(), paired=None, readings=(), search=None):
    page = Page(
        conclusions, data, tests, scores, paired, conclusions.findings, readings,
        "the winner's model", "kohort run examples/notmnist.py --data notmnist --epochs 30",
        search=search,
    )  # fmt: skip
    return render(page)
