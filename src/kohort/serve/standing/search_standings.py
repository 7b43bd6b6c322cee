"""What the live page says of a search: its trials as they stand, while they train and after."""

from collections.abc import Sequence
from typing import Any

from kohort.design.searches.draws import trial_name
from kohort.errors import StoreError, count
from kohort.evidence.settings import metric_name
from kohort.evidence.store import KeptStudy
from kohort.evidence.trials import SearchRecord
from kohort.evidence.trials_so_far import has_ended, trials_in
from kohort.findings.statistics.scale import Scale
from kohort.report import words
from kohort.serve.live_curves import rounded


def search_standings(kept: KeptStudy, names: Sequence[str]) -> dict[str, Any]:
    """The scores of trials, in the order of `kohort show`, as the JSON of a judgement.

    Args:
        kept: The search.
        names: Of the trials, by the number that the page has for them.
    """
    description = kept.description
    told: dict[str, Any] = {
        "final": has_ended(description), "metric": "", "proportion": False, "answer": "",
        "standings": [], "findings": [], "more": 0, "undecided": 0,
    }  # fmt: skip
    try:
        record = trials_in(kept)
    except StoreError as error:
        return told | {"answer": str(error)}
    # Stores of earlier versions do not tell of all metrics whether they are parts of a whole.
    is_proportion = list(description.get("scoring") or ())[2:3] == [True]
    numbers = {name: number for number, name in enumerate(names)}
    stands = [
        [numbers[trial_name(trial.number)], 1, rounded(trial.score), None, None]
        for trial in record.best_to_worst()
        if trial_name(trial.number) in numbers
    ]
    return told | {
        "metric": metric_name(record.metric),
        "proportion": is_proportion,
        "answer": _answer(record, is_proportion=is_proportion, is_ended=told["final"]),
        "standings": stands,
    }


def _answer(record: SearchRecord, *, is_proportion: bool, is_ended: bool) -> str:
    """Which trial stands first, in two sentences; none where no trial has a score."""
    ranked = record.ranked()
    if not ranked:
        return "No trial has a score." if is_ended else ""
    best, metric = ranked[0], metric_name(record.metric)
    scale = Scale(metric, record.higher_is_better, None if is_proportion else 1.0)
    name = trial_name(best.number)
    leads = f"{name} is the search's own best" if is_ended else f"So far {name} leads"
    score = f"{metric} {words.value(best.score, scale)} after {count(best.epochs, 'epoch')}"
    return (
        f"{leads}: validation {score}. On the one split of a search the best score flatters: the "
        "race of the finalists tells what they are worth."
    )
