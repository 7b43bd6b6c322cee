"""Trains a race look by look: what a look decides follows from the curves that are kept."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from kohort.design.building import BuiltModels
from kohort.design.plan import Plan, make_plan
from kohort.design.spec import StudySpec
from kohort.evidence.record import StudyRecord
from kohort.findings.from_record import study_curves
from kohort.findings.race import RaceState, replay
from kohort.report.race.race_words import look_text


def plans_to_train(
    spec: StudySpec,
    first: Plan,
    models: BuiltModels,
    record: Callable[[], StudyRecord],
    tell: Callable[[str], None],
) -> Iterator[Plan]:
    """Yield the plan of a study; of a race one for each look, whose members train before the next.

    Nothing of what a look decides is stored: it is found again from the curves.

    Args:
        spec: The study.
        first: Its plan; of a race that of the first member of each variant.
        models: Takes the models of later looks.
        record: Returns what has been measured.
        tell: Shows a line to the user.
    """
    for slip in first.slips:
        tell(slip)
    if spec.race is None:
        yield first
        return
    yield make_plan(spec, models, spec.first_of_all(spec.race.first))
    while True:
        so_far = record()
        curves = study_curves(so_far)
        state = replay(curves, spec.race.sizes)
        tell(look_text(curves, state, len(state.looks) - 1))
        if state.ends is not None:
            return
        yield make_plan(spec, models, _missing(state, so_far))


def _missing(state: RaceState, record: StudyRecord) -> Mapping[int, tuple[int, ...]]:
    """By number of an open variant, the replicates that it lacks for the next look."""
    every, lengths = range(state.sizes[len(state.looks)]), record.whole.lengths
    missing = {
        number: tuple(sorted(set(every) - set(np.flatnonzero(lengths[number]).tolist())))
        for number in state.open
    }
    return {number: replicates for number, replicates in missing.items() if replicates}
